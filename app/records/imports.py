"""Load files of other people: good rows into the catalogue, the others into a rejects file with reasons."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind
from app.ingest import RecordFile, RejectsFile, RowOutcome, read_records, rejects_path

_BATCH = 5000
"""Rows of one transaction: large enough that the commit costs little, small enough that a kill loses little work."""

_OBJECTS_A_COLLECTION = 200_000
"""Objects between two cycle collections; the interpreter's default of 700 is meant for programs that make cycles."""

steps = logging.getLogger("patmatch.steps")
"""Says where a load is; see `app.catalogue.writing`."""

Progress = Callable[[int], None]


@dataclass(slots=True)
class ImportReport:
    """What became of one file's rows.

    Attributes:
        rows: all rows read; ``added + changed + unchanged + repeated + rejected == rows``.
        repeated: rows that a later row with the same id replaced at once.
        warnings: how often each warning was given; the rows went in.
        rejects: the file that lists rejected rows and warnings, where there are any.
        columns: recognised headers and the field each fills; ``ignored`` were kept as extra values.
        seconds: wall time.
    """

    file: str
    kind: Kind
    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    rejects: Path | None = None
    encoding: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The report as JSON types."""
        return {
            "file": self.file,
            "kind": self.kind.value,
            "rows": self.rows,
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "repeated": self.repeated,
            "rejected": self.rejected,
            "reasons": dict(self.reasons),
            "warnings": dict(self.warnings),
            "rejects_file": str(self.rejects) if self.rejects else None,
            "encoding": self.encoding,
            "columns": dict(self.columns),
            "ignored_columns": list(self.ignored),
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(self.rows / self.seconds, 1) if self.seconds else None,
        }


class ImportService:
    """Loads files into the catalogue. Loading the same file again changes nothing.

    Args:
        catalogue: where records go.
        rejects_dir: where rejects files are written.
    """

    def __init__(self, catalogue: Catalogue, rejects_dir: Path) -> None:
        self._catalogue = catalogue
        self._rejects_dir = rejects_dir

    def load(
        self,
        path: Path,
        kind: Kind,
        *,
        mapping: Mapping[str, str] | None = None,
        progress: Progress = lambda _rows: None,
    ) -> ImportReport:
        """Load one file; every batch is one transaction, so a killed load continues by being run again.

        Args:
            path: the file.
            kind: what its rows are.
            mapping: their header to our field, for headers that are not recognised.
            progress: told the rows read so far.

        Raises:
            InputError: the file as a whole cannot be read.
            CatalogueProblem: the database cannot be written.
        """
        began = perf_counter()
        report = ImportReport(file=path.name, kind=kind)
        source = read_records(path, kind, mapping=mapping)
        with RejectsFile(rejects_path(self._rejects_dir, path)) as rejects:
            self._write(_batches(_sorted_out(source, report, rejects)), report, progress)
        progress(report.rows)
        report.rejects = rejects.path
        report.encoding, report.columns, report.ignored = source.encoding, source.columns, tuple(source.ignored)
        report.seconds = perf_counter() - began
        steps.debug("ingest.file")
        return report

    def _write(self, batches: Iterator[list[AnyRecord]], report: ImportReport, progress: Progress) -> None:
        with _few_collections():
            for batch in batches:
                counts = self._catalogue.upsert(batch, source=report.file)
                report.added += counts.added
                report.changed += counts.changed
                report.unchanged += counts.unchanged
                report.repeated += len(batch) - counts.added - counts.changed - counts.unchanged
                steps.debug("ingest.batch")
                progress(report.rows)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Records hold no cycles; looking for some among a batch's many objects takes a sixth of a load's time."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS_A_COLLECTION, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _sorted_out(source: RecordFile, report: ImportReport, rejects: RejectsFile) -> Iterator[AnyRecord]:
    for outcome in source:
        report.rows += 1
        if outcome.rejected or outcome.warnings:
            _note(outcome, report, rejects)
        if outcome.record is not None:
            yield outcome.record


def _note(outcome: RowOutcome, report: ImportReport, rejects: RejectsFile) -> None:
    rejects.add(report.file, outcome)
    report.warnings.update(problem.code for problem in outcome.warnings)
    if outcome.record is None:
        report.rejected += 1
        report.reasons.update(problem.code for problem in outcome.rejected)


def _batches(records: Iterator[AnyRecord]) -> Iterator[list[AnyRecord]]:
    batch: list[AnyRecord] = []
    for record in records:
        batch.append(record)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
