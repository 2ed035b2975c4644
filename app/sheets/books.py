"""Workbooks for people (.xlsx), written row by row: memory does not grow with the rows, and no cell is a formula."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.sheets.about import SHEET, About
from app.sheets.cells import display_width, fitting, lines_of, sheet_name, web_address
from app.sheets.columns import Column, Lang, Words

MOST_ROWS = 1_048_576
"""Rows of a sheet, the header's too."""
MOST_SHEETS = 250
"""Sheets of one firm each: each keeps a file open while the book is written, and nobody leafs through more."""
MOST_LINKS = 65_530
"""Links of a sheet; Excel drops the others, so they are written as text."""

_MEASURED_ROWS = 1_000
"""Rows that say how wide a column is; later ones are wrapped."""
_NARROWEST, _WIDEST = 6, 48
_FILTER_BUTTON = 3
_LINE_POINTS, _MOST_LINES = 15, 27
"""Height of a line, and how many fit into the highest row that Excel has. Programs other than Excel do not make rows
higher by themselves, so the rows that are measured are given the height that their texts need when wrapped."""
_TITLE_POINTS = 24
_SCORE_DIGITS = 3
_A4 = 9
_FIRST_DAY = date(1900, 3, 1)
"""Excel counts days from here rightly; it takes 1900 for a leap year."""
_ABOUT_WIDTHS = (20, 70, 24, 70)

_BASE: dict[str, Any] = {"valign": "top", "font_name": "等线", "font_size": 10}
_FORMATS: dict[str, dict[str, Any]] = {
    "header": {"bold": True, "text_wrap": True, "bg_color": "#DDE6F0", "border": 1, "valign": "vcenter"},
    "to_fill": {"bold": True, "text_wrap": True, "bg_color": "#FFE9A8", "border": 1, "valign": "vcenter"},
    "text": {"num_format": "@", "text_wrap": True},
    "word": {"num_format": "@", "text_wrap": True},
    "fill": {"num_format": "@", "text_wrap": True, "bg_color": "#FFFBEA", "border": 1, "border_color": "#D9D9D9"},
    "number": {"num_format": "0", "align": "center"},
    "score": {"num_format": "0.000", "align": "center"},
    "date": {"num_format": "yyyy-mm-dd", "align": "center"},
    "moment": {"num_format": "yyyy-mm-dd hh:mm", "align": "center"},
    "link": {"font_color": "#0563C1", "underline": 1},
    "title": {"bold": True, "font_size": 14},
    "item": {"bold": True, "text_wrap": True},
}

Row = Mapping[str, Any]


@contextmanager
def open_book(path: Path, lang: Lang = "zh") -> Iterator[Book]:
    """A workbook that has its name once it is complete; where an error leaves the block there is none.

    Args:
        path: where; its folder is made where it is not there, and what is there under this name is replaced.
        lang: of headers and words.
    """
    # Imported here: only who writes a workbook needs it.
    from xlsxwriter import Workbook

    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name[:64]}.") as folder:
        beside = Path(folder) / "book.xlsx"
        made = Workbook(beside, {"constant_memory": True, "tmpdir": folder})
        made.use_zip64()
        try:
            book = Book(made, lang)
            yield book
            book.finish()
        finally:
            made.close()
        beside.replace(path)


class Book:
    """Tables one after the other, then what is said about them. Made by `open_book`."""

    def __init__(self, book: Any, lang: Lang) -> None:  # noqa: ANN401 - XlsxWriter's
        self._book, self._lang, self._names = book, lang, [SHEET.of(lang)]
        self._formats = {name: book.add_format({**_BASE, **how}) for name, how in _FORMATS.items()}
        self._table: Table | None = None

    def table(self, name: str, columns: Sequence[Column]) -> Table:
        """Begin a table on a sheet of its own; the one before is complete.

        Args:
            name: of the sheet, as Excel allows it and no other has it.
            columns: of the table.
        """
        self.finish()
        self._table = Table(self._sheet, self._formats, name, columns, self._lang)
        return self._table

    def about(self, about: About, columns: Sequence[Column]) -> None:
        """Write the last sheet."""
        self.finish()
        sheet = self._book.add_worksheet(SHEET.of(self._lang))
        text, title, item = (self._formats[name] for name in ("text", "title", "item"))
        for place, width in enumerate(_ABOUT_WIDTHS):
            sheet.set_column(place, place, width)
        _print_setup(sheet)
        for number, cells in enumerate(about.rows(columns)):
            lines = max(lines_of(fitting(cell), width) for cell, width in zip(cells, _ABOUT_WIDTHS, strict=True))
            sheet.set_row(number, min(lines, _MOST_LINES) * _LINE_POINTS if number else _TITLE_POINTS)
            for place, cell in enumerate(cells):
                if cell:
                    how = title if not number else text if place % 2 else item
                    sheet.write_string(number, place, fitting(cell), how)

    def finish(self) -> None:
        """Complete the table that is written."""
        if self._table is not None:
            self._table.finish()
            self._table = None

    def _sheet(self, wanted: str) -> Any:  # noqa: ANN401
        name = sheet_name(wanted, self._names)
        self._names.append(name)
        return self._book.add_worksheet(name)


@dataclass(slots=True)
class _Measure:
    """What is known of a column while rows are written."""

    column: Column
    write: Callable[[int, int, Any], object]
    widest: int = 0
    links: int = 0


