"""What a running service holds: the encoder, once it is loaded, and the published snapshot of each target."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Thread

from app.domain import Kind
from app.errors import PatmatchError
from app.services.encoders import EncoderSlot
from app.services.failures import Refusal, as_refusal
from index import LiveIndex, Snapshot

log = logging.getLogger("patmatch.serving")


class ServedIndex:
    """The published snapshot of one target, from the moment that the encoder's fingerprint is known."""

    def __init__(self, index_dir: Path, target: Kind) -> None:
        self._index_dir = index_dir
        self._target = target
        self._live: LiveIndex | None = None

    def open(self, fingerprint: str) -> None:
        """Serve snapshots of this fingerprint from now on."""
        self._live = LiveIndex(self._index_dir, self._target.value, fingerprint)
        self.refresh()

    def refresh(self) -> None:
        """Take a newly published snapshot, if there is one that can be served."""
        if self._live is None:
            return
        if self._live.refresh() and (snapshot := self._live.current()) is not None:
            log.info("%s: serving snapshot %s", self._target, snapshot.id)

    @property
    def refusal(self) -> Refusal | None:
        """Why there is no snapshot, or why a newer one was not taken."""
        if self._live is None:
            return Refusal("the model is not loaded yet", "模型尚未加载")
        return None if self._live.refusal is None else as_refusal(self._live.refusal)

    def current(self) -> Snapshot | None:
        """The snapshot to search now."""
        return self._live.current() if self._live else None


class Serving:
    """Loads the encoder, opens the indexes and follows what is published, in a thread of its own.

    Args:
        encoder: the slot to fill.
        indexes: the index of each target.
        poll_seconds: how often `CURRENT` is looked at.
    """

    def __init__(self, encoder: EncoderSlot, indexes: Mapping[Kind, ServedIndex], poll_seconds: float) -> None:
        self.encoder = encoder
        self.indexes = indexes
        self._poll_seconds = poll_seconds
        self._stop = Event()
        self._thread: Thread | None = None

    def open(self) -> None:
        """Load the encoder and open every index, now and here.

        Raises:
            ModelProblem: the encoder cannot be loaded.
        """
        fingerprint = self.encoder.get().fingerprint
        for served in self.indexes.values():
            served.open(fingerprint)

    def start(self) -> None:
        """Do the same in the background and follow what is published until `stop`."""
        self._thread = Thread(target=self._run, name="patmatch-serving", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following and let the encoder finish."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
        self.encoder.close()

    def _run(self) -> None:
        try:
            self.open()
        except PatmatchError as error:
            log.error("not ready: %s", error.message)
            return
        log.info("ready")
        while not self._stop.wait(self._poll_seconds):
            for served in self.indexes.values():
                served.refresh()
