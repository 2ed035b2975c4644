"""Values that a spreadsheet program shows as they are: never run, never rounded, never refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from unicodedata import east_asian_width
from urllib.parse import quote, urlsplit

MOST_CELL_UNITS = 32_767
"""UTF-16 units of a cell that Excel keeps."""
MOST_SHEET_NAME_UNITS = 31
"""The same of a sheet's name."""
MOST_ADDRESS_CHARS = 2_000
"""Characters of a link; Excel follows 2,079."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What XML 1.0 cannot hold, and C1 controls, which nobody can see.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LONE = re.compile("[\ud800-\udfff\ufffe\uffff]")
_UNFIT_IN_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")
_SEPARATORS = re.compile(r"[\W_]+")
_LINK_HEADERS = frozenset((
    "链接", "专利链接", "详情链接", "原文链接", "全文链接", "网址", "网页链接", "链接地址", "详情页", "超链接", "鏈接",
    "連結", "url", "link", "weblink", "permalink", "patentlink", "sourceurl", "resultlink", "externalurl", "patenturl",
    "documenturl", "espacenetlink", "dwpilink", "링크",
))  # fmt: skip
"""Headers under which sources give the page of a record, without what separates words."""
_RESERVED_NAMES = ("history",)
_CUT = "…"


def inert(cell: str) -> str:
    """``cell`` so that a spreadsheet program that opens a CSV file shows it and never runs it as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) or cell.lstrip().startswith(_FORMULA_STARTS) else cell


def fitting(text: str) -> str:
    """``text`` as a cell of a workbook holds it: without control characters, and cut where it is too long."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _UNFIT.search(text):
        text = _UNFIT.sub("", _LONE.sub("\ufffd", text))
    return text if 2 * len(text) <= MOST_CELL_UNITS else _cut(text, MOST_CELL_UNITS)


def _cut(text: str, units: int) -> str:
    """``text`` within so many UTF-16 units; the last character says where something was cut."""
    encoded = text.encode("utf-16-le")
    if len(encoded) <= 2 * units:
        return text
    return encoded[: 2 * (units - len(_CUT))].decode("utf-16-le", "ignore") + _CUT


def display_width(text: str) -> int:
    """Columns of the longest line of ``text``; a Chinese character takes two."""
    if text.isascii():
        return max(map(len, text.split("\n")))
    return max(sum(2 if east_asian_width(char) in "WFA" else 1 for char in line) for line in text.split("\n"))


def lines_of(text: str, width: float) -> int:
    """Lines that ``text`` takes in a column of this width, a little more rather than less."""
    if not text:
        return 1
    # A word that does not fit leaves the end of its line empty.
    return sum(1 + int(display_width(line) // (0.93 * width)) for line in text.split("\n"))


def sheet_name(wanted: str, taken: Iterable[str]) -> str:
    """A name that Excel allows for a sheet, as near to ``wanted`` as may be, and another than those ``taken``.

    Args:
        wanted: any text.
        taken: names in use; Excel takes two that differ in case alone for one.
    """
    base = " ".join(_UNFIT_IN_NAME.sub(" ", wanted).split()).strip("'") or "Sheet"
    if base.casefold() in _RESERVED_NAMES:
        base = f"{base} 1"
    used = {name.casefold() for name in taken}
    name, copy = _cut(base, MOST_SHEET_NAME_UNITS), 1
    while name.casefold() in used:
        copy += 1
        mark = f" ({copy})"
        name = _cut(base, MOST_SHEET_NAME_UNITS - len(mark)) + mark
    return name


def web_address(text: object) -> str | None:
    """``text`` where it is an address that a link may lead to: of the web, whole, without spaces."""
    if not isinstance(text, str) or len(text) > MOST_ADDRESS_CHARS or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.netloc else None


def link_of(record_id: str, extra: Mapping[str, object], template: str | None) -> str | None:
    """The address of a record's page: by the deployment's template, else the one that its source gave.

    Args:
        record_id: of the record.
        extra: columns of its source beyond our fields.
        template: see `address_of`; ``None`` where there is none.
    """
    if template is not None:
        return address_of(template, record_id)
    for header, value in extra.items():
        if _SEPARATORS.sub("", header.casefold()) in _LINK_HEADERS and (address := web_address(value)) is not None:
            return address
    return None


def address_of(template: str, record_id: str) -> str:
    """The address of a record by a deployment's template: its id in the place of ``{id}``, else at the end."""
    place = "{id}" if "{id}" in template else ""
    return template.replace(place, quote(record_id, safe="")) if place else template + quote(record_id, safe="")
