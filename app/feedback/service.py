"""What comes back: recorded once, by HTTP or by file, and what follows from it for the next push."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from app.catalogue import Catalogue, Entry, Recorded
from app.domain import Event, Exclusions, Feedback, FeedbackFilter, Kind, OptOut
from app.errors import FieldError, InputError, NotFoundError, TooLargeError, unknown_record
from app.ingest import (
    FeedbackRow,
    GivenFeedback,
    Problem,
    RejectsFile,
    RowOutcome,
    feedback_of,
    problem,
    read_feedback,
    rejects_path,
)
from app.records.cursors import number_of
from app.records.write import Embed, Warned, warned

MOST_A_PAGE = 1000
"""Feedback of one page; a page is one statement and one answer."""

_BATCH = 1000
"""Rows of one transaction of a file."""

FeedbackOutcome = Literal["recorded", "known"]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Given:
    """What became of one feedback that was taken.

    Attributes:
        position: its place in what was sent, from 0.
        outcome: ``known`` where the same was recorded before.
        new_need_id: the need that joined the catalogue with it.
        warnings: what is odd about it.
    """

    position: int
    key: str
    number: int
    outcome: FeedbackOutcome
    new_need_id: str | None = None
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """One feedback that was left out, and why."""

    position: int
    key: str | None
    errors: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class FeedbackWritten:
    """What became of a batch, in its order."""

    taken: tuple[Given, ...]
    rejected: tuple[Rejected, ...]

    def count(self, outcome: FeedbackOutcome) -> int:
        """How many were taken so."""
        return sum(given.outcome == outcome for given in self.taken)


@dataclass(frozen=True, slots=True)
class FeedbackPage:
    """Feedback in the order in which it was recorded, with its numbers; ``cursor`` asks for what follows."""

    items: tuple[tuple[int, Feedback], ...]
    cursor: str | None


@dataclass(slots=True)
class FeedbackReport:
    """What became of one file's rows; ``recorded + known + rejected == rows``.

    Attributes:
        needs: needs that joined the catalogue.
        reasons: how often each reason was given.
        warnings: how often each warning was given; the rows went in.
        rejects: the file that lists rejected rows and warnings, where there are any.
    """

    file: str
    rows: int = 0
    recorded: int = 0
    known: int = 0
    needs: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    rejects: Path | None = None
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The report as JSON types."""
        return {
            "file": self.file,
            "rows": self.rows,
            "recorded": self.recorded,
            "known": self.known,
            "needs": self.needs,
            "rejected": self.rejected,
            "reasons": dict(self.reasons),
            "warnings": dict(self.warnings),
            "rejects_file": str(self.rejects) if self.rejects else None,
            "seconds": round(self.seconds, 3),
        }


