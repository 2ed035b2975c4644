"""A quick walk over the XML of a workbook before it is loaded.

The reader of workbooks loads a sheet as one rectangle and a text once for each cell that shows it; what would not fit
in memory is found here and refused. The same walk tells which rows are hidden and which cells are merged.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any
from xml.parsers.expat import ParserCreate, XMLParserType

from app.ingest.tables.grids import Merge
from app.ingest.tables.monsters import (
    FREE_TEXT_BYTES,
    MAX_COLUMNS,
    MAX_FIELD_BYTES,
    MAX_MERGES,
    MAX_ROWS,
    MAX_SHEET_BYTES,
    MAX_TEXT_BYTES,
    MAX_TEXT_COPIES,
    MonsterError,
    check_rectangle,
)
from app.ingest.tables.wrapping import constant

_CHUNK = 1 << 20
_LONGEST_TAG = 64
_DIGITS = "0123456789"
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?\Z")
_ITEM = re.compile(rb"<(?:\w+:)?si\b")
_SHARED = re.compile(rb"""t=["']s["'][^>]*>\s*<(?:\w+:)?v>(\d+)<""")
_SUPERSCRIPT = b"superscript"
_UNIQUE = re.compile(rb"uniqueCount\s*=\s*[\"'](\d+)")


@dataclass(slots=True)
class Shape:
    """What a sheet spans and holds.

    Attributes:
        rows: the last row with a filled cell, from 1; ``columns`` likewise.
        filled: cells with a value.
        shared: of them, those that show a text of the workbook's table.
        constants: row from 1 -> column from 0 -> what a formula such as ``="9133"`` shows there. Programs other than
            spreadsheets write formulas without their values.
        uncalculated: other formulas without a value.
        powers: text as the reader gives it -> with its superscripts, of the whole workbook.
    """

    name: str | None = None
    rows: int = 0
    columns: int = 0
    filled: int = 0
    shared: int = 0
    hidden_rows: set[int] = field(default_factory=set)
    merges: list[Merge] = field(default_factory=list)
    constants: dict[int, dict[int, str]] = field(default_factory=dict)
    uncalculated: int = 0
    powers: dict[str, str] = field(default_factory=dict)


def refuse_doctype(*_: Any) -> None:  # noqa: ANN401 - expat hands over names
    """Refuse a document type: no workbook has one, and its entities may grow without bound.

    Raises:
        MonsterError: always.
    """
    raise MonsterError(
        "its XML defines entities of its own, which no table needs", "其 XML 自定义了实体，正常的数据表不会如此"
    )


def feed_all(
    stream: IO[bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None] | None = None,
    ready: Callable[[XMLParserType], None] | None = None,
) -> None:
    """Parse XML in pieces, without document types.

    Args:
        stream: the XML.
        start: is told of each tag.
        end: of the end of each.
        text: of what stands between.
        ready: gets the parser, to ask for texts only where they matter.

    Raises:
        MonsterError: there is a document type, or a text or a tag is too long.
        ExpatError: it is no XML.
    """
    parser = ParserCreate()
    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    if ready is not None:
        ready(parser)
    fields = _LongFields()
    while chunk := stream.read(_CHUNK):
        fields.look_at(chunk)
        parser.Parse(chunk, False)
    parser.Parse(b"", True)


class _LongFields:
    """Finds texts and tags that are longer than any cell."""

    def __init__(self) -> None:
        self._run = 0
        self._total = 0

    def look_at(self, chunk: bytes) -> None:
        self._total += len(chunk)
        if self._total > MAX_SHEET_BYTES:
            raise MonsterError("a sheet has more than 2 GB of XML", "工作表的 XML 超过 2 GB")
        self._run = len(chunk) - 1 - chunk.rfind(b"<") if b"<" in chunk else self._run + len(chunk)
        if self._run > MAX_FIELD_BYTES:
            raise MonsterError("one of its cells has more than 16 MB", "有单元格内容超过 16 MB")


def scan_sheet(stream: IO[bytes], name: str) -> Shape:
    """Walk over the XML of a sheet of an .xlsx workbook.

    Raises:
        MonsterError: it would not fit in memory.
        ExpatError: it is no XML.
    """
    walk = _SheetWalk(name)
    feed_all(stream, walk.start, walk.end, ready=walk.ready)
    walk.settle()
    return walk.shape


class _SheetWalk:
    def __init__(self, name: str) -> None:
        self.shape = Shape(name)
        self._row = 0
        self._row_text = ""
        self._column = 0
        self._letters: dict[str, int] = {}
        self._looking = False  # whether the current cell is yet to show a value
        self._is_shared = False
        self._heard: list[str] | None = None
        self._calculates = self._is_text = False
        self._locals: dict[str, str] = {}
        self._next_check = 1 << 16

    def ready(self, parser: XMLParserType) -> None:
        """Take the parser, which is asked for the texts of formulas alone."""
        self._parser = parser

    def start(self, tag: str, given: dict[str, str]) -> None:
        name = self._locals.get(tag)
        if name is None:
            name = self._locals[tag] = tag.rpartition(":")[2]
        if name == "c":
            self._begin_cell(given)
        elif self._looking and (name == "v" or name == "is"):
            self._looking = False
            self._fill()
            if self._calculates and not self._is_text:
                self._listen()
        elif name == "row":
            self._begin_row(given)
        elif name == "f":
            self._listen()
        elif name == "mergeCell":
            self._merge(given.get("ref", ""))

    def _listen(self) -> None:
        self._heard = []
        self._parser.CharacterDataHandler = self._heard.append

    def end(self, tag: str) -> None:
        name = self._locals.get(tag)
        if name == "c":
            self.shape.uncalculated += self._calculates and self._looking
            self._looking = self._calculates = False
        elif self._heard is not None and (name == "f" or name == "v"):
            self._parser.CharacterDataHandler = None
            heard, self._heard = "".join(self._heard), None
            if name == "f":
                self._end_formula(heard)
            else:
                self.shape.uncalculated += not heard

    def _end_formula(self, formula: str) -> None:
        text = constant(formula)
        if text is None:
            self._calculates = True
            return
        if self._looking:
            self._looking = False
            self._fill()
        self.shape.constants.setdefault(self._row, {})[self._column - 1] = text

    def _begin_cell(self, given: dict[str, str]) -> None:
        place = given.get("r")
        if place is None:
            self._column += 1
        else:
            letters = place.rstrip(_DIGITS)
            row_text = place[len(letters) :]
            if row_text != self._row_text:
                self._begin(row_text)
            self._column = self._letters.get(letters) or self._number(letters)
        self._looking = True
        form = given.get("t")
        self._is_shared, self._is_text = form == "s", form == "str"

    def _begin_row(self, given: dict[str, str]) -> None:
        if "r" in given:
            self._begin(given["r"])
        else:
            self._row += 1
            self._row_text = str(self._row)
        self._column = 0
        if given.get("hidden") in ("1", "true"):
            self.shape.hidden_rows.add(self._row)

    def _fill(self) -> None:
        shape = self.shape
        shape.filled += 1
        shape.shared += self._is_shared
        if self._column > shape.columns:
            shape.columns = self._column
            check_rectangle(1, self._column, 1, shape.name)
        if self._row > shape.rows:
            shape.rows = self._row
        if shape.filled == self._next_check:
            self._next_check *= 2
            check_rectangle(1, 1, shape.filled, shape.name)

    def _begin(self, text: str) -> None:
        self._row_text = text
        # Some ten digits are no row of any sheet; int() of a million digits would take its time.
        self._row = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else MAX_ROWS + 1
        if self._row > MAX_ROWS:
            check_rectangle(self._row, 1, 1, self.shape.name)

    def _number(self, letters: str) -> int:
        number = MAX_COLUMNS + 1
        if 0 < len(letters) <= 3:  # XFD is the last
            number = 0
            for letter in letters.upper():
                number = number * 26 + ord(letter) - ord("A") + 1
        if not 0 < number <= MAX_COLUMNS:
            check_rectangle(1, MAX_COLUMNS + 1, 1, self.shape.name)
        self._letters[letters] = number
        return number

    def _merge(self, reference: str) -> None:
        match = _REFERENCE.match(reference)
        if match and match[3] and len(self.shape.merges) < MAX_MERGES:
            left, right = self._letters.get(match[1]) or self._number(match[1]), self._number(match[3])
            self.shape.merges.append(Merge(int(match[2]), int(match[4]), left - 1, right - 1))

    def settle(self) -> None:
        shape = self.shape
        check_rectangle(shape.rows, shape.columns, shape.filled, shape.name)


@dataclass(slots=True)
class Texts:
    """The workbook's table of texts.

    Attributes:
        total: bytes of all.
        longest: bytes of the longest.
        starts: where each begins.
        raised: whether a part of one is a superscript.
    """

    total: int
    longest: int
    starts: array[int]
    raised: bool = False

    @classmethod
    def none(cls) -> Texts:
        """A workbook without such a table."""
        return cls(0, 0, array("q"))


def scan_texts(stream: IO[bytes]) -> Texts:
    """Walk over the table of texts of an .xlsx workbook.

    Raises:
        MonsterError: it would not fit in memory.
    """
    starts = array("q")
    total, base, kept, promised, raised = 0, 0, b"", 0, False
    fields = _LongFields()
    while chunk := stream.read(_CHUNK):
        fields.look_at(chunk)
        if b"<!DOCTYPE" in chunk or b"<!ENTITY" in chunk:
            refuse_doctype()
        if not total and (found := _UNIQUE.search(chunk)):
            promised = int(found[1][:12])
        total += len(chunk)
        text = kept + chunk
        raised = raised or _SUPERSCRIPT in text
        # A tag that may be cut at the end of a piece is looked for again with the next one.
        settled = max(len(text) - _LONGEST_TAG, 0)
        starts.extend(base + match.start() for match in _ITEM.finditer(text) if match.start() < settled)
        base, kept = base + settled, text[settled:]
    starts.extend(base + match.start() for match in _ITEM.finditer(kept))
    if promised > total:
        raise MonsterError("it promises more texts than it has", "声明的文本数量远超实际内容")
    previous, longest = 0, 0
    for start in starts:
        longest = max(longest, start - previous)
        previous = start
    return Texts(total, max(longest, total - previous), starts, raised)


def check_copies(shape: Shape, texts: Texts, open_sheet: Callable[[], IO[bytes]]) -> None:
    """Check how much text the cells of a sheet show in all.

    Raises:
        MonsterError: it would not fit in memory.
    """
    if shape.shared * texts.longest <= FREE_TEXT_BYTES:
        return
    import numpy as np

    ends = np.append(np.frombuffer(texts.starts, dtype=np.int64), texts.total)
    lengths = np.diff(ends)
    total = 0
    limit = min(MAX_TEXT_BYTES, max(FREE_TEXT_BYTES, MAX_TEXT_COPIES * texts.total))
    kept = b""
    with open_sheet() as stream:
        while chunk := stream.read(_CHUNK):
            text = kept + chunk
            cut = text.rfind(b"<c") + 1 or len(text)
            numbers = np.array(_SHARED.findall(text[: cut - 1]), dtype=np.int64)
            kept = text[cut - 1 :]
            total += int(lengths[numbers[numbers < len(lengths)]].sum())
            if total > limit:
                raise MonsterError(
                    f"the sheet {shape.name!r} shows the same long texts over and over: {total >> 20:,} MB and more",
                    f"工作表“{shape.name}”反复引用相同的长文本，总量超过 {total >> 20:,} MB",
                )
