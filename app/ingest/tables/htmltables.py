"""HTML tables, which many sites export under the name of a workbook: fed in pieces, one sheet for each table."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree

from app.errors import InputError
from app.ingest.headings.heading import HeaderSearch
from app.ingest.outcomes import IngestOptions
from app.ingest.tables.encodings import detect_encoding
from app.ingest.tables.grids import Grid, GridRows, Merge
from app.ingest.tables.monsters import MAX_COLUMNS, MAX_MERGES, MonsterError
from app.ingest.tables.stored import StoredRows
from app.ingest.tables.streams import open_bytes
from app.text.markup import raised

_PIECE = 1 << 16
_HEAD_BYTES = 1 << 14
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([A-Za-z0-9_\-]{2,20})""", re.IGNORECASE)
_CHINESE = frozenset(("gb2312", "gbk", "gb_2312-80", "x-gbk", "cp936"))
_MAX_TABLES = 1_000
_MAX_DEPTH = 50
_MAX_SPAN = 100_000
_LINE = "\u2028"
_BREAKS = frozenset(("br", "p", "div", "li"))
_UNSEEN = frozenset(("style", "script", "title"))


class HtmlRows(GridRows):
    """The rows of the tables of an HTML file.

    Args:
        path: the file.
        search: how to find the header rows.
        options: what a row may hold.

    Raises:
        InputError: no table has headers that are known.
        MonsterError: it would fill memory.
    """

    def __init__(self, path: Path, search: HeaderSearch, options: IngestOptions) -> None:
        tables = _Tables(options.max_row_chars)
        try:
            self.encoding = _parse(path, tables)
            stored = [table for table in tables.stored if table.height]
            super().__init__(
                [
                    Grid(
                        name=None if len(stored) == 1 else f"table {place}",
                        rows=table.rows.rows,
                        merges=table.merges,
                        hidden_rows=frozenset(table.hidden_rows),
                    )
                    for place, table in enumerate(stored, start=1)
                ],
                search,
                options,
                tables.shut,
            )
        except BaseException:
            tables.shut()
            raise


def _parse(path: Path, tables: _Tables) -> str:
    with open_bytes(path) as stream:
        encoding = _encoding(path, stream)
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        parser = etree.HTMLParser(target=tables, huge_tree=True)
        while piece := stream.read(_PIECE):
            text = decoder.decode(piece)
            if text:
                # Text in one form whatever the file is in; a NUL would end the parser's input.
                parser.feed(text.replace("\0", ""))
        # It may end without an element; then there is no table, and that is said.
        with suppress(etree.XMLSyntaxError):
            parser.close()
    return encoding


def _encoding(path: Path, stream: BinaryIO) -> str:
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return name
    named = _CHARSET.search(head)
    found = named[1].decode("ascii").lower() if named else ""
    if found in _CHINESE:
        found = "gb18030"
    try:
        codec = codecs.lookup(found).name if found else ""
    except LookupError:
        codec = ""
    if codec.startswith("utf-16"):
        codec = ""  # what could be read as far as its name is not in UTF-16
    # A page may say gb2312 and be UTF-8 all the same: what is valid UTF-8 throughout is UTF-8.
    try:
        detected = detect_encoding(path)
    except InputError as error:
        if codec and error.error_code == "unknown_encoding":
            return codec
        raise
    return detected.name if not codec or (detected.sound and detected.name != "cp1252") else codec


class _Table:
    def __init__(self) -> None:
        self.rows = StoredRows()
        self.height = 0
        self.row: list[Any] | None = None
        self.hidden_rows: set[int] = set()
        self.merges: list[Merge] = []
        self.spans: dict[int, tuple[int, str]] = {}
        self.cell: list[str] | None = None
        self.size = 0
        self.raised: int | None = None
        self.down = 1
        self.across = 1


