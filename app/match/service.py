"""The main use case: which records of a target fit these queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Protocol

import numpy as np

from app.arrays import Floats
from app.catalogue import Catalogue
from app.domain import (
    AnyRecord,
    Kind,
    Match,
    MatchAnswer,
    MatchRequest,
    QueryResult,
    SearchPlan,
    Shortfall,
    SnapshotRef,
)
from app.errors import FieldError, InputError, NotReadyError, PatmatchError, TooLargeError
from app.match.explain import Explainer
from app.match.queries import QueryResolver, ResolvedQuery
from app.match.required import EXACTLY, Requirements, holding_excluded, reach
from app.match.scorer import Candidates, CandidateSearch, Scorer, depth_for
from app.ranking.relevance import Relevance, Scale, diversify, level_from_score, score_from_relevance
from app.ranking.space import PLAIN, combine_text_parts, text_part_weights
from app.serving.served import Served
from app.serving.translation import Refusal, conditions_of, still_passing, translated
from index import Plan
from models import Encoder, Role

_SPARE = 4
"""Extra candidates a query: its own record is left out, and a few may be deleted while they are read."""
_MOST_ATTEMPTS = 4
"""How often a search is made at most because records that it found went away before they were read."""
_DEEPER, _DEEPEST = 8, 20_000
"""How many times as many candidates the next search takes, and the most: a full delta may show many old values."""
_DIVERSITY_POOL = 4
"""Candidates a place that a diverse list chooses from; more would trade away too much fit."""


class Seconds(Protocol):
    """Takes the seconds of one stage of a match, as a histogram of Prometheus does."""

    def observe(self, amount: float) -> None:
        """Add one."""
        ...


class IndexSource(Protocol):
    """Where what is searched comes from."""

    @property
    def refusal(self) -> Refusal | None:
        """Why there is no snapshot, or why a newer one was not taken."""
        ...

    def fresh(self) -> Served | None:
        """What is served, with every change committed before this call."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchLimits:
    """How much one request may ask for.

    Attributes:
        candidates: records of each language, and as many that share terms, that are ordered for a query.
        shared_terms: whether shared terms find and order candidates, beside the vectors.
    """

    max_queries: int
    max_k: int
    max_text_chars: int
    candidates: int = 200
    shared_terms: bool = True


@dataclass(frozen=True, slots=True)
class _EncodedQuery:
    resolved: ResolvedQuery
    vector: Floats
    tokens: int
    windows: int
    truncated: bool


