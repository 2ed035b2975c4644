"""A stored need or profile as a query: its texts, their vectors, and what reasons are looked for in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.arrays import Floats
from app.domain import AnyRecord, Need
from app.ranking.space import Space, combine_views
from app.text.boilerplate import without_activities
from app.text.reading import views_of
from app.text.terms import Phrases
from index import VectorStore, text_key
from models import Role

_TERMS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class AskedTexts:
    """The kept texts of some queries, those of one query side by side.

    Attributes:
        keys: of the texts in the vector store.
        counts: how many texts each query has.
        weights: of each text.
        languages: of each query.
    """

    keys: Sequence[bytes]
    counts: Sequence[int]
    weights: Sequence[float]
    languages: Sequence[str | None]

    def vectors(self, store: VectorStore, space: Space) -> Floats:
        """The unit vectors float32 ``[queries, dimension]`` of the queries in a space."""
        if not self.keys:
            return np.empty((0, store.dimension), dtype=np.float32)
        combined = combine_views(store.get(self.keys), self.counts, self.weights)
        return np.ascontiguousarray(space.of_queries(combined, self.languages))


@dataclass(frozen=True, slots=True)
class AskedRecord:
    """A need or a profile that is asked with: its views, read once, and their keys in the vector store."""

    need_id: str | None
    lang: str | None
    industry: tuple[str, ...]
    views: tuple[str, ...]
    keys: list[bytes]

    @classmethod
    def of(cls, record: AnyRecord) -> AskedRecord:
        """That of a record."""
        views = views_of(record)
        need_id = record.id if isinstance(record, Need) else None
        return cls(need_id, record.lang, record.industry, views, [text_key(Role.QUERY, view) for view in views])


def asked_phrases(views: Sequence[str], *, need: bool) -> Phrases:
    """What reasons are looked for in: a need's title and text, or what a firm deals in by its profile."""
    return Phrases.of("\n".join(views) if need else without_activities(views[-1]))


def shared_with_title(asked: Phrases, title: Phrases) -> str:
    """The longest terms of a title that a query has too, none inside another, separated by spaces."""
    return " ".join(asked.longest_in(title, _TERMS_SHOWN))