class _Tables:
    """Target of the parser: takes tables apart, cell by cell."""

    def __init__(self, max_chars: int) -> None:
        self.stored: list[_Table] = []
        self._open: list[_Table] = []
        self._unseen = 0
        self._max_chars = max_chars

    def start(self, tag: Any, given: Any) -> None:  # noqa: ANN401 - lxml's
        if tag == "table":
            if len(self.stored) >= _MAX_TABLES or len(self._open) >= _MAX_DEPTH:
                raise MonsterError("it has too many tables, or tables too deep in one another", "表格过多或嵌套过深")
            self._open.append(_Table())
            self.stored.append(self._open[-1])
        elif tag in _UNSEEN:
            self._unseen += 1
        elif self._open:
            table = self._open[-1]
            if tag == "tr":
                self._end_row(table)
                table.row = []
                if _is_hidden(given):
                    table.hidden_rows.add(table.height + 1)
            elif tag == "td" or tag == "th":
                self._end_cell(table)
                if table.row is None:
                    table.row = []
                table.cell, table.size, table.raised = [], 0, None
                table.down, table.across = _span(given.get("rowspan")), _span(given.get("colspan"))
            elif table.cell is not None:
                _within(table, table.cell, tag)

    def end(self, tag: Any) -> None:  # noqa: ANN401
        if tag in _UNSEEN:
            self._unseen = max(self._unseen - 1, 0)
        elif self._open:
            table = self._open[-1]
            if tag == "td" or tag == "th":
                self._end_cell(table)
            elif tag == "tr":
                self._end_row(table)
            elif tag == "sup" and table.cell is not None and table.raised is not None:
                table.cell[table.raised :] = [raised("".join(table.cell[table.raised :]))]
                table.raised = None
            elif tag == "table":
                self._end_row(table)
                self._open.pop()
                if self._open and self._open[-1].cell is not None and not table.height:
                    self.stored.remove(table)

    def data(self, text: str) -> None:
        if self._open and not self._unseen and (table := self._open[-1]).cell is not None:
            table.size += len(text)
            if table.size > self._max_chars:
                raise MonsterError(
                    f"one of its cells has more than {self._max_chars:,} characters",
                    f"有单元格超过 {self._max_chars:,} 个字符",
                )
            table.cell.append(text)

    def close(self) -> None:
        while self._open:
            self._end_row(self._open.pop())

    def comment(self, text: Any) -> None:  # noqa: ANN401
        """Comments hold nothing of the table."""

    def shut(self) -> None:
        """Give back what is kept."""
        for table in self.stored:
            table.rows.close()

    def _end_cell(self, table: _Table) -> None:
        if table.cell is None or table.row is None:
            return
        text = _tidied(table.cell)
        table.cell = None
        _put(table, text)

    def _end_row(self, table: _Table) -> None:
        if table.row is None:
            return
        self._end_cell(table)
        _cover(table)
        table.height += 1
        table.rows.append(table.height, table.row)
        table.row = None


def _within(table: _Table, cell: list[str], tag: str) -> None:
    """Note a tag within a cell that says something of its text."""
    if tag in _BREAKS and cell:
        cell.append(_LINE)
    elif tag == "sup":
        table.raised = len(cell)


def _put(table: _Table, text: str) -> None:
    """Put a cell into its row, behind those that reach down from above; of several columns the first has its text."""
    assert table.row is not None  # noqa: S101 - a cell opens a row
    _cover(table)
    first = len(table.row)
    if first + table.across > MAX_COLUMNS:
        raise MonsterError(f"a row has more than {MAX_COLUMNS:,} columns", f"一行超过 {MAX_COLUMNS:,} 列")
    for place in range(first, first + table.across):
        table.row.append(text if place == first else "")
        if table.down > 1:
            table.spans[place] = (table.down - 1, text if table.across == 1 else "")
    if table.across > 1 and len(table.merges) < MAX_MERGES:
        table.merges.append(Merge(table.height + 1, table.height + 1, first, first + table.across - 1))


def _cover(table: _Table) -> None:
    """Fill what cells above cover, as far as they join what the row has."""
    assert table.row is not None  # noqa: S101
    while (place := len(table.row)) in table.spans:
        left, text = table.spans.pop(place)
        table.row.append(text)
        if left > 1:
            table.spans[place] = (left - 1, text)


def _span(text: str | None) -> int:
    if text is None or not (text.isascii() and text.strip().isdigit()) or len(text) > 8:
        return 1
    return min(max(int(text), 1), _MAX_SPAN)


def _is_hidden(given: Any) -> bool:  # noqa: ANN401
    style = (given.get("style") or "").lower().replace(" ", "")
    return "display:none" in style or "mso-height-source:hidden" in style


def _tidied(parts: Sequence[str]) -> str:
    """The text of a cell: spaces and line ends of the source are one space, tags of lines are line ends."""
    lines = [" ".join(line.split()) for line in "".join(parts).split(_LINE)]
    return "\n".join(line for line in lines if line)
