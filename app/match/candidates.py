"""The records that may be among a query's best: the nearest of each language, and those that share its terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.arrays import Floats, Ints
from app.match.queries import ResolvedQuery
from app.match.scorer import LANG, Scorer, ScorerQuery
from app.ranking.relevance import Relevance, best_first
from index import Condition, Found, Part, Plan, View

MOST_PARTS = 6
"""Languages that are searched one by one, the largest first; the others are found with the nearest of all."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of one query, best first.

    Attributes:
        ids: of the records.
        addresses: int64 ``[n]``, of the records in the index state.
        relevance: what ranks them.
    """

    ids: tuple[str, ...]
    addresses: Ints
    relevance: Relevance

    def first(self, count: int) -> Candidates:
        """The ``count`` best of them."""
        return Candidates(self.ids[:count], self.addresses[:count], self.relevance.at(range(len(self.ids[:count]))))


def depth_for(k: int, depth: int) -> int:
    """How many candidates of each kind are taken for ``k`` matches: ``depth``, doubled until half of them are enough.

    In steps, so that the same candidates are ordered whatever ``k`` is, below half of ``depth`` at least.
    """
    while 2 * k > depth:
        depth *= 2
    return depth


class CandidateSearch:
    """Finds and orders the candidates of queries in one state of what is served.

    Args:
        view: what is searched.
        scorer: of the same state.
        conditions: what a record must pass.
    """

    def __init__(self, view: View, scorer: Scorer, conditions: Sequence[Condition]) -> None:
        self._view, self._scorer, self._conditions = view, scorer, conditions

    def search(
        self, queries: Sequence[ResolvedQuery], vectors: Floats, depth: int
    ) -> tuple[list[Candidates], tuple[Plan, ...]]:
        """The candidates of each query, and how each layer was searched.

        Args:
            queries: what is asked.
            vectors: of each, float32 ``[q, d]``, in the space of the snapshot.
            depth: how many are taken of each kind: of each language, and by shared terms.
        """
        asked = [
            self._scorer.query(query.views, query.lang, vector, titled=query.titled)
            for query, vector in zip(queries, vectors, strict=True)
        ]
        found, plans = self._nearest(vectors, depth)
        if self._scorer.terms is not None:
            sharing = self._view.search_terms([query.terms for query in asked], depth, self._conditions)
            found = [[*parts, shared] for parts, shared in zip(found, sharing, strict=True)]
        return [self._ordered(query, parts) for query, parts in zip(asked, found, strict=True)], plans

    def _nearest(self, vectors: Floats, depth: int) -> tuple[list[list[Found]], tuple[Plan, ...]]:
        """The nearest of each language: the nearest of all would be of the query's own, whatever the others hold."""
        sizes = self._view.part_sizes(LANG)
        parts: list[Part | None] = [Part(LANG, language) for language in self._scorer.apart(sizes, MOST_PARTS)]
        if len(parts) < len(sizes) or not parts:
            parts.append(None)
        searches = [
            self._view.search(vectors, min(depth, len(self._view) or 1), self._conditions, part=part) for part in parts
        ]
        return [list(found) for found in zip(*(found for found, _ in searches), strict=True)], searches[0][1]

    def _ordered(self, query: ScorerQuery, found: Sequence[Found]) -> Candidates:
        addresses, first = np.unique(np.concatenate([one.addresses for one in found]), return_index=True)
        ids = [record_id for one in found for record_id in one.ids]
        ids = [ids[n] for n in first.tolist()]
        scored = self._scorer.relevance(query, addresses)
        order = best_first(scored.total, ids)
        return Candidates(tuple(ids[n] for n in order), addresses[order], scored.at(order))
