"""Single cells to values: texts, levels of maturity, and what may stand in ``extra``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from unicodedata import normalize

_MATURITY = re.compile(r"(?:TRL|第|LEVEL)?\s*-?\s*([1-9])(?:\.0)?\s*(?:级|級|LEVEL)?", re.IGNORECASE)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CHINESE_DIGITS = str.maketrans("一二三四五六七八九", "123456789")


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
