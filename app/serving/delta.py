"""What changed in the catalogue since a snapshot was built, made searchable: by the next search, in every process.

The catalogue's change log is the one source. A view of a snapshot is moved forward by the changes behind its
revision: deleted records are hidden, new and changed ones go into the view's segments. Vectors come from the vector
store, so what one process embedded is there for all. A text that has no vector yet is *pending*: until it is embedded,
a changed record keeps its place with its old vector and its new filter values, and a new one cannot be found.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from threading import Lock

import numpy as np

from app.arrays import Floats
from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind
from app.ranking.space import PLAIN, Space
from app.serving.embedding import Embedder
from app.serving.spaces import space_of
from app.serving.translation import COLUMNS, column_value
from app.text.reading import passage_of
from app.text.terms import terms_of
from index import (
    NO_TERMS,
    FileLock,
    IndexState,
    LockedError,
    Manifest,
    Snapshot,
    TermCounts,
    Upsert,
    VectorStore,
    VectorStoreDamagedError,
    VectorStoreWriteError,
    text_key,
)
from models import Encoder, Role

log = logging.getLogger("patmatch.serving")
_failpoints = logging.getLogger("patmatch.failpoints")

_PAGE = 2_000
"""Changes applied at once: a search that waits for them waits about 0.4 s, most of it for counting their terms."""
EMBED_AT_ONCE = 4
"""Pending texts embedded in one call. Queries share the encoder's thread and wait for it, so it is few."""
_EMBED_LOCK = "delta.lock"
CATALOGUE_KEY = "catalogue"
"""Where a snapshot's manifest, under ``extra``, names the catalogue that it was built from."""


def revision_in(catalogue: Catalogue, manifest: Manifest) -> int | None:
    """The revision of ``catalogue`` that a snapshot's records were read at.

    ``None`` where its revision says nothing of this catalogue: it was built from another one, or is ahead of this one,
    which was restored from an older state. Snapshots from before catalogues had names count as this one's.
    """
    text = manifest.source_revision
    if not text.isdecimal() or int(text) > catalogue.revision():
        return None
    identity = catalogue.identity()
    return int(text) if manifest.extra.get(CATALOGUE_KEY, identity) == identity else None


class VectorStores:
    """The vector store of each fingerprint, opened on first use: opening a large one reads all of its keys."""

    def __init__(self, vectors_dir: Path) -> None:
        self._vectors_dir = vectors_dir
        self._stores: dict[str, VectorStore] = {}
        self._lock = Lock()

    def of(self, encoder: Encoder) -> VectorStore:
        """The store of an encoder's vectors.

        Raises:
            VectorStoreDamagedError: its file is not one.
        """
        name = encoder.fingerprint
        with self._lock:  # held while it opens: two openings of one store would read its keys twice
            if name not in self._stores:
                self._stores[name] = VectorStore(self._vectors_dir / name, encoder.dimension)
            return self._stores[name]

    def close(self) -> None:
        """Close every store."""
        with self._lock:
            for store in self._stores.values():
                store.close()
            self._stores.clear()


@dataclass(frozen=True, slots=True)
class DeltaState:
    """A view, and what is still missing in it.

    Attributes:
        space: that of the snapshot, which changes are moved to.
        pending: ids whose text has no vector yet, in the order of their changes, with the key of that text.
        left_out: ids of new or changed records that are over the delta's limit; the next build takes them in.
    """

    index_state: IndexState
    space: Space = PLAIN
    pending: Mapping[str, bytes] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()


