"""Compound files of Microsoft: what one holds, and a quick walk over an old workbook (.xls) before it is loaded.

Chains of sectors in a damaged file may run in circles and cells may claim to be anywhere; the reader of workbooks
trusts both. Here they are checked first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from app.ingest.tables.monsters import check_rectangle
from app.ingest.tables.sheetxml import Shape

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_FREE = 0xFFFFFFFA
"""Sector numbers from here on are marks."""
_END = 0xFFFFFFFE
_ENTRY_BYTES = 128
_MINI_SECTOR = 64
_MINI_LIMIT = 4096

_BOF, _EOF, _DIMENSIONS, _ROW, _SHEET, _PASSWORD = 0x0809, 0x000A, 0x0200, 0x0208, 0x0085, 0x002F
_CELLS = frozenset((0x0203, 0x0204, 0x00D6, 0x0205, 0x027E, 0x00FD, 0x0006))
_MULTIPLE = 0x00BD
_HIDDEN_ROW = 0x20
_PAIR = struct.Struct("<HH").unpack_from


class DamagedError(ValueError):
    """The file is no compound file, or its chains do not hold together."""


class Compound:
    """The streams of a compound file.

    Args:
        stream: a seekable file.

    Raises:
        DamagedError: it is none.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        stream.seek(0, 2)
        self._size = stream.tell()
        stream.seek(0)
        head = stream.read(512)
        if len(head) < 512 or not head.startswith(MAGIC):
            raise DamagedError
        shift = struct.unpack_from("<H", head, 30)[0]
        if shift not in (9, 12) or struct.unpack_from("<H", head, 32)[0] != 6:
            raise DamagedError
        self._sector = 1 << shift
        self._count = self._size // self._sector + 1
        fat_len, directory = struct.unpack_from("<I", head, 44)[0], struct.unpack_from("<I", head, 48)[0]
        mini_start, mini_len, more, more_len = struct.unpack_from("<IIII", head, 60)
        if fat_len > self._count or mini_len > self._count or more_len > self._count:
            raise DamagedError
        self._fat = self._table(self._fat_sectors(head, more))
        entries = b"".join(self._chain(directory, self._fat))
        self.entries = dict(self._named(entries))
        self._mini = b""
        self._mini_fat: list[int] = []
        if mini_len:
            root = next(iter(self.entries.values()), (0, 0))
            self._mini_fat = self._table(self._places(mini_start, self._fat))
            self._mini = b"".join(self._chain(root[0], self._fat))[: root[1]]

    def read(self, name: str) -> bytes:
        """A stream's content.

        Raises:
            DamagedError: its chain does not hold together.
            KeyError: there is no such stream.
        """
        start, size = self.entries[name]
        if size > self._size:
            raise DamagedError
        if size >= _MINI_LIMIT:
            return b"".join(self._chain(start, self._fat))[:size]
        parts = [self._mini[at * _MINI_SECTOR : (at + 1) * _MINI_SECTOR] for at in self._places(start, self._mini_fat)]
        return b"".join(parts)[:size]

    def _fat_sectors(self, head: bytes, more: int) -> list[int]:
        places = [place for place in struct.unpack_from("<109I", head, 76) if place < _FREE]
        seen: set[int] = set()
        while more < _FREE:
            if more in seen or more > self._count:
                raise DamagedError
            seen.add(more)
            numbers = struct.unpack(f"<{self._sector // 4}I", self._read_sector(more).ljust(self._sector, b"\xff"))
            places.extend(place for place in numbers[:-1] if place < _FREE)
            more = numbers[-1]
        return places

    def _table(self, sectors: list[int]) -> list[int]:
        table: list[int] = []
        for sector in sectors:
            table.extend(
                struct.unpack(f"<{self._sector // 4}I", self._read_sector(sector).ljust(self._sector, b"\xff"))
            )
        return table

    def _places(self, start: int, table: list[int]) -> list[int]:
        places: list[int] = []
        while start != _END:
            if start >= len(table) or len(places) > len(table):
                raise DamagedError
            places.append(start)
            start = table[start]
        return places

    def _chain(self, start: int, table: list[int]) -> Iterator[bytes]:
        return (self._read_sector(place) for place in self._places(start, table))

    def _read_sector(self, place: int) -> bytes:
        if place > self._count:
            raise DamagedError
        self._stream.seek((place + 1) * self._sector)
        return self._stream.read(self._sector)

    @staticmethod
    def _named(entries: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
        for at in range(0, len(entries) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
            entry = entries[at : at + _ENTRY_BYTES]
            name = entry[:64].decode("utf-16-le", "replace").split("\0")[0]
            if name:
                yield name, struct.unpack_from("<II", entry, 116)


def workbook_stream(book: Compound) -> bytes | None:
    """The stream of an old workbook; ``None`` where the file is something else."""
    for name in ("Workbook", "Book", "WORKBOOK", "BOOK"):
        if name in book.entries:
            return book.read(name)
    return None


def scan_workbook(stream: bytes) -> tuple[list[Shape], bool]:
    """The shapes of an old workbook's sheets in the order of their places in its list, and whether it has a password.

    Raises:
        MonsterError: a sheet would not fit in memory.
        DamagedError: the records do not hold together.
    """
    places: list[int] = []
    at, size = 0, len(stream)
    while at + 4 <= size:
        kind, length = struct.unpack_from("<HH", stream, at)
        body = at + 4
        if kind == _PASSWORD and stream[body : body + 2] != b"\0\0":
            return [], True
        if kind == _SHEET and length >= 4:
            places.append(struct.unpack_from("<I", stream, body)[0])
        at = body + length
        if kind == _EOF:
            break
    return [_sheet_shape(stream, place) for place in places], False


def _sheet_shape(stream: bytes, at: int) -> Shape:
    shape = Shape()
    size, depth, began = len(stream), 0, False
    while at + 4 <= size:
        kind, length = _PAIR(stream, at)
        body = at + 4
        at = body + length
        if at > size:
            raise DamagedError
        if kind == _BOF:
            depth += began
            began = True
        elif kind == _EOF:
            if not depth:
                break
            depth -= 1
        elif not depth and length >= 4:
            _take(shape, kind, stream[body:at])
    check_rectangle(shape.rows, shape.columns, shape.filled, None)
    return shape


def _take(shape: Shape, kind: int, record: bytes) -> None:
    if kind in _CELLS:
        row, column = _PAIR(record)
        _add(shape, row, column, column)
    elif kind == _MULTIPLE and len(record) >= 6:
        row, column = _PAIR(record)
        _add(shape, row, column, max(column, struct.unpack_from("<H", record, len(record) - 2)[0]))
    elif kind == _ROW and len(record) >= 16 and record[12] & _HIDDEN_ROW:
        shape.hidden_rows.add(_PAIR(record)[0] + 1)
    elif kind == _DIMENSIONS:
        _check_dimensions(record)


def _add(shape: Shape, row: int, first: int, last: int) -> None:
    shape.filled += last - first + 1
    if row >= shape.rows:
        shape.rows = row + 1
    if last >= shape.columns:
        shape.columns = last + 1


def _check_dimensions(record: bytes) -> None:
    """Check the size that a sheet promises: the reader makes room for it at once."""
    if len(record) >= 14:
        first, last, left, right = struct.unpack_from("<IIHH", record)
    elif len(record) >= 10:
        first, last, left, right = struct.unpack_from("<HHHH", record)
    else:
        raise DamagedError
    if not last or not right:
        return  # an empty sheet
    left = 0 if left > 0xFF or right < left else left
    if last <= first or right <= left:
        raise DamagedError
    rows, columns = last - first, right - left
    check_rectangle(last, right, max(rows * columns // 4, 1), None)
