"""Who is shown what, over a whole run: the best total value under a cap and a floor of exposures for each patent.

Every firm has candidates with values, and a list of ``k`` places. A patent may be in at most ``cap`` lists and, where
so many fair matches of it exist, must be in ``floor``. Without limits each firm would simply take its best; the limits
couple all firms. Prices uncouple them again (`app.push.allocation.lists`): a patent in too much demand costs more
until few enough want it, one in too little is subsidised, and every firm takes its best by value less price. Repair
then makes the limits hold to the letter. The prices also prove how good the result is: no allocation is worth more than
the Lagrangian bound they give.

Memory: about 100 bytes a candidate: 637 MB at the most for 100,000 firms with 60 each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from app.arrays import Doubles, Ints, Mask
from app.push.allocation.lists import NOBODY, Prices, Problem, best_lists, rank_within, settled_prices

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
    """Better ones were one too many of their holder, family, title or subject."""
    AGREED = 4
    """It is among the firm's best because both sides rated it worth industrialising; by score alone it is not."""


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


_MOST_SWAPS, _HOLDERS_TRIED = 500_000, 8
"""Exchanges between two lists that are looked at to fill empty places, some seconds, and of one patent."""
_EDGES_TRIED = 32
"""Firms that are looked at to place one patent below its floor, the least loss first."""


def repaired(problem: Problem, targets: Ints, prices: Prices) -> Mask:
    """Lists bool ``[firms, m]`` in which caps, places and labels hold, and floors where an exchange can reach them."""
    repair = _Repair(problem, targets, prices)
    repair.trim()
    repair.refill()
    repair.lift()
    repair.refill()
    repair.exchange()
    return repair.chosen


_NO_SWAP = (0.0, -1, -1, -1, -1)


