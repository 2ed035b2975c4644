"""What ranks, and what it means to a person: relevance, made of cosine, shared terms and languages; score and level.

It is a function of the query, the record and the snapshot alone. Neither the number of matches nor a filter nor
what else was found changes it, so that they cannot change the order of two records either.

A scale makes relevance a score. It is a proportional-odds model (McCullagh, Regression models for ordinal data, 1980):
the logits of "level 2 or better", "3 or better" and "4" rise with relevance along parallel lines, so the three
probabilities never cross and none of them ever falls. The score is the second one, the probability that a judge calls
the pair at least fairly strong (较强相关). The level is the median of the levels' distribution, which makes the mean
absolute error least: a level is said from where its own probability passes one half. "Fairly strong" therefore begins
at a score of 0.5 on every scale.

The built-in scales are fitted to the 4,585 judged pairs of 96 needs in bdci2019 (needs by title and text, achievements
by title, multilingual-e5-small). `patmatch calibrate` fits a deployment's own, by `app.ranking.ordinal.fit_scale`;
docs/calibration.md has the figures of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from app.arrays import Doubles, Floats, Mask
from app.domain import Level
from app.ranking.space import Space
from app.text.negation import wanted_terms, without_exclusions
from app.text.synonyms import in_force
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


def mode_of(*, centred: bool, terms: bool) -> Mode:
    """What gives relevance, in a centred space or the encoder's own, with shared terms where these are to count."""
    if not centred:
        return "plain"
    return "fused" if terms else "centred"


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
class LexicalEvidence:
    """What the terms of a query bring.

    Attributes:
        bm25: of each record, float32 ``[n]``.
        rarest: the inverse document frequency of a term that one text of the corpus holds.
        expected_share: how much of what terms usually bring these bring; see `share_of_expected`.
    """

    bm25: Floats
    rarest: float
    expected_share: float = 1.0


@dataclass(frozen=True, slots=True)
class CrossLingualScales:
    """How cosines of a query are read with records of some languages, one value a language or a record.

    Attributes:
        stretch: float32 ``[n]``.
        bonus: float32 ``[n]``.
        foreign: bool ``[n]``, whether it is another language than the query's.
    """

    stretch: Floats
    bonus: Floats
    foreign: Mask

    def at(self, codes: npt.NDArray[np.integer[Any]]) -> CrossLingualScales:
        """Those of records of the languages at ``codes``."""
        return CrossLingualScales(self.stretch[codes], self.bonus[codes], self.foreign[codes])


def cross_lingual_scales(space: Space, query: str | None, languages: tuple[str | None, ...]) -> CrossLingualScales:
    """How a query in a language meets each of ``languages``."""
    found = [space.cross_lingual_scale(query, language) for language in languages]
    return CrossLingualScales(
        np.array([one.stretch for one in found], dtype=np.float32),
        np.array([one.bonus for one in found], dtype=np.float32),
        np.array([query is not None and language != query for language in languages], dtype=np.bool_),
    )


def relevance_of(
    cosines: Floats, terms: LexicalEvidence | None, query: str | None, crossed: CrossLingualScales
) -> Relevance:
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
    expected = expected_bm25(comparable, query, terms.rarest, terms.expected_share)
    counted = np.where(crossed.foreign, np.maximum(terms.bm25, expected), terms.bm25)
    shared = (LEXICAL_WEIGHT * counted).astype(np.float32)
    return Relevance(cosines, shared, comparable + shared)


def best_first(total: Floats, ids: Sequence[str]) -> list[int]:
    """Places in descending order of ``total`` float32 ``[n]``, equals by their ids."""
    return sorted(range(len(ids)), key=lambda n: (-total[n], ids[n]))


def query_terms(text_parts: Sequence[str], rarity: Rarity, *, titled: bool) -> dict[str, float]:
    """The weightiest terms of a query and what each counts, beside its rarity.

    Args:
        text_parts: its texts; of two the first is the title, where ``titled``.
        rarity: the inverse document frequency of a term in the corpus that is searched.
        titled: whether the first of two text parts says more than the second.
    """
    counts: dict[str, float] = {}
    for number, text_part in enumerate(text_parts):
        body = titled and len(text_parts) == 2 and number == 1
        for term, count in (_asked_terms(text_part) if titled else terms_of(text_part)).items():
            counts[term] = counts.get(term, 0.0) + (BODY_WEIGHT if body else float(count) if titled else 1.0)
    weights = {term: count * rarity(term) for term, count in counts.items()}
    kept = sorted(weights, key=lambda term: (-weights[term], term))[:MOST_TERMS]
    return {term: counts[term] for term in kept}


def _asked_terms(text: str) -> Mapping[str, int]:
    """The terms of what a text wants, and those of the other names of what it names.

    Other names count as if they stood in the text. BM25 sums, so a text with two names of one thing counts both; the
    best of a group alone would need sums over the pairs of characters of each name. Queries that differ in the name
    alone so have the same terms, and find the same by them.
    """
    found = wanted_terms(text)
    found.update(terms_of("\n".join(in_force().expanded(without_exclusions(text)))))
    return found


