"""Prices and subsidies of patents under which every firm, choosing for itself, keeps the run's limits.

An auction of many rounds (Demange, Gale and Sotheby, Multi-item auctions, 1986; Bertsekas, The auction algorithm,
1988): of a patent that more than ``cap`` firms choose, the price rises until only ``cap`` of them would still choose
it; of one that too few choose, a subsidy rises until enough would. All patents move at once, each by what the firms'
next best candidates allow. Prices only have to be near: `app.push.allocation.repair` makes the limits hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from app.arrays import Doubles, Ints, Mask
from app.push.allocation.lists import NOBODY, LabelLimit, best_lists

_MOST_ROUNDS = 80
_STEP = 2e-4
"""By how much a price rises at first beyond what is needed, in values of 0 to 1."""
_FASTER, _MOST_STEP = 1.5, 0.05
"""Rivals that are alike outbid each other by a step for ever: a patent that stays in demand takes larger ones."""
_SETTLED = 1e-3
"""The share of places over a cap or under a floor from which on repair is left the rest."""
_MOST_SUBSIDY = 1.0
"""Values are probabilities: a subsidy of 1 puts a patent before everything."""


class Priced(Protocol):
    """What prices are found for; see `app.push.allocation.allocate.Problem`."""

    @property
    def values(self) -> Doubles:
        """What places are worth; ``-inf`` where there is no candidate."""
        ...

    @property
    def patents(self) -> Ints:
        """The candidates."""
        ...

    @property
    def fair(self) -> Mask:
        """Which of them count for a floor."""
        ...

    @property
    def k(self) -> int:
        """Places in a list."""
        ...

    @property
    def cap(self) -> int | None:
        """Most lists that a patent is in."""
        ...

    @property
    def limits(self) -> Sequence[LabelLimit]:
        """Of labels within a list."""
        ...


@dataclass(frozen=True, slots=True)
class Prices:
    """Where the auction ended.

    Attributes:
        prices: float64 ``[patents]``, 0 or more.
        subsidies: float64 ``[patents]``, 0 or more, for fair matches.
        chosen: bool ``[firms, m]``, what firms choose at these.
        adjusted: float64 ``[firms, m]``, values less prices with subsidies.
        gross: every firm's best places at these, and what the caps are worth.
        rounds: how many there were.
    """

    prices: Doubles
    subsidies: Doubles
    chosen: Mask
    adjusted: Doubles
    gross: float
    rounds: int

    def bound(self, shown: Ints) -> float:
        """What no allocation exceeds that keeps the caps and shows each patent at least ``shown`` int64 ``[n]`` times.

        Lagrange's dual function, with labels left out.
        """
        return self.gross - float(self.subsidies @ shown)


def settled_prices(problem: Priced, targets: Ints, free: Mask) -> Prices:
    """The prices after as many rounds as bring demand near its limits.

    Args:
        problem: firms and candidates.
        targets: int64 ``[patents]``, fewest places.
        free: what firms choose at no prices.
    """
    auction = _Auction(problem, targets, free)
    rounds = 0
    if problem.cap is not None or targets.any():
        while rounds < _MOST_ROUNDS and auction.round():
            rounds += 1
    return Prices(auction.prices, auction.subsidies, auction.chosen, auction.adjusted, auction.gross(), rounds)


class _Auction:
    """The state of the rounds."""

    def __init__(self, problem: Priced, targets: Ints, free: Mask) -> None:
        self._problem, self._targets = problem, targets
        self.prices = np.zeros(len(targets))
        self.subsidies = np.zeros(len(targets))
        self._steps = np.full(len(targets), _STEP)
        self.adjusted = problem.values.copy()
        self.chosen = free.copy()
        self._last = np.empty(len(free))
        self._next = np.empty(len(free))
        self._margins(np.arange(len(free)))

    def round(self) -> bool:
        """Move prices and subsidies once; whether another round is worth it."""
        problem = self._problem
        counts = np.bincount(problem.patents[self.chosen], minlength=len(self._targets))
        fair = np.bincount(problem.patents[self.chosen & problem.fair], minlength=len(self._targets))
        before = self.prices, self.subsidies
        excess, lack = self._over(counts), self._targets - fair
        off = (excess > 0) | (lack > 0)
        self._steps = np.where(
            off, np.minimum(self._steps * _FASTER, _MOST_STEP), np.maximum(self._steps / _FASTER, _STEP)
        )
        self.prices = self._raised(excess)
        self.subsidies = self._subsidised(np.maximum(lack, 0))
        self._lowered(counts, fair)
        moved = (self.prices != before[0]) | (self.subsidies != before[1])
        if moved.any():
            self._choose_again(moved)
        away = int(np.maximum(excess, 0).sum()) + int(np.maximum(lack, 0).sum())
        return bool(moved.any()) and away > _SETTLED * max(1, int(counts.sum()))

    def _over(self, counts: Ints) -> Ints:
        return np.zeros_like(counts) if self._problem.cap is None else counts - self._problem.cap

    def _raised(self, excess: Ints) -> Doubles:
        """Prices that only ``cap`` of those who choose a patent would still pay, by their next best candidates."""
        cap = self._problem.cap
        over = excess > 0
        if cap is None or not over.any():
            return self.prices
        rows, columns = np.nonzero(self.chosen & over[self._problem.patents])
        patents = self._problem.patents[rows, columns]
        would_pay = np.maximum(self.adjusted[rows, columns] - self._next[rows], 0.0)
        order = np.lexsort((-would_pay, patents))
        turned_away = order[_rank_within(patents[order]) == cap]
        raised = self.prices.copy()
        raised[patents[turned_away]] += would_pay[turned_away] + self._steps[patents[turned_away]]
        return raised

    def _subsidised(self, lack: Ints) -> Doubles:
        """Subsidies that bring as many more firms as are lacking, those first who need the least."""
        under = lack > 0
        if not under.any():
            return self.subsidies
        problem = self._problem
        rows, columns = np.nonzero(~self.chosen & problem.fair & (problem.patents != NOBODY) & under[problem.patents])
        patents = problem.patents[rows, columns]
        needs = np.maximum(self._last[rows] - self.adjusted[rows, columns], 0.0)
        order = np.lexsort((needs, patents))
        enough = order[_rank_within(patents[order]) == lack[patents[order]] - 1]
        raised = self.subsidies.copy()
        raised[patents[enough]] += needs[enough] + self._steps[patents[enough]]
        return np.minimum(raised, _MOST_SUBSIDY)

    def _lowered(self, counts: Ints, fair: Ints) -> None:
        """Give way where a price or a subsidy is more than is needed any longer."""
        cap = self._problem.cap
        if cap is not None:
            dear = (counts < cap) & (self.prices > 0)
            self.prices = np.where(dear, np.maximum(self.prices - self._to_the_next(dear), 0), self.prices)
        idle = (fair > self._targets) & (self.subsidies > 0)
        self.subsidies = np.where(idle, np.maximum(self.subsidies - _STEP, 0), self.subsidies)

    def _to_the_next(self, dear: Mask) -> Doubles:
        """How much cheaper each of these patents must be for one more firm to choose it."""
        problem = self._problem
        rows, columns = np.nonzero(~self.chosen & (problem.patents != NOBODY) & dear[problem.patents])
        cheaper = np.full(len(dear), np.inf)
        needs = np.maximum(self._last[rows] - self.adjusted[rows, columns], 0.0)
        np.minimum.at(cheaper, problem.patents[rows, columns], needs)
        return cheaper + _STEP

    def _choose_again(self, moved: Mask) -> None:
        """Let the firms choose that have a candidate whose price moved."""
        problem = self._problem
        firms = np.flatnonzero((moved[problem.patents] & (problem.patents != NOBODY)).any(1))
        patents, values = problem.patents[firms], problem.values[firms]
        adjusted = values - self.prices[patents] + np.where(problem.fair[firms], self.subsidies[patents], 0.0)
        self.adjusted[firms] = adjusted
        # A place is better left empty than filled at a loss.
        self.chosen[firms] = best_lists(adjusted, patents, problem.k, problem.limits, adjusted >= 0)
        self._margins(firms)

    def _margins(self, firms: Ints) -> None:
        """What the last place of each list is worth, and the best candidate behind it; 0 where places are empty."""
        chosen, adjusted = self.chosen[firms], self.adjusted[firms]
        last = np.where(chosen, adjusted, np.inf).min(1, initial=np.inf)
        full = chosen.sum(1) >= self._problem.k
        self._last[firms] = np.where(full, last, 0.0)
        behind = np.where(chosen | (adjusted > last[:, None]), -np.inf, adjusted).max(1, initial=-np.inf)
        self._next[firms] = np.maximum(behind, 0.0)

    def gross(self) -> float:
        """Every firm's best places at these prices, and what the caps are worth."""
        k = self._problem.k
        worth = np.maximum(self.adjusted, 0.0)
        best = worth if worth.shape[1] <= k else -np.partition(-worth, k - 1, axis=1)[:, :k]
        caps = 0.0 if self._problem.cap is None else self._problem.cap * float(self.prices.sum())
        return float(best.sum()) + caps


def _rank_within(ordered: Ints) -> Ints:
    """The place of each element within its run of equal ones, from 0; equal ones stand together."""
    if not len(ordered):
        return ordered
    begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return np.arange(len(ordered)) - np.repeat(begins, np.diff(np.append(begins, len(ordered))))
