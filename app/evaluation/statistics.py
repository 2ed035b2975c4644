"""How sure a figure is, and whether a difference could be luck.

Bootstrap intervals of means over queries (Efron and Tibshirani, 1993; for retrieval: Sakai, 2006), score intervals of
shares (Wilson, 1927), and the paired randomisation test that Smucker, Allan and Carterette (CIKM 2007) recommend for
retrieval: if two systems were the same, each query's two values could just as well be swapped, so the observed
difference is placed among those of all such swaps. It assumes no distribution.

scipy draws the bootstrap. Why the test and Wilson's interval are ours: docs/dependencies.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.arrays import Doubles

RESAMPLES = 2000
"""Enough that the ends of a 95 % interval move by less than a tenth of its width from seed to seed."""

SEED = 20191
"""Any fixed number: the same run gives the same interval every time."""

CONFIDENCE = 0.95
NORMAL_QUANTILE = 1.959963984540054
"""Of that confidence, two-sided."""

BLOCK_BYTES = 64 * 2**20
"""Memory of one block of draws; a corpus's worth of queries would otherwise need gigabytes."""

PERMUTATIONS = 20_000
"""Random swaps where not all can be tried: the standard error of a p-value near 0.05 is then 0.0015."""

EXACT_QUERIES = 16
"""Up to this many queries that differ, all swaps are tried: 32,768 at most, as a swap and its mirror count as one."""

SIGNIFICANT = 0.05
"""A Holm-adjusted p-value below this counts as a difference; it goes with the intervals' 95 %."""

TIE = 1e-9
"""Values of a query closer than this are equal: the order of a sum moves the last digits."""

_NUMBER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle 95 % of what a figure would be over other queries like these."""

    low: float
    high: float


class Tally(NamedTuple):
    """Over how many queries the second system did better, the same and worse."""

    wins: int
    ties: int
    losses: int


def wilson_interval(successes: int, of: int) -> Interval | None:
    """The 95 % score interval of a share (Wilson, 1927): within 0 and 1, and sound for few and for rare successes.

    Args:
        successes: 0 to ``of``.
        of: how many trials there are.

    Returns:
        The interval, or ``None`` without trials.

    Raises:
        ValueError: more successes than trials.
    """
    if not 0 <= successes <= of:
        raise ValueError(f"{successes} of {of}")
    if of == 0:
        return None
    z = NORMAL_QUANTILE
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
        weights: float ``[n]``, positive; how much each query weighs in the mean. Equal if left out.
        resamples: how often to draw.
        seed: of the random generator.

    Returns:
        The interval, or ``None`` with fewer than two queries: one query says nothing about others.
    """
    data = np.asarray(values, dtype=np.float64)
    return _interval([data], weights, lambda means: means[0], resamples, seed)


def difference_interval(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    of_mean: Callable[[Doubles], Doubles] = lambda means: means,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval | None:
    """Percentile interval of the second mean less the first over the same queries: each draw takes both of a query.

    Args:
        first: float ``[n]``, one value a query.
        second: float ``[n]``, the values of the same queries in the same order.
        weights: float ``[n]``, positive; how much each query weighs in both means. Equal if left out.
        of_mean: the measure, from means float64 ``[resamples]``, where it is not the mean itself.
        resamples: how often to draw.
        seed: of the random generator.

    Returns:
        The interval, or ``None`` with fewer than two queries.

    Raises:
        ValueError: the two differ in length.
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (first, second)]
    if len(sides[0]) != len(sides[1]):
        raise ValueError("paired values must be of one length")
    return _interval(sides, weights, lambda means: of_mean(means[1]) - of_mean(means[0]), resamples, seed)


def _interval(
    sides: list[Doubles],
    weights: npt.ArrayLike | None,
    figure: Callable[[list[Doubles]], Doubles],
    resamples: int,
    seed: int,
) -> Interval | None:
    """The interval of a figure of the sides' weighted means, queries drawn alike on all sides."""
    size = len(sides[0])
    if size < 2:  # a spread needs two values
        return None

    from scipy.stats import bootstrap  # a second to import, and the service needs none of it for a match

    weight = np.ones(size) if weights is None else np.asarray(weights, dtype=np.float64)

    def statistic(*drawn: Doubles, axis: int) -> Doubles:
        *sums, total = (column.sum(axis=axis) for column in drawn)
        return figure([each / total for each in sums])

    found = bootstrap(
        [*(side * weight for side in sides), weight],
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=_rows(size, resamples),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def randomisation_test(
    differences: npt.ArrayLike, *, permutations: int = PERMUTATIONS, seed: int = SEED
) -> float | None:
    """Two-sided p-value of a sum (so also of a mean) of paired differences.

    Args:
        differences: float ``[n]``, the second system's value less the first's for each query, weighted where the
            measure weighs queries.
        permutations: random swaps where more than `EXACT_QUERIES` queries differ. The observed arrangement counts as
            one of them, so that no p-value is zero.
        seed: of the random generator.

    Returns:
        Above 0 to 1, exact with few queries that differ; ``None`` with fewer than two queries.
    """
    given = np.asarray(differences, dtype=np.float64)
    if len(given) < 2:  # one query says nothing about others
        return None
    # A query without a difference adds nothing, whichever way it is swapped.
    moved = given[np.abs(given) > TIE]
    if not len(moved):
        return 1.0
    # Sums of the same numbers in another order differ in their last digits and must still count as equal.
    bar = abs(float(moved.sum())) - TIE * float(np.abs(moved).sum())

    def as_far(bits: npt.NDArray[np.int8]) -> int:
        return int((np.abs((bits * 2.0 - 1.0) @ moved) >= bar).sum())

    if len(moved) <= EXACT_QUERIES:
        arrangements = 2 ** (len(moved) - 1)  # without the mirror images
        patterns = np.arange(arrangements)[:, None] >> np.arange(len(moved))[None, :]
        return as_far((patterns & 1).astype(np.int8)) / float(arrangements)
    generator = np.random.default_rng(seed)
    rows = _rows(len(moved), permutations)
    found = sum(
        as_far(generator.integers(2, size=(min(rows, permutations - start), len(moved)), dtype=np.int8))
        for start in range(0, permutations, rows)
    )
    return (found + 1) / (permutations + 1)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P-values adjusted for how many are looked at (Holm, 1979), under the same names.

    The chance that any of several differences which are none is called one stays below the bound that each adjusted
    value is compared with, however the measures depend on one another.
    """
    adjusted, least = {}, 0.0
    for place, (name, value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        least = max(least, min(1.0, value * (len(p_values) - place)))
        adjusted[name] = least
    return {name: adjusted[name] for name in p_values}


def tally(differences: npt.ArrayLike) -> Tally:
    """Counts of positive, zero and negative differences, float ``[n]``."""
    given = np.asarray(differences, dtype=np.float64)
    wins, losses = int((given > TIE).sum()), int((given < -TIE).sum())
    return Tally(wins, len(given) - wins - losses, losses)


def _rows(size: int, draws: int) -> int:
    """How many draws of ``size`` numbers fit into one block; never more than are drawn."""
    return min(draws, max(1, BLOCK_BYTES // (_NUMBER_BYTES * size)))
