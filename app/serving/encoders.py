"""The encoders that are in use: one a specification, each loaded once, found again by what a snapshot recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import Any

from app.errors import NotReadyError, PatmatchError
from app.serving.translation import translated
from index import FingerprintMismatchError, Manifest
from models import Encoder, Origin, packaged
from models.source import BASE

MANIFEST_KEY = "encoder_spec"
"""Where a snapshot's manifest, under ``extra``, holds the specification of its encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """Which encoder: all that must be known to load it again.

    Attributes:
        source: ``package``, ``package:base``, ``hub:NAME`` or ``dir:PATH``.
        query_prefix: replaces the prefix that the model folder declares; ``None`` keeps it.
        passage_prefix: the same for passages.
        precision: ``float32`` or ``bfloat16``.
    """

    source: str
    query_prefix: str | None = None
    passage_prefix: str | None = None
    precision: str = "float32"

    def as_json(self) -> dict[str, Any]:
        """The specification as JSON types."""
        return asdict(self)

    @classmethod
    def of_manifest(cls, manifest: Manifest) -> EncoderSpec | None:
        """What a snapshot recorded of its encoder; ``None`` where it recorded nothing that can be read.

        Before ``package`` had a model adapted to patents it was the base: such a snapshot goes on being served with it.
        """
        recorded = manifest.extra.get(MANIFEST_KEY)
        try:
            spec = cls(**recorded) if isinstance(recorded, Mapping) else None
        except TypeError:  # of a release that records more
            return None
        if spec is not None and spec.source == Origin.PACKAGE and manifest.encoder == packaged.NAME:
            return replace(spec, source=f"{Origin.PACKAGE}:{BASE}")
        return spec


class EncoderSlot:
    """One encoder: loaded once, on first use or ahead of it; `failure` says why it could not be.

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
        # Without the lock, which is held for as long as loading takes.
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


class Encoders:
    """Every encoder of this process. Safe to call from many threads.

    Args:
        load: makes the encoder of a specification; seconds of work.
        default: the configured one, for new builds and for a home without snapshots.
    """

    def __init__(self, load: Callable[[EncoderSpec], Encoder], default: EncoderSpec) -> None:
        self._load = load
        self._lock = Lock()
        self._slots: dict[EncoderSpec, EncoderSlot] = {}
        self.default_spec = default

    def slot(self, spec: EncoderSpec | None = None) -> EncoderSlot:
        """The slot of a specification, of the configured one when not given."""
        wanted = spec or self.default_spec
        with self._lock:  # for the table alone: loading takes seconds, under the lock of its own slot
            return self._slots.setdefault(wanted, EncoderSlot(lambda: self._load(wanted)))

    def get(self, spec: EncoderSpec | None = None) -> Encoder:
        """The encoder of a specification, loaded now if need be.

        Raises:
            ModelProblem: it cannot be loaded.
        """
        return self.slot(spec).get()

    def of_snapshot(self, manifest: Manifest) -> Encoder:
        """The encoder that a snapshot was made with, loaded now if need be; the configured one where none is recorded.

        Raises:
            FingerprintMismatchError: what can be loaded has another fingerprint: the model's files have changed.
            ModelProblem: it cannot be loaded.
        """
        with self._lock:
            loaded = [slot.loaded for slot in self._slots.values()]
        for encoder in loaded:
            if encoder is not None and encoder.fingerprint == manifest.fingerprint:
                return encoder
        encoder = self.get(EncoderSpec.of_manifest(manifest))
        if encoder.fingerprint != manifest.fingerprint:
            raise FingerprintMismatchError(encoder.fingerprint, manifest.fingerprint)
        return encoder

    def keep_only(self, fingerprints: Iterable[str]) -> None:
        """Close and forget every loaded encoder but the configured one and these: each takes its model's memory."""
        kept = set(fingerprints)
        with self._lock:
            unused = [
                spec
                for spec, slot in self._slots.items()
                if spec != self.default_spec and slot.loaded is not None and slot.loaded.fingerprint not in kept
            ]
            closed = [self._slots.pop(spec) for spec in unused]
        # Outside the lock: closing waits for the texts that are queued.
        for slot in closed:
            slot.close()

    def close(self) -> None:
        """Let every encoder finish what is queued."""
        with self._lock:
            slots = list(self._slots.values())
        for slot in slots:
            slot.close()
