"""From the candidates of a query to its result: what is listed in which order, what stands behind it, what is short.

A list has groups: what the query names comes before the rest, and what its text excludes stands behind. Within a
group the order is by relevance, or as a diverse list has it. Folding goes over the whole list from its beginning and
`offset` counts what it leaves, so that a page begins where the one before ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from app.domain import (
    AnyRecord,
    Evidence,
    Folded,
    Match,
    MatchAnswer,
    MatchRequest,
    QueryResult,
    SearchPlan,
    Shortfall,
    SnapshotRef,
)
from app.errors import PatmatchError
from app.match.folding import folded_behind, pool_for
from app.match.queries import EncodedQuery, Route
from app.match.scorer import Candidates
from app.ranking.relevance import FAIRLY_STRONG_FROM, Scale, diversify, level_from_score
from app.ranking.space import PLAIN
from app.serving.served import Served
from index import Plan

_SPARE = 4
"""Extra candidates a query: its own record is left out, and a few may be deleted while they are read."""
_DIVERSITY_POOL = 4
"""Candidates a place that a diverse list chooses from; more would trade away too much fit."""


def places_for(request: MatchRequest) -> int:
    """How many candidates a query needs for the matches that a request asks for, those passed over included."""
    places = _diverse_places(request)
    return pool_for(places) if _folds(request) else places


def result_of(
    served: Served,
    scale: Scale,
    request: MatchRequest,
    query: EncodedQuery,
    found: Candidates,
    records: Mapping[str, AnyRecord],
) -> QueryResult:
    """The result of a query, without reasons.

    Args:
        served: what was searched.
        scale: how relevance is read as a score.
        request: what was asked.
        query: one of its queries.
        found: its candidates.
        records: those of them that may be answered.
    """
    space, resolved = served.state.space, query.resolved
    route = resolved.route or Route(resolved.query)
    own = None if route.exact else resolved.own_id
    kept = [n for n, key in enumerate(found.ids) if key != own and key in records]
    folded: dict[str, tuple[Folded, ...]] = {}
    if _folds(request):
        folded = folded_behind(_as_matches(found, kept, records, scale), request, named=route.exact)
        kept = [n for n in kept if found.ids[n] in folded][: _diverse_places(request)]
    if request.diversity > 0:
        kept = _diverse(served, request, found, kept)
    page = kept[request.offset : request.offset + request.k]
    matches = _as_matches(found, page, records, scale, request.offset)
    floor = request.min_level.grade if request.min_level else 0
    passed = tuple(match for match in matches if match.level.grade >= floor or match.id in route.exact)
    if _folds(request):
        passed = tuple(replace(match, folded=folded[match.id]) for match in passed)
    available = len(kept) + sum(map(len, folded.values()))
    return QueryResult(
        id=resolved.query.id,
        requested=request.k,
        matches=passed,
        tokens=query.tokens,
        windows=query.windows,
        truncated=query.truncated,
        shortfall=_shortfall(request, len(matches), len(passed), available),
        lang=resolved.lang,
        centred="none" if space is PLAIN else "language" if space.known(resolved.lang) else "all",
        recognised=route.recognised,
        no_match_probability=_no_match(scale, found, kept, named=bool(route.exact) or (route.whole and bool(kept))),
        excluded=resolved.excluded,
    )


def _no_match(scale: Scale, found: Candidates, kept: Sequence[int], *, named: bool) -> float:
    """The probability that nothing fits, by the best of what may be listed.

    0 where a query names a record, or nothing else than a holder or class: that is not asked by its meaning. A record
    in another language counts where it is at least fairly strong: something is always near by meaning alone.
    """
    if named:
        return 0.0
    ranked = found.relevance.at(kept)
    counted = ranked.total[~ranked.alone | (ranked.scores >= FAIRLY_STRONG_FROM)]
    best = counted if len(counted) else ranked.total
    return scale.no_match_probability(float(best.max(initial=-np.inf)))


def unanswered(route: Route, outcome: EncodedQuery | PatmatchError, request: MatchRequest) -> QueryResult:
    """The result of a query without matches: it met an error, or names only what the bank does not have."""
    if isinstance(outcome, PatmatchError) and not route.nothing:
        return QueryResult(id=route.query.id, requested=request.k, error=outcome)
    return QueryResult(
        id=route.query.id, requested=request.k, recognised=route.recognised, shortfall="unknown_identifier"
    )


def answer_of(served: Served, results: tuple[QueryResult, ...], plans: Sequence[Plan], calibration: str) -> MatchAnswer:
    """The answer to a batch, with what it came from."""
    manifest, index_state = served.snapshot.manifest, served.index_state
    return MatchAnswer(
        snapshot=SnapshotRef(
            id=manifest.id,
            encoder=manifest.encoder,
            built_at=manifest.built_at,
            revision=index_state.revision,
            calibration=calibration,
        ),
        results=results,
        plans=tuple(
            SearchPlan(
                kind=plan.kind.value,
                passing=plan.passing,
                of=plan.of,
                subset_ms=plan.subset_ms,
                scan_ms=plan.scan_ms,
            )
            for plan in plans
        ),
        upserted=index_state.upserted,
        hidden=index_state.hidden,
        pending=len(served.state.pending),
    )


def _folds(request: MatchRequest) -> bool:
    return request.collapse or request.per_holder > 0


def _diverse_places(request: MatchRequest) -> int:
    wanted = request.offset + request.k
    return wanted * (_DIVERSITY_POOL if request.diversity > 0 else 1) + _SPARE


def _as_matches(
    found: Candidates, kept: Sequence[int], records: Mapping[str, AnyRecord], scale: Scale, offset: int = 0
) -> list[Match]:
    listed, ranked = [records[found.ids[n]] for n in kept], found.relevance.at(kept)
    scores = ranked.scores
    return [
        Match(
            id=record.id,
            rank=offset + n + 1,
            score=float(scores[n]),
            level=level_from_score(float(scores[n]), scale),
            cosine=float(ranked.cosines[n]),
            evidence=Evidence(float(ranked.meaning[n]), float(ranked.coverage[n]), bool(ranked.alone[n])),
            record=record,
        )
        for n, record in enumerate(listed)
    ]


def _diverse(served: Served, request: MatchRequest, found: Candidates, kept: Sequence[int]) -> list[int]:
    """Places of a list that avoids near repeats, within each group of it."""
    chosen: list[int] = []
    for group in sorted(set(found.groups) or {0}):
        mine = [n for n in kept if not found.groups or found.groups[n] == group]
        wanted = request.offset + request.k - len(chosen)
        if mine and wanted > 0:
            vectors = served.index_state.vectors_at(found.addresses[mine])
            places = diversify(found.relevance.at(mine).scores, vectors, wanted, request.diversity)
            chosen += [mine[n] for n in places]
    return chosen


def _shortfall(request: MatchRequest, found: int, passed: int, available: int) -> Shortfall | None:
    """Why a page is not full.

    Args:
        request: what was asked.
        found: how many are on the page.
        passed: how many of them reach the lowest level.
        available: how many there would be without folding, those passed over included.
    """
    if passed == request.k:
        return None
    if found > passed:
        return "min_level"
    if available >= request.offset + request.k:
        return "folded"
    asks_all = request.filter.empty and not (request.must or request.must_not)
    return "index_exhausted" if asks_all else "filter"
