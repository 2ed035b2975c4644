"""The candidates of every firm: the nearest of its queries, joined at once, then scored by the one scorer.

A floor of exposures is only as good as the pairs that are known. Firms' candidates leave out patents that are never
among anybody's sixty best, though a fair match may exist. Those patents are joined with the queries the other way
round, under the same rules, and the firms found get them as further candidates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.arrays import Floats, Ints, Mask
from app.match.scorer import Scorer, ScorerQuery
from app.progress import Progress, Report
from app.push.allocation.lists import NOBODY
from app.push.firms import AskedVectors, PushFirms
from app.push.patents import PushPatents, mapped_rows
from app.push.rules import PushRules
from app.ranking.lexical import Terms
from app.ranking.relevance import score_floor
from app.serving.served import Served
from index import (
    ArrayVectors,
    Condition,
    IndexState,
    JoinCorpus,
    JoinOptions,
    JoinTask,
    Prefix,
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
_FIRMS_A_PLACE, _FEWEST_FIRMS = 4, 8
"""Firms looked for a place of the floor, and at least: some hold the patent, were pushed it, or fit less by terms."""
_MOST_EXTRA = 20
"""Scarce patents that a firm may get as candidates beside its own."""


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
        rows: of the patents; see `ranked_rows`.
        excluded: sorted int64 ``[n]``: firm times number of patents, plus patent, of pairs that are not pushed.
    """

    served: Served
    patents: PushPatents
    firms: PushFirms
    vectors: AskedVectors
    rows: Floats
    excluded: Ints


Group = tuple[str, str]
"""The beginning of an industry's code and of a region's; empty where any will do."""


class QueryGroups:
    """Says which patents a query is joined with.

    A firm of several industries is in a group for each; one without the code that a rule goes by is joined with all.

    Args:
        firms: whose queries.
        index_state: that the patents are in.
        rules: of the run.
    """

    def __init__(self, firms: PushFirms, index_state: IndexState, rules: PushRules) -> None:
        self._firms, self._index_state, self._rules = firms, index_state, rules

    def conditions(self, query: int) -> list[Condition]:
        """What is asked of a patent for a query."""
        codes, region = self._of(query)
        asked: list[Condition] = [Prefix("industry", codes)] if codes else []
        return [*asked, Prefix("region", (region,))] if region else asked

    def members(self, queries: Ints) -> dict[Group, Ints]:
        """The queries of each group, ascending; groups in the order of their codes."""
        found: dict[Group, list[int]] = {}
        for number in queries.tolist():
            codes, region = self._of(number)
            for code in codes or ("",):
                found.setdefault((code, region), []).append(number)
        return {group: np.array(found[group], dtype=np.int64) for group in sorted(found)}

    def mask(self, group: Group) -> Mask:
        """Bool, by address: the patents that are of a group's industry and region."""
        pairs = zip(("industry", "region"), group, strict=True)
        return self._index_state.passing([Prefix(name, (prefix,)) for name, prefix in pairs if prefix])

    @staticmethod
    def name(group: Group) -> str:
        """What files of a group are called."""
        return f"{group[0] or 'any'}-{group[1] or 'any'}"

    def _of(self, query: int) -> tuple[tuple[str, ...], str]:
        """The industries and the region, cut to what must agree, that a query is asked under."""
        chars, digits = self._rules.industry_chars, self._rules.region_digits
        region = (self._firms.regions[self._firms.owners[query]] or "")[:digits]
        codes = {code[:chars] for code in self._firms.queries[query].industry if len(code) >= chars} if chars else set()
        return tuple(sorted(codes)), region if len(region) == digits else ""