class MatchService:
    """Answers match requests from the published snapshots and what changed since. Safe to call from many threads.

    Args:
        indexes: what is served of each target.
        catalogue: the records.
        limits: how much one request may ask for.
        why_not: raises the reason why nothing can be served at all, such as a model that is still being loaded.
        stages: gives what takes the seconds of a stage (``encode``, ``search``, ``fetch``, ``explain``).
    """

    def __init__(
        self,
        *,
        indexes: Mapping[Kind, IndexSource],
        catalogue: Catalogue,
        limits: MatchLimits,
        why_not: Callable[[], object] = lambda: None,
        stages: Callable[[str], Seconds] | None = None,
    ) -> None:
        self._indexes = indexes
        self._catalogue = catalogue
        self._limits = limits
        self._why_not = why_not
        self._stages = stages
        self._explainer = Explainer()
        self._resolver = QueryResolver(catalogue, max_text_chars=limits.max_text_chars)

    def match(self, request: MatchRequest) -> MatchAnswer:
        """Answer every query of the request from one moment.

        Raises:
            NotReadyError: the model or the target's index is not there.
            InputError: the request as a whole asks for too much or for nothing.
            OverloadedError: too many texts wait for the encoder.
        """
        self._check(request)
        required = Requirements.of(request)
        served = self._served(request.target)
        resolved = self._resolver.resolve(request.queries, request.target)
        outcomes = self._encode(served.encoder, resolved)
        ready = [outcome for outcome in outcomes if isinstance(outcome, _EncodedQuery)]
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            answers, plans = self._search(served, request, required, ready, attempt)
            if answers is not None:
                break
            encoder, served = served.encoder, self._served(request.target)
            if served.encoder is not encoder:  # another model was published meanwhile
                return self.match(request)
        following = iter(answers or ())
        results = tuple(
            next(following)
            if isinstance(outcome, _EncodedQuery)
            else QueryResult(id=query.id, requested=request.k, error=outcome)
            for query, outcome in zip(request.queries, outcomes, strict=True)
        )
        return _answer(served, results, plans, served.reading(shared_terms=self._limits.shared_terms).id)

    def _check(self, request: MatchRequest) -> None:
        limits, asked = self._limits, len(request.queries)
        if not asked:
            raise InputError("There is no query; send at least one.", "没有查询，请至少发送一个。", code="no_queries")
        if asked > limits.max_queries:
            text = f"{asked} queries are over the limit of {limits.max_queries}; send several requests."
            text_zh = f"一次请求最多 {limits.max_queries} 个查询，现有 {asked} 个，请分批发送。"
            field = FieldError("queries", text, text_zh)
            raise TooLargeError(text, text_zh, code="too_many_queries", fields=(field,))
        if not 1 <= request.k <= limits.max_k:
            text = f"k is {request.k}; it must lie between 1 and {limits.max_k}."
            text_zh = f"k 为 {request.k}，必须在 1 到 {limits.max_k} 之间。"
            raise InputError(text, text_zh, code="bad_k", fields=(FieldError("k", text, text_zh),))

    def _served(self, target: Kind) -> Served:
        served = self._indexes[target].fresh()
        if served is None:
            self._why_not()
            reason = self._indexes[target].refusal or Refusal("none is published", "尚未发布")
            raise NotReadyError(
                f"There is no index of {target} to search: {reason.text}. Run: patmatch index build {target} --publish",
                f"没有可用的 {target} 索引：{reason.text_zh}。请运行：patmatch index build {target} --publish",
                code="no_index",
            )
        return served

    def _encode(
        self, encoder: Encoder, resolved: Sequence[ResolvedQuery | PatmatchError]
    ) -> list[_EncodedQuery | PatmatchError]:
        """Embed all text parts in one call; a text that the model cannot see fails its own query alone."""
        queries = [item for item in resolved if isinstance(item, ResolvedQuery)]
        if not queries:
            return [item for item in resolved if isinstance(item, PatmatchError)]
        try:
            with self._stage("encode"), translated():
                encoded = iter(_encode_text_parts(encoder, queries))
        except InputError as error:
            if len(queries) == 1:
                return [error if isinstance(item, ResolvedQuery) else item for item in resolved]
            return [outcome for item in resolved for outcome in self._encode(encoder, [item])]
        return [next(encoded) if isinstance(item, ResolvedQuery) else item for item in resolved]

    def _search(
        self,
        served: Served,
        request: MatchRequest,
        required: Requirements,
        queries: Sequence[_EncodedQuery],
        attempt: int,
    ) -> tuple[list[QueryResult] | None, tuple[Plan, ...]]:
        """The answers from one view; ``None`` where a record went away meanwhile that one of them needs.

        Args:
            served: what is searched.
            request: what was asked.
            required: what it asks of texts.
            queries: encoded with the encoder of ``served``.
            attempt: from 1; each looks deeper than the one before, the last does without what went away.
        """
        if not queries:
            return [], ()
        index_state, conditions = served.index_state, conditions_of(request.filter)
        places = request.k * (_DIVERSITY_POOL if request.diversity > 0 else 1) + _SPARE
        places = max(places, min(places * _DEEPER ** (attempt - 1), _DEEPEST))
        last = attempt == _MOST_ATTEMPTS
        if required and last:
            places = max(places, _DEEPEST)
        with self._stage("search"), translated():
            resolved = [query.resolved for query in queries]
            vectors = np.stack([query.vector for query in queries])
            vectors = served.state.space.of_queries(vectors, [query.lang for query in resolved])
            scorer = Scorer.of(served, shared_terms=self._limits.shared_terms)
            searched = required.narrowed(index_state, strict=last and len(index_state) > places)
            search = CandidateSearch(searched, scorer, [*conditions, EXACTLY] if required else conditions)
            found, plans = search.search(resolved, vectors, depth_for(places, self._limits.candidates))
        with self._stage("fetch"):
            found = [
                one.first(reach(one.ids, query.excluded, places, partial(self._catalogue.get_many, request.target)))
                for one, query in zip(found, resolved, strict=True)
            ]
            wanted = sorted({record_id for one in found for record_id in one.ids})
            records = self._catalogue.get_many(request.target, wanted)
            stale = served.state.left_out or self._catalogue.revision() != index_state.revision
            if conditions and records and stale:
                passing = still_passing(list(records.values()), request.target, conditions)
                records = {key: record for key, record in records.items() if key in passing}
            records = required.passing(records)
        results = [self._result(served, scorer, request, *pair, records) for pair in zip(queries, found, strict=True)]
        lost = [
            len(result.matches) < request.k
            and (stale or (required and len(searched) > places and result.shortfall != "min_level"))
            and any(key not in records for key in one.ids)
            for result, one in zip(results, found, strict=True)
        ]
        return (None if any(lost) and not last else results), plans

    def _result(
        self,
        served: Served,
        scorer: Scorer,
        request: MatchRequest,
        query: _EncodedQuery,
        found: Candidates,
        records: Mapping[str, AnyRecord],
    ) -> QueryResult:
        space = served.state.space
        resolved = query.resolved
        kept = [n for n, key in enumerate(found.ids) if key != resolved.own_id and key in records]
        using = {n for n in kept if holding_excluded(records[found.ids[n]], resolved.excluded)}
        kept, last = [n for n in kept if n not in using], [n for n in kept if n in using]
        if request.diversity > 0 and kept:
            vectors = served.index_state.vectors_at(found.addresses[kept])
            chosen = diversify(found.relevance.total[kept], vectors, request.k, request.diversity)
            kept = [kept[n] for n in chosen]
        kept = (kept + last)[: request.k]
        listed = [records[found.ids[n]] for n in kept]
        matches = _as_matches(listed, found.relevance.at(kept), scorer.scale)
        floor = request.min_level.grade if request.min_level else 0
        passed = tuple(match for match in matches if match.level.grade >= floor)
        if request.explain and passed:
            with self._stage("explain"):
                passed = self._explainer.explained(served, resolved.text_parts, passed, titled=resolved.titled)
        return QueryResult(
            id=resolved.query.id,
            requested=request.k,
            matches=passed,
            tokens=query.tokens,
            windows=query.windows,
            truncated=query.truncated,
            shortfall=_shortfall(request, len(matches), len(passed)),
            lang=resolved.lang,
            excluded=resolved.excluded,
            centred="none" if space is PLAIN else "language" if space.known(resolved.lang) else "all",
        )

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = perf_counter()
        yield
        if self._stages is not None:
            self._stages(name).observe(perf_counter() - began)


