"""How sure a figure is.

Bootstrap intervals of means over queries (Efron and Tibshirani, 1993; for retrieval: Sakai, 2006), score intervals of
shares (Wilson, 1927).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
"""Enough that the ends of a 95 % interval move by less than a tenth of its width from seed to seed."""

SEED = 20191
"""Any fixed number: the same run gives the same interval every time."""

CONFIDENCE = 95.0
NORMAL_QUANTILE = 1.959963984540054
"""Of that confidence, two-sided."""

BLOCK_BYTES = 64 * 2**20
"""Memory of one block of resampled indices; a corpus's worth of queries would otherwise need gigabytes."""

INDEX_BYTES = 8

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle 95 % of what a figure would be over others like these."""

    low: float
    high: float


def wilson_interval(successes: int, of: int, *, z: float = NORMAL_QUANTILE) -> Interval | None:
    """The score interval of a share (Wilson, 1927): it stays within 0 and 1 and holds for few and for rare ones, too.

    Args:
        successes: how many of them, 0 to ``of``.
        of: how many there are.
        z: the normal quantile of the confidence.

    Returns:
        The interval, or ``None`` of nothing.

    Raises:
        ValueError: more successes than there are.
    """
    if not 0 <= successes <= of:
        raise ValueError(f"{successes} of {of}")
    if of == 0:
        return None
    share, spread = successes / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    reach = z / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    # At the ends the formula gives 0 and 1 up to rounding.
    return Interval(0.0 if successes == 0 else middle - reach, 1.0 if successes == of else middle + reach)


def bootstrap_interval(
    values: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Interval | None:
    """Percentile interval of a weighted mean over queries, which are drawn again with replacement.

    Args:
        values: float ``[n]``, one value a query.
        weights: float ``[n]``, positive; how much each query weighs in the mean. All alike where left out.
        resamples: how often to draw.
        seed: of the random generator.

    Returns:
        The interval, or ``None`` with fewer than two queries: one query says nothing of others.
    """
    data = np.asarray(values, dtype=np.float64)
    if len(data) < 2:  # a spread needs two values
        return None
    weight = np.ones_like(data) if weights is None else np.asarray(weights, dtype=np.float64)
    return _middle(_resampled_means(data, weight, resamples, np.random.default_rng(seed)))


def difference_interval(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    of_mean: Callable[[Floats], Floats] = lambda means: means,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval | None:
    """Percentile interval of the second mean less the first over the same queries: each draw takes both of a query.

    Args:
        first: float ``[n]``, one value a query.
        second: float ``[n]``, the values of the same queries in the same order.
        weights: float ``[n]``, positive; how much each query weighs in both means. All alike where left out.
        of_mean: the measure, from means float64 ``[resamples]``, where it is not the mean itself.
        resamples: how often to draw.
        seed: of the random generator.

    Returns:
        The interval, or ``None`` with fewer than two queries.

    Raises:
        ValueError: the two differ in length.
    """
    values = [np.asarray(side, dtype=np.float64) for side in (first, second)]
    if len(values[0]) != len(values[1]):
        raise ValueError("paired values must be of one length")
    if len(values[0]) < 2:  # a spread needs two values
        return None
    weight = np.ones_like(values[0]) if weights is None else np.asarray(weights, dtype=np.float64)
    # The same seed draws the same queries for both sides, which is what pairs them.
    means = [of_mean(_resampled_means(side, weight, resamples, np.random.default_rng(seed))) for side in values]
    return _middle(means[1] - means[0])


def _middle(values: Floats) -> Interval:
    tail = (100.0 - CONFIDENCE) / 2
    low, high = np.percentile(values, [tail, 100.0 - tail])
    return Interval(float(low), float(high))


def _resampled_means(data: Floats, weight: Floats, resamples: int, generator: np.random.Generator) -> Floats:
    rows = max(1, BLOCK_BYTES // (INDEX_BYTES * len(data)))
    means = []
    for start in range(0, resamples, rows):
        drawn = generator.integers(len(data), size=(min(rows, resamples - start), len(data)))
        means.append((data * weight)[drawn].sum(axis=1) / weight[drawn].sum(axis=1))
    return np.concatenate(means)