class Delta:
    """Moves the view of one target forward. Its methods give new states and keep none; callers order them.

    Args:
        kind: the target.
        catalogue: whose changes are followed.
        stores: where vectors are kept.
        limit: upserted records that a view may hold; beyond it a build is due.
    """

    def __init__(self, kind: Kind, catalogue: Catalogue, stores: VectorStores, limit: int) -> None:
        self._kind = kind
        self._catalogue = catalogue
        self._stores = stores
        self._limit = limit
        # By fingerprint and key: what one encoder made of a text says nothing of another.
        self._unkept: dict[tuple[str, bytes], Floats] = {}
        self._unreadable: set[tuple[str, bytes]] = set()

    def begin(self, snapshot: Snapshot) -> DeltaState:
        """The view of a snapshot alone.

        Revisions of a snapshot that was built from another catalogue, or that is ahead of this one because it was
        restored from an older state, say nothing. Then everything in the catalogue counts as changed, and what is not
        in it is hidden.
        """
        revision = revision_in(self._catalogue, snapshot.manifest)
        index_state = IndexState.of(snapshot, COLUMNS[self._kind], revision or 0)
        if revision is None:
            log.warning("%s: snapshot %s is not of this catalogue; comparing everything", self._kind, snapshot.id)
            known = {record_id for page in self._catalogue.walk_ids(self._kind) for record_id, _ in page}
            index_state = index_state.changed(
                (), [record_id for record_id in snapshot.ids if record_id not in known], 0
            )
        return DeltaState(index_state, space_of(snapshot.arrays))

    def advanced(self, state: DeltaState, encoder: Encoder, most: int | None = None) -> DeltaState:
        """The state after the changes behind its revision.

        Args:
            state: where to begin.
            encoder: that of the snapshot.
            most: where there are more changes than this, none is applied: half a transaction is not a state that
                anybody wrote.

        Raises:
            CatalogueProblem: the catalogue cannot be read.
        """
        goal = self._catalogue.revision()  # before the changes are read, see below
        if most is not None and self._catalogue.count_changed(self._kind, state.index_state.revision) > most:
            return state
        changes = self._catalogue.changed_since(self._kind, state.index_state.revision)
        while page := list(islice(changes, _PAGE)):
            gone = [change.id for change in page if change.deleted]
            live = [change.id for change in page if not change.deleted]
            state = self._applied(state, encoder, live, gone, page[-1].revision)
        # Read to the end after the counter was: nothing up to it can appear later.
        return replace(state, index_state=state.index_state.changed((), (), max(goal, state.index_state.revision)))

    def settled(self, state: DeltaState, encoder: Encoder) -> DeltaState:
        """The state with every pending record whose vector has come into the store since."""
        if not state.pending:
            return state
        # By their keys: to read thousands of records again after each few texts would take longer than embedding them.
        missing = self._stores.of(encoder).missing(list(state.pending.values()))
        name = encoder.fingerprint
        ready = [
            record_id
            for (record_id, key), absent in zip(state.pending.items(), missing.tolist(), strict=True)
            if not absent or (name, key) in self._unkept or (name, key) in self._unreadable
        ]
        return self._applied(state, encoder, ready, [], state.index_state.revision) if ready else state

    def embed_some(self, state: DeltaState, encoder: Encoder) -> int:
        """Embed the first few pending texts and keep their vectors; `settled` then finds them.

        Processes that share a home take turns, so that none does another's work again.

        Returns:
            How many texts were embedded; 0 also where another process is at it.
        """
        store, ids = self._stores.of(encoder), list(islice(state.pending, EMBED_AT_ONCE))
        lock = FileLock(store.path / _EMBED_LOCK, "embedding changed records")
        try:
            lock.acquire()
        except LockedError:
            return 0
        except OSError as error:
            log.warning("%s: the home cannot be written, vectors stay in memory: %s", self._kind, error.strerror)
        try:
            texts = [passage_of(record) for record in self._catalogue.get_many(self._kind, ids).values()]
            self._embed(texts, encoder, store)
        finally:
            lock.release()
        _failpoints.debug("delta.embedded")
        return len(texts)

    def _embed(self, texts: Sequence[str], encoder: Encoder, store: VectorStore) -> None:
        embedder = Embedder(encoder, store, at_once=EMBED_AT_ONCE)
        try:
            embedder.embed(texts, Role.PASSAGE)
        except VectorStoreWriteError as error:
            log.warning("%s: vectors cannot be kept and stay in memory: %s", self._kind, error)
            readable = [text for text in texts if text not in embedder.empty]
            vectors = encoder.encode(readable, Role.PASSAGE).vectors
            self._unkept |= dict(zip((_named(encoder, text) for text in readable), vectors, strict=True))
        self._unreadable |= {_named(encoder, text) for text in embedder.empty}

    def _applied(
        self, state: DeltaState, encoder: Encoder, live: Sequence[str], gone: Sequence[str], revision: int
    ) -> DeltaState:
        records = self._catalogue.get_many(self._kind, live)
        sorted_out = self._sorted_out(state, encoder, list(records.values()))
        gone = [*gone, *(record_id for record_id in live if record_id not in records), *sorted_out.unreadable]
        upserts, over = self._fitting(state.index_state, sorted_out.upserts)
        index_state = state.index_state.changed(upserts, gone, revision)
        _failpoints.debug("delta.applied")
        touched = {*gone, *records}
        waiting = {record_id: key for record_id, key in state.pending.items() if record_id not in touched}
        left_out = (state.left_out - touched) | {upsert.id for upsert in over}
        return replace(state, index_state=index_state, pending=waiting | sorted_out.pending, left_out=left_out)

    def _fitting(self, index_state: IndexState, upserts: list[Upsert]) -> tuple[list[Upsert], list[Upsert]]:
        """Those for which the limit leaves room, and the others; a new version of one that is there needs none."""
        room = max(0, self._limit - index_state.upserted)
        if len(upserts) <= room:
            return upserts, []
        addresses = [index_state.address_of(upsert.id) for upsert in upserts]
        again = [address is not None and address >= len(index_state.snapshot) for address in addresses]
        fresh = [upsert for upsert, there in zip(upserts, again, strict=True) if not there]
        return [upsert for upsert, there in zip(upserts, again, strict=True) if there] + fresh[:room], fresh[room:]

    def _sorted_out(self, state: DeltaState, encoder: Encoder, records: Sequence[AnyRecord]) -> _SortedOut:
        keys = [text_key(Role.PASSAGE, passage_of(record)) for record in records]
        found = _SortedOut([], {}, [])
        for record, key, vector in zip(records, keys, self._vectors(encoder, keys), strict=True):
            if (encoder.fingerprint, key) in self._unreadable:
                found.unreadable.append(record.id)
                continue
            if vector is None:
                found.pending[record.id] = key
                vector = state.index_state.vector_of(record.id)
            else:
                vector = state.space.of_passages(vector[None], [record.lang])[0]
            if vector is not None:
                values = {name: column_value(record, name) for name in COLUMNS[self._kind]}
                terms = NO_TERMS if state.index_state.terms is None else TermCounts.of(terms_of(passage_of(record)))
                found.upserts.append(Upsert(record.id, vector, values, terms))
        return replace(found, upserts=_among_neighbours(state.index_state.snapshot, found.upserts))

    def _vectors(self, encoder: Encoder, keys: Sequence[bytes]) -> list[Floats | None]:
        if not keys:
            return []
        store, before = self._stores.of(encoder), -1
        while True:
            missing = store.missing(keys)
            absent_now = int(np.count_nonzero(missing))
            try:
                kept = iter(store.get([key for key, absent in zip(keys, missing, strict=True) if not absent]))
            except VectorStoreDamagedError as error:
                if not error.records or absent_now <= before:  # nothing to forget, or it did not help
                    raise
                before = absent_now
                # One bad vector must not keep all others from being searched: its text counts as never embedded.
                log.warning("%s: %s; what is damaged is embedded again", self._kind, error)
                store.forget(error.records)
                continue
            name = encoder.fingerprint
            pairs = zip(keys, missing, strict=True)
            return [self._unkept.get((name, key)) if absent else next(kept) for key, absent in pairs]


def _among_neighbours(snapshot: Snapshot, upserts: list[Upsert]) -> list[Upsert]:
    """Each with the mean of its neighbours in the snapshot, where that keeps neighbours."""
    if snapshot.neighbours is None or not upserts:
        return upserts
    own = [snapshot.position_of(upsert.id) for upsert in upserts]
    neighbour_means = snapshot.neighbour_means_of(np.stack([upsert.vector for upsert in upserts]), own)
    return [replace(upsert, neighbour_means=mean) for upsert, mean in zip(upserts, neighbour_means, strict=True)]


def _named(encoder: Encoder, text: str) -> tuple[str, bytes]:
    return encoder.fingerprint, text_key(Role.PASSAGE, text)


@dataclass(frozen=True, slots=True)
class _SortedOut:
    """Changed records as they can be searched now, ids whose text has no vector yet, and ids without readable text."""

    upserts: list[Upsert]
    pending: dict[str, bytes]
    unreadable: list[str]
