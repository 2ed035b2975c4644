"""A quick walk over an OpenDocument spreadsheet before it is loaded: its spans, hidden rows, merged cells."""

from __future__ import annotations

from typing import IO

from app.ingest.tables.grids import Merge
from app.ingest.tables.monsters import MAX_COLUMNS, MAX_ROWS, MonsterError, check_rectangle
from app.ingest.tables.sheetxml import Shape, feed_all

_VALUES = ("value", "string-value", "date-value", "time-value", "boolean-value")
_MAX_SPACES = 100_000


def scan_content(stream: IO[bytes]) -> list[Shape]:
    """The shape of each sheet, in the file's order.

    Raises:
        MonsterError: a sheet would not fit in memory.
        ExpatError: it is no XML.
    """
    walk = _Walk()
    feed_all(stream, walk.start, walk.end)
    return walk.shapes


class _Walk:
    def __init__(self) -> None:
        self.shapes: list[Shape] = []
        self._row = 0
        self._rows = 1
        self._column = 0
        self._columns = 1
        self._shown = False
        self._last = 0
        self._filled = 0

    def start(self, tag: str, given: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "table-cell" or name == "covered-table-cell":
            self._columns = _number(given.get("table:number-columns-repeated"))
            self._shown = any(f"office:{value}" in given for value in _VALUES) or "table:formula" in given
            spanned = _number(given.get("table:number-rows-spanned"))
            across = _number(given.get("table:number-columns-spanned"))
            if self.shapes and (spanned > 1 or across > 1):
                first = self._row + 1
                self.shapes[-1].merges.append(
                    Merge(first, first + spanned - 1, self._column, self._column + across - 1)
                )
        elif name == "p":
            self._shown = True
        elif name == "s" and _number(given.get("text:c")) > _MAX_SPACES:
            raise MonsterError("one of its cells has more than 100,000 spaces", "有单元格包含超过 10 万个空格")
        elif name == "table-row":
            self._rows = _number(given.get("table:number-rows-repeated"))
            self._column = self._last = self._filled = 0
            if self.shapes and given.get("table:visibility") in ("collapse", "filter") and self._rows <= MAX_ROWS:
                self._hide()
        elif name == "table":
            self.shapes.append(Shape(given.get("table:name")))
            self._row = 0

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name == "table-cell" or name == "covered-table-cell":
            self._column += self._columns
            if self._shown:
                self._last = self._column
                self._filled += self._columns
            self._shown = False
        elif name == "table-row" and self.shapes:
            self._row += self._rows
            if self._filled:
                shape = self.shapes[-1]
                shape.rows = self._row
                shape.columns = max(shape.columns, self._last)
                # A cell that is repeated is written once: it counts as many times as it is there.
                shape.filled += self._filled * self._rows
                check_rectangle(shape.rows, shape.columns, shape.filled, shape.name)
                if self._filled > MAX_COLUMNS:
                    check_rectangle(1, self._filled, 1, shape.name)

    def _hide(self) -> None:
        shape = self.shapes[-1]
        shape.hidden_rows.update(range(self._row + 1, self._row + 1 + self._rows))


def _number(text: str | None) -> int:
    if text is None:
        return 1
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        return MAX_ROWS + 1
    return int(text)
