"""The one score of a query and a record, for all that ask: match, push runs, alerts, training and evaluation.

The records that may be among a query's best are the nearest of each language, and those that share its terms.

A `Scorer` is made for one state of what is served. It decides once what gives relevance (`mode`), how relevance is read
as a score, and whether languages are kept apart. Products are summed in float64 and then rounded to float32, so that a
pair has the same score to the last digit whoever asks, with whatever other pairs it is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from app.arrays import Floats, Ints
from app.match.queries import ResolvedQuery
from app.ranking.lexical import Terms, coverage_of, query_terms
from app.ranking.relevance import (
    BUILT_IN_SCALES,
    CrossLingualScales,
    Mode,
    Relevance,
    Scale,
    best_first,
    cross_lingual_scales,
    mode_of,
    relevance_of,
    score_from_logit,
)
from app.ranking.space import PLAIN, Space, with_neighbour_mean
from app.serving.served import Served
from app.text.boilerplate import without_activities
from index import Condition, Found, IndexState, Part, Plan, QueryPostings, TermCounts, TermWeights

LANG = "lang"
"""The filter column that says which language a record is in."""


class Records(Protocol):
    """The records that are scored, by address int64 ``[n]``."""

    def vectors_at(self, addresses: Ints) -> Floats:
        """The vectors float32 ``[n, d]`` that cosines are taken with: of records among their neighbours."""
        ...

    def languages_at(self, addresses: Ints) -> tuple[tuple[str | None, ...], Ints]:
        """Languages, and int64 ``[n]``, which of them each record is in."""
        ...

    def term_scores(self, terms: Terms, addresses: Ints) -> Floats:
        """The BM25 float32 ``[n]`` of a query's terms."""
        ...


class ServedRecords:
    """The records of what is served.

    Args:
        index_state: the index state.
        rows: vectors by address that `vectors_at` gave before, for who scores millions of pairs; see `ranked_rows` of
            `app.push.patents`.
    """

    def __init__(self, index_state: IndexState, rows: Floats | None = None) -> None:
        self._index_state, self._rows = index_state, rows

    def vectors_at(self, addresses: Ints) -> Floats:
        """As in `Records`."""
        if self._rows is not None:
            found: Floats = self._rows[addresses]
            return found
        vectors, neighbour_means = (
            self._index_state.vectors_at(addresses),
            self._index_state.neighbour_means_at(addresses),
        )
        return vectors if neighbour_means is None else with_neighbour_mean(vectors, neighbour_means)

    def languages_at(self, addresses: Ints) -> tuple[tuple[str | None, ...], Ints]:
        """As in `Records`."""
        return self._index_state.codes_at(LANG, addresses)

    def term_scores(self, terms: Terms, addresses: Ints) -> Floats:
        """As in `Records`."""
        return self._index_state.term_scores(terms, addresses)


@dataclass(frozen=True, slots=True)
class ScorerQuery:
    """A query as records are scored for it.

    Attributes:
        vector: float32 ``[d]``, in the scorer's space.
        lang: the language of its text, ``None`` where it cannot be told.
        terms: what each of its terms counts beside its rarity; none where shared terms do not count.
    """

    vector: Floats
    lang: str | None
    terms: Terms


@dataclass(frozen=True)
class ManyQueries:
    """Needs that one record is scored for at once.

    Attributes:
        languages: of their texts.
        vectors: float32 ``[q, d]``, in the scorer's space.
        terms: their weighed terms; ``None`` where shared terms do not count.
    """

    languages: Sequence[str | None]
    vectors: Floats
    terms: QueryPostings | None

    @cached_property
    def by_language(self) -> Mapping[str | None, Ints]:
        """Which of them are in each language."""
        names = np.array([language or "" for language in self.languages])
        return {name or None: np.flatnonzero(names == name) for name in sorted(set(names.tolist()))}


