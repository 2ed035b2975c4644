"""What a running service holds: for each target the published snapshot, its encoder, and what changed since."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic, sleep

from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind
from app.errors import PatmatchError
from app.ranking.relevance import BUILT_IN_SCALES, Mode, mode_of
from app.ranking.space import PLAIN
from app.serving.calibrations import CalibrationStore, Reading, Shelf
from app.serving.delta import EMBED_AT_ONCE, Delta, DeltaState, VectorStores
from app.serving.embedding import Embedder
from app.serving.encoders import Encoders
from app.serving.spaces import space_of
from app.serving.translation import COLUMNS, Refusal, as_refusal, translated
from app.text.reading import passage_of
from index import IndexState, LiveIndex, Manifest, Snapshot, VectorStore
from models import Encoder, Role

log = logging.getLogger("patmatch.serving")

_INLINE_CHANGES = 2_000
"""Changes that a search applies before it answers; more, a file being loaded, are left to the follower."""
_INLINE_WAIT_S = 0.25
"""How long a search waits for another thread that is applying changes."""
_EMBED_ROUND_S = 2.0
"""How long one target's pending texts are embedded before the next target's turn."""
_EMBED_INLINE = 32
"""Texts that a write embeds before it returns: about three seconds."""
_EMBED_FIRST = 256
"""Pending texts that are embedded before a new snapshot takes over, so that a publication makes nothing vanish."""
_EMBED_FIRST_S = 10.0
"""How long that may take. Another process that takes the same snapshot over may be embedding the same texts."""
_TURN_S = 0.02
"""Between two looks at whether another process is done with a text."""
_ENCODER_GRACE_S = 60.0
"""How long an encoder that no snapshot needs stays loaded: requests that began with it may still encode."""


@dataclass(frozen=True, slots=True)
class Served:
    """What a request is answered from, replaced as a whole: an encoder, and a view made with the same encoder.

    ``readings`` says how relevance is read, by ranking; without, by the built-in scales.
    """

    encoder: Encoder
    state: DeltaState
    readings: Mapping[str, Reading] = field(default_factory=dict)

    @property
    def snapshot(self) -> Snapshot:
        """The published snapshot."""
        return self.state.index_state.snapshot

    @property
    def index_state(self) -> IndexState:
        """The snapshot with what changed since."""
        return self.state.index_state

    def ranking(self, *, shared_terms: bool) -> Mode:
        """What gives relevance: cosines of its space, fused with what ``shared_terms`` say where they are asked."""
        return mode_of(centred=self.state.space is not PLAIN, terms=shared_terms and self.index_state.terms is not None)

    def reading(self, *, shared_terms: bool) -> Reading:
        """How its relevance is read as score and level."""
        ranking = self.ranking(shared_terms=shared_terms)
        return self.readings.get(ranking) or Reading(BUILT_IN_SCALES[ranking])


class PinnedIndex:
    """One snapshot that nothing changes any more, as an evaluation asks it.

    Args:
        snapshot: what is searched.
        encoder: that of the snapshot.
        kind: its target.
        shelf: the calibrations that its scores may come from.
    """

    refusal = None

    def __init__(self, snapshot: Snapshot, encoder: Encoder, kind: Kind, shelf: Shelf | None = None) -> None:
        index_state = IndexState.of(snapshot, COLUMNS[kind], int(snapshot.manifest.source_revision))
        state = DeltaState(index_state, space_of(snapshot.arrays))
        self._served = Served(encoder, state, (shelf or Shelf()).readings(snapshot.manifest))

    def fresh(self) -> Served:
        """The snapshot."""
        return self._served


class ServedIndex:
    """The published snapshot of one target, followed as it and the catalogue change. Safe to call from many threads.

    Args:
        index_dir: the index root.
        target: whose snapshots.
        encoder_of: gives the encoder that a snapshot was made with, or raises.
        catalogue: whose revision a search must have seen.
        delta: moves the view forward.
    """

    def __init__(
        self,
        index_dir: Path,
        target: Kind,
        *,
        encoder_of: Callable[[Manifest], Encoder],
        catalogue: Catalogue,
        delta: Delta,
    ) -> None:
        self._target = target
        self._encoder_of = encoder_of
        self._catalogue = catalogue
        self._delta = delta
        self._live = LiveIndex(index_dir, target.value, encoder_of)
        self._calibrations = CalibrationStore(index_dir, target)
        self._shelf = Shelf()
        self._served: Served | None = None
        self._looked = False
        self._failure: Exception | None = None
        self._changing = Lock()

    @property
    def refusal(self) -> Refusal | None:
        """Why there is no snapshot, or why a newer one was not taken."""
        if not self._looked or (self._served is None and self._live.refusal is None):
            failure = self._failure
            if isinstance(failure, PatmatchError):
                return Refusal(failure.message, failure.message_zh)
            return Refusal("it is being opened", "正在打开") if failure is None else as_refusal(failure)
        return None if self._live.refusal is None else as_refusal(self._live.refusal)

    def current(self) -> Served | None:
        """What is served now, without looking for changes."""
        return self._served

    def fresh(self) -> Served | None:
        """What is served, with every change that was committed before this call; a large load is followed later.

        Raises:
            CatalogueProblem: the catalogue cannot be read.
        """
        # Without the lock: what is served is replaced as a whole, and most requests find nothing to apply.
        served = self._served
        if served is None or served.index_state.revision == self._catalogue.revision():
            return served
        if self._changing.acquire(timeout=_INLINE_WAIT_S):
            try:
                self._advance(_INLINE_CHANGES)
            finally:
                self._changing.release()
        # Who did not get the lock answers from what the other thread has reached: waiting on would stall every request.
        return self._served

    def refresh(self) -> None:
        """Follow what is published, and the catalogue."""
        try:
            self._live.refresh()
            self._looked = True
            self._calibrate()
            snapshot = self._live.current()
            if snapshot is not None and (self._served is None or self._served.snapshot is not snapshot):
                self._take_over(snapshot)
            with self._changing:
                self._advance(None)
        except Exception as error:
            self._failure = error
            raise
        self._failure = None

    def embed_pending(self, go_on: Callable[[], bool] = lambda: True) -> bool:
        """Embed changed texts that have no vector yet, a few at a time while ``go_on()``.

        Returns:
            Whether some are left that this process could embed now.
        """
        while self._served is not None and self._served.state.pending:
            if not go_on():
                return True
            # First, what is pending may have been changed, deleted or embedded elsewhere.
            served = self._settle(self._served)
            if served.state.pending and not self._delta.embed_some(served.state, served.encoder):
                return False
        return False

    def _calibrate(self) -> None:
        """Follow the calibrations; what is served takes a change up as a whole."""
        shelf = self._calibrations.read(self._shelf)
        if shelf is self._shelf:
            return
        changed, self._shelf = (shelf.chosen, shelf.problem) != (self._shelf.chosen, self._shelf.problem), shelf
        with self._changing:
            if changed and self._served is not None:
                self._served = replace(self._served, readings=shelf.readings(self._served.snapshot.manifest))
        for name, problem in shelf.problem.items() if changed else ():
            log.error("%s: %s is damaged, the built-in scale gives the scores: %s", self._target, name, problem)

    def _settle(self, served: Served) -> Served:
        with self._changing:
            served = self._served or served
            state = self._delta.advanced(served.state, served.encoder, _INLINE_CHANGES)
            self._served = replace(served, state=self._delta.settled(state, served.encoder))
            return self._served

    def _advance(self, most: int | None) -> None:
        served = self._served
        if served is not None:
            state = served.state
            if state.index_state.revision > self._catalogue.revision():
                log.warning("%s: the catalogue has gone back; following it from the snapshot on", self._target)
                state = self._delta.begin(served.snapshot)
            self._served = replace(served, state=self._delta.advanced(state, served.encoder, most))

    def _take_over(self, snapshot: Snapshot) -> None:
        """Bring the new snapshot up to the present beside the old one, then swap."""
        encoder = self._encoder_of(snapshot.manifest)
        state = self._delta.advanced(self._delta.begin(snapshot), encoder)
        until = monotonic() + _EMBED_FIRST_S
        while 0 < len(state.pending) <= _EMBED_FIRST and monotonic() < until:
            if not self._delta.embed_some(state, encoder):
                sleep(_TURN_S)
            state = self._delta.settled(self._delta.advanced(state, encoder), encoder)
        with self._changing:
            # Again, since searches went on with the old one: no answer may know less than one before it.
            state = self._delta.advanced(state, encoder)
            self._served = Served(encoder, state, self._shelf.readings(snapshot.manifest))
        log.info("%s: serving snapshot %s at revision %d", self._target, snapshot.id, state.index_state.revision)


class Serving:
    """Opens the indexes with their encoders and follows what is published and changed, in threads of its own.

    Args:
        encoders: loads them; those that no snapshot needs any more are let go.
        indexes: the index of each target.
        stores: the vectors of changed records.
        poll_seconds: seconds between two looks at `CURRENT` and the catalogue.
    """

    def __init__(
        self, encoders: Encoders, indexes: Mapping[Kind, ServedIndex], stores: VectorStores, poll_seconds: float
    ) -> None:
        self.encoders = encoders
        self.indexes = indexes
        self._stores = stores
        self._poll_seconds = poll_seconds
        self._stop = Event()
        self._threads: list[Thread] = []
        self._failures: dict[Kind, str] = {}
        self._last_used: dict[str, float] = {}

    def open(self) -> None:
        """Open every index, now and here. Where nothing is published the configured encoder is loaded, for its sake.

        Raises:
            ModelProblem: that encoder cannot be loaded.
        """
        self._follow()
        if not self._in_use():
            self.encoders.get()

    def start(self) -> None:
        """Do the same in the background and follow what is published and changed until `stop`."""
        self._threads = [
            Thread(target=self._run, name="patmatch-serving", daemon=True),
            Thread(target=self._embed, name="patmatch-delta", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop following and let the encoders finish."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)
        # After the threads, which may still be encoding or writing vectors.
        self.encoders.close()
        self._stores.close()

    def store_of(self, encoder: Encoder) -> VectorStore:
        """Where the vectors of an encoder are kept."""
        return self._stores.of(encoder)

    def embed(self, kind: Kind, records: Sequence[AnyRecord]) -> int:
        """Keep the vectors of records that are about to be written, so that the next search finds them.

        A large batch would take minutes and hold up queries: what is over some dozens is left to the background.

        Returns:
            How many texts are left.

        Raises:
            OverloadedError: too many texts wait for the encoder.
            IndexProblem: the vectors cannot be kept.
        """
        served = self.indexes[kind].current()
        if served is None:
            return 0
        with translated():
            embedder = Embedder(served.encoder, self._stores.of(served.encoder), at_once=EMBED_AT_ONCE)
            return embedder.embed_some([passage_of(record) for record in records], Role.PASSAGE, _EMBED_INLINE)

    def _run(self) -> None:
        try:
            self.open()
        except PatmatchError as error:
            log.error("not ready: %s", error.message)
        while not self._stop.wait(self._poll_seconds):
            self._follow()

    def _follow(self) -> None:
        for kind, served in self.indexes.items():
            try:
                served.refresh()
                self._failures.pop(kind, None)
            except Exception as error:  # a thread that ends here would leave the service on an old state for good
                self._say_once(kind, error)
        now = monotonic()
        self._last_used |= dict.fromkeys(self._in_use(), now)
        if self._last_used:
            self.encoders.keep_only(name for name, when in self._last_used.items() if now - when < _ENCODER_GRACE_S)

    def _embed(self) -> None:
        busy = False
        while not self._stop.wait(0 if busy else self._poll_seconds):
            busy = sum(self._embed_for_a_while(kind, served) for kind, served in self.indexes.items()) > 0

    def _embed_for_a_while(self, kind: Kind, served: ServedIndex) -> bool:
        until = monotonic() + _EMBED_ROUND_S
        try:
            return served.embed_pending(lambda: monotonic() < until and not self._stop.is_set())
        except Exception as error:  # as above
            self._say_once(kind, error)
            return False

    def _in_use(self) -> set[str]:
        served = (index.current() for index in self.indexes.values())
        return {one.encoder.fingerprint for one in served if one is not None}

    def _say_once(self, kind: Kind, error: Exception) -> None:
        """What fails again in the next round is not said again."""
        text = error.message if isinstance(error, PatmatchError) else f"{type(error).__name__}: {error}"
        if self._failures.get(kind) != text:
            self._failures[kind] = text
            log.error("%s: following it failed, trying again: %s", kind, text)
