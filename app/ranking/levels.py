"""Cosine to score, score to level: one fixed mapping until a deployment calibrates its own.

The score is a logistic of the cosine, read as the probability that a judge calls the pair at least fairly strong
(较强相关). It is monotone, so it never changes an order; it only gives the model's narrow cosines a meaning that people
can read and that survives a change of model.

The numbers come from the 4,585 judged pairs of 96 needs in bdci2019 (needs by title and text, achievements by title,
multilingual-e5-small). Over the pairs, logistics were fitted to "level 2 or better", "3 or better" and "4"; each level
begins where its own logistic passes one half, which is what makes the mean error of the level least. Cross-validated
over needs, level_score is 0.705 for plain cosines and 0.709 for centred ones; always answering "weak" would give 0.619.
`docs/evaluation.md` has the table. Plain cosines read a title without a text about half a level too low; centred ones
need nearly the same mapping for both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.domain import Level

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scale:
    """Cosine to score in one kind of space.

    Attributes:
        midpoint: the cosine at which half of the pairs are at least fairly strong.
        steepness: logits per unit of cosine.
        lexical: what one unit of BM25 is added to the cosine as.
    """

    midpoint: float
    steepness: float
    lexical: float = 0.0


PLAIN_SCALE = Scale(midpoint=0.9216, steepness=70.2)
"""For the encoder's own cosines: almost all of them lie between 0.75 and 0.95."""
CENTRED_SCALE = Scale(midpoint=0.4715, steepness=7.99)
"""For cosines in a centred space (`app.ranking.space`)."""
RERANKED_SCALE = Scale(midpoint=0.6916, steepness=5.223, lexical=0.006)
"""For these with BM25 added. For the order alone twice the weight is as good; for the levels less is better."""

STRONG_FROM = 0.77
FAIRLY_STRONG_FROM = 0.5
WEAK_FROM = 0.057
"""Smallest score of each level. They stay when the scale is fitted to other queries or another space: for needs by
title alone the same fit gives 0.061, 0.5 and 0.772, in a centred space 0.057, 0.5 and 0.773."""


def score_from_relevance(cosine: npt.ArrayLike, scale: Scale = PLAIN_SCALE) -> Scores:
    """The probability of being at least fairly strong, for cosines of any shape.

    Args:
        cosine: float array of any shape, inner products of unit vectors, with ``scale.lexical`` times BM25 added.
        scale: that of the space they were taken in.

    Returns:
        float32 array of the same shape, 0 to 1, monotone in the cosine.
    """
    logits = scale.steepness * (np.asarray(cosine, dtype=np.float64) - scale.midpoint)
    scores: Scores = (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
    return scores


def level_from_score(score: float) -> Level:
    """The level that is served with ``score``; each level begins at its own smallest score."""
    if score >= STRONG_FROM:
        return Level.STRONG
    if score >= FAIRLY_STRONG_FROM:
        return Level.FAIRLY_STRONG
    if score >= WEAK_FROM:
        return Level.WEAK
    return Level.NONE
