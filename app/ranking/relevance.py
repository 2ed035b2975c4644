"""What ranks, and what it means to a person: evidence of a pair, and the probability that it fits.

Each piece of evidence lies between 0 and 1 and has a meaning of its own: `meaning` is the cosine of both texts, and
`coverage` the share of the query's lexical weight that the record covers. They are a function of the query, the record
and the snapshot alone: neither the number of matches nor a filter nor what else was found changes them.

A scale makes them a probability. It is a proportional-odds model (McCullagh, Regression models for ordinal data, 1980):
the logits of "level 2 or better", "3 or better" and "4" rise with both pieces along parallel planes, so the three
probabilities never cross and none of them ever falls. The score is the second one, the probability that a judge calls
the pair at least fairly strong (较强相关), and records are ranked by it. The level is the median of the levels'
distribution, which makes the mean absolute error least: a level is said from where its own probability passes one half.

A record in another language than the query's cannot share its words. It has its meaning alone to show, and a slope of
its own for that: what a cosine says of a pair of which nothing else is known. It keeps what it does share, such as
formulae, where that says more.

The built-in scales are fitted to the 4,585 judged pairs of 96 needs in bdci2019, each need asked by title and text, by
its text alone and by its title alone, so that a score means the same in each. `patmatch calibrate` fits a deployment's
own, by `app.ranking.ordinal.fit_scale`; docs/calibration.md has the figures of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from app.arrays import Doubles, Floats, Mask
from app.domain import Level
from app.ranking.space import Space

Mode = Literal["plain", "centred", "fused"]
"""What is evidence: cosines of the encoder's space, of a centred one, or these with shared terms."""


def mode_of(*, centred: bool, terms: bool) -> Mode:
    """What is evidence, in a centred space or the encoder's own, with shared terms where these are to count."""
    if not centred:
        return "plain"
    return "fused" if terms else "centred"


RANKING_VERSION = 3
"""Of how evidence is computed. Whoever changes that raises it, and refits the built-in scales: a calibration that was
made for another version is not applied."""

FAIRLY_STRONG_FROM = 0.5
"""Smallest score of the level "fairly strong": it is the definition of the level's median."""

MOST_CREDIT = 0.5
"""Share of a query's words that a record in another language is credited with at most: who holds more stands first."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Evidence to score and level.

    ``logit P(at least fairly strong) = meaning * cosine + coverage * share - cut``; of records in another language
    ``alone * cosine - alone_cut``, and no more than where the record held `MOST_CREDIT` of the words.

    Attributes:
        meaning: logits per unit of the cosine, above 0.
        cut: what has to be exceeded for a score above one half.
        coverage: logits per unit of covered share, 0 or more.
        weak_from: the smallest score of the level "weak", above 0 and below 0.5.
        strong_from: the smallest score of the level "strong", above 0.5 and below 1.
        alone: logits per unit of the cosine where meaning is all there is; ``meaning`` where it is not given.
        alone_cut: what has to be exceeded then; ``cut`` where it is not given.
        found: what the best logit of a list counts for the probability that something fits.
        found_cut: what has to be exceeded then.

    Raises:
        ValueError: a value is out of these bounds or not finite.
    """

    meaning: float
    cut: float
    coverage: float = 0.0
    weak_from: float = 0.05
    strong_from: float = 0.8
    alone: float | None = None
    alone_cut: float | None = None
    found: float = 0.41
    found_cut: float = 0.23

    def __post_init__(self) -> None:
        values = (self.meaning, self.cut, self.coverage, self.alone_slope, self.alone_at, self.found, self.found_cut)
        if not (np.isfinite(values).all() and self.meaning > 0 and self.alone_slope > 0 and self.coverage >= 0):
            raise ValueError("a scale rises everywhere and holds finite numbers")
        if not 0 < self.weak_from < FAIRLY_STRONG_FROM < self.strong_from < 1:
            raise ValueError(
                f"levels begin in their order between 0 and 1, not at {self.weak_from}, {self.strong_from}"
            )

    @property
    def alone_slope(self) -> float:
        """Logits per unit of the cosine where meaning is all there is."""
        return self.meaning if self.alone is None else self.alone

    @property
    def alone_at(self) -> float:
        """What has to be exceeded there."""
        return self.cut if self.alone_cut is None else self.alone_cut

    def no_match_probability(self, best: float) -> float:
        """The probability that nothing fits where ``best`` is the highest logit of what was found.

        It is at most that of the best record alone not fitting.
        """
        lacking = logistic(np.array([self.found_cut - self.found * best, -best]))
        return float(lacking.min())

    def logits(self, meaning: npt.ArrayLike, coverage: npt.ArrayLike, alone: npt.ArrayLike) -> Doubles:
        """The logits of being at least fairly strong, float64 of the arguments' shape; ``alone`` is bool."""
        cosines, shares = np.asarray(meaning, dtype=np.float64), np.asarray(coverage, dtype=np.float64)
        fused = self.meaning * cosines + self.coverage * shares - self.cut
        most = self.meaning * cosines + self.coverage * MOST_CREDIT - self.cut
        apart = np.minimum(self.alone_slope * cosines - self.alone_at, most)
        found: Doubles = np.where(alone, np.maximum(fused, apart), fused)
        return found


