"""The candidates of every firm: the nearest of its queries, joined at once, then scored as `match` scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.ranking.levels import FAIRLY_STRONG_FROM, Scale, score_from_relevance
from app.ranking.lists import NOBODY
from app.ranking.relevance import Terms
from app.services.candidates import CandidateSearch
from app.services.embedding import Progress, Report
from app.services.push_firms import Asked, AskedVectors, PushFirms
from app.services.push_groups import QueryGroups
from app.services.push_patents import PushPatents
from app.services.push_rules import PushRules
from app.services.serving import Served
from index import (
    JoinCorpus,
    JoinOptions,
    JoinProgress,
    JoinTask,
    Neighbours,
    read_join,
    run_join,
    sampled_recall,
)

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_SPARE = 12
"""Neighbours beyond the candidates: what a firm holds itself, or was pushed before, leaves room for others."""
_FIRMS_AT_ONCE = 1_000
_MOST_LANGUAGES, _SMALLEST_LANGUAGE = 3, 0.01
"""Languages whose nearest are found apart, so that the largest does not hide them, and the least share of one."""
_RECALL_SAMPLE = 200


@dataclass(frozen=True, slots=True)
class PushCandidates:
    """Candidates of firms, best first.

    Attributes:
        patents: int64 ``[firms, m]``, places; `NOBODY` where there are fewer.
        scores: float32 ``[firms, m]``.
        queries: int64 ``[firms, m]``, which query found each.
        near: int64 ``[firms]``, how many patents were near enough to be looked at, before rules of the firm.
        recall: recall@20 of the join against exact search, on a sample; 1 where nothing is asked.
        certified: the share of queries whose first 20 neighbours are proved to be the true ones.
    """

    patents: Ints
    scores: Floats
    queries: Ints
    near: Ints
    recall: float
    certified: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRun:
    """What candidates are made of.

    Attributes:
        served: what is searched.
        patents: those of it.
        firms: who is asked for.
        vectors: of their queries.
        excluded: sorted int64 ``[n]``: firm times number of patents, plus patent, of pairs that are not pushed.
    """

    served: Served
    patents: PushPatents
    firms: PushFirms
    vectors: AskedVectors
    excluded: Ints


@dataclass(frozen=True, slots=True)
class _Best:
    patents: Ints
    scores: Floats
    query: Ints
    near: int


class CandidateMaker:
    """Makes the candidates of the firms of one arm.

    Args:
        run: what they are made of.
        rules: of the arm.
        folder: where the join keeps what it has done.
        report: told how far it is.

    Attributes:
        scale: how scores are read.
        groups: which patents queries are joined with.
    """

    def __init__(self, run: CandidateRun, rules: PushRules, folder: Path, report: Report) -> None:
        self.run, self._rules, self._folder, self._report = run, rules, folder, report
        reading = run.served.reading(shared_terms=rules.shared_terms)
        self.scale: Scale = reading.scale
        self._fused = run.served.ranking(shared_terms=rules.shared_terms) == "fused"
        self._scoring = CandidateSearch(run.served, (), shared_terms=rules.shared_terms)
        self.groups = QueryGroups(run.firms, rules)
        self._recalls: list[float] = []

    def make(self, firms: Ints) -> PushCandidates:
        """The candidates of the firms at these places, in their order."""
        mine = np.zeros(len(self.run.firms.ids), dtype=np.bool_)
        mine[firms] = True
        owners = np.array([query.firm for query in self.run.firms.queries], dtype=np.int64)
        queries = np.flatnonzero(mine[owners]).astype(np.int64) if len(owners) else owners
        near = self._joined(queries)
        m = self._rules.candidates
        patents = np.full((len(firms), m), NOBODY, dtype=np.int64)
        scores = np.zeros((len(firms), m), dtype=np.float32)
        found_by = np.full((len(firms), m), NOBODY, dtype=np.int64)
        looked = np.zeros(len(firms), dtype=np.int64)
        for start in range(0, len(firms), _FIRMS_AT_ONCE):
            block = firms[start : start + _FIRMS_AT_ONCE]
            rows = np.flatnonzero(np.isin(owners[queries], block))
            for place, best in self._best(block, queries[rows], near.positions[rows]):
                row = start + place
                looked[row], count = best.near, len(best.patents)
                patents[row, :count], scores[row, :count], found_by[row, :count] = best.patents, best.scores, best.query
            self._report(Progress("candidates", min(start + _FIRMS_AT_ONCE, len(firms)), len(firms)))
        certified = float(near.certified.mean()) if len(queries) else 1.0
        recall = float(np.mean(self._recalls)) if self._recalls else 1.0
        return PushCandidates(patents, scores, found_by, looked, recall, certified)

    def scored(self, query: int, places: Ints) -> list[tuple[int, float]]:
        """Those of ``places`` that the query's firm may be pushed, each with its score."""
        asked = self.run.firms.queries[query]
        places = places[~self._left_out(asked.firm, places)]
        if not len(places):
            return []
        vector = self.run.vectors.take(np.array([query], dtype=np.int64))[0]
        terms = self._terms_of(query)
        total = self._scoring.scored(asked.lang, vector, terms, self.run.patents.places(places)).total
        return list(zip(places.tolist(), score_from_relevance(total, self.scale).tolist(), strict=True))

    def _joined(self, queries: Ints) -> Neighbours:
        """The nearest of queries in every layer and of each large language, as places of the run."""
        run, parts = self.run, []
        for number, layer in enumerate(run.patents.view.layers):
            corpus = JoinCorpus(layer.searched.index.all_rows(), self._options())
            offset = run.patents.offsets[number]
            for name, mask in self._languages(number):
                tasks = list(self._tasks(queries, mask, number))
                folder = self._folder / f"layer-{number}-{name}"
                run_join(corpus, run.vectors, tasks, folder, self._progress)
                count = len(run.vectors)
                found = read_join(tasks, folder, count, self._options().k)
                if number == 0 and len(queries):
                    sample = queries[:: max(1, len(queries) // _RECALL_SAMPLE)][:_RECALL_SAMPLE]
                    self._recalls.append(sampled_recall(corpus, run.vectors, tasks, found, sample))
                places = np.where(found.positions[queries] >= 0, found.positions[queries] + offset, NOBODY)
                parts.append(Neighbours(found.scores[queries], places, found.certified[queries]))
        return Neighbours(
            np.concatenate([part.scores for part in parts], 1),
            np.concatenate([part.positions for part in parts], 1),
            np.logical_and.reduce([part.certified for part in parts]),
        )

    def _options(self) -> JoinOptions:
        return JoinOptions(k=self._rules.candidates + _SPARE)

    def _progress(self, progress: JoinProgress) -> None:
        self._report(Progress("join", progress.done, progress.total))

    def _languages(self, layer: int) -> Iterator[tuple[str, Mask]]:
        """The patents of a layer that pass, by language: each large one apart, the others together."""
        patents = self.run.patents
        passing = patents.layer_masks(patents.passing)[layer]
        if not self.run.served.state.space.spreads:
            yield "all", passing
            return
        start = patents.offsets[layer]
        languages = patents.languages[start : start + len(passing)]
        names, counts = np.unique([name or "" for name in languages[passing].tolist()], return_counts=True)
        order = np.argsort(-counts, kind="stable")[:_MOST_LANGUAGES]
        large = [str(names[n]) for n in order if counts[n] >= _SMALLEST_LANGUAGE * counts.sum() and names[n]]
        left = passing.copy()
        for name in large:
            mask = passing & (languages == name)
            left &= ~mask
            yield name, mask
        if left.any() or not large:
            yield "others", left

    def _tasks(self, queries: Ints, passing: Mask, layer: int) -> Iterator[JoinTask]:
        """Queries by the patents that they are joined with."""
        for group, members in self.groups.members(queries).items():
            mask = passing & self.groups.mask(self.run.patents, layer, group)
            yield JoinTask(self.groups.name(group), members, np.flatnonzero(mask).astype(np.int64))

    def _best(self, firms: Ints, queries: Ints, places: Ints) -> Iterator[tuple[int, _Best]]:
        """The candidates of each firm of a block that has a query."""
        asked = [self.run.firms.queries[n] for n in queries.tolist()]
        vectors = self.run.vectors.take(queries)
        of_firm: dict[int, list[int]] = {}
        for row, query in enumerate(asked):
            of_firm.setdefault(query.firm, []).append(row)
        for place, firm in enumerate(firms.tolist()):
            parts = []
            for row in of_firm.get(firm, ()):
                near = places[row][places[row] != NOBODY]
                terms = self._terms_of(int(queries[row]))
                if self._fused and self._rules.terms_find:
                    near = self._with_sharing(asked[row], terms, near)
                where = self.run.patents.places(near)
                total = self._scoring.scored(asked[row].lang, vectors[row], terms, where).total
                parts.append((near, total, np.full(len(total), queries[row])))
            if parts:
                yield place, self._chosen(firm, *(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _chosen(self, firm: int, places: Ints, total: Floats, queries: Ints) -> _Best:
        """The best of what a firm's queries found, each patent once."""
        near, keep = len(np.unique(places)), ~self._left_out(firm, places)
        places, total, queries = places[keep], total[keep], queries[keep]
        scores = score_from_relevance(total, self.scale)
        order = np.lexsort((places, -total))
        order = order[scores[order] >= score_floor(self._rules.min_level.grade, self.scale)]
        _, first = np.unique(places[order], return_index=True)
        order = order[np.sort(first)][: self._rules.candidates]
        return _Best(places[order], scores[order], queries[order], near)

    def _terms_of(self, query: int) -> Terms:
        if not self._fused:
            return {}
        titled = self.run.firms.queries[query].need_id is not None
        return self._scoring.terms_of(self.run.firms.texts[query], titled=titled)

    def _with_sharing(self, query: Asked, terms: Terms, places: Ints) -> Ints:
        """What is near, and what shares the query's terms beside it."""
        patents, view = self.run.patents, self.run.served.view
        found = view.search_terms([terms], self._rules.candidates, self.groups.conditions(query))[0]
        sharing = np.array(patents.offsets, dtype=np.int64)[found.places[:, 0]] + found.places[:, 1]
        return np.concatenate([places, sharing[patents.passing[sharing] & ~np.isin(sharing, places)]])

    def _left_out(self, firm: int, places: Ints) -> Mask:
        """Which of these the firm is not pushed: its own, and pairs that are excluded."""
        patents = self.run.patents
        keys = firm * len(patents) + places
        at = np.searchsorted(self.run.excluded, keys)
        out: Mask = np.zeros(len(places), dtype=np.bool_)
        inside = at < len(self.run.excluded)
        out[inside] = self.run.excluded[at[inside]] == keys[inside]
        own = patents.held.get(self.run.firms.names[firm])
        if own and not self._rules.own_patents:
            out |= np.isin(places, np.array(own, dtype=np.int64))
        return out


def score_floor(grade: int, scale: Scale) -> float:
    """The smallest score of a level, by its grade."""
    return {1: 0.0, 2: scale.weak_from, 3: FAIRLY_STRONG_FROM, 4: scale.strong_from}[grade]
