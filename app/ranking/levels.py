"""Cosine to score, score to level: one fixed mapping until a deployment calibrates its own.

The score is a logistic of the cosine, read as the probability that a judge calls the pair at least fairly strong
(较强相关). It is monotone, so it never changes an order; it only gives the model's narrow cosines (almost all of
them lie between 0.75 and 0.95) a meaning that people can read and that survives a change of model.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from app.domain import Level

Scores = npt.NDArray[np.float32]

MIDPOINT = 0.895
"""The cosine at which the score is one half."""

STEEPNESS = 60.0
"""Logits per unit of cosine."""

STRONG_FROM = 0.55
FAIRLY_STRONG_FROM = 0.25
WEAK_FROM = 0.08
"""Smallest score of each level."""


def score_from_cosine(cosine: npt.ArrayLike) -> Scores:
    """The probability of being at least fairly strong, for cosines of any shape.

    Args:
        cosine: float array of any shape, inner products of unit vectors.

    Returns:
        float32 array of the same shape, 0 to 1, monotone in the cosine.
    """
    logits = STEEPNESS * (np.asarray(cosine, dtype=np.float64) - MIDPOINT)
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
