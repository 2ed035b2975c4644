"""A quick walk over a sheet of a binary workbook (.xlsb) before it is loaded."""

from __future__ import annotations

import struct
from typing import IO

from app.ingest.tables.monsters import MAX_FIELD_BYTES, MAX_ROWS, MonsterError, check_rectangle
from app.ingest.tables.sheetxml import Shape

_ROW = 0
_CELLS = range(2, 12)


def scan_binary_sheet(stream: IO[bytes]) -> Shape:
    """The shape of a sheet.

    Raises:
        MonsterError: it would not fit in memory.
        EOFError: it is cut off.
    """
    shape = Shape()
    row = 0
    while (kind := _number(stream, 2)) is not None:
        length = _number(stream, 4)
        if length is None:
            raise EOFError
        if length > MAX_FIELD_BYTES:
            raise MonsterError("one of its cells has more than 16 MB", "有单元格内容超过 16 MB")
        body = stream.read(length)
        if len(body) < length:
            raise EOFError
        if kind == _ROW and length >= 4:
            row = struct.unpack_from("<I", body)[0] + 1
            if row > MAX_ROWS:
                check_rectangle(row, 1, 1, None)
        elif kind in _CELLS and length >= 4:
            column = struct.unpack_from("<I", body)[0] + 1
            shape.filled += 1
            shape.rows = max(shape.rows, row)
            if column > shape.columns:
                shape.columns = column
                check_rectangle(1, column, 1, None)
    check_rectangle(shape.rows, shape.columns, shape.filled, None)
    return shape


def _number(stream: IO[bytes], most: int) -> int | None:
    """A number of seven bits a byte, of at most ``most`` bytes; ``None`` at the end."""
    number = 0
    for place in range(most):
        byte = stream.read(1)
        if not byte:
            return None
        number |= (byte[0] & 0x7F) << (7 * place)
        if not byte[0] & 0x80:
            break
    return number
