"""The needs that are watched, as new patents are compared with them: followed as they and their levels change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

import numpy as np

from app.arrays import Doubles, Floats, Ints
from app.catalogue import Arrival, Catalogue
from app.domain import OPEN, Kind, Need, Watch, WatchLevel
from app.match.queries import StoredQuery, stored_vectors
from app.match.scorer import ManyQueries, Scorer, weighed_terms
from app.ranking.relevance import Scale, score_floor
from app.serving.delta import EMBED_AT_ONCE
from app.serving.embedding import Embedder
from app.serving.served import Served
from index import QueryPostings, VectorStore, VectorStoreDamagedError, WeighedTerms
from models import Encoder, Role

_PAGE = 500
"""Needs read at once: half a second, most of it for counting their terms, after which a stop is looked for."""
_EMBED_NEEDS = 8
"""Needs whose texts are embedded between two such looks: a second or two where searches share the encoder."""
NEVER = float("inf")
"""The floor of a need that is not watched: no score reaches it."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What is held of a need beside its vector."""

    lang: str | None
    arrived: int
    terms: WeighedTerms


@dataclass(frozen=True, slots=True)
class Watched:
    """The watched needs at one moment, by place.

    Attributes:
        ids: of the needs.
        queries: what they ask for.
        began: int64 ``[n]``: patents count that arrived behind this number.
        floors: float64 ``[n]``, the smallest score that a need is alerted of.
    """

    ids: Sequence[str]
    queries: ManyQueries
    began: Ints
    floors: Doubles


