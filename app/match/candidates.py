"""The records that may be among a query's best: the nearest of each language, and those that share its terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.arrays import Floats, Ints
from app.match.queries import ResolvedQuery
from app.ranking.relevance import Relevance, SharedTerms, Terms, best_first, query_terms, relevance, usual_share
from app.ranking.space import PLAIN, surrounded
from app.serving.served import Served
from app.text.boilerplate import without_activities
from app.text.terms import terms_of
from index import Condition, Found, Part, Plan, TermIndex, TermWeights

LANG = "lang"
"""The filter column that says which language a record is in."""
MOST_PARTS = 6
"""Languages that are searched one by one, the largest first; the others are found with the nearest of all."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of one query, best first.

    Attributes:
        ids: of the records.
        places: int64 ``[n, 2]``, layer and position in it.
        relevance: what ranks them.
    """

    ids: tuple[str, ...]
    places: Ints
    relevance: Relevance

    def first(self, count: int) -> Candidates:
        """The ``count`` best of them."""
        return Candidates(self.ids[:count], self.places[:count], self.relevance.at(range(len(self.ids[:count]))))


def depth_for(k: int, depth: int) -> int:
    """How many candidates of each kind are taken for ``k`` matches: ``depth``, doubled until half of them are enough.

    In steps, so that the same candidates are ordered whatever ``k`` is, below half of ``depth`` at least.
    """
    while 2 * k > depth:
        depth *= 2
    return depth


def counted_terms(passage: str) -> Mapping[str, int]:
    """The terms of a record's passage and how often each occurs, as snapshots and changes over them hold them."""
    return terms_of(passage)


def asked_terms(views: Sequence[str], index: TermWeights, *, titled: bool) -> Terms:
    """What a query's terms count beside their rarity; of two views the first is a title where ``titled``.

    What is not titled is a firm's name and business scope, of which what it does with its goods is left out.
    """
    if not titled and len(views) > 1:
        views = (*views[:-1], without_activities(views[-1]))
    return query_terms(views, index.weight, titled=titled)


def brought(bm25: Floats, terms: Terms, index: TermIndex, *, titled: bool) -> SharedTerms:
    """What a query's terms bring, with how much that usually is; ``titled`` is every query but a firm's profile."""
    usual = 1.0 if titled else usual_share([index.weight(term) for term in terms], index.rarest)
    return SharedTerms(bm25, index.rarest, usual)


class CandidateSearch:
    """Finds and orders the candidates of queries in one state of what is served.

    Args:
        served: what is searched.
        conditions: what a record must pass.
        shared_terms: whether shared terms find and order too, where the snapshot has an index of them.
    """

    def __init__(self, served: Served, conditions: Sequence[Condition], *, shared_terms: bool) -> None:
        self._served = served
        self._conditions = conditions
        self._view = served.view
        self._space = served.state.space
        self._terms = self._view.terms if shared_terms and self._space is not PLAIN else None

    def search(
        self, queries: Sequence[ResolvedQuery], vectors: Floats, depth: int
    ) -> tuple[list[Candidates], tuple[Plan, ...]]:
        """The candidates of each query, and how each layer was searched.

        Args:
            queries: what is asked.
            vectors: of each, float32 ``[q, d]``, in the space of the snapshot.
            depth: how many are taken of each kind: of each language, and by shared terms.
        """
        terms = [self.terms_of(query.views, titled=query.titled) for query in queries]
        found, plans = self._nearest(vectors, depth)
        if self._terms is not None:
            sharing = self._view.search_terms(terms, depth, self._conditions)
            found = [[*parts, shared] for parts, shared in zip(found, sharing, strict=True)]
        answers = [
            self._ordered(query, vector, own, parts)
            for query, vector, own, parts in zip(queries, vectors, terms, found, strict=True)
        ]
        return answers, plans

    @property
    def terms(self) -> TermIndex | None:
        """What shared terms are looked up in; ``None`` where they do not count."""
        return self._terms

    def terms_of(self, views: Sequence[str], *, titled: bool) -> Terms:
        """What each term of a query of these texts counts; none where shared terms do not."""
        return {} if self._terms is None else asked_terms(views, self._terms, titled=titled)

    def scored(self, lang: str | None, vector: Floats, terms: Terms, places: Ints, *, titled: bool = True) -> Relevance:
        """What ranks the records at ``places`` int64 ``[n, 2]`` for a query in ``lang``, wherever they were found.

        Alike for all: an inverted list search, a full one and a product differ in rounding.
        """
        records = self.records_at(places)
        cosines = (records.astype(np.float64) @ vector.astype(np.float64)).astype(np.float32)
        shared = None
        if self._terms is not None:
            shared = brought(self._view.term_scores(terms, places), terms, self._terms, titled=titled)
        return relevance(cosines, shared, self._space, lang, self._view.codes_at(LANG, places))

    def records_at(self, places: Ints) -> Floats:
        """The vectors float32 ``[n, d]`` that records at ``places`` int64 ``[n, 2]`` are ranked by."""
        records, around = self._view.vectors_at(places), self._view.around_at(places)
        return records if around is None else surrounded(records, around)

    def _nearest(self, vectors: Floats, depth: int) -> tuple[list[list[Found]], tuple[Plan, ...]]:
        """The nearest of each language: the nearest of all would be of the query's own, whatever the others hold."""
        parts = self._parts()
        searches = [
            self._view.search(vectors, min(depth, len(self._view) or 1), self._conditions, part=part) for part in parts
        ]
        return [list(found) for found in zip(*(found for found, _ in searches), strict=True)], searches[0][1]

    def _parts(self) -> list[Part | None]:
        sizes = self._view.part_sizes(LANG) if self._space.spreads else {}
        if len(sizes) < 2:
            return [None]
        largest = sorted(sizes, key=lambda language: (-sizes[language], language or ""))[:MOST_PARTS]
        rest: list[Part | None] = [None] if len(sizes) > MOST_PARTS else []
        return [Part(LANG, language) for language in largest] + rest

    def _ordered(self, query: ResolvedQuery, vector: Floats, terms: Terms, found: Sequence[Found]) -> Candidates:
        places, first = np.unique(np.concatenate([one.places for one in found]), axis=0, return_index=True)
        ids = [record_id for one in found for record_id in one.ids]
        ids = [ids[n] for n in first.tolist()]
        if not ids:
            return Candidates((), places, relevance(np.empty(0, dtype=np.float32), None, self._space, None, ()))
        scored = self.scored(query.lang, vector, terms, places, titled=query.titled)
        order = best_first(scored.total, ids)
        return Candidates(tuple(ids[n] for n in order), places[order], scored.at(order))
