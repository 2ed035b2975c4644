"""How far probabilities of levels can be believed: Brier score, log loss, calibration error, level score, bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt

from app.evaluation.collection import RELEVANT_FROM
from app.evaluation.measures import level_score

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

THRESHOLDS = (2, 3, 4)
"""A probability is of this level or better; the score is the second one."""
SCORE = THRESHOLDS.index(RELEVANT_FROM)
BINS = 10
_CERTAIN = 1e-6
"""A probability of 0 or 1 is taken as this far from it in the log loss, which would be infinite after one mistake."""
_Z = 1.959964
"""Standard normal quantile of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good probabilities are.

    Attributes:
        brier: mean squared error of the score against "at least fairly strong" (Brier, 1950); less is better.
        log_loss: mean negative log likelihood of the same, in nats.
        calibration_error: mean distance of score and share over ten bins of equal count (Nixon et al., Measuring
            Calibration in Deep Learning, 2019).
        level_score: 1/(1+MAE) of the level.
    """

    brier: float
    log_loss: float
    calibration_error: float
    level_score: float

    def as_json(self) -> dict[str, float]:
        """The measures by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs of like probability: how many, what was said in the mean, what was, and its 95 % interval (Wilson, 1927).

    The interval takes pairs as independent; those of one need are not, so it is a little narrow.
    """

    count: int
    said: float
    was: float
    low: float
    high: float


def quality(probabilities: Floats, levels: Integers, served: Integers | None = None) -> Quality:
    """The measures of probabilities.

    Args:
        probabilities: float64 ``[n, 3]``, of level 2 or better, 3 or better, and 4; ``n`` above 0.
        levels: int64 ``[n]``, as judged.
        served: int64 ``[n]``, the levels that are said; the medians where left out.
    """
    score, relevant = probabilities[:, SCORE], (levels >= RELEVANT_FROM).astype(np.float64)
    certain = np.clip(score, _CERTAIN, 1.0 - _CERTAIN)
    said = median_levels(probabilities) if served is None else served
    return Quality(
        brier=float(np.mean((score - relevant) ** 2)),
        log_loss=float(-np.mean(relevant * np.log(certain) + (1.0 - relevant) * np.log(1.0 - certain))),
        calibration_error=sum(one.count * abs(one.said - one.was) for one in bins(score, relevant)) / len(levels),
        level_score=level_score(float(np.abs(said - levels).mean())),
    )


def mean_quality(several: Sequence[Quality]) -> Quality:
    """The means of each measure."""
    return Quality(*(float(np.mean([getattr(one, field.name) for one in several])) for field in fields(Quality)))


def spread(several: Sequence[Quality]) -> Quality:
    """The standard deviations of each measure; 0 of one."""
    ddof = 1 if len(several) > 1 else 0
    return Quality(
        *(float(np.std([getattr(one, field.name) for one in several], ddof=ddof)) for field in fields(Quality))
    )


def skill(brier: float, of_reference: float) -> float:
    """Brier skill score: the share of a reference's error that is gone; 0 where the reference has none."""
    return 1.0 - brier / of_reference if of_reference > 0 else 0.0


def median_levels(probabilities: Floats) -> Integers:
    """The levels int64 ``[n]`` that make the expected absolute error least: each from where its own passes one half."""
    found: Integers = 1 + (probabilities >= 0.5).sum(axis=1)
    return found


def bins(probabilities: Floats, happened: Floats, count: int = BINS) -> list[Bin]:
    """Pairs in bins of equal count, least probable first; equal probabilities share a bin.

    Args:
        probabilities: float64 ``[n]``.
        happened: float64 ``[n]``, 1 where it was so and 0 where not.
        count: how many bins at most.
    """
    edges = np.unique(np.quantile(probabilities, np.linspace(0.0, 1.0, count + 1)[1:-1]))
    place = np.digitize(probabilities, edges)
    return [_bin(probabilities[place == one], happened[place == one]) for one in np.unique(place)]


def _bin(probabilities: Floats, happened: Floats) -> Bin:
    count, was = len(happened), float(happened.mean())
    shrink = 1.0 + _Z**2 / count
    middle = (was + _Z**2 / (2.0 * count)) / shrink
    half = _Z / shrink * float(np.sqrt(was * (1.0 - was) / count + _Z**2 / (4.0 * count**2)))
    return Bin(count, float(probabilities.mean()), was, max(0.0, middle - half), min(1.0, middle + half))