def share_of_expected(weights: Sequence[float], rarest: float) -> float:
    """How much of the expected BM25 a profile's terms bring in texts of its own language, 0 to 1.

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


def expected_bm25(cosines: Floats, language: str | None, rarest: float, expected_share: float = 1.0) -> Floats:
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
        expected_share: see `share_of_expected`.
    """
    slope = EXPECTED_PAIRS if language in LANGUAGES_BY_PAIRS else EXPECTED_WORDS
    slope *= expected_share * min(1.0, rarest / EXPECTED_RAREST)
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


RANKING_VERSION = 2
"""Of how relevance is computed. Whoever changes that raises it, and refits the built-in scales: a calibration that was
made for another version is not applied."""

STRONG_FROM = 0.77
FAIRLY_STRONG_FROM = 0.5
WEAK_FROM = 0.057
"""Smallest score of each level on the built-in scales. The middle one is the definition of the level's median."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Relevance to score and level in one kind of space.

    Attributes:
        midpoint: the relevance at which half of the pairs are at least fairly strong.
        steepness: logits per unit of relevance below the first bend, above 0.
        bends: where the steepness changes and by how much, in rising order; it stays above 0.
        weak_from: the smallest score of the level "weak", above 0 and below 0.5.
        strong_from: the smallest score of the level "strong", above 0.5 and below 1.

    Raises:
        ValueError: a value is out of these bounds or not finite.
    """

    midpoint: float
    steepness: float
    weak_from: float = WEAK_FROM
    strong_from: float = STRONG_FROM
    bends: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        slopes = np.cumsum([self.steepness, *(change for _, change in self.bends)])
        places = np.array([self.midpoint, *(place for place, _ in self.bends)])
        if not (np.isfinite(slopes).all() and np.isfinite(places).all() and (slopes > 0).all()):
            raise ValueError("a scale rises everywhere and holds finite numbers")
        if not (np.diff(places[1:]) > 0).all():
            raise ValueError("bends are in rising order")
        if not 0 < self.weak_from < FAIRLY_STRONG_FROM < self.strong_from < 1:
            raise ValueError(
                f"levels begin in their order between 0 and 1, not at {self.weak_from}, {self.strong_from}"
            )


PLAIN_SCALE = Scale(midpoint=0.9216, steepness=70.2)
"""For the encoder's own cosines: almost all of them lie between 0.75 and 0.95."""
CENTRED_SCALE = Scale(midpoint=0.4715, steepness=7.99)
"""For cosines in a centred space (`app.ranking.space`)."""
FUSED_SCALE = Scale(midpoint=0.8809, steepness=6.323, weak_from=0.0467, strong_from=0.8129, bends=((0.5758, -4.495),))
"""For these, of records among their neighbours, fused with shared terms (`app.ranking.relevance`)."""


BUILT_IN_SCALES: Mapping[str, Scale] = {
    "plain": PLAIN_SCALE,
    "centred": CENTRED_SCALE,
    "fused": FUSED_SCALE,
}
"""By the ranking that gives relevance: cosines of the encoder, of a centred space, and these with shared terms."""


def score_from_relevance(relevance: npt.ArrayLike, scale: Scale = PLAIN_SCALE) -> Floats:
    """The probability of being at least fairly strong, for relevance of any shape.

    Args:
        relevance: float array of any shape: cosines, with what shared terms add.
        scale: that of the ranking that gave them.

    Returns:
        float32 array of the same shape, 0 to 1, monotone in relevance.
    """
    scores: Floats = logistic(_logits(relevance, scale)).astype(np.float32)
    return scores


def level_from_score(score: float, scale: Scale = PLAIN_SCALE) -> Level:
    """The level that is served with ``score``; each level begins at its own smallest score."""
    if score >= scale.strong_from:
        return Level.STRONG
    if score >= FAIRLY_STRONG_FROM:
        return Level.FAIRLY_STRONG
    if score >= scale.weak_from:
        return Level.WEAK
    return Level.NONE


def score_floor(grade: int, scale: Scale) -> float:
    """The smallest score of a level, by its grade."""
    return {1: 0.0, 2: scale.weak_from, 3: FAIRLY_STRONG_FROM, 4: scale.strong_from}[grade]


def cumulative_probabilities(relevance: npt.ArrayLike, scale: Scale) -> Doubles:
    """The probabilities of level 2 or better, 3 or better, and 4.

    Args:
        relevance: float array of any shape.
        scale: that of the ranking that gave it.

    Returns:
        float64 array of that shape and ``[..., 3]``; falling along the last axis, rising with relevance.
    """
    starts = np.array([scale.weak_from, FAIRLY_STRONG_FROM, scale.strong_from])
    return logistic(_logits(relevance, scale)[..., np.newaxis] - np.log(starts / (1.0 - starts)))


def _logits(relevance: npt.ArrayLike, scale: Scale) -> Doubles:
    values = np.asarray(relevance, dtype=np.float64)
    logits: Doubles = scale.steepness * (values - scale.midpoint)
    for place, change in scale.bends:
        logits = logits + change * (np.maximum(values - place, 0.0) - max(scale.midpoint - place, 0.0))
    return logits


def logistic(logits: Doubles) -> Doubles:
    """1/(1+exp(-x)) by tanh, which never overflows."""
    found: Doubles = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return found
