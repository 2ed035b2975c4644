"""More candidates for patents that hardly any firm has among its own: their own best firms, found from their side.

A floor of exposures is only as good as the pairs that are known. Firms' candidates leave out patents that are never
among anybody's sixty best, though a fair match may exist. Those patents are joined with the queries the other way
round, under the same rules, and the firms found get them as further candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.arrays import Ints
from app.push.allocation.lists import NOBODY
from app.push.candidates import CandidateMaker, PushCandidates
from app.push.patents import mapped_rows
from app.push.rules import PushRules
from index import ArrayVectors, JoinCorpus, JoinOptions, JoinProgress, JoinTask, read_join, run_join

_FIRMS_A_PLACE, _FEWEST_FIRMS = 4, 8
"""Firms looked for a place of the floor, and at least: some hold the patent, were pushed it, or fit less by terms."""
_MOST_EXTRA = 20
"""Scarce patents that a firm may get as candidates beside its own."""


class ScarceFinder:
    """Adds candidates for patents that have fewer fair ones than the floor asks for.

    Args:
        maker: scores pairs as it scores its own.
        rules: of the arm.
        folder: where the join keeps what it has done.
        report: called with how far the join is.
    """

    def __init__(
        self, maker: CandidateMaker, rules: PushRules, folder: Path, report: Callable[[JoinProgress], None]
    ) -> None:
        self._maker, self._rules, self._folder, self._report = maker, rules, folder, report

    def added(self, found: PushCandidates, firms: Ints, queries: Ints, fair_from: float) -> PushCandidates:
        """The candidates with what was found from the patents' side.

        Args:
            found: of the firms.
            firms: their places.
            queries: theirs.
            fair_from: the smallest score of a fair match.
        """
        run = self._maker.run
        fair = found.patents[(found.scores >= fair_from) & (found.patents != NOBODY)]
        known = np.bincount(fair, minlength=len(run.patents))
        scarce = np.flatnonzero(run.patents.passing & (known < self._rules.floor)).astype(np.int64)
        if not len(scarce) or not len(queries):
            return found
        extra: dict[int, dict[int, tuple[float, int]]] = {}
        rows = {firm: row for row, firm in enumerate(firms.tolist())}
        for query, places in self._pairs(queries, scarce).items():
            row = rows[run.firms.owners[query]]
            places = places[~np.isin(places, found.patents[row])]
            for place, score in self._maker.scored(query, places):
                best = extra.setdefault(row, {})
                if score >= fair_from and score > best.get(place, (0.0, 0))[0]:
                    best[place] = score, query
        return _widened(found, extra)

    def _pairs(self, queries: Ints, scarce: Ints) -> Mapping[int, Ints]:
        """For each query, the scarce patents that it is among the best of."""
        run, groups = self._maker.run, self._maker.groups
        # All query vectors in a mapped file: 690 MB for 450,000.
        asked = mapped_rows(self._folder / "asked.f32", (len(run.vectors), run.vectors.dimension), run.vectors.take)
        k = max(_FEWEST_FIRMS, _FIRMS_A_PLACE * self._rules.floor)
        tasks = [
            JoinTask(groups.name(group), mine, members)
            for group, members in groups.members(queries).items()
            if len(mine := scarce[groups.mask(group)[scarce]])
        ]
        vectors = ArrayVectors(run.rows)
        run_join(JoinCorpus(asked, JoinOptions(k=k, certify=1)), vectors, tasks, self._folder / "scarce", self._report)
        near = read_join(tasks, self._folder / "scarce", len(vectors), k).positions[scarce]
        places, ranks = np.nonzero(near != NOBODY)
        order = np.argsort(near[places, ranks], kind="stable")
        by_query, patents = near[places, ranks][order], scarce[places][order]
        names, starts = np.unique(by_query, return_index=True)
        parts = np.split(patents, starts[1:])
        return dict(zip(names.tolist(), parts, strict=True))


def _widened(found: PushCandidates, extra: Mapping[int, Mapping[int, tuple[float, int]]]) -> PushCandidates:
    """Candidates with more columns: of each firm the best of what was added."""
    kept = {
        row: sorted(((score, place, query) for place, (score, query) in best.items()), reverse=True)[:_MOST_EXTRA]
        for row, best in extra.items()
        if best
    }
    width = max(map(len, kept.values()), default=0)
    if not width:
        return found
    wider = ((0, 0), (0, width))
    patents = np.pad(found.patents, wider, constant_values=NOBODY)
    scores = np.pad(found.scores, wider)
    queries = np.pad(found.queries, wider, constant_values=NOBODY)
    first = found.patents.shape[1]
    for row, best in kept.items():
        for column, (score, place, query) in enumerate(best, first):
            patents[row, column], scores[row, column], queries[row, column] = place, score, query
    return replace(found, patents=patents, scores=scores, queries=queries)
