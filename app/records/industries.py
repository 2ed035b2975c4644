"""The mapping of IPC codes to industries: a file in, every patent brought up to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from app.catalogue import Catalogue
from app.ingest import MappingFile, RejectsFile, read_industries, rejects_path

Progress = Callable[[int], None]


@dataclass(slots=True)
class IndustryReport:
    """What became of a file's rows and of the patents.

    Attributes:
        rows: all rows read.
        pairs: different pairs of IPC symbol and industry in the rows that could be used.
        rejected: rows that could not.
        reasons: how often each reason was given.
        rejects: the file that lists rejected rows, where there are any.
        replaced: whether the file's pairs are the mapping that stands now; not where no row could be used.
        differs: whether that mapping is another than before.
        patents: patents without an industry of their own.
        changed: those that have another industry now.
        seconds: wall time.
    """

    file: str
    rows: int = 0
    pairs: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    rejects: Path | None = None
    replaced: bool = False
    differs: bool = False
    patents: int = 0
    changed: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The report as JSON types."""
        return {
            "file": self.file,
            "kind": "industries",
            "rows": self.rows,
            "pairs": self.pairs,
            "rejected": self.rejected,
            "reasons": dict(self.reasons),
            "rejects_file": str(self.rejects) if self.rejects else None,
            "replaced": self.replaced,
            "differs": self.differs,
            "patents": self.patents,
            "changed": self.changed,
            "seconds": round(self.seconds, 3),
        }


class IndustryService:
    """Replaces the mapping by a file's. Loading the same file again changes nothing, and finishes what was stopped.

    Args:
        catalogue: where mapping and patents are.
        rejects_dir: where rejects files are written.
    """

    def __init__(self, catalogue: Catalogue, rejects_dir: Path) -> None:
        self._catalogue = catalogue
        self._rejects_dir = rejects_dir

    def load(
        self, path: Path, *, mapping: Mapping[str, str] | None = None, progress: Progress = lambda _patents: None
    ) -> IndustryReport:
        """Put a file's mapping in place of the one that stands, then bring the industries of all patents up to it.

        Args:
            path: the file, in any format that records are read from.
            mapping: their header to ``ipc`` or ``industry``, for headers that are not recognised.
            progress: called with the patents looked at so far.

        Raises:
            InputError: the file as a whole cannot be read.
            CatalogueProblem: the database cannot be written.
        """
        began = perf_counter()
        report = IndustryReport(file=path.name)
        source = read_industries(path, mapping=mapping)
        with RejectsFile(rejects_path(self._rejects_dir, path)) as rejects:
            pairs = list(dict.fromkeys(_pairs(source, report, rejects)))
        report.rejects, report.pairs = rejects.path, len(pairs)
        if pairs or not report.rows:
            report.replaced = True
            report.differs = self._catalogue.industries.replace(pairs)
            self._derive(report, progress)
        report.seconds = perf_counter() - began
        return report

    def _derive(self, report: IndustryReport, progress: Progress) -> None:
        for batch in self._catalogue.industries.apply():
            report.patents += batch.looked
            report.changed += batch.changed
            progress(report.patents)


def _pairs(source: MappingFile, report: IndustryReport, rejects: RejectsFile) -> Iterator[tuple[str, str]]:
    for row in source:
        report.rows += 1
        rejects.add(report.file, row.outcome)
        if row.outcome.rejected:
            report.rejected += 1
            report.reasons.update(problem.code for problem in row.outcome.rejected)
        yield from row.pairs
