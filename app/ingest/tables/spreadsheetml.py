"""Spreadsheets in the XML of Excel 2003, which older systems export under the name of a workbook."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from app.errors import InputError
from app.ingest.headings.heading import HeaderSearch
from app.ingest.outcomes import IngestOptions
from app.ingest.tables.grids import Grid, GridRows, Merge
from app.ingest.tables.monsters import MAX_COLUMNS, MAX_MERGES, MAX_ROWS, MonsterError, check_rectangle
from app.ingest.tables.sheetxml import feed_all
from app.ingest.tables.stored import StoredRows
from app.ingest.tables.streams import open_bytes

_MAX_SHEETS = 1_000


class SpreadsheetMlRows(GridRows):
    """The rows of the sheets of such a file.

    Args:
        path: the file.
        search: how to find the header rows.
        options: what a row may hold.

    Raises:
        InputError: it is damaged, or no sheet has headers that are known.
        MonsterError: it would fill memory.
    """

    def __init__(self, path: Path, search: HeaderSearch, options: IngestOptions) -> None:
        walk = _Walk(options.max_row_chars)
        try:
            try:
                with open_bytes(path) as stream:
                    feed_all(stream, walk.start, walk.end, walk.text)
            except ExpatError as error:
                raise InputError(
                    f"{search.name}: the XML of the spreadsheet is damaged; open it in a spreadsheet program and "
                    "save it as .xlsx",
                    f"{search.name}：XML 表格已损坏，请用表格软件打开并另存为 .xlsx",
                    code="damaged_file",
                ) from error
            super().__init__([sheet.grid() for sheet in walk.sheets], search, options, walk.shut)
        except BaseException:
            walk.shut()
            raise


class _Sheet:
    def __init__(self, name: str | None) -> None:
        self.name = name
        self.rows = StoredRows()
        self.hidden = False
        self.hidden_rows: set[int] = set()
        self.merges: list[Merge] = []

    def grid(self) -> Grid:
        return Grid(self.name, self.rows.rows, self.hidden, self.merges, frozenset(self.hidden_rows))


class _Walk:
    def __init__(self, max_chars: int) -> None:
        self.sheets: list[_Sheet] = []
        self._max_chars = max_chars
        self._number = 0
        self._cells: list[Any] = []
        self._place = 0
        self._across = 0
        self._text: list[str] | None = None
        self._size = 0
        self._type = ""
        self._visible: list[str] | None = None

    def start(self, tag: str, given: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "Worksheet":
            if len(self.sheets) >= _MAX_SHEETS:
                raise MonsterError(f"it has more than {_MAX_SHEETS:,} sheets", f"工作表超过 {_MAX_SHEETS:,} 个")
            self.sheets.append(_Sheet(_given(given, "Name")))
            self._number = 0
        elif not self.sheets:
            return
        elif name == "Row":
            self._number = _place(given, "Index", self._number + 1)
            check_rectangle(self._number, 1, 1, self.sheets[-1].name)
            self._cells, self._place = [], 0
            if _given(given, "Hidden") == "1" and self._number <= MAX_ROWS:
                self.sheets[-1].hidden_rows.add(self._number)
        elif name == "Cell":
            self._begin_cell(given)
        elif name == "Data":
            self._text, self._size = [], 0
            self._type = _given(given, "Type") or "String"
        elif name == "Visible":
            self._visible = []

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if not self.sheets:
            return
        sheet = self.sheets[-1]
        if name == "Data" and self._text is not None:
            self._cells.extend([""] * (self._place - len(self._cells)))
            if len(self._cells) == self._place:
                self._cells.append(_value("".join(self._text), self._type))
            self._text = None
        elif name == "Cell":
            self._place += 1 + self._across
        elif name == "Row":
            if self._cells:
                sheet.rows.append(self._number, self._cells)
                self._cells = []
        elif name == "Visible" and self._visible is not None:
            sheet.hidden = "Hidden" in "".join(self._visible)
            self._visible = None

    def text(self, text: str) -> None:
        if self._text is not None:
            self._size += len(text)
            if self._size > self._max_chars:
                raise MonsterError(
                    f"one of its cells has more than {self._max_chars:,} characters",
                    f"有单元格超过 {self._max_chars:,} 个字符",
                )
            self._text.append(text)
        elif self._visible is not None:
            self._visible.append(text[:20])

    def shut(self) -> None:
        """Give back what is kept."""
        for sheet in self.sheets:
            sheet.rows.close()

    def _begin_cell(self, given: dict[str, str]) -> None:
        sheet = self.sheets[-1]
        self._place = _place(given, "Index", self._place + 1) - 1
        self._across = _place(given, "MergeAcross", 0)
        check_rectangle(1, self._place + 1, 1, sheet.name)
        check_rectangle(1, self._across + 1, 1, sheet.name)
        down = _place(given, "MergeDown", 0)
        if (down or self._across) and len(sheet.merges) < MAX_MERGES:
            sheet.merges.append(Merge(self._number, self._number + down, self._place, self._place + self._across))


def _given(given: dict[str, str], name: str) -> str | None:
    return given.get(f"ss:{name}", given.get(name))


def _place(given: dict[str, str], name: str, otherwise: int) -> int:
    text = _given(given, name)
    if text is None:
        return otherwise
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else max(MAX_ROWS, MAX_COLUMNS) + 1


def _value(text: str, kind: str) -> Any:  # noqa: ANN401 - a cell may be anything
    if kind == "Number":
        try:
            return float(text)
        except ValueError:
            return text
    if kind == "Boolean":
        return text.strip() == "1"
    if kind == "Error":
        return ""
    return text
