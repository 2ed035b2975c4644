"""Load files of other people: good rows into the catalogue, the others into a rejects file with reasons.

The way of a file of any kind: `app.ingest.read_rows` reads each row with the parser of its kind, a writer here puts a
batch of them into the catalogue, and what became of every row is counted in one report.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, NamedTuple, TypeVar

from app.catalogue import Asked, Catalogue, Entry, Recorded, Refusal
from app.domain import Grading, Kind
from app.errors import CatalogueProblem, PatmatchError, UsageError
from app.ingest import (
    FEEDBACK,
    GRADES,
    INDUSTRIES,
    GivenFeedback,
    IngestOptions,
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
from app.records.loading import How, RecordWriter
from app.records.report import LoadReport

R = TypeVar("R")

_BATCH = 5000
"""Rows of one transaction: large enough that the commit costs little, small enough that a kill loses little work."""

_LOOKED_UP_BATCH = 1000
"""The same for rows that name records, which are looked up by their ids before anything is written."""

_OBJECTS_A_COLLECTION = 200_000
"""Objects between two cycle collections; the interpreter's default of 700 is meant for programs that make cycles."""

steps = logging.getLogger("patmatch.failpoints")
"""Says where a load is; see `app.catalogue.writing`."""

log = logging.getLogger("patmatch.records")

Progress = Callable[[int], None]

_SEEN_SECONDS = 5.0
"""Between two signs of life of a load that runs."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a file is loaded.

    Attributes:
        profile: the known export that the file is, where it is not to be told by its headers.
        replace: whether a row is the whole record; what it leaves out is emptied.
        dry_run: whether only to read the file and compare it with the catalogue.
        by: who asked for it.
        load: the number of a load that was begun for this file already.
    """

    profile: str | None = None
    replace: bool = False
    dry_run: bool = False
    by: str = ""
    load: int | None = None


def load_name(number: int) -> str:
    """What a load is called."""
    return f"load-{number}"


class ImportService:
    """Loads files into the catalogue. Loading the same file again changes nothing.

    Args:
        catalogue: where rows go.
        rejects_dir: where rejects files are written.
        options: how files are read; the defaults where ``None``.
    """

    def __init__(self, catalogue: Catalogue, rejects_dir: Path, options: IngestOptions | None = None) -> None:
        self._catalogue = catalogue
        self._options = options
        self._rejects_dir = rejects_dir

    def load(
        self,
        path: Path,
        kind: str,
        *,
        mapping: Mapping[str, str] | None = None,
        options: LoadOptions | None = None,
        progress: Progress = lambda _rows: None,
    ) -> LoadReport:
        """Load one file; every batch is one transaction, so a killed load continues by being run again.

        A row changes the fields that it has values for, unless rows are to be whole records. The log of loads has what
        is changed, so that it can be taken back. A file of industries replaces the whole mapping, and then every patent
        without an industry of its own is brought up to it. Texts of new needs in feedback are left to the servers to
        embed.

        Args:
            path: the file.
            kind: what its rows are: a kind of record, or `INDUSTRIES`, `GRADES` or `FEEDBACK`.
            mapping: their header to our field, for headers that are not recognised.
            options: how else.
            progress: called with the rows read so far, of industries with the patents looked at.

        Raises:
            InputError: the file as a whole cannot be read.
            UsageError: only records can be tried, or replaced as a whole.
            CatalogueProblem: the database cannot be written.
        """
        options = options or LoadOptions()
        if (options.replace or options.dry_run) and kind in _PARSERS:
            raise UsageError(
                f"A file of {kind} can neither be tried without writing nor replace whole records.",
                f"{kind} 文件不支持试运行，也不支持整条替换。",
            )
        began, report = perf_counter(), LoadReport(path.name, str(kind), dry_run=options.dry_run)
        logged = _Logged(self._catalogue, report, options, progress)
        with logged, _few_collections(), ExitStack() as open_files:
            reading = _Reading(mapping, options.profile, self._options)
            rows = open_files.enter_context(_opened(path, kind, reading))
            logged.begin(mapping)
            rejects = None
            if not options.dry_run:
                rejects = open_files.enter_context(RejectsFile(rejects_path(self._rejects_dir, path)))
            _Load(self._catalogue, report, rejects, logged.progress).run(rows, options, logged.number)
            open_files.close()
            report.rejects = rejects.path if rejects else None
            report.seconds = perf_counter() - began
        steps.debug("ingest.file")
        return report


_PARSERS = {INDUSTRIES: pairs_in, GRADES: grading_in, FEEDBACK: feedback_in}