def _answer(served: Served, results: tuple[QueryResult, ...], plans: Sequence[Plan], calibration: str) -> MatchAnswer:
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


def _encode_text_parts(encoder: Encoder, queries: Sequence[ResolvedQuery]) -> list[_EncodedQuery]:
    counts = [len(query.text_parts) for query in queries]
    encoded = encoder.encode([text_part for query in queries for text_part in query.embedded], Role.QUERY)
    weights = [weight for query in queries for weight in text_part_weights(len(query.text_parts), titled=query.titled)]
    vectors = combine_text_parts(encoded.vectors, counts, weights)
    ends = np.cumsum(counts)
    spans = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
    return [
        _EncodedQuery(
            resolved=query,
            vector=vectors[n],
            tokens=int(encoded.tokens[span].sum()),
            windows=int(encoded.windows[span].sum()),
            truncated=bool(encoded.truncated[span].any()),
        )
        for n, (query, span) in enumerate(zip(queries, spans, strict=True))
    ]


def _as_matches(listed: Sequence[AnyRecord], ranked: Relevance, scale: Scale) -> list[Match]:
    scores, language = score_from_relevance(ranked.total, scale), ranked.language
    return [
        Match(
            id=record.id,
            rank=n + 1,
            score=float(scores[n]),
            level=level_from_score(float(scores[n]), scale),
            cosine=float(ranked.cosines[n]),
            shared=float(ranked.shared[n]),
            language=float(language[n]),
            record=record,
        )
        for n, record in enumerate(listed)
    ]


def _shortfall(request: MatchRequest, found: int, passed: int) -> Shortfall | None:
    if passed == request.k:
        return None
    if found > passed:
        return "min_level"
    return "index_exhausted" if request.filter.empty and not (request.must or request.must_not) else "filter"