class FeedbackService:
    """Takes feedback. Every call can be repeated: what has a key or a time is recorded once.

    Args:
        catalogue: where it is kept.
        embed: called with new needs before they are committed, so that what is committed can be searched.
        rejects_dir: where rejects files are written.
        max_batch_records: feedback of one request.
    """

    def __init__(self, catalogue: Catalogue, embed: Embed, rejects_dir: Path, *, max_batch_records: int) -> None:
        self._catalogue = catalogue
        self._embed = embed
        self._rejects_dir = rejects_dir
        self._max_batch_records = max_batch_records

    def add(self, item: object) -> Given:
        """Record one feedback; it is durable when this returns.

        Raises:
            InputError: a field cannot be used; the error names it.
            OverloadedError: too many texts wait to be embedded.
        """
        written = self.add_all([item])
        if written.rejected:
            raise _refused(written.rejected, single=True)
        return written.taken[0]

    def add_all(self, items: Sequence[object]) -> FeedbackWritten:
        """Record many in one transaction. Those that cannot be used are left out and told by position.

        Raises:
            TooLargeError: too many items.
            OverloadedError: too many texts wait to be embedded; nothing is written.
        """
        if len(items) > self._max_batch_records:
            raise TooLargeError(
                f"The batch has {len(items)} items; at most {self._max_batch_records} are allowed.",
                f"本批共 {len(items)} 条，最多允许 {self._max_batch_records} 条。",
                code="batch_too_large",
            )
        rows = [_row_of(item) for item in items]
        needs = [row.given.need for row in rows if row.given is not None and row.given.need is not None]
        if needs:
            self._embed(Kind.NEEDS, needs)
        return _written(self._record(rows))

    def add_batch(self, items: Sequence[object]) -> FeedbackWritten:
        """As `add_all`, but a batch of which nothing can be used is an error.

        Raises:
            TooLargeError: too many items.
            InputError: no item can be used; the errors begin with the item's place.
            OverloadedError: too many texts wait to be embedded; nothing is written.
        """
        written = self.add_all(items)
        if written.rejected and not written.taken:
            raise _refused(written.rejected, single=False)
        return written

    def page(self, wanted: FeedbackFilter, *, cursor: str | None, limit: int) -> FeedbackPage:
        """Feedback in the order in which it was recorded.

        Raises:
            InputError: the cursor is none that was given out.
        """
        items = self._catalogue.feedback.page(wanted, after=number_of(cursor), size=min(limit, MOST_A_PAGE))
        return FeedbackPage(tuple(items), str(items[-1][0]) if len(items) == min(limit, MOST_A_PAGE) else None)

    def load(
        self, path: Path, *, mapping: Mapping[str, str] | None = None, progress: Progress = lambda _rows: None
    ) -> FeedbackReport:
        """Record one file's rows; every batch is a transaction. Texts of new needs are left to the servers to embed.

        Args:
            path: the file.
            mapping: their header to our field, for headers that are not recognised.
            progress: told the rows read so far.

        Raises:
            InputError: the file as a whole cannot be read.
            CatalogueProblem: the database cannot be written.
        """
        began, report = perf_counter(), FeedbackReport(path.name)
        source = iter(read_feedback(path, mapping=mapping))
        with RejectsFile(rejects_path(self._rejects_dir, path)) as rejects:
            while rows := list(islice(source, _BATCH)):
                for row, outcome in self._record(rows):
                    _count(report, row, outcome, rejects)
                progress(report.rows)
        report.rejects = rejects.path
        report.seconds = perf_counter() - began
        return report

    def _record(self, rows: Sequence[FeedbackRow]) -> list[tuple[FeedbackRow, Recorded | None]]:
        """Each row with what became of it; a row that the catalogue refuses is given its reasons."""
        entries = [_entry(row.given) for row in rows if row.given is not None]
        outcomes = iter(self._catalogue.feedback.add(entries))
        paired = [(row, next(outcomes) if row.given is not None else None) for row in rows]
        return [(_told(row, outcome), outcome) for row, outcome in paired]