class WatchedNeeds:
    """Keeps the open needs with their vectors and weighed terms; 2.5 kB a need. One thread uses it.

    Vectors and terms are those that `match` makes of a need, kept like those of push runs: a text is embedded once.

    Args:
        catalogue: the needs, and their levels.
        store_of: the vector store of an encoder.
        default: the level of needs without one of their own.
        shared_terms: whether shared terms count in matches.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        store_of: Callable[[Encoder], VectorStore],
        default: WatchLevel,
        *,
        shared_terms: bool,
    ) -> None:
        self._catalogue, self._store_of, self._default = catalogue, store_of, default
        self._shared_terms = shared_terms
        self._snapshot: str | None = None
        self._revision = 0
        self._rows: dict[str, _Row] = {}
        self._fresh: dict[str, Floats] = {}
        self._unready: dict[str, None] = {}
        self._off: set[str] = set()
        self._levels: Mapping[str, Watch] = {}
        self._stacked: tuple[tuple[str, ...], Floats, QueryPostings] | None = None
        self._stale = False

    def follow(self, served: Served, go_on: Callable[[], bool]) -> bool:
        """Take in what changed, and embed what has no vector yet.

        Args:
            served: what new patents are searched in.
            go_on: asked between steps of a second or so; ``False`` ends the call early.

        Returns:
            Whether every need is known and has its vector: else a pair would be passed over for want of it.

        Raises:
            OverloadedError: too many texts wait for the encoder.
        """
        if self._snapshot != served.snapshot.id or self._catalogue.revision() < self._revision:
            self._begin(served)
        self._level()
        goal, changes = self._catalogue.revision(), self._catalogue.changed_since(Kind.NEEDS, self._revision)
        while page := list(islice(changes, _PAGE)):
            if not go_on():
                return False
            self._admit([change.id for change in page])
            self._revision = page[-1].revision
        self._revision = max(goal, self._revision)
        while self._unready and go_on():
            self._embed(list(islice(self._unready, _EMBED_NEEDS)))
        return not self._unready

    def watched(self, scale: Scale) -> Watched:
        """The needs that have vectors, with their floors on a scale."""
        if self._stacked is None or self._stale or self._fresh:
            self._stacked, self._stale = self._stack(), False
        ids, vectors, postings = self._stacked
        rows = [self._rows[key] for key in ids]
        floors = {one: NEVER if one.grade is None else score_floor(one.grade, scale) for one in WatchLevel}
        since = [self._levels[key].since if key in self._levels else 0 for key in ids]
        return Watched(
            ids=ids,
            queries=ManyQueries([row.lang for row in rows], vectors, postings if self._terms is not None else None),
            began=np.maximum(np.array([row.arrived for row in rows], dtype=np.int64), np.array(since, dtype=np.int64)),
            floors=np.array([floors[self._level_of(key)] for key in ids], dtype=np.float64),
        )

    def _begin(self, served: Served) -> None:
        """Begin anew with a snapshot: space and rarity of terms are its own."""
        self._store, self._space = self._store_of(served.encoder), served.state.space
        self._embedder = Embedder(served.encoder, self._store, at_once=EMBED_AT_ONCE)
        self._terms = Scorer.of(served, shared_terms=self._shared_terms).terms
        self._snapshot, self._revision = served.snapshot.id, 0
        for held in (self._rows, self._fresh, self._unready, self._off):
            held.clear()
        self._stacked = None

    def _level(self) -> None:
        """Take in the needs' own levels, and needs that are watched now and were not before."""
        self._levels = self._catalogue.watches.all()
        awake = [key for key in self._off if self._level_of(key) is not WatchLevel.OFF] if self._off else []
        for start in range(0, len(awake), _PAGE):
            self._admit(awake[start : start + _PAGE])

    def _level_of(self, need_id: str) -> WatchLevel:
        own = self._levels.get(need_id)
        return self._default if own is None else own.level

    def _drop(self, ids: Sequence[str]) -> None:
        for key in ids:
            self._stale |= self._rows.pop(key, None) is not None
            self._fresh.pop(key, None)
            self._unready.pop(key, None)
            self._off.discard(key)

    def _admit(self, ids: Sequence[str]) -> None:
        """Take in needs as they are now: their vectors where their texts have some, else to be embedded.

        Where this fails half-way, they are left to be taken in by the next call: as not ready, or in the state before.
        """
        arrivals = self._catalogue.alerts.arrivals(Kind.NEEDS, ids)
        found = [cast(Need, record) for record in self._catalogue.get_many(Kind.NEEDS, list(arrivals)).values()]
        needs = [need for need in found if need.status in OPEN and need.id in arrivals]
        off = {need.id for need in needs if self._level_of(need.id) is WatchLevel.OFF}
        asked = {need.id: StoredQuery.of(need).without(self._embedder.empty) for need in needs if need.id not in off}
        asked = {key: query for key, query in asked.items() if query.keys}
        flat = [key for query in asked.values() for key in query.keys]
        missing = set(np.array(flat, dtype=object)[self._store.missing(flat)].tolist()) if flat else set()
        self._drop(ids)
        self._off |= off
        self._unready |= dict.fromkeys(asked)
        self._keep([query for query in asked.values() if missing.isdisjoint(query.keys)], arrivals)

    def _keep(self, needs: Sequence[StoredQuery], arrivals: Mapping[str, Arrival]) -> None:
        """Hold needs whose texts have vectors; they are ready then."""
        try:
            vectors = stored_vectors(needs, self._store, self._space)
        except VectorStoreDamagedError as error:
            if not error.records:
                raise
            self._store.forget(error.records)  # what is damaged is embedded again
            return
        for need, vector in zip(needs, vectors, strict=True):
            assert need.need_id is not None  # noqa: S101 - firms are not watched
            self._rows[need.need_id] = _Row(need.lang, arrivals[need.need_id].arrived, self._weighed(need.text_parts))
            self._fresh[need.need_id] = vector
            del self._unready[need.need_id]

    def _weighed(self, text_parts: Sequence[str]) -> WeighedTerms:
        if self._terms is None:
            return _NO_TERMS
        return WeighedTerms.of(weighed_terms(text_parts, self._terms, titled=True), self._terms)

    def _embed(self, ids: Sequence[str]) -> None:
        needs = self._catalogue.get_many(Kind.NEEDS, ids)
        self._embedder.embed([text for need in needs.values() for text in StoredQuery.of(need).embedded], Role.QUERY)
        self._admit(ids)

    def _stack(self) -> tuple[tuple[str, ...], Floats, QueryPostings]:
        """All vectors as one array, those that stay taken from the one before."""
        known: dict[str, Floats] = {}
        if self._stacked is not None:
            known = dict(zip(self._stacked[0], self._stacked[1], strict=True))
        ids = tuple(self._rows)
        vectors = [self._fresh[key] if key in self._fresh else known[key] for key in ids]
        stacked = np.stack(vectors) if vectors else np.empty((0, self._store.dimension), dtype=np.float32)
        self._fresh.clear()
        return ids, stacked, QueryPostings.of([self._rows[key].terms for key in ids])


_NO_TERMS = WeighedTerms(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
