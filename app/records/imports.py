"""Load files of other people: good rows into the catalogue, the others into a rejects file with reasons.

The way of a file of any kind: `app.ingest.read_rows` reads each row with the parser of its kind, a writer here puts a
batch of them into the catalogue, and what became of every row is counted in one report.
"""

from __future__ import annotations

import gc
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from app.catalogue import Catalogue, Entry, Recorded, Refusal
from app.domain import AnyRecord, Grading, Kind
from app.ingest import (
    FEEDBACK,
    GRADES,
    INDUSTRIES,
    GivenFeedback,
    Pairs,
    RejectsFile,
    RowFile,
    RowOutcome,
    digits_lost,
    feedback_in,
    grading_in,
    pairs_in,
    problem,
    read_records,
    read_rows,
    rejects_path,
)

R = TypeVar("R")

_BATCH = 5000
"""Rows of one transaction: large enough that the commit costs little, small enough that a kill loses little work."""

_LOOKED_UP_BATCH = 1000
"""The same for rows that name records, which are looked up by their ids before anything is written."""

_OBJECTS_A_COLLECTION = 200_000
"""Objects between two cycle collections; the interpreter's default of 700 is meant for programs that make cycles."""

steps = logging.getLogger("patmatch.failpoints")
"""Says where a load is; see `app.catalogue.writing`."""

Progress = Callable[[int], None]

_RECORD_KEYS = (
    *("file", "kind", "rows", "added", "changed", "unchanged", "repeated", "rejected", "reasons", "warnings"),
    *("rejects_file", "encoding", "columns", "ignored_columns", "seconds", "rows_per_second"),
)
_KEYS = {
    INDUSTRIES: (
        *("file", "kind", "rows", "pairs", "rejected", "reasons", "rejects_file"),
        *("replaced", "differs", "patents", "changed", "seconds"),
    ),
    GRADES: ("file", "kind", "rows", "changed", "unchanged", "rejected", "reasons", "rejects_file", "seconds"),
    FEEDBACK: (
        *("file", "rows", "recorded", "known", "unanswered", "needs", "rejected", "reasons", "warnings"),
        *("rejects_file", "seconds"),
    ),
}
"""What the report of a kind has as JSON; kinds of records have `_RECORD_KEYS`."""


