"""Relevance to score, score to level: what a number means to a person.

A scale is a proportional-odds model (McCullagh, Regression models for ordinal data, 1980): the logits of "level 2 or
better", "3 or better" and "4" rise with relevance along parallel lines, so the three probabilities never cross and none
of them ever falls. The score is the second one, the probability that a judge calls the pair at least fairly strong
(较强相关). The level is the median of the levels' distribution, which makes the mean absolute error least: a level is
said from where its own probability passes one half. "Fairly strong" therefore begins at a score of 0.5 on every scale.

The built-in scales are fitted to the 4,585 judged pairs of 96 needs in bdci2019 (needs by title and text, achievements
by title, multilingual-e5-small). `patmatch calibrate` fits a deployment's own, by `app.ranking.ordinal.fit_scale`;
docs/calibration.md has the figures of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.arrays import Doubles, Floats
from app.domain import Level

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
