"""CSV and TSV: quoted line breaks, the separator sniffed, damaged rows reported without losing those after them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from app.ingest.headings.heading import HeaderSearch, Heading
from app.ingest.outcomes import IngestOptions, RawRow
from app.ingest.problems import problem
from app.ingest.tables.encodings import Encoding, unmarked
from app.ingest.tables.streams import LineFeed, LineTooLongError

SEPARATORS = {"csv": (",", ";", "\t"), "tsv": ("\t",)}
"""What may separate cells, the likeliest first. A full-width comma is text."""

_HEAD_LINES = 60
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

    @property
    def heading(self) -> Heading:
        """Where the header is and what it says."""
        return self._shape.heading

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _find_shape(self, separators: Sequence[str], search: HeaderSearch) -> _Shape:
        lines = self._head()
        candidates = []
        for separator in separators:
            rows = _parse_leniently(lines, separator, self._options.header_search_rows)
            candidates.append((separator, search.best(rows)))
        separator, heading = max(candidates, key=lambda candidate: candidate[1].recognised)
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
            yield self._checked(number, cells)

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
        if cells[0] == headers[0] and tuple(cells) == headers:
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
            cells = next(csv.reader(taken, delimiter=self._shape.separator))
            row = self._checked(number, cells)
            return row if row.rejected else row._replace(warning=problem("quotes_repaired", None, first))
        return RawRow(number, self._shape.heading.headers, [unmarked(first)], found)


def _parse_leniently(lines: list[str], separator: str, count: int) -> list[list[str]]:
    rows: list[list[str]] = []
    parser = csv.reader(lines, delimiter=separator)
    while len(rows) < count:
        try:
            rows.append(next(parser))
        except StopIteration:
            break
        except csv.Error:
            rows.append([])
    return rows
