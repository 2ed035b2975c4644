"""Whether matches can be answered, with the failing part named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.catalogue import Catalogue
from app.domain import Kind
from app.errors import NotReadyError, PatmatchError
from app.metrics import Metrics
from app.services.encoders import EncoderSlot
from app.services.failures import Refusal
from app.services.serving import ServedIndex


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the service: whether it can answer, and what it uses or why not."""

    ready: bool
    detail: str
    detail_zh: str


@dataclass(frozen=True, slots=True)
class Health:
    """All parts; ready when the model, the catalogue and at least one index are."""

    parts: Mapping[str, Part]

    @property
    def ready(self) -> bool:
        """Whether any match can be answered."""
        indexes = [part for name, part in self.parts.items() if name.startswith("index.")]
        return self.parts["model"].ready and self.parts["catalogue"].ready and any(part.ready for part in indexes)


class HealthService:
    """Looks at the parts of a running service."""

    def __init__(
        self, *, encoder: EncoderSlot, indexes: Mapping[Kind, ServedIndex], catalogue: Catalogue, metrics: Metrics
    ) -> None:
        self._encoder = encoder
        self._indexes = indexes
        self._catalogue = catalogue
        self._metrics = metrics

    def readiness(self) -> Health:
        """Every part as it is now; the gauges of `/metrics` are set on the way."""
        parts = {"model": self._model(), "catalogue": self._database()}
        parts |= {f"index.{kind}": self._index(kind) for kind in Kind}
        for name, part in parts.items():
            self._metrics.ready(name, part.ready)
        return Health(parts)

    def _model(self) -> Part:
        try:
            encoder = self._encoder.ready()
        except NotReadyError as error:
            return Part(False, error.message, error.message_zh)
        text = f"{encoder.name}, fingerprint {encoder.fingerprint[:12]}"
        return Part(True, text, text)

    def _database(self) -> Part:
        try:
            revision = self._catalogue.revision()
        except PatmatchError as error:
            return Part(False, error.message, error.message_zh)
        return Part(True, f"revision {revision}", f"版本 {revision}")

    def _index(self, kind: Kind) -> Part:
        served = self._indexes[kind]
        snapshot, refusal = served.current(), served.refusal
        if snapshot is None:
            reason = refusal or Refusal("none is published", "尚未发布")
            return Part(False, f"no snapshot: {reason.text}", f"没有可用快照：{reason.text_zh}")
        manifest = snapshot.manifest
        self._metrics.snapshot(kind.value, len(snapshot), datetime.fromisoformat(manifest.built_at).timestamp())
        text = f"{manifest.id}, {len(snapshot)} records"
        if refusal:
            text, text_zh = (
                f"{text}; a newer one was refused: {refusal.text}",
                f"{text}；较新的快照被拒绝：{refusal.text_zh}",
            )
            return Part(True, text, text_zh)
        return Part(True, text, text)
