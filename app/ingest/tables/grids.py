"""Sheets of cells, of whatever format: which are read, from which row on, and which of their rows are records."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from app.errors import InputError
from app.ingest.headings.further import HeaderWatch
from app.ingest.headings.headerrows import AGAIN, NEW
from app.ingest.headings.heading import HeaderSearch, Heading
from app.ingest.outcomes import IngestOptions, RawRow, SheetRead
from app.ingest.tables.leftovers import HEADER, OTHER_TABLE, TOTALS, Leftovers
from app.ingest.tables.wrapping import STARTS, unwrapped

_ERRORS = frozenset(
    ("#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#GETTING_DATA", "#DATA!", "#SPILL!", "#CALC!")
)
"""What a spreadsheet shows where a formula failed: no value."""

_EXACT = 1e15
"""Whole numbers below this are exact in a spreadsheet; larger ones may have been rounded and keep their form."""

_EXPLAINING = re.compile(
    r"说明|须知|字典|数据项|代码表|码表|下拉|选项|目录|封面|模板|示例|样例|参考|版权|声明|readme|instruction|guide|dictionary|legend|options|lists?$|notes?$|cover|about|example",
    re.IGNORECASE,
)

Rows = Iterator[tuple[int, Sequence[Any]]]


class Merge(NamedTuple):
    """A merged range: its first and last row from 1, its first and last column from 0."""

    first: int
    last: int
    left: int
    right: int


@dataclass(slots=True)
class Grid:
    """One sheet.

    Attributes:
        name: ``None`` where the format gives none.
        rows: opens it: its rows by number, blank ones among them or left out.
        hidden: whether a spreadsheet program hides it.
        merges: its merged ranges.
        hidden_rows: numbers of the rows that a spreadsheet program hides.
        unfit: why it holds no rows at all, as a chart does, in English and Chinese.
    """

    name: str | None
    rows: Callable[[], Rows]
    hidden: bool = False
    merges: Sequence[Merge] = ()
    hidden_rows: frozenset[int] = frozenset()
    unfit: tuple[str, str] | None = None


@dataclass(slots=True)
class Table:
    """A sheet as it is read: what is told of it, and its headers."""

    sheet: SheetRead
    heading: Heading
    grid: Grid | None = None
    error: InputError | None = field(default=None)


class GridRows:
    """The rows of all sheets that have headers which are known, one sheet after the other.

    Attributes:
        notes: what people should know of the file, in English and Chinese.

    Args:
        grids: the sheets, in the file's order.
        search: how to find the header rows.
        options: what a row may hold.
        close: gives back what the sheets are read from.

    Raises:
        InputError: no sheet can be read. The message is about the one that comes nearest.
    """

    notes: tuple[tuple[str, str], ...] = ()

    def __init__(
        self, grids: Sequence[Grid], search: HeaderSearch, options: IngestOptions, close: Callable[[], None]
    ) -> None:
        self._search = search
        self._depth = options.header_search_rows
        self._close = close
        self.all_tables = [self._table(grid) for grid in grids]
        self._leave_explanations()
        self.tables = [table for table in self.all_tables if table.sheet.read]
        if not self.tables:
            raise self._unreadable()

    def close(self) -> None:
        """Close the file."""
        self._close()

    def rows(self) -> Iterator[RawRow]:
        """The rows below each header with the numbers that spreadsheet programs show; blank rows are left out."""
        for table in self.tables:
            yield from _SheetRows(table, self._search).rows()

    def _table(self, grid: Grid) -> Table:
        sheet = SheetRead(name=grid.name, hidden=grid.hidden)
        if grid.unfit:
            return _left(Table(sheet, Heading(0, (), 0), grid), *grid.unfit)
        head = list(islice(grid.rows(), self._depth))
        heading = _numbered(self._search.best([cells for _, cells in head]), [number for number, _ in head])
        table = Table(sheet, heading, grid)
        sheet.header_rows = heading.all_rows
        if not any(_filled(cells) for _, cells in head) and not any(_filled(cells) for _, cells in grid.rows()):
            return _left(table, "it is empty", "为空")
        try:
            self._search.require(heading)
        except InputError as error:
            table.error = error
            if not heading.recognised:
                return _left(table, "it has no known headers", "没有可识别的表头")
            name = self._search.name
            return _left(table, error.message.removeprefix(f"{name}: "), error.message_zh.removeprefix(f"{name}："))
        if grid.hidden:
            return _left(table, "it is hidden; unhide it to have it read", "为隐藏工作表，如需读取请先取消隐藏")
        return table

    def _leave_explanations(self) -> None:
        """Leave sheets that explain the others, and look like records only by a header or two."""
        most = max((table.heading.recognised for table in self.all_tables if table.sheet.read), default=0)
        for table in self.all_tables:
            sheet = table.sheet
            if sheet.read and sheet.name and table.heading.recognised < most and _EXPLAINING.search(sheet.name):
                _left(table, "by its name it explains the others", "从名称看是说明性工作表")

    def _unreadable(self) -> InputError:
        name = self._search.name
        hidden = [
            table for table in self.all_tables if table.sheet.hidden and table.error is None and table.sheet.header_rows
        ]
        if hidden:
            names = ", ".join(str(table.sheet.name) for table in hidden)
            return InputError(
                f"{name}: the only sheets with records are hidden ({names}); unhide them and save the file again",
                f"{name}：含有数据的工作表均为隐藏状态（{names}），请取消隐藏并保存后再导入",
                code="hidden_sheet",
            )
        failed = [table for table in self.all_tables if table.error is not None]
        if failed:
            error = max(failed, key=lambda table: (not table.sheet.hidden, table.heading.recognised)).error
            assert error is not None  # noqa: S101 - chosen by it
            return error
        return InputError(f"{name}: the file is empty", f"{name}：文件为空", code="empty_file")


class _SheetRows:
    """Walks over one sheet."""

    def __init__(self, table: Table, search: HeaderSearch) -> None:
        assert table.grid is not None  # noqa: S101 - a sheet that is read has one
        self._grid = table.grid
        self._sheet = table.sheet
        self._heading = table.heading
        self._search = search
        self._watch = HeaderWatch(search, table.heading)
        if table.heading.passed:
            self._sheet.skipped[OTHER_TABLE] += table.heading.passed
        self._adopt(table.heading.headers, table.heading.row)
        self._open: dict[int, tuple[int, Any]] = {}

    def _adopt(self, headers: tuple[str, ...], row: int) -> None:
        """Read the rows below ``row`` by these headers."""
        named = [place for place, header in enumerate(headers, start=1) if header]
        self._headers = headers[: named[-1]] if named else headers
        self._width = len(self._headers)
        self._leftovers = Leftovers.of(self._headers, self._search)
        self._fills: dict[int, list[tuple[int, int]]] = {}
        self._spread: set[int] = set()
        for merge in self._grid.merges:
            if merge.first <= row:
                continue
            if merge.left == merge.right < self._width and merge.last > merge.first:
                self._fills.setdefault(merge.first, []).append((merge.left, merge.last))
            elif merge.left == 0 and 2 * (merge.right + 1) > self._width > 1 and merge.first == merge.last:
                self._spread.add(merge.first)

    def rows(self) -> Iterator[RawRow]:
        sheet, hidden_rows, name = self._sheet, self._grid.hidden_rows, self._grid.name
        leftovers, width, headers, watch = self._leftovers, self._width, self._headers, self._watch
        below = self._heading.row
        filling = bool(self._fills)
        heads = self._heads()
        for number, values in self._grid.rows():
            if number <= below:
                continue
            cells = [_value(value) for value in values]
            filled = len(cells) - cells.count("") - cells.count(None)
            if not filled:
                continue
            if (watch.apart or watch.may_be(cells)) and self._is_further(number, cells):
                leftovers, width, headers, filling = self._leftovers, self._width, self._headers, bool(self._fills)
                continue
            looked_at = filled <= leftovers.few or leftovers.near > 0 or number in self._spread or cells[0] in TOTALS
            if looked_at and (found := leftovers.kind(cells, spread=number in self._spread)):
                sheet.skipped[found] += 1
                continue
            lead = cells[leftovers.lead] if leftovers.lead < len(cells) else None
            if (lead.__class__ is str and lead in leftovers.leads and leftovers.is_header(cells)) or (
                cells[0] in heads and _texts(cells) in heads.values()
            ):
                sheet.skipped[HEADER] += 1
                continue
            if filling:
                self._fill(number, cells)
            sheet.rows += 1
            if number in hidden_rows:
                sheet.hidden_rows += 1
            if len(cells) == width:
                yield RawRow(number, headers, cells, sheet=name)
            else:
                yield self._fitted(number, cells)

    def _is_further(self, number: int, cells: list[Any]) -> bool:
        """Whether the row is a further header, or of another table; the rows below it are read accordingly."""
        watch, sheet = self._watch, self._sheet
        found = watch.look(number, cells) if watch.may_be(cells) else None
        if found is None and watch.apart:
            sheet.skipped[OTHER_TABLE] += 1
        elif found is None:
            return False
        elif found == AGAIN and number > sheet.header_rows[-1] + 1:
            sheet.skipped[HEADER] += 1
        else:
            sheet.header_rows += (number,)
        if found == NEW:
            self._adopt(watch.headers, number)
        return True

    def _heads(self) -> dict[str, tuple[str, ...]]:
        """The rows of the header as they stand, by their first cell, to know them again further down."""
        wanted = set(self._heading.all_rows)
        heads = {}
        for number, values in self._grid.rows():
            if number in wanted:
                texts = _texts([_value(value) for value in values])
                if texts and texts[0]:
                    heads[texts[0]] = texts
            if number >= self._heading.row:
                break
        return heads

    def _fill(self, number: int, cells: list[Any]) -> None:
        """Fill the cells that a merged one above covers."""
        for place, last in self._fills.get(number, ()):
            if place < len(cells):
                self._open[place] = (last, cells[place])
        for place, (last, value) in list(self._open.items()):
            if number > last:
                del self._open[place]
            elif place < len(cells) and (cells[place] is None or cells[place] == ""):
                cells[place] = value

    def _fitted(self, number: int, cells: list[Any]) -> RawRow:
        width, name = self._width, self._grid.name
        if len(cells) < width:
            cells.extend([None] * (width - len(cells)))
            return RawRow(number, self._headers, cells, sheet=name)
        beyond = [
            (place, cell)
            for place, cell in enumerate(cells[width:], start=width + 1)
            if cell is not None and cell != ""
        ]
        if not beyond:
            return RawRow(number, self._headers, cells[:width], sheet=name)
        headers = (*self._headers, *(f"column {place}" for place, _ in beyond))
        return RawRow(number, headers, [*cells[:width], *(cell for _, cell in beyond)], sheet=name)


def _left(table: Table, why: str, why_zh: str) -> Table:
    """Leave the sheet unread: why, and how many rows that are."""
    sheet = table.sheet
    sheet.read, sheet.why, sheet.why_zh = False, why, why_zh
    if table.grid is not None and not table.grid.unfit:
        below = table.heading.row
        sheet.rows = sum(1 for number, cells in table.grid.rows() if number > below and _filled(cells))
    return table


def _numbered(heading: Heading, numbers: Sequence[int]) -> Heading:
    """``heading``, found among the first rows, with the numbers that these have in the sheet."""
    if not heading.row:
        return heading
    return Heading(
        numbers[heading.row - 1], heading.headers, heading.recognised,
        tuple(numbers[row - 1] for row in heading.rows), heading.labels, heading.spelled, heading.passed,
    )  # fmt: skip


def _filled(cells: Sequence[Any]) -> bool:
    return any(cell is not None and cell != "" for cell in cells)


def _texts(cells: Sequence[Any]) -> tuple[str, ...]:
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return tuple(texts)


def _value(value: Any) -> Any:  # noqa: ANN401 - a cell may be anything
    """A cell as the rest of the reading knows it: no wrapping, no failed formulas, whole numbers as such."""
    if value.__class__ is str:
        if not value:
            return value
        first = value[0]
        if first in STARTS:
            return unwrapped(value)
        if first == "#" and value in _ERRORS:
            return None
        return None if value.isspace() else value
    if value.__class__ is float:
        return int(value) if -_EXACT < value < _EXACT and value.is_integer() else value
    if isinstance(value, (dt.time, dt.timedelta)):
        return str(value)
    return value
