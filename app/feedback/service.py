"""What comes back: feedback, opt-outs and gradings, recorded once, and what follows from them for the next push."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from app.catalogue import Catalogue, Recorded
from app.domain import Event, Exclusions, Feedback, FeedbackFilter, GradeChange, Kind, OptOut
from app.errors import FieldError, NotFoundError, unknown_record
from app.ingest import GivenFeedback, IngestOptions, RowOutcome, feedback_of, grading_of, problem
from app.records.imports import record_feedback
from app.records.read import known_id, number_of
from app.records.write import Embed, Warned, all_refused, check_batch_size, refused

MOST_A_PAGE = 1000
"""Feedback of one page; a page is one statement and one answer."""

FeedbackOutcome = Literal["recorded", "known"]


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


class FeedbackService:
    """Takes feedback. Every call can be repeated: what has a key or a time is recorded once.

    Args:
        catalogue: where it is stored.
        embed: called with new needs before they are committed, so that what is committed can be searched.
        max_batch_records: feedback of one request.
        options: how feedback is read; the defaults where ``None``.
    """

    def __init__(
        self, catalogue: Catalogue, embed: Embed, *, max_batch_records: int, options: IngestOptions | None = None
    ) -> None:
        self._catalogue = catalogue
        self._options = options
        self._embed = embed
        self._max_batch_records = max_batch_records

    def add(self, item: object) -> Given:
        """Record one feedback; it is durable when this returns.

        Raises:
            InputError: a field cannot be used; the error names it.
            OverloadedError: too many texts wait to be embedded.
        """
        written = self.add_all([item])
        if written.rejected:
            raise refused("feedback", "反馈", written.rejected[0].errors)
        return written.taken[0]

    def add_all(self, items: Sequence[object]) -> FeedbackWritten:
        """Record many in one transaction. Those that cannot be used are left out and reported by position.

        Raises:
            TooLargeError: too many items.
            OverloadedError: too many texts wait to be embedded; nothing is written.
        """
        check_batch_size(len(items), self._max_batch_records, "items")
        outcomes = [_outcome_of(item, self._options) for item in items]
        needs = [need for outcome in outcomes if outcome.record is not None and (need := outcome.record.need)]
        if needs:
            self._embed(Kind.NEEDS, needs)
        return _written(record_feedback(self._catalogue, outcomes))

    def add_batch(self, items: Sequence[object]) -> FeedbackWritten:
        """As `add_all`, but a batch of which nothing can be used is an error.

        Raises:
            TooLargeError: too many items.
            InputError: no item can be used; the errors begin with the item's place.
            OverloadedError: too many texts wait to be embedded; nothing is written.
        """
        written = self.add_all(items)
        if written.rejected and not written.taken:
            errors = [
                FieldError(f"items.{row.position}.{error.field}", error.message, error.message_zh)
                for row in written.rejected
                for error in row.errors
            ]
            raise all_refused("feedback", "反馈", errors)
        return written

    def page(self, wanted: FeedbackFilter, *, cursor: str | None, limit: int) -> FeedbackPage:
        """Feedback in the order in which it was recorded.

        Raises:
            InputError: the cursor is none that was given out.
        """
        items = self._catalogue.feedback.page(wanted, after=number_of(cursor), size=min(limit, MOST_A_PAGE))
        return FeedbackPage(tuple(items), str(items[-1][0]) if len(items) == min(limit, MOST_A_PAGE) else None)


class OutreachService:
    """Who opted out, and what is not pushed.

    Args:
        catalogue: where both are stored.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def opt_out(self, firm_id: str, *, reason: str | None = None, by: str | None = None) -> tuple[OptOut, bool]:
        """Take a firm out of all lists; its opt-out, and whether it is new. The first reason stays.

        Raises:
            NotFoundError: there is no such firm.
        """
        firm_id = known_id(self._catalogue, Kind.FIRMS, firm_id)
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
        if not self._catalogue.opt_outs.undo(known_id(self._catalogue, Kind.FIRMS, firm_id)):
            raise _not_out(firm_id)

    def opt_out_of(self, firm_id: str) -> OptOut:
        """A firm's opt-out that stands.

        Raises:
            NotFoundError: it has not opted out.
        """
        current = self._catalogue.opt_outs.current(known_id(self._catalogue, Kind.FIRMS, firm_id))
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
        excluded = self.excluded_pairs(firm_ids)
        members = self._catalogue.family_members(sorted(frozenset[str]().union(*excluded.families.values())))
        for firm_id, patents in excluded.rejected.items():
            kin = {member for family in excluded.families[firm_id] for member in members.get(family, ())}
            yield from ((firm_id, patent_id) for patent_id in sorted(patents | (kin - excluded.welcome[firm_id])))


def _not_out(firm_id: str) -> NotFoundError:
    shown = firm_id[:80]
    return NotFoundError(f"The firm {shown!r} has not opted out.", f"企业 {shown!r} 未退出推送。", code="not_opted_out")


def _outcome_of(item: object, options: IngestOptions | None) -> RowOutcome[GivenFeedback]:
    if isinstance(item, Mapping):
        return feedback_of(item, options)
    return RowOutcome(0, None, (problem("not_an_object", None, item, found="no object"),), (), {})


def _written(rows: Sequence[tuple[RowOutcome[GivenFeedback], Recorded | None]]) -> FeedbackWritten:
    taken, rejected = [], []
    for position, (outcome, recorded) in enumerate(rows):
        given = outcome.record
        if given is None or recorded is None or recorded.number is None:
            errors = tuple(found.as_field_error() for found in outcome.rejected)
            stated = outcome.raw.get("key")
            rejected.append(Rejected(position, stated if isinstance(stated, str) else None, errors))
            continue
        became: FeedbackOutcome = "known" if recorded.known else "recorded"
        new_need = given.feedback.new_need_id
        taken.append(Given(position, given.feedback.key, recorded.number, became, new_need, outcome.warnings))
    return FeedbackWritten(tuple(taken), tuple(rejected))


class GradingService:
    """Grades patents. The same grading again changes nothing.

    Args:
        catalogue: where patents and their history are.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def grade(self, patent_id: str, fields: Mapping[str, Any]) -> bool:
        """Grade one patent; whether anything changed.

        Raises:
            InputError: a field cannot be used; the error names it.
            NotFoundError: there is no such patent.
        """
        patent_id = known_id(self._catalogue, Kind.PATENTS, patent_id)
        outcome = grading_of(patent_id, fields)
        if outcome.record is None:
            raise refused("grading", "分级", [found.as_field_error() for found in outcome.rejected])
        (changed,) = self._catalogue.grades.add([outcome.record])
        if changed is None:
            raise unknown_record(Kind.PATENTS, patent_id)
        return changed

    def history(self, patent_id: str) -> list[GradeChange]:
        """Every change of a patent's grading, the latest first; of a deleted patent, too.

        Raises:
            NotFoundError: there is no such patent, and never was one with a history.
        """
        patent_id = known_id(self._catalogue, Kind.PATENTS, patent_id)
        lines = self._catalogue.grades.history(patent_id)
        if not lines and self._catalogue.get(Kind.PATENTS, patent_id) is None:
            raise unknown_record(Kind.PATENTS, patent_id)
        return lines
