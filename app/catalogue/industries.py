"""Which industries a patent's IPC codes stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from app.domain import AnyRecord, Patent

_SUBCLASS_CHARS, _CLASS_CHARS, _SECTION_CHARS = 4, 3, 1
_FEWEST_SUBGROUP_DIGITS = 2
_REMEMBERED_CODES = 65_536
"""Codes whose industries are remembered; a bank of 450,000 patents has about as many different ones."""


def ipc_key(symbol: str) -> str:
    """A symbol as the mapping holds it: ``H01M10/00`` is the notation of the whole main group ``H01M10``."""
    return symbol.removesuffix("/00")


def broader(code: str) -> Iterator[str]:
    """The symbols that a code falls under, the narrowest first, itself included.

    ``H01M10/0567`` falls under ``H01M10/0567 H01M10/056 H01M10/05 H01M10 H01M H01 H``. Not under ``H01M1``, which is
    another main group.
    """
    key = ipc_key(code)
    group, slash, subgroup = key.partition("/")
    if slash:
        for digits in range(len(subgroup), _FEWEST_SUBGROUP_DIGITS - 1, -1):
            yield f"{group}/{subgroup[:digits]}"
    yield group
    for length in (_SUBCLASS_CHARS, _CLASS_CHARS, _SECTION_CHARS):
        if length < len(group):
            yield group[:length]


class IndustryMap:
    """The mapping of IPC symbols to industries (国际专利分类与国民经济行业分类参照关系).

    Args:
        rows: symbol and industry, in the order that industries are given in.
    """

    def __init__(self, rows: Iterable[tuple[str, str]] = ()) -> None:
        of: dict[str, tuple[str, ...]] = {}
        for symbol, industry in rows:
            of[ipc_key(symbol)] = (*of.get(ipc_key(symbol), ()), industry)
        self._of = of
        self._narrowest = lru_cache(maxsize=_REMEMBERED_CODES)(self._look_up)

    def industries(self, ipc: Sequence[str]) -> tuple[str, ...]:
        """Those of the narrowest mapped symbol of each code, in the codes' order and without repeats."""
        if not self._of:
            return ()
        return tuple(dict.fromkeys(industry for code in ipc for industry in self._narrowest(code)))

    def with_industries(self, record: AnyRecord) -> AnyRecord:
        """The record with the industries of its IPC codes, where it is a patent without any of its own."""
        if not isinstance(record, Patent) or (record.industry and not record.industry_derived):
            return record
        found = self.industries(record.ipc)
        if found == record.industry and bool(found) == record.industry_derived:
            return record
        return replace(record, industry=found, industry_derived=bool(found))

    def _look_up(self, code: str) -> tuple[str, ...]:
        return next((self._of[symbol] for symbol in broader(code) if symbol in self._of), ())