class Scorer:
    """Scores pairs of queries and records.

    Args:
        space: that vectors are compared in.
        records: what is scored.
        terms: what shared terms are weighed by; ``None`` where they do not count.
        scale: how relevance is read as a score; the built-in one of the mode when not given.

    Attributes:
        mode: what gives relevance.
        terms: as given, ``None`` too where the mode makes no use of them.
        scale: how relevance is read as a score.
    """

    def __init__(self, space: Space, records: Records, terms: TermWeights | None, scale: Scale | None = None) -> None:
        self.mode: Mode = mode_of(centred=space is not PLAIN, terms=terms is not None)
        self.terms = terms if self.mode == "fused" else None
        self.scale = scale or BUILT_IN_SCALES[self.mode]
        self.space, self.records = space, records
        self._cross_lingual_scales: dict[tuple[str | None, tuple[str | None, ...]], CrossLingualScales] = {}

    @classmethod
    def of(cls, served: Served, *, shared_terms: bool, rows: Floats | None = None) -> Scorer:
        """The scorer of what is served.

        Args:
            served: that.
            shared_terms: whether shared terms count, where the snapshot has an index of them.
            rows: see `ServedRecords`.
        """
        terms, scale = (
            served.index_state.terms if shared_terms else None,
            served.reading(shared_terms=shared_terms).scale,
        )
        return cls(served.state.space, ServedRecords(served.index_state, rows), terms, scale)

    def query(self, text_parts: Sequence[str], lang: str | None, vector: Floats, *, titled: bool) -> ScorerQuery:
        """A query of these texts; of two the first is a title where ``titled``, as in all but a firm's profile."""
        terms = {} if self.terms is None else weighed_terms(text_parts, self.terms, titled=titled)
        return ScorerQuery(vector, lang, terms)

    def relevance(self, query: ScorerQuery, addresses: Ints) -> Relevance:
        """What ranks the records at ``addresses`` int64 ``[n]`` for a query, however they were found."""
        cosines = _cosines(self.records.vectors_at(addresses), query.vector)
        coverage = None
        if self.terms is not None:
            coverage = coverage_of(self.records.term_scores(query.terms, addresses), self.terms.mean_length)
        languages, codes = self.records.languages_at(addresses)
        return relevance_of(cosines, coverage, self._crossed(query.lang, languages).at(codes), self.scale)

    def relevance_to(self, queries: ManyQueries, addresses: Ints, texts: Sequence[TermCounts]) -> Iterator[Floats]:
        """The same the other way round: what ranks each record for every query, float32 ``[q]``.

        Args:
            queries: needs.
            addresses: of the records.
            texts: the terms of each.
        """
        cosines = _cosines(self.records.vectors_at(addresses), queries.vectors.T)
        languages, codes = self.records.languages_at(addresses)
        for row, text, code in zip(cosines, texts, codes.tolist(), strict=True):
            coverage, total = None, np.empty(len(row), dtype=np.float32)
            if self.terms is not None and queries.terms is not None:
                length = self.terms.mean_length
                coverage = coverage_of(queries.terms.scores(text, length), length)
            for lang, mine in queries.by_language.items():
                shares = None if coverage is None else coverage[mine]
                crossed = self._crossed(lang, languages).at(np.full(len(mine), code))
                total[mine] = relevance_of(row[mine], shares, crossed, self.scale).total
            yield total

    def scores(self, total: Floats) -> Floats:
        """The scores float32 ``[n]`` of pairs by what ranks them."""
        return score_from_logit(total)

    def apart(self, sizes: Mapping[str | None, int], most: int) -> list[str | None]:
        """The languages whose nearest are looked for apart, since the largest would hide them: ``most`` of the largest.

        None where there is one alone, or where the space does not tell them apart.
        """
        if not self.space.spreads or len(sizes) < 2:
            return []
        return sorted(sizes, key=lambda language: (-sizes[language], language or ""))[:most]

    def _crossed(self, query: str | None, languages: tuple[str | None, ...]) -> CrossLingualScales:
        if (found := self._cross_lingual_scales.get((query, languages))) is None:
            found = self._cross_lingual_scales[query, languages] = cross_lingual_scales(self.space, query, languages)
        return found


