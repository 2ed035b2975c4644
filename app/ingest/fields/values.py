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

_TIME = r"(?:[T\s]\s*\d{1,2}[:时]\d{1,2}.{0,24})?"
_DATE = re.compile(
    r"(?P<year>(?:1[89]|2[01])\d\d)\s*[-/.年년]\s*(?P<month>\d{1,2})\s*[-/.月월]\s*(?P<day>\d{1,2})\s*[日号號일.]?"
    + _TIME
)
_PACKED_DATE = re.compile(r"(?P<year>(?:1[89]|2[01])\d\d)(?P<month>\d\d)(?P<day>\d\d)" + _TIME)
# Years of the Republic of China count from 1912.
_REPUBLIC_DATE = re.compile(
    r"(?:中華|中华)?民[國国]\s*(?P<year>\d{1,3})\s*年\s*(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*日?"
)
_MONTHS = {
    name: month
    for month, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}
_ENGLISH_DATE = re.compile(
    rf"(?:(?P<month>(?:{'|'.join(_MONTHS)})[a-z]*)\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>(?:1[89]|2[01])\d\d)"
    rf"|(?P<day2>\d{{1,2}})[\s-](?P<month2>(?:{'|'.join(_MONTHS)})[a-z]*)\.?[\s,-]\s*(?P<year2>(?:1[89]|2[01])\d\d))"
    + _TIME,
    re.IGNORECASE,
)
_MATURITY = re.compile(r"(?:TRL|第|LEVEL)?\s*-?\s*([1-9])(?:\.0)?\s*(?:级|級|LEVEL)?", re.IGNORECASE)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CHINESE_DIGITS = str.maketrans("一二三四五六七八九", "123456789")

_SERIAL_DAY_ZERO = date(1899, 12, 30)
_SERIALS = range(10_000, 80_000)
"""Spreadsheet day numbers of 1927 to 2119; other numbers in a date column are no dates."""
_SERIAL_DIGITS = 5


def as_text(value: Any) -> str | None:  # noqa: ANN401 - a cell may be anything
    """A cell as text, ``None`` for objects that have none. Whole floats lose their ``.0``: spreadsheets add it."""
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
    """A cell as a date: a date, a spreadsheet's day number, or text of any usual form that leaves no doubt."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if isinstance(value, float) and math.isfinite(value) and int(value) in _SERIALS:
            return _of_serial(int(value))  # the fraction is a time of day
        value = as_text(value)
    return _date_of_text(value) if isinstance(value, str) else None


@lru_cache(maxsize=32768)
def _date_of_text(text: str) -> date | None:
    text = normalize("NFKC", text).strip()
    if match := _DATE.fullmatch(text) or _PACKED_DATE.fullmatch(text):
        year, month, day = (int(match[part]) for part in ("year", "month", "day"))
    elif match := _REPUBLIC_DATE.fullmatch(text):
        year, month, day = int(match["year"]) + 1911, int(match["month"]), int(match["day"])
    elif match := _ENGLISH_DATE.fullmatch(text):
        year, day = int(match["year"] or match["year2"]), int(match["day"] or match["day2"])
        month = _MONTHS[(match["month"] or match["month2"])[:3].lower()]
    elif len(text) == _SERIAL_DIGITS and text.isascii() and text.isdigit() and int(text) in _SERIALS:
        return _of_serial(int(text))
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _of_serial(days: int) -> date:
    return _SERIAL_DAY_ZERO + timedelta(days=days)


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
