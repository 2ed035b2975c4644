"""CSV and TSV: quoted line breaks, the separator sniffed, damaged rows reported without losing those after them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from app.errors import InputError
from app.ingest.headings.further import HeaderWatch
from app.ingest.headings.headerrows import AGAIN, NEW
from app.ingest.headings.heading import HeaderSearch, Heading
from app.ingest.outcomes import IngestOptions, RawRow, SheetRead
from app.ingest.problems import problem
from app.ingest.tables.encodings import Encoding, unmarked
from app.ingest.tables.grids import Table
from app.ingest.tables.leftovers import OTHER_TABLE, TOTALS, Leftovers
from app.ingest.tables.monsters import MAX_COLUMNS, MonsterError
from app.ingest.tables.streams import LineFeed, LineTooLongError
from app.ingest.tables.wrapping import STARTS, unwrapped

SEPARATORS = {"csv": (",", ";", "\t"), "tsv": ("\t", ",", ";")}
"""What may separate cells, the likeliest first."""

RARE_SEPARATORS = ("|", "，", "；")
"""They are text as a rule, and separate only where that gives every line the same number of cells."""

_LINK = re.compile(r'=HYPERLINK\("(?P<link>[^"]*)"[,;]"(?P<text>[^"]*)"\)', re.IGNORECASE)
"""A link as a naive export writes it: its comma would end the cell."""

_HEAD_LINES = 200
"""Physical lines looked at for the header: the rows of the search, some with line breaks inside."""


@dataclass(frozen=True, slots=True)
class _Shape:
    separator: str
    heading: Heading
    least: int

    @property
    def width(self) -> int:
        return len(self.heading.headers)


class DelimitedRows:
    """The rows of a CSV or TSV file.

    Args:
        stream: the decoded text; owned and closed by this object.
        form: ``csv`` or ``tsv``.
        search: how to find the header row.
        options: what a row may hold.
        encoding: the verdict on the file, to find rows that it does not fit.

    Raises:
        InputError: no row of the head has headers that are known.
    """

    def __init__(
        self, stream: TextIO, form: str, search: HeaderSearch, options: IngestOptions, encoding: Encoding
    ) -> None:
        # The parser's own limit is one for the whole process; it is only ever raised here.
        csv.field_size_limit(max(csv.field_size_limit(), options.max_row_chars + 1))
        self._stream = stream
        self._options = options
        self._encoding = encoding
        self._feed = LineFeed(stream, options.max_row_chars)
        self._shape = self._find_shape(SEPARATORS[form], search)
        self._heading = self._shape.heading
        self._sheet = SheetRead(header_rows=self._heading.all_rows)
        if self._heading.passed:
            self._sheet.skipped[OTHER_TABLE] = self._heading.passed
        self.tables = self.all_tables = [Table(self._sheet, self._heading)]
        self._search = search
        self._leftovers = Leftovers.of(self._heading.headers, search)
        self._watch = HeaderWatch(search, self._heading)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _find_shape(self, separators: Sequence[str], search: HeaderSearch) -> _Shape:
        lines = self._head()
        candidates = []
        wide = uneven = False
        for separator in (*separators, *RARE_SEPARATORS):
            rows = _parse_leniently(lines, separator, self._options.header_search_rows)
            wide = wide or None in rows
            heading = search.best([row or [] for row in rows])
            if separator in RARE_SEPARATORS and not _is_even(rows[max(heading.row, 1) - 1 :]):
                uneven = uneven or heading.recognised > 1
                continue
            candidates.append((separator, heading))
        separator, heading = max(candidates, key=lambda candidate: candidate[1].recognised)
        if wide and not heading.recognised:
            raise MonsterError(f"a row has more than {MAX_COLUMNS:,} columns", f"一行超过 {MAX_COLUMNS:,} 列")
        if uneven and len(heading.headers) < 2:
            raise _unevenly_separated(search.name)
        search.require(heading)
        return _shaped(separator, heading)

    def _head(self) -> list[str]:
        lines = []
        self._feed.begin()
        try:
            for line in self._feed:
                lines.append(line)
                if len(lines) >= _HEAD_LINES:
                    break
        except LineTooLongError:
            pass  # what came before is enough to look for a header
        self._feed.give_back()
        return lines

    def rows(self) -> Iterator[RawRow]:
        """The rows below the header, blank ones left out. Numbers count records from the top, as a spreadsheet does."""
        shape, leftovers, watch, feed = self._shape, self._leftovers, self._watch, self._feed
        skipped, sound = self._sheet.skipped, self._encoding.sound
        headers, width = shape.heading.headers, shape.width
        parser = csv.reader(feed, delimiter=shape.separator, strict=True)
        number, header_row = 0, shape.heading.row
        while True:
            number += 1
            feed.begin()
            try:
                cells = next(parser)
            except StopIteration:
                return
            except (csv.Error, LineTooLongError) as error:
                if number > header_row:
                    yield self._salvaged(number, error)
                continue
            if number <= header_row or not cells or (not cells[0].strip() and not any(map(str.strip, cells))):
                continue
            line = feed.taken[0]
            if "=" in line or "'" in line or "＝" in line or len(feed.taken) > 1:
                cells = self._unwrapped(cells)
            if (watch.apart or watch.may_be(cells)) and (told := self._further(number, cells)) is not None:
                yield from told
                shape, leftovers = self._shape, self._leftovers
                headers, width = shape.heading.headers, shape.width
                continue
            looked_at = len(cells) - cells.count("") <= leftovers.few or leftovers.near > 0 or cells[0] in TOTALS
            if looked_at and (found := leftovers.kind(cells)):
                skipped[found] += 1
                continue
            if sound and len(cells) == width and cells[leftovers.lead] not in leftovers.leads:
                yield RawRow(number, headers, cells)
            else:
                yield self._checked(number, cells)

    def _further(self, number: int, cells: list[str]) -> list[RawRow] | None:
        """What is told of a further header row, or a row of another table; ``None`` where it is neither."""
        watch, sheet = self._watch, self._sheet
        found = watch.look(number, cells) if watch.may_be(cells) else None
        if found is None and watch.apart:
            sheet.skipped[OTHER_TABLE] += 1
        elif found is None:
            return None
        elif found == AGAIN and number > sheet.header_rows[-1] + 1:
            shown = problem("repeated_header", None, self._shape.separator.join(cells))
            return [RawRow(number, self._shape.heading.headers, cells, shown)]
        else:
            sheet.header_rows += (number,)
        if found == NEW:
            heading = Heading(number, watch.headers, len(watch.headers))
            self._shape = _shaped(self._shape.separator, heading)
            self._leftovers = Leftovers.of(heading.headers, self._search)
        return []

    def _unwrapped(self, cells: list[str]) -> list[str]:
        """The cells without what Excel's syntax puts around them, those that a comma within it has cut joined again."""
        if len(cells) > self._shape.width:
            cells = _joined(cells, self._shape.separator)
        return [unwrapped(cell) if cell and cell[0] in STARTS else cell for cell in cells]

    def _checked(self, number: int, cells: list[str]) -> RawRow:
        shape = self._shape
        headers = shape.heading.headers
        if not self._encoding.sound and (code := self._encoding.misread("\n".join(cells))):
            cells = [unmarked(cell) for cell in cells]
            return RawRow(
                number, headers, cells, problem(code, None, " ".join(cells), encoding=self._encoding.name.upper())
            )
        count = len(cells)
        if count != shape.width:
            if count > shape.width and not any(map(str.strip, cells[shape.width :])):
                cells = cells[: shape.width]
            elif shape.least <= count < shape.width:
                cells = cells + [""] * (shape.width - count)
            else:
                found = problem("ragged_row", None, shape.separator.join(cells), found=count, expected=shape.width)
                return RawRow(number, headers, cells, found)
        if cells[self._leftovers.lead] in self._leftovers.leads and self._leftovers.is_header(cells):
            return RawRow(number, headers, cells, problem("repeated_header", None, shape.separator.join(cells)))
        return RawRow(number, headers, cells)

    def _salvaged(self, number: int, error: Exception) -> RawRow:
        """The row at which the parser failed; lines taken beyond the first are read again as rows of their own."""
        taken = list(self._feed.taken)
        first = taken[0].rstrip("\r\n")
        self._feed.give_back(1)
        if isinstance(error, LineTooLongError) and len(taken) == 1:
            found = problem("row_too_long", None, first, limit=self._options.max_row_chars)
        elif len(taken) > 1 or "unexpected end" in str(error):
            found = problem("unclosed_quote", None, first)
        else:
            taken = [_LINK.sub(lambda link: link["text"], line) for line in taken]
            linked = taken[0].rstrip("\r\n") != first
            cells = next(csv.reader(taken, delimiter=self._shape.separator))
            row = self._checked(number, self._unwrapped(cells))
            return row if row.rejected or linked else row._replace(warning=problem("quotes_repaired", None, first))
        return RawRow(number, self._shape.heading.headers, [unmarked(first)], found)