class OutreachService:
    """Who opted out, and what is not pushed.

    Args:
        catalogue: where both are kept.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def opt_out(self, firm_id: str, *, reason: str | None = None, by: str | None = None) -> tuple[OptOut, bool]:
        """Take a firm out of all lists; its opt-out, and whether it is new. The first reason stays.

        Raises:
            NotFoundError: there is no such firm.
        """
        new = self._catalogue.opt_outs.add(OptOut(firm_id=firm_id, at=datetime.now(UTC), reason=reason, by=by))
        current = self._catalogue.opt_outs.current(firm_id)
        if new is None or current is None:
            raise unknown_record(Kind.FIRMS, firm_id)
        return current, new

    def undo_opt_out(self, firm_id: str) -> None:
        """Let a firm have lists again.

        Raises:
            NotFoundError: it had not opted out.
        """
        if not self._catalogue.opt_outs.undo(firm_id):
            raise _not_out(firm_id)

    def opt_out_of(self, firm_id: str) -> OptOut:
        """A firm's opt-out that stands.

        Raises:
            NotFoundError: it has not opted out.
        """
        current = self._catalogue.opt_outs.current(firm_id)
        if current is None:
            raise _not_out(firm_id)
        return current

    def opted_out(self, firm_ids: Sequence[str] | None = None) -> frozenset[str]:
        """Those of the firms that opted out; of all firms where none are named."""
        return self._catalogue.opt_outs.opted_out(firm_ids)

    def is_opted_out(self, firm_id: str) -> bool:
        """Whether a firm wants no lists."""
        return self._catalogue.opt_outs.current(firm_id) is not None

    def excluded_pairs(self, firm_ids: Sequence[str] | None = None) -> Exclusions:
        """What is not sent to these firms, or to any: all to who opted out, and rejected patents with their family.

        A rejection stands until the same firm says something else of the same patent.
        """
        words = self._catalogue.feedback.last_words(firm_ids)
        rejected, welcome = (
            {
                firm_id: frozenset(key for key, event in said.items() if (event is Event.REJECTED) is no)
                for firm_id, said in words.items()
            }
            for no in (True, False)
        )
        named = sorted(frozenset[str]().union(*rejected.values()))
        family_of = self._catalogue.values_of(Kind.PATENTS, "family", named)
        families = {
            firm_id: frozenset(family for key in patents if (family := family_of.get(key)))
            for firm_id, patents in rejected.items()
        }
        return Exclusions(opted_out=self.opted_out(firm_ids), rejected=rejected, families=families, welcome=welcome)

    def rejected_pairs(self, firm_ids: Sequence[str] | None = None) -> Iterator[tuple[str, str]]:
        """Firm and patent of each pair that is not pushed since the firm rejected it or one of its family.

        Reads all patents where a rejected one has a family: `excluded_pairs` is for a few pairs.
        """
        told = self.excluded_pairs(firm_ids)
        members = self._catalogue.family_members(sorted(frozenset[str]().union(*told.families.values())))
        for firm_id, patents in told.rejected.items():
            kin = {member for family in told.families[firm_id] for member in members.get(family, ())}
            yield from ((firm_id, patent_id) for patent_id in sorted(patents | (kin - told.welcome[firm_id])))


def _not_out(firm_id: str) -> NotFoundError:
    shown = firm_id[:80]
    return NotFoundError(f"The firm {shown!r} has not opted out.", f"企业 {shown!r} 未退出推送。", code="not_opted_out")


def _row_of(item: object) -> FeedbackRow:
    if isinstance(item, Mapping):
        return feedback_of(item)
    return FeedbackRow(None, RowOutcome(0, None, (problem("not_an_object", None, item, found="no object"),), (), {}))


def _entry(given: GivenFeedback) -> Entry:
    return Entry(given.feedback, given.digest, given.need)


def _told(row: FeedbackRow, outcome: Recorded | None) -> FeedbackRow:
    """The row with what the catalogue has against it."""
    if outcome is None or not (outcome.refusals or outcome.odd):
        return row
    found, odd = (
        tuple(problem(refusal.code, refusal.field, refusal.value) for refusal in refusals)
        for refusals in (outcome.refusals, outcome.odd)
    )
    before = row.outcome
    return FeedbackRow(row.given, RowOutcome(before.row, None, found, before.warnings + odd, before.raw))


def _written(rows: Sequence[tuple[FeedbackRow, Recorded | None]]) -> FeedbackWritten:
    taken, rejected = [], []
    for position, (row, outcome) in enumerate(rows):
        given = row.given
        if given is None or outcome is None or outcome.number is None:
            errors = tuple(_field_error(found) for found in row.outcome.rejected)
            stated = row.outcome.raw.get("key")
            rejected.append(Rejected(position, stated if isinstance(stated, str) else None, errors))
            continue
        became: FeedbackOutcome = "known" if outcome.known else "recorded"
        new_need, warnings = given.feedback.new_need_id, warned(row.outcome)
        taken.append(Given(position, given.feedback.key, outcome.number, became, new_need, warnings))
    return FeedbackWritten(tuple(taken), tuple(rejected))


def _count(report: FeedbackReport, row: FeedbackRow, outcome: Recorded | None, rejects: RejectsFile) -> None:
    report.rows += 1
    rejects.add(report.file, row.outcome)
    report.warnings.update(found.code for found in row.outcome.warnings)
    if outcome is None or outcome.number is None:
        report.rejected += 1
        report.reasons.update(found.code for found in row.outcome.rejected)
    elif outcome.known:
        report.known += 1
    else:
        report.recorded += 1
        report.needs += row.given is not None and row.given.need is not None


def _field_error(found: Problem) -> FieldError:
    return FieldError(found.field or "body", f"{found.reason}; {found.fix}", f"{found.reason_zh}；{found.fix_zh}")


def _refused(rejected: Sequence[Rejected], *, single: bool) -> InputError:
    errors = tuple(
        error if single else FieldError(f"items.{row.position}.{error.field}", error.message, error.message_zh)
        for row in rejected
        for error in row.errors
    )
    names = ", ".join(dict.fromkeys(error.field for error in errors[:5]))
    if single:
        return InputError(f"Cannot use the feedback: see {names}.", f"反馈有误，请检查：{names}。", fields=errors)
    return InputError(
        f"None of the feedback could be used: see {names} and the rest of errors.",
        f"所有反馈均无法使用，请检查：{names} 等。",
        code="all_rows_rejected",
        fields=errors,
    )
