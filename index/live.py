"""The snapshot that is served now, and the change to the next one without a request noticing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.errors import IndexRoomError, SnapshotMissingError, SnapshotNameError
from index.manifest import Manifest, SnapshotId, read_manifest
from index.publication import read_current
from index.snapshot import Snapshot, load_snapshot

_log = logging.getLogger(__name__)

# Searches in random directions before the first request: they fault in the pages that the hashing has just read.
WARM_UP_QUERIES = 4


@dataclass(frozen=True, slots=True)
class _State:
    """What is served, what was read from ``CURRENT`` last, and why that is not what is served. Replaced as a whole."""

    snapshot: Snapshot | None
    seen: str | None
    refusal: Exception | None


Accept = Callable[[Manifest], object]


class LiveIndex:
    """The published snapshot of a target. ``current`` never blocks; ``refresh`` follows ``CURRENT``.

    A snapshot that cannot be used (another fingerprint, a damaged or missing file) is refused: what was served before
    is kept, ``refusal`` says why, and it is not tried again until something is published. Where the machine fails (too
    many open files, no memory) or its encoder cannot be loaded, the next ``refresh`` tries again.

    Args:
        root: the index root.
        target: whose snapshots.
        accept: called with the manifest of a snapshot before its files are read; raises where it cannot be served.
        threads: how many threads one search may use; ``None`` leaves it to OpenMP. One is right where requests come
            side by side: with more, threads of different searches wait for each other.
    """

    def __init__(self, root: Path, target: str, accept: Accept, *, threads: int | None = 1) -> None:
        self.target = target
        self._root = root
        self._accept = accept
        self._threads = threads
        self._refreshing = threading.Lock()
        self._state = _State(None, None, SnapshotMissingError(f"nothing is published for {target}"))

    def current(self) -> Snapshot | None:
        """The snapshot to serve from. A request takes it once and keeps it to its end."""
        return self._state.snapshot

    @property
    def refusal(self) -> Exception | None:
        """Why what is published is not what ``current`` gives; ``None`` when it is."""
        return self._state.refusal

    def refresh(self) -> bool:
        """Follow ``CURRENT``; one small read when it has not changed.

        Returns:
            Whether ``current`` gives another snapshot than before.
        """
        with self._refreshing:
            before = self._state
            try:
                seen = read_current(self._root, self.target)
            except OSError as error:
                self._state = _State(before.snapshot, None, error)
                return False
            if seen is None:
                missing = SnapshotMissingError(f"nothing is published for {self.target}")
                self._state = _State(before.snapshot, None, missing)
                return False
            if seen == before.seen:
                return False
            return self._follow(before, seen)

    def _follow(self, before: _State, seen: str) -> bool:
        published = seen.partition("\n")[0].strip()
        try:
            snapshot = self._open(published, before.snapshot)
        except Exception as error:  # whatever it is, what was served before goes on
            if str(error) != str(before.refusal):  # what is tried again is not said again
                _log.warning("snapshot %s of %s is refused: %s", published, self.target, error)
            # What is wrong with a snapshot stays wrong; what is wrong with the machine may pass, so it is tried again.
            self._state = _State(before.snapshot, seen if isinstance(error, IndexRoomError) else None, error)
            return False
        self._state = _State(snapshot, seen, None)
        return snapshot is not before.snapshot

    def _open(self, published: str, served: Snapshot | None) -> Snapshot:
        if served is not None and served.id == published:
            return served
        name = SnapshotId.parse(published)
        if name.target != self.target:
            raise SnapshotNameError(f"CURRENT of {self.target} names {published}")
        directory = name.directory(self._root)
        self._accept(read_manifest(directory))
        snapshot = load_snapshot(directory, threads=self._threads)
        queries = np.random.default_rng(0).standard_normal((WARM_UP_QUERIES, snapshot.manifest.dimension))
        snapshot.search(queries.astype(np.float32), 1)
        return snapshot
