"""XLSX workbooks, read row by row from the sheet that has headers we know."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from app.errors import InputError
from app.ingest.headings.heading import HeaderSearch, Heading
from app.ingest.outcomes import IngestOptions, RawRow

# What openpyxl and the modules below it raise for files that are no workbook or a damaged one: it checks little itself.
_PARSER_ERRORS = (
    zipfile.BadZipFile, zlib.error, EOFError, ParseError, ValueError, TypeError, LookupError, AttributeError,
    NotImplementedError, OSError,
)  # fmt: skip

# Excel writes characters that XML cannot hold as _x000D_, and a real "_x000D_" as _x005F_x000D_.
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class WorkbookRows:
    """The rows of one sheet of a workbook.

    Args:
        stream: a seekable file with the workbook; owned and closed by this object.
        search: how to find the header row, which also chooses the sheet: the one with the most known headers.
        options: what a row may hold.

    Raises:
        InputError: the file is no workbook, or no sheet has headers that are known.
    """

    def __init__(self, stream: IO[bytes], search: HeaderSearch, options: IngestOptions) -> None:
        self._stream = stream
        self._name = search.name
        self._book = self._load()
        try:
            best: tuple[Heading, Any] | None = None
            for sheet in self._book.worksheets:
                # Some programs write a wrong size, and nothing beyond it would be read.
                sheet.reset_dimensions()
                heading = search.best(
                    self._guarded(islice(sheet.iter_rows(values_only=True), options.header_search_rows))
                )
                if best is None or heading.recognised > best[0].recognised:
                    best = heading, sheet
            if best is None:
                raise self._damaged("it has no sheets", "其中没有工作表")
            self.heading, self._sheet = best
            search.require(self.heading)
        except BaseException:
            self._book.close()
            self._strings.close()
            raise

    @property
    def sheet(self) -> str:
        """The name of the sheet that is read."""
        return str(self._sheet.title)

    def close(self) -> None:
        """Close the file."""
        self._book.close()
        self._strings.close()
        self._stream.close()

    def rows(self) -> Iterator[RawRow]:
        """The rows below the header with the numbers that spreadsheet programs show; blank rows are left out."""
        headers = _named(self.heading.headers)
        width = len(headers)
        rows = self._guarded(self._sheet.iter_rows(values_only=True))
        for number, values in enumerate(rows, start=1):
            if number <= self.heading.row or not any(value is not None and value != "" for value in values):
                continue
            cells = [_unescaped(value) if isinstance(value, str) else value for value in values]
            if len(cells) < width:
                cells.extend([None] * (width - len(cells)))
            elif len(cells) > width:
                yield RawRow(
                    number, (*headers, *(f"column {place}" for place in range(width + 1, len(cells) + 1))), cells
                )
                continue
            yield RawRow(number, headers, cells)

    def _load(self) -> Any:  # noqa: ANN401 - openpyxl publishes no types
        # Imported here, because it takes a quarter of a second that no other format needs.
        from app.ingest.tables.sharedstrings import DiskStringsReader

        try:
            with warnings.catch_warnings():
                # It warns of styles and validations that it does not support; values are unaffected.
                warnings.simplefilter("ignore")
                reader = DiskStringsReader(self._stream)
                reader.load()
        except _PARSER_ERRORS as error:
            raise self._damaged(
                "it is not an .xlsx workbook, is damaged or has a password",
                "它不是有效的 .xlsx 工作簿、已损坏或设有密码",
            ) from error
        self._strings = reader.shared_strings
        return reader.wb

    def _guarded(self, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        try:
            while True:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    row = next(rows, None)
                if row is None:
                    return
                yield row
        except _PARSER_ERRORS as error:
            raise self._damaged("its sheet is damaged", "工作表已损坏") from error

    def _damaged(self, why: str, why_zh: str) -> InputError:
        return InputError(
            f"{self._name}: the workbook cannot be read: {why}; open it in a spreadsheet program and save it again",
            f"{self._name}：无法读取工作簿：{why_zh}，请用表格软件打开并重新另存为 .xlsx",
            code="damaged_file",
        )


def _named(headers: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_unescaped(header) for header in headers)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
