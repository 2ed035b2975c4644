"""JSON Lines: one object a line, whose keys are the headers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from app.errors import InputError
from app.ingest.headings.heading import HeaderSearch, Heading
from app.ingest.outcomes import IngestOptions, RawRow, SheetRead
from app.ingest.problems import problem
from app.ingest.tables.encodings import Encoding, unmarked
from app.ingest.tables.grids import Table
from app.ingest.tables.monsters import MAX_COLUMNS
from app.ingest.tables.streams import LineFeed, LineTooLongError

_BOM = "\ufeff"
_MAX_DEPTH = 40
"""Lists and objects in one another; a record has a few."""

_NESTING = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')

_TYPE_NAMES = {
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


class JsonRows:
    """The rows of a JSON Lines file.

    Args:
        stream: the decoded text; owned and closed by this object.
        search: what the keys must provide.
        options: what a row may hold.
        encoding: the verdict on the file, to find rows that it does not fit.

    Raises:
        InputError: the rows read ahead have no keys that are known, or the file is one JSON array.
    """

    def __init__(self, stream: TextIO, search: HeaderSearch, options: IngestOptions, encoding: Encoding) -> None:
        self._stream = stream
        self._options = options
        self._encoding = encoding
        self._feed = LineFeed(stream, options.max_row_chars)
        # NaN and Infinity are no JSON; they stand for missing numbers.
        self._decode = json.JSONDecoder(parse_constant=lambda _: None).decode
        self._rows = self._read()
        self._ahead: list[RawRow] = []
        self.tables = self.all_tables = [Table(SheetRead(), self._learn_keys(search))]

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def rows(self) -> Iterator[RawRow]:
        """The rows, blank lines left out; a row's number is its line's."""
        ahead, self._ahead = self._ahead, []
        yield from ahead
        del ahead
        yield from self._rows

    def _learn_keys(self, search: HeaderSearch) -> Heading:
        keys: dict[str, None] = {}
        size = 0
        for row in self._rows:
            self._ahead.append(row)
            if row.rejected is None:
                keys.update(dict.fromkeys(row.headers))
            size += sum(len(cell) for cell in row.cells if isinstance(cell, str))
            # Reading ahead is bounded in characters as well: a thousand rows may be a thousand books.
            if len(self._ahead) >= self._options.sample_rows or size > self._options.max_row_chars:
                break
        self._refuse_array(search.name, alone=not keys)
        if not keys:
            raise InputError(
                f"{search.name}: none of the first {len(self._ahead)} lines is a JSON object; write one object a line",
                f"{search.name}：前 {len(self._ahead)} 行均不是 JSON 对象，请每行写一个对象",
                code="no_header",
            )
        heading = search.best([tuple(keys)])
        search.require(heading)
        return Heading(0, heading.headers, heading.recognised)

    def _refuse_array(self, name: str, *, alone: bool) -> None:
        """Refuse one array over the whole file. A list in one line among objects is that line's mistake."""
        first = self._ahead[0].rejected if self._ahead else None
        if first is not None and (first.value == "[" or (alone and first.value.startswith("["))):
            raise InputError(
                f"{name}: the file is one JSON array; write one object per line (jq -c '.[]' does it)",
                f"{name}：文件是一个 JSON 数组，请改为每行一个对象（可用 jq -c '.[]' 转换）",
                code="json_array",
            )

    def _read(self) -> Iterator[RawRow]:
        number = 0
        feed = self._feed
        while True:
            number += 1
            feed.begin()
            try:
                line = next(feed)
            except StopIteration:
                return
            except LineTooLongError:
                found = problem("row_too_long", None, feed.taken[0], limit=self._options.max_row_chars)
                yield RawRow(number, (), (), found)
                continue
            if not line.isspace():
                yield self._parsed(number, line)

    def _parsed(self, number: int, line: str) -> RawRow:
        if not self._encoding.sound and (code := self._encoding.misread(line)):
            return _unusable(number, line, code, encoding=self._encoding.name.upper())
        try:
            # A byte order mark inside the file is left where two files were joined.
            value = self._decode(line.strip().lstrip(_BOM))
        except json.JSONDecodeError as error:
            return _unusable(number, line, "bad_json", detail=f"{error.msg}, column {error.colno}")
        except RecursionError:
            return _unusable(number, line, "bad_json", detail="nested too deeply")
        except ValueError:
            return _unusable(number, line, "bad_json", detail="a number has too many digits")
        if line.count("[") + line.count("{") > _MAX_DEPTH and _depth(line) > _MAX_DEPTH:
            return _unusable(number, line, "bad_json", detail="nested too deeply")
        if not isinstance(value, dict):
            return _unusable(number, line, "not_an_object", found=_TYPE_NAMES[type(value)])
        if len(value) > MAX_COLUMNS:
            return _unusable(number, line, "too_many_fields", found=len(value), limit=MAX_COLUMNS)
        return RawRow(number, tuple(value), tuple(value.values()))


def _depth(line: str) -> int:
    """How deep a line that is valid JSON nests."""
    depth = deepest = 0
    for token in _NESTING.finditer(line):
        mark = token[0][0]
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest


def _unusable(number: int, line: str, code: str, **facts: Any) -> RawRow:  # noqa: ANN401 - facts fill templates
    text = unmarked(line.strip().lstrip(_BOM))
    return RawRow(number, ("line",), (text,), problem(code, None, text, **facts))