class CandidateMaker:
    """Makes the candidates of the firms of one arm.

    Args:
        run: what they are made of.
        rules: of the arm.
        folder: where the join keeps what it has done.
        report: called with how far it is.

    Attributes:
        scorer: how pairs are scored.
        groups: which patents queries are joined with.
    """

    def __init__(self, run: CandidateRun, rules: PushRules, folder: Path, report: Report) -> None:
        self.run, self._rules, self._folder, self._report = run, rules, folder, report
        self.scorer = Scorer.of(run.served, shared_terms=rules.shared_terms, rows=run.rows)
        self.groups = QueryGroups(run.firms, run.patents.index_state, rules)
        self._owners = np.array(run.firms.owners, dtype=np.int64)

    def make(self, firms: Ints) -> PushCandidates:
        """The candidates of the firms at these places, in their order."""
        mine = np.zeros(len(self.run.firms.ids), dtype=np.bool_)
        mine[firms] = True
        queries = np.flatnonzero(mine[self._owners])
        near, certified, recall = self._joined(queries)
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
            rows = np.flatnonzero(np.isin(self._owners[queries], block))
            pairs = self._pairs(queries[rows], near[rows])
            self._choose(block, pairs, made, slice(start, start + len(block)))
            self._report(Progress("candidates", start + len(block), count))
        return replace(made, recall=recall, certified=float(certified.mean()) if len(queries) else 1.0)

    def scored(self, query: int, addresses: Ints) -> list[tuple[int, float]]:
        """Those of the patents that the query's firm may be pushed, each with its score."""
        addresses = addresses[~self._left_out(np.full_like(addresses, self._owners[query]), addresses)]
        asked = self._query(query, self.run.vectors.take(np.array([query], dtype=np.int64))[0])
        scores = self.scorer.scores(self.scorer.relevance(asked, addresses).total)
        return list(zip(addresses.tolist(), scores.tolist(), strict=True))

    def _query(self, query: int, vector: Floats) -> ScorerQuery:
        stored = self.run.firms.queries[query]
        return self.scorer.query(stored.text_parts, stored.lang, vector, titled=stored.titled)

    def _joined(self, queries: Ints) -> tuple[Ints, Mask, float]:
        """The nearest of queries, of each large language apart; whether they are proved; the recall on a sample."""
        run, near, certified, recalls = self.run, [], np.ones(len(queries), dtype=np.bool_), []
        corpus = JoinCorpus(run.rows, JoinOptions(k=self._rules.candidates + _SPARE))
        sample = queries[:: max(1, len(queries) // _RECALL_SAMPLE)][:_RECALL_SAMPLE]
        for name, passing in self._languages():
            tasks = [
                JoinTask(self.groups.name(group), members, np.flatnonzero(passing & self.groups.mask(group)))
                for group, members in self.groups.members(queries).items()
            ]
            folder = self._folder / f"near-{name}"
            run_join(corpus, run.vectors, tasks, folder, lambda at: self._report(Progress("join", at.done, at.total)))
            found = read_join(tasks, folder, len(run.vectors), corpus.options.k)
            if len(queries):
                recalls.append(sampled_recall(corpus, run.vectors, tasks, found, sample))
            near.append(found.positions[queries])
            certified &= found.certified[queries]
        return np.concatenate(near, 1), certified, float(np.mean(recalls)) if recalls else 1.0

    def _languages(self) -> Iterator[tuple[str, Mask]]:
        """The patents that pass, by language: each large one apart, the others together."""
        passing = self.run.patents.passing
        names, codes = self.scorer.records.languages_at(np.arange(len(passing), dtype=np.int64))
        counts = np.bincount(codes[passing], minlength=len(names)).tolist()
        sizes = {name: count for name, count in zip(names, counts, strict=True) if count}
        left = passing.copy()
        for name in self.scorer.apart(sizes, _MOST_LANGUAGES):
            if name is not None and sizes[name] >= _SMALLEST_LANGUAGE * sum(counts):
                mask = passing & (codes == names.index(name))
                left &= ~mask
                yield name, mask
        if left.any() or not passing.any():
            yield "others", left

    def _pairs(self, queries: Ints, near: Ints) -> _Pairs:
        """Every pair that may be pushed to the firms of these queries, with what ranks it."""
        vectors, found, totals = self.run.vectors.take(queries), [], []
        for query, vector, row in zip(queries.tolist(), vectors, near, strict=True):
            asked, mine = self._query(query, vector), row[row != NOBODY]
            if self.scorer.terms is not None and self._rules.terms_find:
                mine = np.concatenate([mine, self._sharing(query, asked.terms, mine)])
            found.append(mine)
            totals.append(self.scorer.relevance(asked, mine).total)
        return _Pairs(
            queries=np.repeat(queries, [len(mine) for mine in found]),
            patents=np.concatenate(found) if found else np.empty(0, dtype=np.int64),
            total=np.concatenate(totals) if totals else np.empty(0, dtype=np.float32),
        )

    def _choose(self, firms: Ints, pairs: _Pairs, made: PushCandidates, rows: slice) -> None:
        """Put the best of each firm's pairs, each patent once, into its row of ``made``."""
        owners = self._owners[pairs.queries]
        firm = np.searchsorted(firms, owners)
        # By firm and patent, the best first: what is repeated lies beside it.
        order = np.lexsort((-pairs.total, pairs.patents, firm))
        first = np.ones(len(order), dtype=np.bool_)
        same_firm = firm[order][1:] == firm[order][:-1]
        first[1:] = ~(same_firm & (pairs.patents[order][1:] == pairs.patents[order][:-1]))
        order = order[first]
        made.near[rows] = np.bincount(firm[order], minlength=len(firms))
        scores = self.scorer.scores(pairs.total)
        kept = ~self._left_out(owners[order], pairs.patents[order])
        kept &= scores[order] >= max(self._rules.min_score, score_floor(self._rules.min_level.grade, self.scorer.scale))
        order = order[kept]
        order = order[np.lexsort((pairs.patents[order], -pairs.total[order], firm[order]))]
        row = firm[order]
        column = np.arange(len(row)) - np.searchsorted(row, row)
        within = column < self._rules.candidates
        row, column, order = row[within] + rows.start, column[within], order[within]
        made.patents[row, column] = pairs.patents[order]
        made.scores[row, column] = scores[order]
        made.queries[row, column] = pairs.queries[order]

    def _sharing(self, query: int, terms: Terms, addresses: Ints) -> Ints:
        """What shares a query's terms, beside ``addresses``."""
        patents, conditions = self.run.patents, self.groups.conditions(query)
        sharing = patents.index_state.search_terms([terms], self._rules.candidates, conditions)[0].addresses
        shared: Ints = sharing[patents.passing[sharing] & ~np.isin(sharing, addresses)]
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


class TailFinder:
    """Adds candidates for patents that have fewer fair ones than the floor asks for.

    Args:
        maker: scores pairs as it scores its own.
        rules: of the arm.
        folder: where the join keeps what it has done.
        report: called with how far the join is.
    """

    def __init__(self, maker: CandidateMaker, rules: PushRules, folder: Path, report: Report) -> None:
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
        tail = np.flatnonzero(run.patents.passing & (known < self._rules.floor)).astype(np.int64)
        if not len(tail) or not len(queries):
            return found
        extra: dict[int, dict[int, tuple[float, int]]] = {}
        rows = {firm: row for row, firm in enumerate(firms.tolist())}
        for query, places in self._pairs(queries, tail).items():
            row = rows[run.firms.owners[query]]
            places = places[~np.isin(places, found.patents[row])]
            for place, score in self._maker.scored(query, places):
                best = extra.setdefault(row, {})
                if score >= fair_from and score > best.get(place, (0.0, 0))[0]:
                    best[place] = score, query
        return _widened(found, extra)

    def _pairs(self, queries: Ints, tail: Ints) -> Mapping[int, Ints]:
        """For each query, the scarce patents that it is among the best of."""
        run, groups = self._maker.run, self._maker.groups
        # All query vectors in a mapped file: 690 MB for 450,000.
        asked = mapped_rows(self._folder / "asked.f32", (len(run.vectors), run.vectors.dimension), run.vectors.take)
        k = max(_FEWEST_FIRMS, _FIRMS_A_PLACE * self._rules.floor)
        tasks = [
            JoinTask(groups.name(group), mine, members)
            for group, members in groups.members(queries).items()
            if len(mine := tail[groups.mask(group)[tail]])
        ]
        vectors = ArrayVectors(run.rows)
        corpus, folder = JoinCorpus(asked, JoinOptions(k=k, certify=1)), self._folder / "scarce"
        run_join(corpus, vectors, tasks, folder, lambda at: self._report(Progress("scarce", at.done, at.total)))
        near = read_join(tasks, folder, len(vectors), k).positions[tail]
        places, ranks = np.nonzero(near != NOBODY)
        order = np.argsort(near[places, ranks], kind="stable")
        by_query, patents = near[places, ranks][order], tail[places][order]
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
