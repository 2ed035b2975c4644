"""Codes as the standards write them: ids of documents, IPC symbols, unified social credit codes."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import mul
from unicodedata import normalize

from app.text.numbers import CREDIT_CODE_CHARS

_ENTRY_SEPARATORS = re.compile(r"[;,|\n\r\t、。]+")
_VERSION = re.compile(
    r"\(\s*(?:19|20)\d\d(?:[.\-]?\d\d){0,2}[.\-]?\s*\)(?:\s*[A-Z]{1,3}(?![A-Z0-9]))?|\[\s*\d{1,4}(?:[.\-]\d{1,2})?\s*\]|\(IPC[^()]{0,10}\)"
    r"|\(\s*[A-Z]{2}(?:\s*,\s*[A-Z]{2}){0,60}\s*\)"  # the offices that gave it
    r"|(?<![\d/])(?:19|20)\d\d(?:\.\d\d|\d{4}[A-Z]{1,3}(?:(?:19|20)\d{6}[A-Z]{0,5})?)(?!\d)"
)
"""Versions and indicators: (2006.01)i, [8], 20100101AFI20200101BHCN of WIPO ST.8, (EP,US)."""
_FACET = re.compile(
    r"(/\d{2,6})(?:\s*,\s*|\s+)(?:\d{3}(?!\d)\s*@?\s*[A-Z]?|[A-Z])(?![\w/])|(/\d{2,6})\s*@\s*[A-Z](?!\w)"
)
"""What FI of Japan has behind a symbol of IPC: H01M10/0567,101@Z."""
_TORN = re.compile(r"([A-H]\d{2}[A-Z])\s{1,20}(?=\d{1,4}\s{0,20}/)|(/)\s{1,20}(?=\d)")
_LABEL = re.compile(
    r"^\s*(?:\(51\)\s*)?(?:(?:INT\.?\s*CL\.?\s*\d?|IPC(?:-?R|\d)?)\s*[:.]?|[\u4e00-\u9fff]{2,8}\s*:)\s*"
)
_SYMBOL = re.compile(r"([A-H]\s?\d{2}\s?[A-Z])[\s\-.:]{0,9}(\d{1,4})\s*/\s*(\d{2,6})(?!\d)")
_GROUP_ONLY = re.compile(r"\s*\d{1,4}\s?/\s?\d{2,6}\s*")
"""What follows a symbol of the same subclass in older lists: A01B 1/00, 3/00."""
_ORDERS = frozenset(("INV", "INV.", "ADV", "ADV."))
_SHORT_SYMBOL = re.compile(r"[A-H]\d{2}(?:[A-Z](?:\d{1,4})?)?")
_FIXED_WIDTH = re.compile(r"([A-H]\d{2}[A-Z])(?:(0\d{3})(\d{2,5})|(\d{4})(\d{6}))")

_SUBCLASS = 4
"""Characters of a subclass."""

_ROUNDED = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE]\+?\d{1,3}")

# GB 32100-2015: the characters of a unified social credit code in the order of their values, and their weights.
_CREDIT_ALPHABET = {character: value for value, character in enumerate("0123456789ABCDEFGHJKLMNPQRTUWXY")}
_CREDIT_WEIGHTS = (*(pow(3, place, 31) for place in range(17)), 1)


def compact(text: str) -> str:
    """An id without inner white space: ``CN 104127172 A`` is ``CN104127172A``. Case is kept."""
    return "".join(text.split())


def is_rounded_number(text: str) -> bool:
    """Whether a spreadsheet program has turned a long code into a number such as ``9.1310E+17``."""
    return bool(_ROUNDED.fullmatch(text))


def credit_code_holds(code: str) -> bool:
    """Whether the check digit of an 18-character unified social credit code is right (GB 32100-2015)."""
    if len(code) != CREDIT_CODE_CHARS:
        return False
    try:
        # The check digit makes the weighted sum a multiple of 31; its own weight is 1.
        total: int = sum(map(mul, map(_CREDIT_ALPHABET.__getitem__, code), _CREDIT_WEIGHTS))
    except KeyError:
        return False
    return total % 31 == 0


@lru_cache(maxsize=16384)
def ipc_codes(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The IPC symbols in ``text`` without repeats, and the parts of it that are none.

    Reads lists with any separator, version marks as in ``H01M 10/0567 (2006.01)i``, WIPO ST.8's
    fixed width, and the forms of Derwent, Orbit and FI.
    """
    found: dict[str, None] = {}
    invalid = []
    subclass = ""
    normal = _TORN.sub(r"\1\2", normalize("NFKC", text).upper())
    for entry in _ENTRY_SEPARATORS.split(_FACET.sub(r"\1\2 ", _VERSION.sub(" ", normal))):
        if subclass and _GROUP_ONLY.fullmatch(entry):
            entry = subclass + entry
        symbols, rest = _symbols(_LABEL.sub("", entry))
        subclass = symbols[-1][:_SUBCLASS] if symbols else ""
        found.update(dict.fromkeys(symbols))
        if rest:
            invalid.append(rest)
    return tuple(found), tuple(invalid)


def _symbols(entry: str) -> tuple[list[str], str]:
    joined = compact(entry)
    if fixed := _FIXED_WIDTH.fullmatch(joined):
        group, subgroup = fixed[2] or fixed[4], fixed[3] or fixed[5]
        return [f"{fixed[1]}{int(group)}/{subgroup.rstrip('0').ljust(2, '0')}"], ""
    if _SHORT_SYMBOL.fullmatch(joined):
        return [joined], ""
    symbols = [f"{compact(match[1])}{int(match[2])}/{match[3]}" for match in _SYMBOL.finditer(entry)]
    rest = _SYMBOL.sub(" ", entry).split()
    symbols += [word for word in rest if _SHORT_SYMBOL.fullmatch(word)]
    other = [word for word in rest if word not in _ORDERS and not _SHORT_SYMBOL.fullmatch(word)]
    if symbols and not any(character.isalnum() for word in other for character in word):
        other = []  # marks between symbols
    return symbols, " ".join(other)