class _Repair:
    """The state of a repair."""

    def __init__(self, problem: Problem, targets: Ints, prices: Prices) -> None:
        self._problem, self._targets, self._adjusted = problem, targets, prices.adjusted
        self.chosen = prices.chosen.copy()
        self._there = problem.patents != NOBODY
        self._most = np.iinfo(np.int64).max if problem.cap is None else problem.cap
        self._counts = np.bincount(problem.patents[self.chosen], minlength=len(targets))

    def trim(self) -> None:
        """Take patents over their cap from those who lose the least by it."""
        patents = self._problem.patents
        rows, columns = np.nonzero(self.chosen & (self._counts > self._most)[patents])
        if not len(rows):
            return
        named = patents[rows, columns]
        order = np.lexsort((-self._adjusted[rows, columns] + self._worst(rows), named))
        gone = order[rank_within(named[order]) >= self._most]
        self.chosen[rows[gone], columns[gone]] = False
        self._counts -= np.bincount(named[gone], minlength=len(self._counts))

    def _worst(self, rows: Ints) -> Doubles:
        """The last value of each of these firms' lists: what another candidate would replace it by is near it."""
        firms, where = np.unique(rows, return_inverse=True)
        worst: Doubles = np.where(self.chosen[firms], self._adjusted[firms], np.inf).min(1)[where]
        return worst

    def refill(self) -> None:
        """Fill empty places: each firm asks for its best that is left, each patent takes who values it most."""
        problem = self._problem
        firms = np.flatnonzero(self.chosen.sum(1) < problem.k)
        refused = np.zeros((len(firms), self.chosen.shape[1]), dtype=np.bool_)
        while len(firms):
            patents = problem.patents[firms]
            free = self._there[firms] & ~self.chosen[firms] & ~refused & (self._counts < self._most)[patents]
            asked = np.where(free, problem.values[firms], -np.inf).argmax(1)
            rows = np.arange(len(firms))
            asking = free[rows, asked]
            fits = asking & self._fits(firms, asked)
            refused[rows[asking & ~fits], asked[asking & ~fits]] = True
            self._take(firms[fits], asked[fits])
            going_on = asking & (self.chosen[firms].sum(1) < problem.k)
            firms, refused = firms[going_on], refused[going_on]

    def _take(self, firms: Ints, columns: Ints) -> None:
        """Let each patent take as many of those who ask as its cap leaves, who values it most first."""
        patents, values = self._problem.patents[firms, columns], self._problem.values[firms, columns]
        order = np.lexsort((-values, patents))
        named = patents[order]
        starts = np.flatnonzero(np.concatenate(([True], named[1:] != named[:-1]))) if len(named) else named
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
        taken = order[rank < (self._most - self._counts)[named]]
        self.chosen[firms[taken], columns[taken]] = True
        self._counts += np.bincount(patents[taken], minlength=len(self._counts))

    def _fits(self, firms: Ints, columns: Ints) -> Mask:
        """Bool ``[n]``: whether each firm's list takes one more of the labels of what it asks for."""
        fits = np.ones(len(firms), dtype=np.bool_)
        patents = self._problem.patents
        for limit in self._problem.limits:
            label = limit.labels[patents[firms, columns]]
            same = (limit.labels[patents[firms]] == label[:, None]) & self.chosen[firms]
            fits &= (label == NOBODY) | (same.sum(1) < limit.most)
        return fits

    def exchange(self) -> None:
        """Fill places that are still empty with what another list gives up for a patent that can still be shown."""
        patents, left = self._problem.patents, _MOST_SWAPS
        open_ = np.flatnonzero(self.chosen.sum(1) < self._problem.k)
        wanted = np.zeros(len(self._counts), dtype=np.bool_)
        wanted[patents[open_][self._there[open_]]] = True
        rows, columns = np.nonzero(self.chosen & wanted[patents])
        order = np.argsort(patents[rows, columns], kind="stable")
        named = patents[rows, columns][order]
        for firm in open_.tolist():
            while left > 0 and self.chosen[firm].sum() < self._problem.k:
                asked = np.flatnonzero(self._there[firm] & ~self.chosen[firm])
                asked = asked[self._fits(np.full(len(asked), firm), asked)]
                starts, ends = (np.searchsorted(named, patents[firm, asked] + more) for more in (0, 1))
                best = _NO_SWAP
                for column, start, end in zip(asked.tolist(), starts.tolist(), ends.tolist(), strict=True):
                    for edge in order[start : min(end, start + _HOLDERS_TRIED)].tolist():
                        best = max(best, self._swap(firm, column, int(rows[edge]), int(columns[edge])))
                        left -= 1
                if best == _NO_SWAP:
                    break
                _, column, other, given, instead = best
                self.chosen[firm, column], self.chosen[other, given], self.chosen[other, instead] = True, False, True
                self._counts[patents[other, instead]] += 1

    def _swap(self, firm: int, column: int, other: int, given: int) -> tuple[float, int, int, int, int]:
        """What is won when ``other`` gives its patent to ``firm`` and takes the best that is left to it instead."""
        problem = self._problem
        if not self.chosen[other, given] or problem.fair[firm, column] < problem.fair[other, given]:
            return _NO_SWAP
        left = self._there[other] & ~self.chosen[other] & (self._counts < self._most)[problem.patents[other]]
        self.chosen[other, given] = False
        found = _NO_SWAP
        for instead in sorted(np.flatnonzero(left).tolist(), key=lambda n: -problem.values[other, n]):
            if self._fits(np.array([other]), np.array([instead]))[0]:
                won = problem.values[firm, column] + problem.values[other, instead] - problem.values[other, given]
                found = max(_NO_SWAP, (float(won), column, other, given, instead))
                break
        self.chosen[other, given] = True
        return found

    def lift(self) -> None:
        """Put patents below their floor into lists, in the place of what can be spared, where the least is lost."""
        problem, targets = self._problem, self._targets
        fair = np.bincount(problem.patents[self.chosen & problem.fair], minlength=len(targets))
        lacking = fair < targets
        rows, columns = np.nonzero(problem.fair & self._there & ~self.chosen & lacking[problem.patents])
        named = problem.patents[rows, columns]
        loss = self._worst(rows) - problem.values[rows, columns] if len(rows) else np.empty(0)
        order = np.lexsort((loss, named))
        if not len(order):
            return
        starts = np.flatnonzero(np.concatenate(([True], named[order][1:] != named[order][:-1]))).tolist()
        ends = [*starts[1:], len(order)]
        # Those with the fewest firms first: others have more ways.
        spans = sorted(zip(starts, ends, strict=True), key=lambda span: (span[1] - span[0], span[0]))
        for start, end in spans:
            patent = int(named[order[start]])
            edges = order[start : min(end, start + _EDGES_TRIED * int(targets[patent]))]
            for edge in edges:
                if fair[patent] >= targets[patent]:
                    break
                self._exchange(int(rows[edge]), int(columns[edge]), fair)

    def _exchange(self, firm: int, column: int, fair: Ints) -> None:
        """Put a candidate into a list for the least valuable entry that can be spared, if there is one."""
        problem = self._problem
        if self._counts[problem.patents[firm, column]] >= self._most and not self._withdraw(firm, column):
            return
        mine = np.flatnonzero(self.chosen[firm])
        victims = [-1] if len(mine) < problem.k else []
        victims += mine[np.argsort(problem.values[firm, mine], kind="stable")].tolist()
        for victim in victims:
            if victim >= 0:
                other = int(problem.patents[firm, victim])
                if problem.fair[firm, victim] and fair[other] - 1 < self._targets[other]:
                    continue
                self.chosen[firm, victim] = False
            if self._fits(np.array([firm]), np.array([column]))[0]:
                self._put(firm, column, victim, fair)
                return
            if victim >= 0:
                self.chosen[firm, victim] = True

    def _withdraw(self, firm: int, column: int) -> bool:
        """Take a patent that is at its cap out of a list where it is no fair match; whether there was one."""
        patent = self._problem.patents[firm, column]
        rows, columns = np.nonzero((self._problem.patents == patent) & self.chosen & ~self._problem.fair)
        if not len(rows):
            return False
        last = int(np.argmin(self._problem.values[rows, columns]))
        self.chosen[rows[last], columns[last]] = False
        self._counts[patent] -= 1
        return True

    def _put(self, firm: int, column: int, victim: int, fair: Ints) -> None:
        patents = self._problem.patents[firm]
        self.chosen[firm, column] = True
        self._counts[patents[column]] += 1
        fair[patents[column]] += 1
        if victim >= 0:
            self._counts[patents[victim]] -= 1
            fair[patents[victim]] -= int(self._problem.fair[firm, victim])
