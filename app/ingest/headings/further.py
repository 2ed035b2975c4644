"""Header rows below the first: of a second table in the same sheet, or of the same columns in another language."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from app.domain import Kind
from app.ingest.headings.folding import folded, unbracketed
from app.ingest.headings.headerrows import (
    AGAIN,
    FEWEST,
    LONGEST_NAME,
    NEW,
    NUMBER,
    OTHER,
    cleaned_row,
    fields_named,
    table_of,
    translates,
)
from app.ingest.headings.headers import header_words
from app.ingest.headings.heading import HeaderSearch, Heading
from app.ingest.headings.levels import Known
from app.ingest.headings.profiles import PROFILES
from app.ingest.headings.synonyms import COLUMN_WORDS

_LOOKED_AT = 3
"""Cells with something in them, one of which must be a known header before the others are looked at."""
_CELLS = 8
_CLOSING = frozenset(")）]】")


class HeaderWatch:
    """Looks for further header rows while the rows of a table are read.

    Args:
        search: which kind of header to look for.
        heading: the first header.

    Attributes:
        apart: whether the rows belong to a table of something else.
        headers: those that hold for the rows now.
    """

    def __init__(self, search: HeaderSearch, heading: Heading) -> None:
        self._search = search
        self._known = Known(search.kind, search.mapping)
        self._active = search.kind in set(Kind)
        self._words = _words() | {folded(theirs) for theirs in search.mapping}
        self._last = heading.row
        self._spelled = {_signature(texts) for texts in (heading.headers, *heading.spelled)}
        self.headers = heading.headers
        self.apart = False

    def may_be(self, cells: Sequence[Any]) -> bool:
        """Whether it is worth looking at the whole row: one of its first cells is a header, and none is an id."""
        looked_at = 0
        for cell in cells[:_CELLS]:
            if not cell:
                continue
            if cell.__class__ is not str or len(cell) > LONGEST_NAME or NUMBER.search(cell):
                return False
            if folded(cell) in self._words or (cell[-1] in _CLOSING and unbracketed(cell) in self._words):
                return self._active
            looked_at += 1
            if looked_at == _LOOKED_AT:
                break
        return False

    def look(self, number: int, cells: Sequence[Any]) -> str | None:
        """What the row is a header of; ``None`` where it is a record. ``headers`` and ``apart`` follow it."""
        texts = cleaned_row(cells, self._known)
        signature = _signature(texts)
        found: str | None
        if (
            signature in self._spelled
            or self._is_same(texts)
            or (number == self._last + 1 and translates(texts, self.headers, self._known))
        ):
            found = AGAIN
            self._spelled.add(signature)
        else:
            found = table_of(texts, self._known, self._search.profile)
            if found == NEW:
                self.headers, self._spelled = tuple(texts), {signature}
        if found:
            self._last, self.apart = number, found == OTHER
        return found

    def _is_same(self, texts: Sequence[str]) -> bool:
        """Whether the columns are those that are being read, in whatever words."""
        kind = self._search.kind
        pairs = list(zip_longest(texts, self.headers, fillvalue=""))
        known = sum(bool(fields_named(text, kind)) for text in texts if len(text) <= LONGEST_NAME)
        return known >= FEWEST and all(
            unbracketed(one) == unbracketed(other) or bool(fields_named(one, kind) & fields_named(other, kind))
            for one, other in pairs
        )


def _signature(texts: Sequence[str]) -> tuple[str, ...]:
    words = [folded(text[: 2 * LONGEST_NAME]) for text in texts]
    while words and not words[-1]:
        words.pop()
    return tuple(words)


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    """All headers that are known of records of any kind, and those of tables that explain columns."""
    profiles = (profile for named in PROFILES.values() for profile in named.values())
    special = {word for profile in profiles for words in profile.fields.values() for word in words}
    return frozenset().union(COLUMN_WORDS, special, *(header_words(kind) for kind in Kind))
