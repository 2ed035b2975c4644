"""The file of rejected rows, made for people with a spreadsheet program."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from app.ingest.fields.values import json_safe
from app.ingest.outcomes import Problem, RowOutcome
from app.sheets.cells import inert

COLUMNS = (
    "severity",
    "file",
    "sheet",
    "row",
    "field",
    "value",
    "code",
    "reason_en",
    "reason_zh",
    "fix_en",
    "fix_zh",
    "record",
)

MAX_CELL_CHARS = 2_000
"""Characters of one value in the record column; a spreadsheet's cell holds 32,767 in all."""


def rejects_path(folder: Path, source: Path) -> Path:
    """Where the rejects of one load of ``source`` go: no load overwrites those of another."""
    return folder / f"{source.name}-{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%fZ')}.csv"


class RejectsFile:
    """Writes the problems of rows to a CSV file that Excel opens with Chinese text intact.

    The file comes into being with the first problem and gets its name when it is closed: what has the name is complete.
    An error inside the ``with`` block does not discard it: the rows rejected before are still worth knowing.

    Attributes:
        rejected: rows written as rejected.
        warned: rows that went in with warnings.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._stream: IO[str] | None = None
        self._writer: Any = None
        self._written = False
        self.rejected = 0
        self.warned = 0

    @property
    def path(self) -> Path | None:
        """Where the file is, ``None`` when no problem was added."""
        return self._path if self._written else None

    def __enter__(self) -> RejectsFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, file: str, outcome: RowOutcome[object]) -> None:
        """Write the problems of one row of the file called ``file``; a row without any writes nothing."""
        if not outcome.rejected and not outcome.warnings:
            return
        record = json.dumps({key: _short(value) for key, value in json_safe(outcome.raw).items()}, ensure_ascii=False)
        for severity, problems in (("rejected", outcome.rejected), ("warning", outcome.warnings)):
            for found in problems:
                self._write(severity, file, outcome, found, record)
        if outcome.rejected:
            self.rejected += 1
        else:
            self.warned += 1

    def close(self) -> None:
        """Give the file its name."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
            self._partial.replace(self._path)

    def _write(self, severity: str, file: str, outcome: RowOutcome[Any], found: Problem, record: str) -> None:
        if self._stream is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._partial.open("w", encoding="utf-8-sig", errors="replace", newline="")
            self._writer = csv.writer(self._stream)
            self._writer.writerow(COLUMNS)
            self._written = True
        cells = (
            severity,
            file,
            outcome.sheet or "",
            outcome.row,
            found.field or "",
            found.value,
            found.code,
            found.reason,
            found.reason_zh,
            found.fix,
            found.fix_zh,
            record,
        )
        self._writer.writerow([inert(cell) if isinstance(cell, str) else cell for cell in cells])


def _short(value: Any) -> Any:  # noqa: ANN401 - whatever the source had
    if isinstance(value, str) and len(value) > MAX_CELL_CHARS:
        return value[: MAX_CELL_CHARS - 1] + "…"
    return value
