"""Single cells to values: texts, dates, levels of maturity, and what may stand in ``extra``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from unicodedata import normalize

_DATE = re.compile(
    r"(?P<year>(?:1[89]|2[01])\d\d)(?:\s*[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})\s*[日号]?|(?P<packed>\d{4}))"
    r"(?:[T\s]\s*\d{1,2}[:时]\d{1,2}.{0,24})?",
)
_MATURITY = re.compile(r"(?:TRL|第|LEVEL)?\s*-?\s*([1-9])(?:\.0)?\s*(?:级|級|LEVEL)?", re.IGNORECASE)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CHINESE_DIGITS = str.maketrans("一二三四五六七八九", "123456789")

_SERIAL_DAY_ZERO = date(1899, 12, 30)
_SERIALS = range(10_000, 80_000)
"""Spreadsheet day numbers of 1927 to 2119; other numbers in a date column are no dates."""


def as_text(value: Any) -> str | None:  # noqa: ANN401 - a cell may be anything
    """A cell as text, ``None`` for objects that have no plain text. Whole floats lose their ``.0``: spreadsheets add it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, (int, Decimal)):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        parts = [as_text(part) for part in value if part is not None]
        return None if None in parts else "\n".join(part for part in parts if part)
    return None


def as_date(value: Any) -> date | None:  # noqa: ANN401
    """A cell as a date: a date, a spreadsheet's day number, or text of any usual form with the year first."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value in _SERIALS:
            return _SERIAL_DAY_ZERO + timedelta(days=int(value))
        value = as_text(value)
    return _date_of_text(value) if isinstance(value, str) else None


@lru_cache(maxsize=32768)
def _date_of_text(text: str) -> date | None:
    match = _DATE.fullmatch(normalize("NFKC", text).strip())
    if match is None:
        return None
    packed = match["packed"]
    month, day = (packed[:2], packed[2:]) if packed else (match["month"], match["day"])
    try:
        return date(int(match["year"]), int(month), int(day))
    except ValueError:
        return None


def as_maturity(value: Any) -> int | None:  # noqa: ANN401
    """A cell as a technology readiness level, 1 to 9: ``5``, ``TRL 5``, ``5级``, ``五级``."""
    text = as_text(value)
    if text is None:
        return None
    match = _MATURITY.fullmatch(normalize("NFKC", text).strip().translate(_CHINESE_DIGITS))
    return int(match[1]) if match else None


def json_safe(value: Any) -> Any:  # noqa: ANN401
    """``value`` as JSON can hold it: dates as text, no NaN, no lone surrogates, keys as text."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return value if value.isascii() else _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(json_safe(str(key))): json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [json_safe(item) for item in value]
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