def weighed_terms(text_parts: Sequence[str], corpus: TermWeights, *, titled: bool) -> Terms:
    """What a query's terms count beside their rarity; of two text parts the first is a title where ``titled``.

    What is not titled is a firm's name and business scope, of which what it does with its goods is left out.
    """
    if not titled and len(text_parts) > 1:
        text_parts = (*text_parts[:-1], without_activities(text_parts[-1]))
    return query_terms(text_parts, corpus.weight, titled=titled)


def _cosines(records: Floats, queries: Floats) -> Floats:
    """Products of float32 ``[n, d]`` with ``[d]`` or ``[d, q]``, summed in float64: alike in whatever company."""
    return (records.astype(np.float64) @ queries.astype(np.float64)).astype(np.float32)


MOST_PARTS = 6
"""Languages that are searched one by one, the largest first; the others are found with the nearest of all."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of one query, best first.

    Attributes:
        ids: of the records.
        addresses: int64 ``[n]``, of the records in the index state.
        relevance: what ranks them.
        groups: of each the group that it is listed in, the first before the second; empty where there is one alone.
    """

    ids: tuple[str, ...]
    addresses: Ints
    relevance: Relevance
    groups: tuple[int, ...] = ()

    def first(self, count: int) -> Candidates:
        """The ``count`` best of them."""
        relevance = self.relevance.at(range(len(self.ids[:count])))
        return Candidates(self.ids[:count], self.addresses[:count], relevance, self.groups[:count])


def depth_for(k: int, depth: int) -> int:
    """How many candidates of each kind are taken for ``k`` matches: ``depth``, doubled until half of them are enough.

    In steps, so that the same candidates are ordered whatever ``k`` is, below half of ``depth`` at least.
    """
    while 2 * k > depth:
        depth *= 2
    return depth


class CandidateSearch:
    """Finds and orders the candidates of queries in one state of what is served: the view and the scorer are of it."""

    def __init__(self, index_state: IndexState, scorer: Scorer, conditions: Sequence[Condition]) -> None:
        self._index_state, self.scorer, self._conditions = index_state, scorer, conditions

    def within(self, conditions: Sequence[Condition]) -> CandidateSearch:
        """The same among the records that meet further conditions."""
        return CandidateSearch(self._index_state, self.scorer, [*self._conditions, *conditions])

    def search(
        self, queries: Sequence[ResolvedQuery], vectors: Floats, depth: int
    ) -> tuple[list[Candidates], tuple[Plan, ...]]:
        """The candidates of each query, and how each layer was searched.

        Vectors are float32 ``[q, d]``, in the space of the snapshot; ``depth`` are taken of each language and by terms.
        """
        asked = [
            self.scorer.query(query.text_parts, query.lang, vector, titled=query.titled)
            for query, vector in zip(queries, vectors, strict=True)
        ]
        found, plans = self._nearest(vectors, depth)
        if self.scorer.terms is not None:
            sharing = self._index_state.search_terms([query.terms for query in asked], depth, self._conditions)
            found = [[*parts, shared] for parts, shared in zip(found, sharing, strict=True)]
        return [self._ordered(query, parts) for query, parts in zip(asked, found, strict=True)], plans

    def _nearest(self, vectors: Floats, depth: int) -> tuple[list[list[Found]], tuple[Plan, ...]]:
        """The nearest of each language: the nearest of all would be of the query's own, whatever the others hold."""
        sizes = self._index_state.part_sizes(LANG)
        parts: list[Part | None] = [Part(LANG, language) for language in self.scorer.apart(sizes, MOST_PARTS)]
        if len(parts) < len(sizes) or not parts:
            parts.append(None)
        searches = [
            self._index_state.search(vectors, min(depth, len(self._index_state) or 1), self._conditions, part=part)
            for part in parts
        ]
        return [list(found) for found in zip(*(found for found, _ in searches), strict=True)], searches[0][1]

    def _ordered(self, query: ScorerQuery, found: Sequence[Found]) -> Candidates:
        addresses, first = np.unique(np.concatenate([one.addresses for one in found]), return_index=True)
        ids = [record_id for one in found for record_id in one.ids]
        ids = [ids[n] for n in first.tolist()]
        scored = self.scorer.relevance(query, addresses)
        order = best_first(scored.total, ids)
        return Candidates(tuple(ids[n] for n in order), addresses[order], scored.at(order))