PLAIN_SCALE = Scale(meaning=20.04, cut=16.302, weak_from=0.0667, strong_from=0.8032, found=0.601, found_cut=-0.172)
"""For the encoder's own cosines."""
CENTRED_SCALE = Scale(meaning=8.231, cut=3.8998, weak_from=0.0555, strong_from=0.8125, found=0.515, found_cut=0.048)
"""For cosines in a centred space (`app.ranking.space`), of records among their neighbours."""
FUSED_SCALE = Scale(
    meaning=6.625,
    cut=3.9823,
    coverage=3.588,
    weak_from=0.0522,
    strong_from=0.8194,
    alone=11.935,
    alone_cut=6.307,
    found=0.457,
    found_cut=0.169,
)
"""For these, with shared terms (`app.ranking.lexical`)."""

BUILT_IN_SCALES: Mapping[str, Scale] = {"plain": PLAIN_SCALE, "centred": CENTRED_SCALE, "fused": FUSED_SCALE}
"""By what is evidence: cosines of the encoder, of a centred space, and these with shared terms."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """What ranks some records for one query, and what it is made of; each ``[n]``.

    Attributes:
        cosines: float32, in the space of the snapshot.
        meaning: float32, the same made comparable between languages, at most 1.
        coverage: float32, the share of the query's lexical weight that each covers, 0 to 1.
        alone: bool, whether a record is in another language, and is judged by its meaning alone.
        total: float32, what ranks: the logit of being at least fairly strong.
    """

    cosines: Floats
    meaning: Floats
    coverage: Floats
    alone: Mask
    total: Floats

    @property
    def scores(self) -> Floats:
        """The probabilities float32 ``[n]`` of being at least fairly strong."""
        return score_from_logit(self.total)

    def at(self, places: Sequence[int]) -> Relevance:
        """Some of them, in this order."""
        wanted = np.asarray(places, dtype=np.intp)
        return Relevance(*(getattr(self, name)[wanted] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class CrossLingualScales:
    """How cosines of a query are read with records of some languages, one value a language or a record.

    Attributes:
        stretch: float32 ``[n]``, by how much a cosine of two languages is drawn apart.
        foreign: bool ``[n]``, whether it is another language than the query's.
    """

    stretch: Floats
    foreign: Mask

    def at(self, codes: npt.NDArray[np.integer[Any]]) -> CrossLingualScales:
        """Those of records of the languages at ``codes``."""
        return CrossLingualScales(self.stretch[codes], self.foreign[codes])


def cross_lingual_scales(space: Space, query: str | None, languages: tuple[str | None, ...]) -> CrossLingualScales:
    """How a query in a language meets each of ``languages``."""
    return CrossLingualScales(
        np.array([space.stretch(query, language) for language in languages], dtype=np.float32),
        np.array([query is not None and language != query for language in languages], dtype=np.bool_),
    )


def relevance_of(cosines: Floats, coverage: Floats | None, crossed: CrossLingualScales, scale: Scale) -> Relevance:
    """What ranks these records.

    Args:
        cosines: float32 ``[n]``.
        coverage: float32 ``[n]``, of the query's terms; ``None`` where shared terms do not count.
        crossed: how the query's language meets that of each record.
        scale: what makes a probability of them.
    """
    meaning = np.minimum(cosines * crossed.stretch, 1.0).astype(np.float32)
    shares = np.zeros_like(meaning) if coverage is None else coverage
    total = scale.logits(meaning, shares, crossed.foreign).astype(np.float32)
    return Relevance(cosines, meaning, shares, crossed.foreign, total)


def best_first(total: Floats, ids: Sequence[str]) -> list[int]:
    """Places in descending order of ``total`` float32 ``[n]``, equals by their ids."""
    return sorted(range(len(ids)), key=lambda n: (-total[n], ids[n]))


def diversify(scores: Floats, vectors: Floats, k: int, diversity: float) -> list[int]:
    """Pick ``k`` candidates one by one: the best of ``(1 - diversity) * score - diversity * nearest already picked``.

    Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).

    Args:
        scores: float32 ``[n]``, of the candidates, 0 to 1, best first.
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


def score_from_logit(total: npt.ArrayLike) -> Floats:
    """The probability of being at least fairly strong, float32 of the shape of ``total``, by what ranks."""
    scores: Floats = logistic(np.asarray(total, dtype=np.float64)).astype(np.float32)
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


def cumulative_probabilities(total: npt.ArrayLike, scale: Scale) -> Doubles:
    """The probabilities of level 2 or better, 3 or better, and 4.

    Args:
        total: float array of any shape, logits of being at least fairly strong.
        scale: that gave them.

    Returns:
        float64 array of that shape and ``[..., 3]``; falling along the last axis, rising with ``total``.
    """
    starts = np.array([scale.weak_from, FAIRLY_STRONG_FROM, scale.strong_from])
    return logistic(np.asarray(total, dtype=np.float64)[..., np.newaxis] - np.log(starts / (1.0 - starts)))


def logistic(logits: Doubles) -> Doubles:
    """1/(1+exp(-x)) by tanh, which never overflows."""
    found: Doubles = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return found
