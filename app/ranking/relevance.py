"""What ranks: one number a pair, made of the cosine, of shared terms, and of the two languages.

It is a function of the query, the record and the snapshot alone. Neither how many matches are asked for nor a filter
nor what else was found changes it, so that they cannot change the order of two records either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.arrays import Floats, Mask
from app.ranking.lexical import expected
from app.ranking.space import Space

LEXICAL_WEIGHT = 0.01
"""What one unit of BM25 counts beside a centred cosine: 0.008 to 0.012 are alike on judged needs (docs/quality.md)."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """What ranks some records for one query, and its parts; each float32 ``[n]``.

    Attributes:
        cosines: in the space of the snapshot.
        shared: what shared terms add, or in another language what they would.
        total: what ranks. What is left of it, `language`, makes cosines between two languages comparable.
    """

    cosines: Floats
    shared: Floats
    total: Floats

    @property
    def language(self) -> Floats:
        """What was added because query and record are in two languages."""
        return self.total - self.cosines - self.shared

    def at(self, places: Sequence[int]) -> Relevance:
        """Some of them, in this order."""
        wanted = np.asarray(places, dtype=np.intp)
        return Relevance(self.cosines[wanted], self.shared[wanted], self.total[wanted])


@dataclass(frozen=True, slots=True)
class SharedTerms:
    """What the terms of a query bring.

    Attributes:
        bm25: of each record, float32 ``[n]``.
        rarest: the inverse document frequency of a term that one text of the corpus holds.
        usual: how much of what terms usually bring these bring; see `app.ranking.lexical.usual_share`.
    """

    bm25: Floats
    rarest: float
    usual: float = 1.0


def relevance(
    cosines: Floats, terms: SharedTerms | None, space: Space, query: str | None, languages: Sequence[str | None]
) -> Relevance:
    """What ranks these records.

    Args:
        cosines: float32 ``[n]``.
        terms: what the query's terms bring; ``None`` where shared terms do not count.
        space: that the cosines were taken in.
        query: the query's language.
        languages: of each record.
    """
    names = tuple(dict.fromkeys(languages))
    codes = {name: code for code, name in enumerate(names)}
    crossed = crossings(space, query, names).at(np.array([codes[name] for name in languages], dtype=np.intp))
    return relevance_of_codes(cosines, terms, query, crossed)


@dataclass(frozen=True, slots=True)
class Crossings:
    """How cosines of a query are read with records of some languages, one value a language or a record.

    Attributes:
        stretch: float32 ``[n]``.
        bonus: float32 ``[n]``.
        foreign: bool ``[n]``, whether it is another language than the query's.
    """

    stretch: Floats
    bonus: Floats
    foreign: Mask

    def at(self, codes: npt.NDArray[np.integer[Any]]) -> Crossings:
        """Those of records of the languages at ``codes``."""
        return Crossings(self.stretch[codes], self.bonus[codes], self.foreign[codes])


def crossings(space: Space, query: str | None, languages: tuple[str | None, ...]) -> Crossings:
    """How a query in a language meets each of ``languages``."""
    found = [space.crossing(query, language) for language in languages]
    return Crossings(
        np.array([one.stretch for one in found], dtype=np.float32),
        np.array([one.bonus for one in found], dtype=np.float32),
        np.array([query is not None and language != query for language in languages], dtype=np.bool_),
    )


def relevance_of_codes(cosines: Floats, terms: SharedTerms | None, query: str | None, crossed: Crossings) -> Relevance:
    """What ranks records whose languages were looked up already; see `relevance`, which says the same in words.

    Args:
        cosines: float32 ``[n]``.
        terms: what the query's terms bring; ``None`` where shared terms do not count.
        query: the query's language.
        crossed: of each record.
    """
    comparable = cosines * crossed.stretch + crossed.bonus
    if terms is None:
        return Relevance(cosines, np.zeros_like(cosines), comparable)
    would = expected(comparable, query, terms.rarest, terms.usual)
    counted = np.where(crossed.foreign, np.maximum(terms.bm25, would), terms.bm25)
    shared = (LEXICAL_WEIGHT * counted).astype(np.float32)
    return Relevance(cosines, shared, comparable + shared)


def best_first(total: Floats, ids: Sequence[str]) -> list[int]:
    """Places in descending order of ``total`` float32 ``[n]``, equals by their ids."""
    return sorted(range(len(ids)), key=lambda n: (-total[n], ids[n]))


Terms = Mapping[str, float]
"""What each term of a query counts, beside its rarity."""
