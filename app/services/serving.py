"""What a running service holds: the encoder, once it is loaded, and the published snapshot of each target."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Lock, Thread

from app.domain import Kind
from app.errors import NotReadyError, PatmatchError
from app.services.failures import Refusal, as_refusal, translated
from index import LiveIndex, Snapshot
from models import Encoder

log = logging.getLogger("patmatch.serving")


class EncoderSlot:
    """The encoder: loaded once, on first use or ahead of it, and told why when it cannot be.

    Args:
        load: makes the encoder; seconds of work.
    """

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self._load = load
        self._lock = Lock()
        self._encoder: Encoder | None = None
        self.failure: PatmatchError | None = None

    @property
    def loaded(self) -> Encoder | None:
        """The encoder, if it is there already."""
        return self._encoder

    def get(self) -> Encoder:
        """The encoder, loaded now if need be.

        Raises:
            ModelProblem: it cannot be loaded.
        """
        with self._lock:
            if self._encoder is None:
                try:
                    with translated():
                        self._encoder = self._load()
                except PatmatchError as error:
                    self.failure = error
                    raise
                self.failure = None
            return self._encoder

    def ready(self) -> Encoder:
        """The encoder without waiting for it.

        Raises:
            NotReadyError: it is still being loaded, or cannot be.
        """
        if self._encoder is not None:
            return self._encoder
        if self.failure is not None:
            raise NotReadyError(
                f"The model is not loaded: {self.failure.message}",
                f"模型未加载：{self.failure.message_zh}",
                code="no_model",
            )
        raise NotReadyError("The model is still being loaded.", "模型正在加载，请稍候。", code="model_loading")

    def close(self) -> None:
        """Let the encoder finish what is queued."""
        close = getattr(self._encoder, "close", None)
        if close is not None:
            close()


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
