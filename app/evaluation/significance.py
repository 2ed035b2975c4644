"""Whether a difference over the same queries could be luck: randomisation tests, and what many tests at once cost.

The paired randomisation test is the one that Smucker, Allan and Carterette (CIKM 2007) recommend for retrieval: were
the two systems the same, each query's two values could as well be swapped, so the observed difference is placed among
those of all such swaps. It assumes no distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.evaluation.uncertainty import BLOCK_BYTES, SEED, Floats

PERMUTATIONS = 20_000
"""Random swaps where not all can be tried: the standard error of a p-value near 0.05 is then 0.0015."""

EXACT_QUERIES = 16
"""Up to so many queries that differ, all swaps are tried: at most 32,768, since a swap and its mirror count as one."""

SIGNIFICANT = 0.05
"""A Holm-adjusted p-value below this is called a difference; it goes with the intervals' 95 %."""

TIE = 1e-9
"""Values of a query closer than this are equal: the order of a sum moves the last digits."""

_FLOAT_BYTES = 8


class Tally(NamedTuple):
    """Over how many queries the second system did better, the same and worse."""

    wins: int
    ties: int
    losses: int


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
    if len(given) < 2:  # one query says nothing of others
        return None
    # A query without a difference adds nothing, whichever way it is swapped.
    moved = given[np.abs(given) > TIE]
    if not len(moved):
        return 1.0
    # Sums of the same numbers in another order differ in their last digits and must still count as equal.
    bar = abs(float(moved.sum())) - TIE * float(np.abs(moved).sum())
    if len(moved) <= EXACT_QUERIES:
        return _as_far(_all_signs(len(moved)), moved, bar) / float(2 ** (len(moved) - 1))
    generator = np.random.default_rng(seed)
    rows = max(1, BLOCK_BYTES // (_FLOAT_BYTES * len(moved)))
    found = 0
    for start in range(0, permutations, rows):
        drawn = generator.integers(2, size=(min(rows, permutations - start), len(moved)), dtype=np.int8)
        found += _as_far(_signs(drawn), moved, bar)
    return (found + 1) / (permutations + 1)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P-values adjusted for how many are looked at (Holm, 1979), under the same names.

    The chance that any of several differences which are none is called one stays below the bound that each adjusted
    value is held against, however the measures depend on one another.
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


def _all_signs(size: int) -> Floats:
    """Every way to swap ``size`` queries, float64 ``[2**(size-1), size]`` of ±1, without the mirror images."""
    patterns = np.arange(2 ** (size - 1))[:, None] >> np.arange(size)[None, :]
    return _signs((patterns & 1).astype(np.int8))


def _signs(bits: npt.NDArray[np.int8]) -> Floats:
    return bits.astype(np.float64) * 2.0 - 1.0


def _as_far(signs: Floats, differences: Floats, bar: float) -> int:
    return int((np.abs(signs @ differences) >= bar).sum())
