"""Cursors of lists that only grow: the number of the last line that was given out."""

from __future__ import annotations

from app.errors import FieldError, InputError


def number_of(cursor: str | None) -> int:
    """The number that a cursor stands for; 0 for none.

    Raises:
        InputError: it is none that was given out.
    """
    number = 0 if cursor is None else int(cursor) if cursor.isascii() and cursor.isdigit() else -1
    if not 0 <= number < 2**63:
        wrong = FieldError("cursor", "none that was given out", "无效的游标")
        raise InputError("Cannot use the cursor.", "游标无效。", fields=(wrong,))
    return number
