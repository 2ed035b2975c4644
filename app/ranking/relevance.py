"""What ranks: one number a pair, made of the cosine, of shared terms, and of the two languages.

It is a function of the query, the record and the snapshot alone. Neither the number of matches nor a filter nor
what else was found changes it, so that they cannot change the order of two records either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from app.arrays import Floats, Mask
from app.ranking.space import PLAIN, Space
from app.text.terms import terms_of

Mode = Literal["plain", "centred", "fused"]
"""What gives relevance: cosines of the encoder's space, of a centred one, or these with shared terms."""
LEXICAL_WEIGHT = 0.01
"""What one unit of BM25 counts beside a centred cosine: 0.008 to 0.012 are alike on judged needs (docs/quality.md)."""
BODY_WEIGHT = 0.4
"""Weight of a term of a need's text beside one of its title; 0.2 to 0.7 are alike."""
MOST_TERMS = 48
"""Terms of a query that are looked for, the weightiest: a text of 3,000 characters has a thousand."""
EXPECTED_FROM, EXPECTED_PAIRS, EXPECTED_WORDS = 0.1, 100.0, 45.0
"""What BM25 rises by with the cosine, from where on: for languages taken by pairs of characters, and by words."""
EXPECTED_RAREST = 8.0
PROFILE_SLOPE = 350.0
"""What the BM25 of a profile's own language rises by with the cosine where none of its terms were rare."""
LANGUAGES_BY_PAIRS = ("zh", "ja", "ko")

Rarity = Callable[[str], float]
Terms = Mapping[str, float]
"""What each term of a query counts, beside its rarity."""


def mode_of(space: Space, terms: object | None) -> Mode:
    """What gives relevance in a space with an index of ``terms``, ``None`` where they are not to count."""
    if space is PLAIN:
        return "plain"
    return "centred" if terms is None else "fused"


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
        usual: how much of what terms usually bring these bring; see `usual_share`.
    """

    bm25: Floats
    rarest: float
    usual: float = 1.0


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


def relevance_of(cosines: Floats, terms: SharedTerms | None, query: str | None, crossed: Crossings) -> Relevance:
    """What ranks these records.

    Args:
        cosines: float32 ``[n]``.
        terms: what the query's terms bring; ``None`` where shared terms do not count.
        query: the query's language.
        crossed: how the query's language meets that of each record.
    """
    comparable = cosines * crossed.stretch + crossed.bonus
    if terms is None:
        return Relevance(cosines, np.zeros_like(cosines), comparable)
    # A text in another language gets what its cosine would bring in the query's own, as it cannot share terms; where it
    # does share more, as formulae and model numbers, it keeps what it has.
    would = expected(comparable, query, terms.rarest, terms.usual)
    counted = np.where(crossed.foreign, np.maximum(terms.bm25, would), terms.bm25)
    shared = (LEXICAL_WEIGHT * counted).astype(np.float32)
    return Relevance(cosines, shared, comparable + shared)


def best_first(total: Floats, ids: Sequence[str]) -> list[int]:
    """Places in descending order of ``total`` float32 ``[n]``, equals by their ids."""
    return sorted(range(len(ids)), key=lambda n: (-total[n], ids[n]))


def query_terms(views: Sequence[str], rarity: Rarity, *, titled: bool) -> dict[str, float]:
    """The weightiest terms of a query and what each counts, beside its rarity.

    Args:
        views: its texts; of two the first is the title, where ``titled``.
        rarity: the inverse document frequency of a term in the corpus that is searched.
        titled: whether the first of two views tells more than the second.
    """
    counts: dict[str, float] = {}
    for number, view in enumerate(views):
        body = titled and len(views) == 2 and number == 1
        for term, count in terms_of(view).items():
            counts[term] = counts.get(term, 0.0) + (BODY_WEIGHT if body else float(count) if titled else 1.0)
    weights = {term: count * rarity(term) for term, count in counts.items()}
    kept = sorted(weights, key=lambda term: (-weights[term], term))[:MOST_TERMS]
    return {term: counts[term] for term in kept}


def usual_share(weights: Sequence[float], rarest: float) -> float:
    """How much of the usual BM25 a profile's terms bring in texts of its own language, 0 to 1.

    A business scope that lists many trades has rare terms of each, of which no text holds more than a few: over the
    nearest 100 of 600 scopes among 18,400 Chinese patents, BM25 rose with the cosine by 174 a unit where the mean
    rarity of the terms was half of the rarest, and by 16 where it was nearly that (correlation -0.82), evenly as
    ``350 (1 - mean / rarest)``. A text in another language is not to be taken for better than what scope would find.

    Args:
        weights: the inverse document frequencies of its terms.
        rarest: that of a term that one text holds.
    """
    if not weights or rarest <= 0:
        return 1.0
    rarity = sum(weights) / len(weights) / rarest
    return min(1.0, max(0.0, PROFILE_SLOPE * (1.0 - rarity) / EXPECTED_PAIRS))


def expected(cosines: Floats, language: str | None, rarest: float, usual: float = 1.0) -> Floats:
    """The BM25 that texts of a query's own language have at these cosines, float32 ``[n]``.

    A text in another language cannot share terms, which says nothing of how well it fits: it gets what it would have.
    Over the nearest 100 of 96 needs among achievements, of 300 titles among 2,500 Chinese patents and of 300 among
    2,500 English ones, the mean BM25 rises evenly with the centred cosine, from `EXPECTED_FROM` on by about 100 a unit
    for Chinese and 45 for English, whose texts have fewer terms.

    Args:
        cosines: centred and made comparable between languages.
        language: that of the query.
        rarest: the inverse document frequency of a term that one text holds. In a corpus of hundreds it is lower, and
            with it all that shared terms bring; from `EXPECTED_RAREST` on, terms of every rarity were there to measure.
        usual: see `usual_share`.
    """
    slope = EXPECTED_PAIRS if language in LANGUAGES_BY_PAIRS else EXPECTED_WORDS
    slope *= usual * min(1.0, rarest / EXPECTED_RAREST)
    found: Floats = (slope * np.maximum(cosines - EXPECTED_FROM, 0.0)).astype(np.float32)
    return found


def diversify(scores: Floats, vectors: Floats, k: int, diversity: float) -> list[int]:
    """Pick ``k`` candidates one by one: the best of ``(1 - diversity) * score - diversity * nearest already picked``.

    Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).

    Args:
        scores: float32 ``[n]``, cosines of the candidates with the query, best first.
        vectors: float32 ``[n, d]``, the candidates' unit vectors.
        k: how many to pick, at most ``n`` come back.
        diversity: 0 keeps the order by score, 1 looks at difference alone after the first.

    Returns:
        Positions among the candidates, in the order of the list.
    """
    n = len(scores)
    nearest = np.zeros(n, dtype=np.float32)
    open_ = np.ones(n, dtype=bool)
    picked: list[int] = []
    while len(picked) < min(k, n):
        gain = (1.0 - diversity) * scores - diversity * nearest
        gain[~open_] = -np.inf
        best = int(np.argmax(gain))
        picked.append(best)
        open_[best] = False
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return picked
