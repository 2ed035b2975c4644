"""Cells that Excel's syntax wraps, so that a spreadsheet shows them as text: ``="9133…"``, ``=T("…")``, ``'0123``.

Exports write them to keep long codes from becoming numbers. What is wrapped is what is meant.
"""

from __future__ import annotations

import re

STARTS = frozenset("='\t\ufeff\u200b\u200c\u200d\u2060\u00a0＝")
"""Characters that a wrapped cell begins with; any other cell is taken as it stands, at the cost of one look."""

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00a0\t\r\n "
_MAX_LAYERS = 4

_TEXT = r'"(?P<text>(?:[^"]|"")*)"'
_FORMULAS = tuple(
    re.compile(rf"=\s*{pattern}\s*\Z", re.IGNORECASE)
    for pattern in (
        rf"{_TEXT}",
        rf"T\s*\(\s*{_TEXT}\s*\)",
        rf'HYPERLINK\s*\(\s*"(?:[^"]|"")*"\s*[,;]\s*{_TEXT}\s*\)',
        rf"HYPERLINK\s*\(\s*{_TEXT}\s*\)",
        r"\(?(?P<text>[A-Z0-9]{6,40}|\d+(?:\.\d+)?)\)?",
    )
)
"""A text, ``T``, ``HYPERLINK`` with a text and without one, and a bare code or number behind the sign."""

_AFTER_APOSTROPHE = re.compile(
    r"'(?:[A-Z]{0,4}[-\s]?\d[\w./\-()（） ]*|\s*[=+\-@＝＋－＠].*|[A-Z0-9]{6,}|[\u3400-\u9fff][^']*)\Z", re.DOTALL
)
"""What an apostrophe keeps from being taken for a number or a formula. ``'quoted' text`` is something else."""


def unwrapped(text: str) -> str:
    """``text`` without what keeps a spreadsheet program from reading it as a number or a formula."""
    for _ in range(_MAX_LAYERS):
        inner = _inner(text)
        if inner is None:
            return text
        text = inner
        if not text or text[0] not in STARTS:
            return text
    return text


def constant(formula: str) -> str | None:
    """The text that a formula (without its sign) shows whatever else the sheet holds; ``None`` where it calculates."""
    bare = formula.lstrip()
    if bare[:1] != '"' and bare[:9].upper() != "HYPERLINK" and bare[:1] not in ("T", "t"):
        return None
    inner = _inner("=" + bare)
    return None if inner is None else unwrapped(inner)


def _inner(text: str) -> str | None:
    """What one layer wraps; ``None`` where there is none."""
    bare = text.strip(_INVISIBLE)
    if bare[:1] == "＝":
        bare = "=" + bare[1:]
    if bare[:1] == "=":
        for pattern in _FORMULAS:
            if match := pattern.match(bare):
                return match["text"].replace('""', '"')
        # =""9133…"": a quoted cell that was quoted once more.
        if bare[:3] == '=""' and bare[-2:] == '""' and len(bare) > 4:
            return bare[3:-2]
    elif bare[:1] == "'":
        if _AFTER_APOSTROPHE.match(bare):
            return bare[1:]
    elif text[0] not in "\t\u00a0" and bare != text:
        return bare  # a byte order mark or a character of no width before the text
    return None