class _Reading(NamedTuple):
    """How a file is read: headers by a mapping or a known export, and what rows may hold."""

    mapping: Mapping[str, str] | None
    profile: str | None
    options: IngestOptions | None


def _opened(path: Path, kind: str, how: _Reading) -> RowFile[Any]:
    if kind in _PARSERS:
        return read_rows(path, kind, _PARSERS[kind], **how._asdict())
    return read_records(path, Kind(kind), **how._asdict())


class _Logged:
    """A load's line in the log: begun once its file is open, then kept up to date, and ended with the report.

    An error is noted as what the load ended with. A process that is killed or interrupted leaves the line as it is: it
    is told by the process's end.
    """

    def __init__(self, catalogue: Catalogue, report: LoadReport, options: LoadOptions, progress: Progress) -> None:
        self._catalogue, self._report, self._options, self._progress = catalogue, report, options, progress
        self._seen = monotonic()
        self.number = options.load
        if self.number is not None:
            report.load = load_name(self.number)
            catalogue.loads.note(self.number, host=socket.gethostname(), pid=os.getpid())

    def begin(self, mapping: Mapping[str, str] | None) -> None:
        """Begin the line, unless nothing is to be written or it was begun."""
        if self.number is None and not self._options.dry_run:
            options, report = self._options, self._report
            how = {"mapping": dict(mapping or {}), "profile": options.profile, "replace": options.replace}
            asked = Asked(report.kind, report.file, options.by, socket.gethostname(), os.getpid(), how)
            self.number = self._catalogue.loads.begin(asked)
            report.load = load_name(self.number)
            steps.debug("ingest.logged")

    def progress(self, done: int) -> None:
        """Pass the progress on, and now and then note it."""
        if self.number is not None and monotonic() - self._seen >= _SEEN_SECONDS:
            self._seen = monotonic()
            self._catalogue.loads.note(self.number, rows=self._report.rows)
        self._progress(done)

    def __enter__(self) -> _Logged:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self.number is None or (error is not None and not isinstance(error, Exception)):
            return
        report = self._report.as_json()
        if error is None:
            self._catalogue.loads.end(self.number, "done", rows=self._report.rows, report=report)
            return
        report["error"] = said(error)
        try:
            self._catalogue.loads.end(self.number, "failed", rows=self._report.rows, report=report)
        except CatalogueProblem as problem:  # the error itself is what the caller is told
            log.warning("the end of load %s could not be noted: %s", self.number, problem.message)


def said(error: Exception) -> dict[str, str]:
    """An error as the log and HTTP have it."""
    if not isinstance(error, PatmatchError):  # its class alone: its text may hold a path
        name = type(error).__name__
        error = PatmatchError(f"unforeseen: {name}", f"意外错误：{name}")
    return {"code": error.error_code, "message": error.message, "message_zh": error.message_zh}


class _Load:
    """The load of one file: its walk, and the writer of each kind.

    A writer puts a batch into the catalogue, counts what became of it, and returns the outcomes as they are now: the
    catalogue may have found something, too.
    """

    def __init__(
        self, catalogue: Catalogue, report: LoadReport, rejects: RejectsFile | None, progress: Progress
    ) -> None:
        self._catalogue = catalogue
        self._report = report
        self._rejects = rejects
        self._progress = progress

    def run(self, rows: RowFile[Any], options: LoadOptions, number: int | None) -> None:
        """Load the whole file by the writer of its kind."""
        kind = self._report.kind
        if kind == INDUSTRIES:
            self.replace_mapping(rows)
        elif kind == GRADES:
            self.walk(rows, self.write_gradings, _LOOKED_UP_BATCH)
        elif kind == FEEDBACK:
            self.walk(rows, self.write_feedback, _LOOKED_UP_BATCH)
        else:
            how = How(replace=options.replace, dry_run=options.dry_run, load=number)
            self.walk(rows, RecordWriter(self._catalogue, Kind(kind), self._report, how).write, _BATCH)

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
            self._report.source = rows.source

    def _settle(
        self, batch: list[RowOutcome[R]], write: Callable[[Sequence[RowOutcome[R]]], Sequence[RowOutcome[R]]]
    ) -> None:
        written = list(write(batch))  # a writer may return the batch itself
        batch.clear()
        self._note(written)
        steps.debug("ingest.batch")
        self._progress(self._report.rows)

    def _note(self, outcomes: Sequence[RowOutcome[object]]) -> None:
        self._report.note(outcomes)
        if self._rejects is not None:
            for outcome in outcomes:
                if outcome.rejected or outcome.warnings:
                    self._rejects.add(self._report.file, outcome)

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
