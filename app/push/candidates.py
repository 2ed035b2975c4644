"""The candidates of every firm: the nearest of its queries, joined at once, then scored as `match` scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.arrays import Floats, Ints, Mask
from app.progress import Progress, Report
from app.push.allocation.lists import NOBODY
from app.push.firms import AskedVectors, PushFirms
from app.push.groups import QueryGroups
from app.push.patents import PushPatents
from app.push.rules import PushRules
from app.push.scoring import PushScoring, Rows
from app.ranking.levels import score_floor, score_from_relevance
from app.ranking.relevance import Terms
from app.serving.served import Served
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
        rows: of the patents, by layer; see `ranked_rows`.
        excluded: sorted int64 ``[n]``: firm times number of patents, plus patent, of pairs that are not pushed.
    """

    served: Served
    patents: PushPatents
    firms: PushFirms
    vectors: AskedVectors
    rows: Rows
    excluded: Ints


class CandidateMaker:
    """Makes the candidates of the firms of one arm.

    Args:
        run: what they are made of.
        rules: of the arm.
        folder: where the join keeps what it has done.
        report: told how far it is.

    Attributes:
        scoring: how pairs are scored.
        groups: which patents queries are joined with.
    """

    def __init__(self, run: CandidateRun, rules: PushRules, folder: Path, report: Report) -> None:
        self.run, self._rules, self._folder, self._report = run, rules, folder, report
        self.scoring = PushScoring(run.served, run.patents, run.firms, run.rows, shared_terms=rules.shared_terms)
        self.groups = QueryGroups(run.firms, rules)
        self._recalls: list[float] = []

    def make(self, firms: Ints) -> PushCandidates:
        """The candidates of the firms at these places, in their order."""
        mine = np.zeros(len(self.run.firms.ids), dtype=np.bool_)
        mine[firms] = True
        owners = np.array([query.firm for query in self.run.firms.queries], dtype=np.int64)
        queries = np.flatnonzero(mine[owners]).astype(np.int64) if len(owners) else owners
        near = self._joined(queries)
        m, count = self._rules.candidates, len(firms)
        made = PushCandidates(
            patents=np.full((count, m), NOBODY, dtype=np.int64),
            scores=np.zeros((count, m), dtype=np.float32),
            queries=np.full((count, m), NOBODY, dtype=np.int64),
            near=np.zeros(count, dtype=np.int64),
            recall=1.0,
            certified=1.0,
        )
        for start in range(0, count, _FIRMS_AT_ONCE):
            block = firms[start : start + _FIRMS_AT_ONCE]
            rows = np.flatnonzero(np.isin(owners[queries], block))
            pairs = self._pairs(queries[rows], near.positions[rows], near.scores[rows])
            self._choose(block, pairs, made, slice(start, start + len(block)))
            self._report(Progress("candidates", start + len(block), count))
        certified = float(near.certified.mean()) if len(queries) else 1.0
        recall = float(np.mean(self._recalls)) if self._recalls else 1.0
        return replace(made, recall=recall, certified=certified)

    def scored(self, query: int, places: Ints) -> list[tuple[int, float]]:
        """Those of ``places`` that the query's firm may be pushed, each with its score."""
        asked = self.run.firms.queries[query]
        places = places[~self._left_out(np.full_like(places, asked.firm), places)]
        if not len(places):
            return []
        cosines = self.scoring.cosines(self.run.vectors.take(np.array([query], dtype=np.int64))[0], places)
        total = self.scoring.relevance(query, self.scoring.terms_of(query), places, cosines)
        return list(zip(places.tolist(), score_from_relevance(total, self.scoring.scale).tolist(), strict=True))

    def _joined(self, queries: Ints) -> Neighbours:
        """The nearest of queries in every layer and of each large language, as places of the run."""
        run, parts = self.run, []
        for number in range(len(run.rows)):
            corpus = JoinCorpus(run.rows[number], self._options())
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

    def _pairs(self, queries: Ints, places: Ints, cosines: Floats) -> _Pairs:
        """Every pair that may be pushed to the firms of these queries, with what ranks it."""
        find = self.scoring.fused and self._rules.terms_find
        vectors = self.run.vectors.take(queries) if find else None
        found, totals = [], []
        for row, query in enumerate(queries.tolist()):
            there = places[row] != NOBODY
            mine, near, terms = places[row][there], cosines[row][there], self.scoring.terms_of(query)
            if vectors is not None:
                more = self._sharing(query, terms, mine)
                mine = np.concatenate([mine, more])
                near = np.concatenate([near, self.scoring.cosines(vectors[row], more)])
            found.append(mine)
            totals.append(self.scoring.relevance(query, terms, mine, near))
        sizes = [len(mine) for mine in found]
        return _Pairs(
            queries=np.repeat(queries, sizes),
            patents=np.concatenate(found) if found else np.empty(0, dtype=np.int64),
            total=np.concatenate(totals) if totals else np.empty(0, dtype=np.float32),
        )

    def _choose(self, firms: Ints, pairs: _Pairs, made: PushCandidates, rows: slice) -> None:
        """Put the best of each firm's pairs, each patent once, into its row of ``made``."""
        owners = np.array([self.run.firms.queries[query].firm for query in pairs.queries.tolist()], dtype=np.int64)
        firm = np.searchsorted(firms, owners)
        # By firm and patent, the best first: what is repeated lies beside it.
        order = np.lexsort((-pairs.total, pairs.patents, firm))
        first = np.ones(len(order), dtype=np.bool_)
        same_firm = firm[order][1:] == firm[order][:-1]
        first[1:] = ~(same_firm & (pairs.patents[order][1:] == pairs.patents[order][:-1]))
        order = order[first]
        made.near[rows] = np.bincount(firm[order], minlength=len(firms))
        scores = score_from_relevance(pairs.total, self.scoring.scale)
        kept = ~self._left_out(owners[order], pairs.patents[order])
        kept &= scores[order] >= max(
            self._rules.min_score, score_floor(self._rules.min_level.grade, self.scoring.scale)
        )
        order = order[kept]
        order = order[np.lexsort((pairs.patents[order], -pairs.total[order], firm[order]))]
        row = firm[order]
        column = np.arange(len(row)) - np.searchsorted(row, row)
        within = column < self._rules.candidates
        row, column, order = row[within] + rows.start, column[within], order[within]
        made.patents[row, column] = pairs.patents[order]
        made.scores[row, column] = scores[order]
        made.queries[row, column] = pairs.queries[order]

    def _sharing(self, query: int, terms: Terms, places: Ints) -> Ints:
        """What shares a query's terms, beside ``places``."""
        patents, view = self.run.patents, self.run.served.view
        conditions = self.groups.conditions(self.run.firms.queries[query])
        found = view.search_terms([terms], self._rules.candidates, conditions)[0]
        sharing = np.array(patents.offsets, dtype=np.int64)[found.places[:, 0]] + found.places[:, 1]
        shared: Ints = sharing[patents.passing[sharing] & ~np.isin(sharing, places)]
        return shared

    def _left_out(self, firms: Ints, places: Ints) -> Mask:
        """Which pairs are not pushed: of what a firm holds itself, and those that are excluded."""
        patents = self.run.patents
        keys = firms * len(patents) + places
        at = np.searchsorted(self.run.excluded, keys)
        out: Mask = np.zeros(len(places), dtype=np.bool_)
        inside = at < len(self.run.excluded)
        out[inside] = self.run.excluded[at[inside]] == keys[inside]
        if not self._rules.own_patents:
            for firm in np.unique(firms).tolist():
                if own := patents.held.get(self.run.firms.names[firm]):
                    out |= (firms == firm) & np.isin(places, np.array(own, dtype=np.int64))
        return out


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of a query and a patent int64 ``[n]``, and what ranks them float32 ``[n]``."""

    queries: Ints
    patents: Ints
    total: Floats