class Table:
    """A table that goes on on another sheet where one is full."""

    def __init__(
        self,
        new_sheet: Callable[[str], Any],
        formats: Mapping[str, Any],
        name: str,
        columns: Sequence[Column],
        lang: Lang,
    ) -> None:
        self._new_sheet, self._formats, self._name, self._lang = new_sheet, formats, name, lang
        self._columns = tuple(columns)
        self._begin()

    def add(self, row: Row) -> None:
        """Write a row; a column that it says nothing of is left empty."""
        if self._rows == MOST_ROWS:
            self.finish()
            self._begin()
        number, measured, lines = self._rows, self._rows <= _MEASURED_ROWS, 1
        for place, one in enumerate(self._measures):
            value = row.get(one.column.key)
            if value is None or value == "":
                if one.column.filled_in:
                    self._sheet.write_blank(number, place, None, self._formats["fill"])
                continue
            shown = one.write(number, place, value)
            if measured:
                one.widest = max(one.widest, display_width(str(shown)))
                if one.column.kind != "link":  # the only kind that is not wrapped
                    lines = max(lines, lines_of(str(shown), one.column.width or _WIDEST))
        if lines > 1:
            self._sheet.set_row(number, min(lines, _MOST_LINES) * _LINE_POINTS)
        self._rows += 1

    def finish(self) -> None:
        """Widths, filters and lists to choose from, which are known once the rows are."""
        sheet, last = self._sheet, self._rows - 1
        for place, one in enumerate(self._measures):
            sheet.set_column(place, place, self._width(one), self._format_of(one.column))
            if one.column.filled_in and last:
                _ask(sheet, (1, place, last, place), one.column, self._lang)
        sheet.autofilter(0, 0, max(last, 0), len(self._measures) - 1)
        printed = sum(column.printed for column in self._columns)
        if printed < len(self._columns):
            sheet.print_area(0, 0, max(last, 0), printed - 1)

    def _begin(self) -> None:
        self._sheet = sheet = self._new_sheet(self._name)
        self._measures = [_Measure(column, self._writer(column)) for column in self._columns]
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        # Ids are text although they look like numbers: Excel need not mark every one of them.
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{MOST_ROWS}"})
        _print_setup(sheet)
        for place, column in enumerate(self._columns):
            how = self._formats["to_fill" if column.filled_in else "header"]
            sheet.write_string(0, place, fitting(column.header.of(self._lang)), how)
        self._rows = 1

    def _format_of(self, column: Column) -> Any:  # noqa: ANN401
        return self._formats["fill" if column.filled_in else column.kind]

    def _width(self, one: _Measure) -> float:
        if one.column.width is not None:
            return one.column.width
        header = display_width(one.column.header.of(self._lang)) + _FILTER_BUTTON
        return float(min(_WIDEST, max(_NARROWEST, header, one.widest + 1)))

    def _writer(self, column: Column) -> Callable[[int, int, Any], object]:
        """What writes a value of the column and says what is shown."""
        sheet, how, lang = self._sheet, self._format_of(column), self._lang

        def text(row: int, place: int, value: object) -> str:
            shown = fitting(_joined(value))
            sheet.write_string(row, place, shown, how)
            return shown

        def word(row: int, place: int, value: object) -> str:
            known = column.words.get(str(value))
            return text(row, place, str(value) if known is None else known.of(lang))

        def number(row: int, place: int, value: object) -> str:
            if isinstance(value, (int, float)) and isfinite(value):
                # What is shown is what is there: the sheet saved as CSV and the workbook say the same.
                exact = round(value, _SCORE_DIGITS) if column.kind == "score" else value
                sheet.write_number(row, place, exact, how)
                return f"{exact:.{_SCORE_DIGITS}f}" if column.kind == "score" else f"{exact:g}"
            return text(row, place, value)

        def day(row: int, place: int, value: object) -> str:
            # Before this day Excel has other days than the calendar, or none.
            if isinstance(value, date) and (value.date() if isinstance(value, datetime) else value) >= _FIRST_DAY:
                naive = value.replace(tzinfo=None) if isinstance(value, datetime) else value
                sheet.write_datetime(row, place, naive, how)
                return "2026-01-01 00:00" if column.kind == "moment" else "2026-01-01"
            return text(row, place, value)

        def link(row: int, place: int, value: object) -> str:
            address, one = web_address(value), self._measures[place]
            if address is None or one.links == MOST_LINKS:
                return text(row, place, value)
            one.links += 1
            sheet.write_url(row, place, address, how, fitting(address))
            return address

        return {"text": text, "word": word, "number": number, "score": number, "link": link}.get(column.kind, day)


def _joined(value: object) -> str:
    if isinstance(value, str):
        return value
    return "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _print_setup(sheet: Any) -> None:  # noqa: ANN401
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.set_footer("&C&P / &N")


def _ask(sheet: Any, cells: tuple[int, int, int, int], column: Column, lang: Lang) -> None:  # noqa: ANN401
    """Let the cells be chosen from a list, or say beside them what is wanted."""
    asked: dict[str, Any] = {"validate": "any"}
    if column.choices:
        asked = {
            "validate": "list",
            "source": [choice.of(lang) for choice in column.choices],
            "error_title": Words("请从列表中选择", "Choose from the list").of(lang),
            "error_message": Words("请从下拉列表中选择一项，或留空。", "Choose from the list, or leave it empty.").of(
                lang
            ),
        }
    if hint := column.hint.of(lang):
        asked |= {"input_title": column.header.of(lang), "input_message": hint}
    if column.choices or hint:
        sheet.data_validation(*cells, asked)
