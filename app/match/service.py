"""The main use case: which records of a target fit these queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Protocol

import numpy as np

from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind, MatchAnswer, MatchRequest, QueryResult
from app.errors import FieldError, InputError, NotReadyError, PatmatchError, TooLargeError
from app.match.explain import Explainer
from app.match.queries import EncodedQuery, QueryResolver, ResolvedQuery, encode_text_parts
from app.match.required import EXACTLY, ClearFirst, Requirements
from app.match.results import answer_of, places_for, result_of, unanswered
from app.match.router import NamedFirst, Router, marked, routed
from app.match.scorer import Candidates, CandidateSearch, Scorer, depth_for
from app.serving.served import Served
from app.serving.translation import Refusal, check_columns, conditions_of, still_passing, translated
from index import Plan
from models import Encoder

_MOST_ATTEMPTS = 4
"""How often a search is made at most because records that it found went away before they were read, or fold into too
few matches."""
_DEEPER, _DEEPEST = 8, 20_000
"""How many times as many candidates the next search takes, and the most: a full delta may show many old values, and a
holder may have hundreds of patents of one kind."""


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
        self._router = Router(catalogue, max_text_chars=limits.max_text_chars)

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
        check_columns(conditions_of(request.filter), request.target, served.snapshot)
        routes = self._router.routes(request.queries, request.target, served.index_state)
        resolved = routed(self._resolver.resolve([route.query for route in routes], request.target), routes)
        outcomes = self._encode(served.encoder, resolved)
        ready = [
            outcome
            for route, outcome in zip(routes, outcomes, strict=True)
            if isinstance(outcome, EncodedQuery) and not route.nothing
        ]
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
            if isinstance(outcome, EncodedQuery) and not route.nothing
            else unanswered(route, outcome, request)
            for route, outcome in zip(routes, outcomes, strict=True)
        )
        return answer_of(served, results, plans, served.reading(shared_terms=self._limits.shared_terms).id)

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
        if not 0 <= request.offset <= limits.max_k - request.k:
            text = f"offset is {request.offset}; offset and k together may be {limits.max_k} at most."
            text_zh = f"offset 为 {request.offset}，offset 与 k 之和最多为 {limits.max_k}。"
            raise InputError(text, text_zh, code="bad_offset", fields=(FieldError("offset", text, text_zh),))

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
    ) -> list[EncodedQuery | PatmatchError]:
        """Embed all text parts in one call; a text that the model cannot see fails its own query alone."""
        queries = [item for item in resolved if isinstance(item, ResolvedQuery)]
        if not queries:
            return [item for item in resolved if isinstance(item, PatmatchError)]
        try:
            with self._stage("encode"), translated():
                encoded = iter(encode_text_parts(encoder, queries))
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
        queries: Sequence[EncodedQuery],
        attempt: int,
    ) -> tuple[list[QueryResult] | None, tuple[Plan, ...]]:
        """The answers from one view; ``None`` where one of them needs a record that went away, or folds into too few.

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
        places = places_for(request)
        places = max(places, min(places * _DEEPER ** (attempt - 1), _DEEPEST))
        last = attempt == _MOST_ATTEMPTS
        if required and last:
            places = max(places, _DEEPEST)
        deepest = last or places >= _DEEPEST
        with self._stage("search"), translated():
            resolved = [query.resolved for query in queries]
            vectors = np.stack([query.vector for query in queries])
            vectors = served.state.space.of_queries(vectors, [query.lang for query in resolved])
            scorer = Scorer.of(served, shared_terms=self._limits.shared_terms)
            searched = required.narrowed(index_state, strict=last and len(index_state) > places)
            search = CandidateSearch(searched, scorer, [*conditions, EXACTLY] if required else conditions)
            clear = ClearFirst(partial(self._catalogue.get_many, request.target), places, beyond=deepest)
            named = NamedFirst(search, clear, depth_for(places, self._limits.candidates))
            found, plans = named.listed(resolved, vectors)
        with self._stage("fetch"):
            ids = sorted({record_id for one in found for record_id in one.ids})
            records = self._catalogue.get_many(request.target, ids)
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
        few = any(
            result.shortfall == "folded" and len(one.ids) >= places for result, one in zip(results, found, strict=True)
        )
        again = (few and not deepest) or (any(lost) and not last)
        return (None if again else results), plans

    def _result(
        self,
        served: Served,
        scorer: Scorer,
        request: MatchRequest,
        query: EncodedQuery,
        found: Candidates,
        records: Mapping[str, AnyRecord],
    ) -> QueryResult:
        result, resolved = result_of(served, scorer.scale, request, query, found, records), query.resolved
        matches = result.matches
        if request.explain and matches:
            with self._stage("explain"):
                matches = self._explainer.explained(served, resolved.text_parts, matches, titled=resolved.titled)
        if resolved.route is not None:
            matches = tuple(marked(match, resolved.route) for match in matches)
        return replace(result, matches=matches)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = perf_counter()
        yield
        if self._stages is not None:
            self._stages(name).observe(perf_counter() - began)
