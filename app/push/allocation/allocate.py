"""Who is shown what, over a whole run: the best total value under a cap and a floor of exposures for each patent.

Every firm has candidates with values, and a list of ``k`` places. A patent may be in at most ``cap`` lists and, where
so many fair matches of it exist, must be in ``floor``. Without limits each firm would simply take its best; the limits
couple all firms. Prices uncouple them again (`app.push.allocation.prices`): a patent in too much demand costs more
until few enough want it, one in too little is subsidised, and every firm takes its best by value less price. Repair
(`app.push.allocation.repair`) then makes the limits hold to the letter. The prices also prove how good the result is:
no allocation is worth more than the Lagrangian bound they give.

Memory: about 100 bytes a candidate: 637 MB at the most for 100,000 firms with 60 each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from app.arrays import Doubles, Ints, Mask
from app.push.allocation.lists import NOBODY, LabelLimit, best_lists
from app.push.allocation.prices import Prices, settled_prices
from app.push.allocation.repair import repaired

_JITTER = 1e-9
"""Added to values, times a random number, so that ties are decided by the seed and not by the order of firms."""


class Placed(IntEnum):
    """What put a patent into a list."""

    CHOICE = 0
    """It is among the firm's best, limits or not."""
    CAP = 1
    """Better ones were shown often enough to others."""
    FLOOR = 2
    """The patent had to be shown."""
    DIVERSITY = 3
    """Better ones were one too many of their holder, family or subject."""
    AGREED = 4
    """It is among the firm's best because both sides rated it worth industrialising; by score alone it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is to be allocated.

    Attributes:
        values: float64 ``[firms, m]``, 0 or more; what a place is worth.
        patents: int64 ``[firms, m]``, each patent at most once a firm; `NOBODY` where there are fewer candidates.
        fair: bool ``[firms, m]``: matches that are good enough to count for a floor.
        eligible: bool ``[patents]``: those that a floor is for.
        k: places in a list.
        cap: most lists that a patent is in; ``None`` for no limit.
        floor: fewest lists that an eligible patent is in, where so many fair matches are among the candidates.
        limits: of labels within a list.
        seed: decides ties.
    """

    values: Doubles
    patents: Ints
    fair: Mask
    eligible: Mask
    k: int
    cap: int | None = None
    floor: int = 0
    limits: Sequence[LabelLimit] = ()
    seed: int = 0

    @property
    def targets(self) -> Ints:
        """Int64 ``[patents]``: how often each must be shown: the floor, or as often as it fairly can be."""
        if not self.floor:
            return np.zeros(len(self.eligible), dtype=np.int64)
        there = np.bincount(self.patents[self.fair & (self.patents != NOBODY)], minlength=len(self.eligible))
        most = self.floor if self.cap is None else min(self.floor, self.cap)
        return np.where(self.eligible, np.minimum(there, most), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The lists.

    Attributes:
        chosen: bool ``[firms, m]``.
        placed: int8 ``[firms, m]`` of `Placed`, where chosen.
        value: the sum of the values of all places.
        bound: no allocation is worth more that keeps the limits and shows each patent below its floor as often as this.
        free_value: what the lists would be worth without cap and floor.
        missed: eligible patents that are shown less often than the floor although fair matches exist.
        rounds: of prices.
    """

    chosen: Mask
    placed: npt.NDArray[np.int8]
    value: float
    bound: float
    free_value: float
    missed: int
    rounds: int

    @property
    def gap(self) -> float:
        """How far the value may be from the best possible, as a share of it; 0 where it is the best."""
        return max(0.0, 1.0 - self.value / self.bound) if self.bound > 0 else 0.0


def allocate(problem: Problem) -> Allocation:
    """Lists of high total value that keep every limit: cap, places and labels always, floors wherever they can be.

    The same problem with the same seed gives the same lists.

    Raises:
        ValueError: values below 0, or arrays that do not fit each other.
    """
    _check(problem)
    if not problem.patents.size or not len(problem.eligible):
        nothing = np.zeros(problem.patents.shape, dtype=np.bool_)
        none: npt.NDArray[np.int8] = nothing.astype(np.int8)
        return Allocation(chosen=nothing, placed=none, value=0.0, bound=0.0, free_value=0.0, missed=0, rounds=0)
    values = _jittered(problem)
    told = replace(problem, values=values)
    plain = best_lists(values, problem.patents, problem.k)
    free = best_lists(values, problem.patents, problem.k, problem.limits) if problem.limits else plain
    targets = problem.targets
    prices = settled_prices(told, targets, free)
    chosen = repaired(told, targets, prices)
    counts = np.bincount(problem.patents[chosen & problem.fair], minlength=len(problem.eligible))
    return Allocation(
        chosen=chosen,
        placed=_placed(chosen, plain, free, problem, prices, targets),
        value=float(problem.values[chosen].sum()),
        bound=min(prices.bound(np.minimum(counts, targets)), float(values[plain].sum())),
        free_value=float(problem.values[free].sum()),
        missed=int((counts < targets).sum()),
        rounds=prices.rounds,
    )


def _check(problem: Problem) -> None:
    shape = problem.values.shape
    if not shape == problem.patents.shape == problem.fair.shape or problem.k < 1:
        raise ValueError("values, patents and fair must be of one shape, and k 1 or more")
    there = problem.values[problem.patents != NOBODY]
    if not (np.isfinite(there).all() and there.min(initial=0.0) >= 0):
        raise ValueError("values must be finite and 0 or more")
    if len(problem.eligible) <= problem.patents.max(initial=NOBODY):
        raise ValueError("a candidate is no patent of the run")
    if problem.cap is not None and problem.cap < 1:
        raise ValueError("a cap must be 1 or more")


def _jittered(problem: Problem) -> Doubles:
    noise = np.random.default_rng(problem.seed).random(problem.values.shape)
    return np.where(problem.patents != NOBODY, problem.values + _JITTER * noise, -np.inf)


def _placed(
    chosen: Mask, plain: Mask, free: Mask, problem: Problem, prices: Prices, targets: Ints
) -> npt.NDArray[np.int8]:
    """Why each place is whose it is; what is neither in the free list nor below its floor moved up for a cap."""
    counts = np.bincount(problem.patents[chosen], minlength=len(problem.eligible))
    pushed = (prices.subsidies > 0) | ((targets > 0) & (counts <= targets))
    placed = np.full(chosen.shape, Placed.CAP, dtype=np.int8)
    placed[chosen & pushed[problem.patents]] = Placed.FLOOR
    placed[chosen & free] = Placed.DIVERSITY
    placed[chosen & plain] = Placed.CHOICE
    return placed
