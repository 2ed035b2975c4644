"""Gradings: by file or one by one, each change with its line of history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from app.catalogue import Catalogue
from app.domain import GradeChange, Kind
from app.errors import FieldError, InputError, unknown_record
from app.ingest import GradingRow, RejectsFile, RowOutcome, grading_of, problem, read_grades, rejects_path

_BATCH = 1000
"""Rows of one transaction."""

Progress = Callable[[int], None]


@dataclass(slots=True)
class GradingReport:
    """What became of one file's rows; ``changed + unchanged + rejected == rows``.

    Attributes:
        reasons: how often each reason was given.
        rejects: the file that lists rejected rows, where there are any.
    """

    file: str
    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    rejects: Path | None = None
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The report as JSON types."""
        return {
            "file": self.file,
            "kind": "grades",
            "rows": self.rows,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "reasons": dict(self.reasons),
            "rejects_file": str(self.rejects) if self.rejects else None,
            "seconds": round(self.seconds, 3),
        }


class GradingService:
    """Grades patents. The same grading again changes nothing.

    Args:
        catalogue: where patents and their history are.
        rejects_dir: where rejects files are written.
    """

    def __init__(self, catalogue: Catalogue, rejects_dir: Path) -> None:
        self._catalogue = catalogue
        self._rejects_dir = rejects_dir

    def grade(self, patent_id: str, fields: Mapping[str, Any]) -> bool:
        """Grade one patent; whether anything changed.

        Raises:
            InputError: a field cannot be used; the error names it.
            NotFoundError: there is no such patent.
        """
        row = grading_of(patent_id, fields)
        if row.grading is None:
            errors = tuple(
                FieldError(found.field or "body", f"{found.reason}; {found.fix}", f"{found.reason_zh}；{found.fix_zh}")
                for found in row.outcome.rejected
            )
            names = ", ".join(dict.fromkeys(error.field for error in errors[:5]))
            raise InputError(f"Cannot use the grading: see {names}.", f"分级有误，请检查：{names}。", fields=errors)
        (changed,) = self._catalogue.grades.add([row.grading])
        if changed is None:
            raise unknown_record(Kind.PATENTS, patent_id)
        return changed

    def history(self, patent_id: str) -> list[GradeChange]:
        """Every change of a patent's grading, the latest first; of a deleted patent, too.

        Raises:
            NotFoundError: there is no such patent, and never was one with a history.
        """
        lines = self._catalogue.grades.history(patent_id)
        if not lines and self._catalogue.get(Kind.PATENTS, patent_id) is None:
            raise unknown_record(Kind.PATENTS, patent_id)
        return lines

    def load(
        self, path: Path, *, mapping: Mapping[str, str] | None = None, progress: Progress = lambda _rows: None
    ) -> GradingReport:
        """Grade by one file; every batch is a transaction.

        Args:
            path: the file.
            mapping: their header to our field, for headers that are not recognised.
            progress: told the rows read so far.

        Raises:
            InputError: the file as a whole cannot be read.
            CatalogueProblem: the database cannot be written.
        """
        began, report = perf_counter(), GradingReport(path.name)
        source = iter(read_grades(path, mapping=mapping))
        with RejectsFile(rejects_path(self._rejects_dir, path)) as rejects:
            while rows := list(islice(source, _BATCH)):
                outcomes = iter(self._catalogue.grades.add([row.grading for row in rows if row.grading is not None]))
                for row in rows:
                    _count(report, row, None if row.grading is None else next(outcomes), rejects)
                progress(report.rows)
        report.rejects = rejects.path
        report.seconds = perf_counter() - began
        return report


def _count(report: GradingReport, row: GradingRow, changed: bool | None, rejects: RejectsFile) -> None:
    report.rows += 1
    outcome = row.outcome
    if row.grading is not None and changed is None:
        found = problem("unknown_record", "id", row.grading.patent_id)
        outcome = RowOutcome(outcome.row, None, (found,), outcome.warnings, outcome.raw)
    rejects.add(report.file, outcome)
    if changed is None:
        report.rejected += 1
        report.reasons.update(found.code for found in outcome.rejected)
    elif changed:
        report.changed += 1
    else:
        report.unchanged += 1
