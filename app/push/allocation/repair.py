"""From lists that nearly keep the limits to lists that keep them to the letter."""

from __future__ import annotations

import numpy as np

from app.arrays import Doubles, Ints, Mask
from app.push.allocation.lists import NOBODY
from app.push.allocation.prices import Priced, Prices

_MOST_SWAPS, _HOLDERS_TRIED = 500_000, 8
"""Exchanges between two lists that are looked at to fill empty places, some seconds, and of one patent."""
_EDGES_TRIED = 32
"""Firms that are looked at to place one patent below its floor, the least loss first."""


def repaired(problem: Priced, targets: Ints, prices: Prices) -> Mask:
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

    def __init__(self, problem: Priced, targets: Ints, prices: Prices) -> None:
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
        begins = np.concatenate(([True], named[order][1:] != named[order][:-1]))
        starts = np.flatnonzero(begins)
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
        gone = order[rank >= self._most]
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