def _is_even(rows: Sequence[list[str] | None]) -> bool:
    """Whether all rows that are not blank have as many cells, and more than one."""
    counts = {len(row) if row else 0 for row in rows if row != []}
    return len(counts) == 1 and min(counts) > 1


def _unevenly_separated(name: str) -> InputError:
    marks = " ".join(RARE_SEPARATORS)
    return InputError(
        f"{name}: its cells seem to be separated by one of {marks}, but its lines have different numbers of them; "
        "save it as CSV with commas, each text in quotes, or as .xlsx",
        f"{name}：单元格似乎以 {marks} 之一分隔，但各行的单元格数不同；请另存为逗号分隔的 CSV（文本加引号）或 .xlsx",
        code="no_header",
    )


def _shaped(separator: str, heading: Heading) -> _Shape:
    named = [position for position, header in enumerate(heading.headers, start=1) if header.strip()]
    return _Shape(separator, heading, named[-1])


def _parse_leniently(lines: list[str], separator: str, count: int) -> list[list[str] | None]:
    """The first rows; ``None`` for one of more cells than any table has."""
    rows: list[list[str] | None] = []
    parser = csv.reader(lines, delimiter=separator)
    while len(rows) < count:
        try:
            row = next(parser)
            rows.append(row if len(row) <= MAX_COLUMNS else None)
        except StopIteration:
            break
        except csv.Error:
            rows.append([])
    return rows


def _joined(cells: list[str], separator: str) -> list[str]:
    """The cells, with the pieces of ``="a,b"`` put together."""
    whole: list[str] = []
    for cell in cells:
        if whole and whole[-1][:2] == '="' and (len(whole[-1]) < 3 or whole[-1][-1] != '"'):
            whole[-1] += separator + cell
        else:
            whole.append(cell)
    return whole