@dataclass(slots=True)
class LoadReport:
    """What became of one file's rows. Counts that a kind does not have stay 0.

    Each row is counted once: as rejected, or, of records as added, changed, unchanged or repeated, of grades as changed
    or unchanged, of feedback as recorded, known or unanswered.

    Attributes:
        rows: all rows read.
        reasons: how often each reason for a rejection was given.
        warnings: how often each warning was given; the rows went in.
        rejects: the file that lists rejected rows and warnings, where there are any.
        repeated: rows that a later row with the same id replaced at once.
        changed: records or gradings; of industries patents that have another industry now.
        known: feedback that was recorded before.
        unanswered: places of a sheet that nobody filled in.
        needs: needs that joined the catalogue with feedback.
        pairs: different pairs of IPC symbol and industry.
        replaced: whether the file's pairs are the mapping of industries now; not where no row could be used.
        differs: whether that mapping is another than before.
        patents: patents without an industry of their own.
        columns: recognised headers and the field each fills; the values of ``ignored`` went to ``extra``.
        seconds: wall time.
    """

    file: str
    kind: str
    rows: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    rejects: Path | None = None
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    recorded: int = 0
    known: int = 0
    unanswered: int = 0
    needs: int = 0
    pairs: int = 0
    replaced: bool = False
    differs: bool = False
    patents: int = 0
    encoding: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The report as JSON types, with the keys of its kind."""
        values = {name: getattr(self, name) for name in self.__slots__} | {
            "reasons": dict(self.reasons),
            "warnings": dict(self.warnings),
            "rejects_file": str(self.rejects) if self.rejects else None,
            "columns": dict(self.columns),
            "ignored_columns": list(self.ignored),
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(self.rows / self.seconds, 1) if self.seconds else None,
        }
        return {key: values[key] for key in _KEYS.get(self.kind, _RECORD_KEYS)}


class ImportService:
    """Loads files into the catalogue. Loading the same file again changes nothing.

    Args:
        catalogue: where rows go.
        rejects_dir: where rejects files are written.
    """

    def __init__(self, catalogue: Catalogue, rejects_dir: Path) -> None:
        self._catalogue = catalogue
        self._rejects_dir = rejects_dir

    def load(
        self,
        path: Path,
        kind: str,
        *,
        mapping: Mapping[str, str] | None = None,
        progress: Progress = lambda _rows: None,
    ) -> LoadReport:
        """Load one file; every batch is one transaction, so a killed load continues by being run again.

        A file of industries replaces the whole mapping, and then every patent without an industry of its own is brought
        up to it. Texts of new needs in feedback are left to the servers to embed.

        Args:
            path: the file.
            kind: what its rows are: a kind of record, or `INDUSTRIES`, `GRADES` or `FEEDBACK`.
            mapping: their header to our field, for headers that are not recognised.
            progress: called with the rows read so far, of industries with the patents looked at.

        Raises:
            InputError: the file as a whole cannot be read.
            CatalogueProblem: the database cannot be written.
        """
        began = perf_counter()
        report = LoadReport(path.name, str(kind))
        with RejectsFile(rejects_path(self._rejects_dir, path)) as rejects, _few_collections():
            load = _Load(self._catalogue, report, rejects, progress)
            if kind == INDUSTRIES:
                load.replace_mapping(read_rows(path, kind, pairs_in, mapping=mapping))
            elif kind == GRADES:
                load.walk(read_rows(path, kind, grading_in, mapping=mapping), load.write_gradings, _LOOKED_UP_BATCH)
            elif kind == FEEDBACK:
                load.walk(read_rows(path, kind, feedback_in, mapping=mapping), load.write_feedback, _LOOKED_UP_BATCH)
            else:
                load.walk(read_records(path, Kind(kind), mapping=mapping), load.write_records, _BATCH)
        report.rejects = rejects.path
        report.seconds = perf_counter() - began
        steps.debug("ingest.file")
        return report


class _Load:
    """The load of one file: its walk, and the writer of each kind.

    A writer puts a batch into the catalogue, counts what became of it, and returns the outcomes as they are now: the
    catalogue may have found something, too.
    """

    def __init__(self, catalogue: Catalogue, report: LoadReport, rejects: RejectsFile, progress: Progress) -> None:
        self._catalogue = catalogue
        self._report = report
        self._rejects = rejects
        self._progress = progress

    def walk(
        self,
        rows: RowFile[R],
        write: Callable[[Sequence[RowOutcome[R]]], Sequence[RowOutcome[R]]],
        batch_rows: int,
    ) -> None:
        """Write all rows in batches and note what became of each."""
        batch: list[RowOutcome[R]] = []
        try:
            for outcome in rows:
                batch.append(outcome)
                if len(batch) == batch_rows:
                    self._settle(batch, write)
            self._settle(batch, write)
        finally:
            # Where the file is damaged or a write fails, the rows rejected before are still worth knowing.
            self._note(batch)
        source, report = rows.source, self._report
        report.encoding, report.columns, report.ignored = source.encoding, source.columns, source.ignored

    def _settle(
        self, batch: list[RowOutcome[R]], write: Callable[[Sequence[RowOutcome[R]]], Sequence[RowOutcome[R]]]
    ) -> None:
        written = list(write(batch))  # a writer may return the batch itself
        batch.clear()
        self._note(written)
        steps.debug("ingest.batch")
        self._progress(self._report.rows)

    def _note(self, outcomes: Sequence[RowOutcome[object]]) -> None:
        report = self._report
        report.rows += len(outcomes)
        for outcome in outcomes:
            if outcome.rejected or outcome.warnings:
                self._rejects.add(report.file, outcome)
                report.warnings.update(found.code for found in outcome.warnings)
            if outcome.record is None and not outcome.rejected:
                report.unanswered += 1
            elif outcome.record is None:
                report.rejected += 1
                report.reasons.update(found.code for found in outcome.rejected)

    def write_records(self, outcomes: Sequence[RowOutcome[AnyRecord]]) -> Sequence[RowOutcome[AnyRecord]]:
        """Records, by id."""
        records = [outcome.record for outcome in outcomes if outcome.record is not None]
        if records:
            counts, report = self._catalogue.upsert(records, source=self._report.file), self._report
            report.added += counts.added
            report.changed += counts.changed
            report.unchanged += counts.unchanged
            report.repeated += len(records) - counts.added - counts.changed - counts.unchanged
        return outcomes

    def write_gradings(self, outcomes: Sequence[RowOutcome[Grading]]) -> Sequence[RowOutcome[Grading]]:
        """Gradings of patents that are there."""
        gradings = [outcome.record for outcome in outcomes if outcome.record is not None]
        changes = iter(self._catalogue.grades.add(gradings))
        written = list(outcomes)
        for place, outcome in enumerate(outcomes):
            if outcome.record is None:
                continue
            changed = next(changes)
            if changed is None:
                found = problem("unknown_record", "id", outcome.record.patent_id)
                written[place] = replace(outcome, record=None, rejected=(found,))
            else:
                self._report.changed += changed
                self._report.unchanged += not changed
        return written

    def write_feedback(self, outcomes: Sequence[RowOutcome[GivenFeedback]]) -> Sequence[RowOutcome[GivenFeedback]]:
        """Feedback, each once, and the needs that come with it."""
        written, report = record_feedback(self._catalogue, outcomes), self._report
        for outcome, recorded in written:
            if outcome.record is not None and recorded is not None:
                report.known += recorded.known
                report.recorded += not recorded.known
                report.needs += not recorded.known and outcome.record.need is not None
        return [outcome for outcome, _ in written]

    def replace_mapping(self, rows: RowFile[Pairs]) -> None:
        """The mapping of industries by the file's, where it has one, and then the industries of all patents."""
        pairs: dict[tuple[str, str], None] = {}

        def gather(outcomes: Sequence[RowOutcome[Pairs]]) -> Sequence[RowOutcome[Pairs]]:
            for outcome in outcomes:
                pairs.update(dict.fromkeys(outcome.record or ()))
            return outcomes

        progress, self._progress = self._progress, lambda _rows: None
        self.walk(rows, gather, _BATCH)
        report = self._report
        report.pairs = len(pairs)
        if pairs or not report.rows:
            report.replaced = True
            report.differs = self._catalogue.industries.replace(list(pairs))
            for page in self._catalogue.industries.apply():
                report.patents += page.looked
                report.changed += page.changed
                progress(report.patents)


