"""CSV and TSV: quoted line breaks, the separator sniffed, damaged rows reported without losing those after them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from app.ingest.headings.heading import HeaderSearch, Heading
from app.ingest.outcomes import IngestOptions, RawRow, SheetRead
from app.ingest.problems import problem
from app.ingest.tables.encodings import Encoding, unmarked
from app.ingest.tables.grids import Table
from app.ingest.tables.leftovers import TOTALS, Leftovers
from app.ingest.tables.monsters import MAX_COLUMNS, MonsterError
from app.ingest.tables.streams import LineFeed, LineTooLongError
from app.ingest.tables.wrapping import STARTS, unwrapped

SEPARATORS = {"csv": (",", ";", "\t"), "tsv": ("\t", ",", ";")}
"""What may separate cells, the likeliest first. A full-width comma is text."""

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
        self._sheet = SheetRead(header_rows=self._shape.heading.all_rows)
        self.tables = self.all_tables = [Table(self._sheet, self._shape.heading)]
        headers = self._shape.heading.headers
        plan = search.plan(headers)
        self._leftovers = Leftovers(headers, frozenset(place for places in plan.fields.values() for place in places))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _find_shape(self, separators: Sequence[str], search: HeaderSearch) -> _Shape:
        lines = self._head()
        candidates = []
        wide = False
        for separator in separators:
            rows = _parse_leniently(lines, separator, self._options.header_search_rows)
            wide = wide or None in rows
            candidates.append((separator, search.best([row or [] for row in rows])))
        separator, heading = max(candidates, key=lambda candidate: candidate[1].recognised)
        if wide and not heading.recognised:
            raise MonsterError(f"a row has more than {MAX_COLUMNS:,} columns", f"一行超过 {MAX_COLUMNS:,} 列")
        search.require(heading)
        named = [position for position, header in enumerate(heading.headers, start=1) if header.strip()]
        return _Shape(separator, heading, named[-1])

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
        shape = self._shape
        feed = self._feed
        leftovers, skipped = self._leftovers, self._sheet.skipped
        few, sound = leftovers.few, self._encoding.sound
        headers, width = shape.heading.headers, shape.width
        lead, leads = leftovers.lead, leftovers.leads
        parser = csv.reader(feed, delimiter=shape.separator, strict=True)
        number = 0
        header_row = shape.heading.row
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
            if len(cells) - cells.count("") <= few or leftovers.near > 0 or cells[0] in TOTALS:
                found = leftovers.kind(cells)
                if found:
                    skipped[found] += 1
                    continue
            if sound and len(cells) == width and cells[lead] not in leads:
                yield RawRow(number, headers, cells)
            else:
                yield self._checked(number, cells)

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
