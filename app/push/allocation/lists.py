"""The list that every firm chooses, and the prices of patents under which all lists together keep the run's limits.

A firm takes its best, of each label only so many. An auction of many rounds then sets prices and subsidies (Demange,
Gale and Sotheby, Multi-item auctions, 1986; Bertsekas, The auction algorithm, 1988): of a patent that more than
``cap`` firms choose, the price rises until only ``cap`` of them would still choose it; of one that too few choose, a
subsidy rises until enough would. All patents move at once, each by what the firms' next best candidates allow. Prices
only have to be near: `app.push.allocation.allocate` makes the limits hold. How fairly lists spread patents is measured
here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.arrays import Doubles, Ints, Mask

NOBODY = -1
"""The label of a patent that a limit does not concern, and the patent of a candidate that is none."""
HUB_SHARE = 0.01
"""The share of most shown patents whose part of all places is given as ``hub_share``."""


@dataclass(frozen=True, slots=True)
class LabelLimit:
    """At most ``most`` patents of one label in a list, as one holder's or one family's.

    Attributes:
        labels: int64 ``[patents]``; `NOBODY` where there is none.
        most: 1 or more.
    """

    labels: Ints
    most: int


def best_lists(
    values: Doubles, patents: Ints, k: int, limits: Sequence[LabelLimit] = (), allowed: Mask | None = None
) -> Mask:
    """Which candidates are in each firm's list: the best by ``values``, passing over what is one too many of a label.

    Args:
        values: float64 ``[firms, m]``; only those above ``-inf`` are candidates.
        patents: int64 ``[firms, m]``; `NOBODY` where there is no candidate.
        k: places in a list.
        limits: of labels; without any the list is the ``k`` best.
        allowed: bool ``[firms, m]``; all when not given.

    Returns:
        bool ``[firms, m]``. Where labels cross (a family of two holders) a list of a higher sum may exist.
    """
    usable = (patents != NOBODY) & np.isfinite(values)
    if allowed is not None:
        usable &= allowed
    ordered = np.argsort(-np.where(usable, values, -np.inf), axis=1, kind="stable")
    chosen = np.zeros(values.shape, dtype=np.bool_)
    top = ordered[:, :k]
    np.put_along_axis(chosen, top, np.take_along_axis(usable, top, 1), 1)
    if not limits:
        return chosen
    # Most lists break no limit: only those that do are walked.
    broken = np.flatnonzero(_breaks(chosen, patents, limits))
    if len(broken):
        chosen[broken] = _walked(ordered[broken], usable[broken], patents[broken], k, limits)
    return chosen


def _breaks(chosen: Mask, patents: Ints, limits: Sequence[LabelLimit]) -> Mask:
    """Bool ``[firms]``: which lists hold too many of a label."""
    broken = np.zeros(len(chosen), dtype=np.bool_)
    for limit in limits:
        labels = np.sort(np.where(chosen, limit.labels[patents], NOBODY), axis=1)
        if labels.shape[1] > limit.most:
            apart = labels[:, limit.most :] == labels[:, : -limit.most]
            broken |= (apart & (labels[:, limit.most :] != NOBODY)).any(1)
    return broken


def _walked(ordered: Ints, usable: Mask, patents: Ints, k: int, limits: Sequence[LabelLimit]) -> Mask:
    """The lists made one candidate after the other, for all firms at once."""
    rows = np.arange(len(ordered))
    chosen = np.zeros(usable.shape, dtype=np.bool_)
    filled = np.zeros(len(ordered), dtype=np.int64)
    taken = [np.full((len(ordered), k), NOBODY, dtype=np.int64) for _ in limits]
    for place in range(ordered.shape[1]):
        at = ordered[:, place]
        fits = usable[rows, at] & (filled < k)
        named = [limit.labels[patents[rows, at]] for limit in limits]
        for limit, labels, before in zip(limits, named, taken, strict=True):
            fits &= (labels == NOBODY) | ((before == labels[:, None]).sum(1) < limit.most)
        takers = np.flatnonzero(fits)
        chosen[takers, at[takers]] = True
        for labels, before in zip(named, taken, strict=True):
            before[takers, filled[takers]] = labels[takers]
        filled[takers] += 1
        if (filled >= k).all():
            break
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How often patents are shown.

    Attributes:
        places: entries of all lists together.
        patents: patents that could be shown.
        shown: patents that are in a list at least once.
        coverage: ``shown`` as a share of ``patents``.
        never: the share that is in no list.
        gini: 0 where all are shown equally often, towards 1 where few have all places; over all patents.
        largest: places of the most shown patent.
        hub_share: the share of places of the 1 % most shown patents.
        histogram: how many patents are shown so often, by number of places.
    """

    places: int
    patents: int
    shown: int
    coverage: float
    never: float
    gini: float
    largest: int
    hub_share: float
    histogram: dict[int, int]


def exposure_of(counts: Ints) -> Exposure:
    """The exposure of patents that are shown ``counts`` int64 ``[n]`` times."""
    total, patents = int(counts.sum()), len(counts)
    shown = int(np.count_nonzero(counts))
    times, how_many = np.unique(counts, return_counts=True)
    hubs = -np.sort(-counts)[: max(1, round(patents * HUB_SHARE))]
    coverage = shown / patents if patents else 0.0
    return Exposure(
        places=total,
        patents=patents,
        shown=shown,
        coverage=coverage,
        never=1.0 - coverage if patents else 0.0,
        gini=gini(counts),
        largest=int(counts.max(initial=0)),
        hub_share=float(hubs.sum() / total) if total else 0.0,
        histogram=dict(zip(times.tolist(), how_many.tolist(), strict=True)),
    )


def gini(counts: Ints) -> float:
    """Gini's coefficient of counts int64 ``[n]``: half the mean difference of two, relative to the mean (1912)."""
    total, n = int(counts.sum()), len(counts)
    if not total:
        return 0.0
    ranks = np.arange(1, n + 1, dtype=np.float64)
    return float((2 * ranks - n - 1) @ np.sort(counts).astype(np.float64) / (n * total))


_MOST_ROUNDS = 80
_STEP = 2e-4
"""By how much a price rises at first beyond what is needed, in values of 0 to 1."""
_FASTER, _MOST_STEP = 1.5, 0.05
"""Rivals that are alike outbid each other by a step for ever: a patent that stays in demand takes larger ones."""
_SETTLED = 1e-3
"""The share of places over a cap or under a floor from which on repair is left the rest."""
_MOST_SUBSIDY = 1.0
"""Values are probabilities: a subsidy of 1 puts a patent before everything."""


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


def settled_prices(problem: Problem, targets: Ints, free: Mask) -> Prices:
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

    def __init__(self, problem: Problem, targets: Ints, free: Mask) -> None:
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
        turned_away = order[rank_within(patents[order]) == cap]
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
        enough = order[rank_within(patents[order]) == lack[patents[order]] - 1]
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


def rank_within(ordered: Ints) -> Ints:
    """The place of each element within its run of equal ones, from 0; equal ones stand together."""
    if not len(ordered):
        return ordered
    begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return np.arange(len(ordered)) - np.repeat(begins, np.diff(np.append(begins, len(ordered))))