def record_feedback(
    catalogue: Catalogue, outcomes: Sequence[RowOutcome[GivenFeedback]]
) -> list[tuple[RowOutcome[GivenFeedback], Recorded | None]]:
    """Record what can be used, in one transaction.

    Returns:
        Each outcome with what the catalogue has against it added, and what it recorded; ``None`` where it was given
        nothing.
    """
    entries = [Entry(given.feedback, given.digest, given.need) for o in outcomes if (given := o.record) is not None]
    recorded = iter(catalogue.feedback.add(entries))
    return [
        (outcome, None) if outcome.record is None else _with_findings(outcome, next(recorded)) for outcome in outcomes
    ]


def _with_findings(
    outcome: RowOutcome[GivenFeedback], recorded: Recorded
) -> tuple[RowOutcome[GivenFeedback], Recorded]:
    refused, odd = (
        tuple(problem(_code(one), one.field, one.value) for one in findings)
        for findings in (recorded.refusals, recorded.odd)
    )
    record = None if refused else outcome.record
    return replace(outcome, record=record, rejected=refused, warnings=outcome.warnings + odd), recorded


def _code(found: Refusal) -> str:
    """What to say of a finding: of an id that is not there because its digits are lost, that."""
    return "id_destroyed" if found.code == "unknown_record" and digits_lost(found.value) else found.code


@contextmanager
def _few_collections() -> Iterator[None]:
    """Records hold no cycles; looking for some among a batch's many objects takes a sixth of a load's time."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS_A_COLLECTION, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
