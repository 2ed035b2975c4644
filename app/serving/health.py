"""Whether matches can be answered, with the failing part named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.catalogue import Catalogue
from app.domain import Kind
from app.errors import NotReadyError, PatmatchError
from app.metrics import Metrics
from app.serving.encoders import Encoders
from app.serving.served import ServedIndex
from app.serving.translation import Refusal


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
    """Looks at the parts of a running service; ``shared_terms`` says whether these count in its matches."""

    def __init__(
        self,
        *,
        encoders: Encoders,
        indexes: Mapping[Kind, ServedIndex],
        catalogue: Catalogue,
        metrics: Metrics,
        shared_terms: bool = True,
    ) -> None:
        self._encoders = encoders
        self._indexes = indexes
        self._catalogue = catalogue
        self._metrics = metrics
        self._shared_terms = shared_terms

    def readiness(self) -> Health:
        """Every part as it is now; the gauges of `/metrics` are set on the way."""
        parts = {"model": self._model(), "catalogue": self._database()}
        parts |= {f"index.{kind}": self._index(kind) for kind in Kind}
        for name, part in parts.items():
            self._metrics.ready(name, part.ready)
        return Health(parts)

    def _model(self) -> Part:
        served = [found for index in self._indexes.values() if (found := index.current()) is not None]
        in_use = {one.encoder.fingerprint: one.encoder for one in served}
        if not in_use:
            try:
                encoder = self._encoders.slot().ready()
            except NotReadyError as error:
                return Part(False, error.message, error.message_zh)
            in_use = {encoder.fingerprint: encoder}
        text = "; ".join(f"{encoder.name}, fingerprint {name[:12]}" for name, encoder in in_use.items())
        return Part(True, text, text)

    def _database(self) -> Part:
        try:
            revision = self._catalogue.revision()
            self._metrics.alerts(self._catalogue.alerts.behind(), self._catalogue.alerts.last())
        except PatmatchError as error:
            return Part(False, error.message, error.message_zh)
        return Part(True, f"revision {revision}", f"版本 {revision}")

    def _index(self, kind: Kind) -> Part:
        source = self._indexes[kind]
        served, refusal = source.current(), source.refusal
        if served is None:
            reason = refusal or Refusal("none is published", "尚未发布")
            return Part(False, f"no snapshot: {reason.text}", f"没有可用快照：{reason.text_zh}")
        manifest, index_state, state = served.snapshot.manifest, served.index_state, served.state
        self._metrics.snapshot(kind.value, len(served.snapshot), datetime.fromisoformat(manifest.built_at).timestamp())
        self._metrics.delta(kind.value, index_state.upserted, index_state.hidden, len(state.pending))
        reading = served.reading(shared_terms=self._shared_terms)
        text = f"{manifest.id}, {len(index_state)} records; {reading.text}"
        text_zh = f"{manifest.id}，{len(index_state)} 条记录；{reading.text_zh}"
        if index_state.upserted or index_state.hidden or state.pending:
            text += f"; since then {index_state.upserted} new or changed, {index_state.hidden} hidden"
            text += f", {len(state.pending)} pending"
            text_zh += (
                f"；其后新增或变更 {index_state.upserted}，隐藏 {index_state.hidden}，待编码 {len(state.pending)}"
            )
        if state.left_out:
            text += f"; {len(state.left_out)} are over the delta's limit: build the index"
            text_zh += f"；{len(state.left_out)} 条超出增量上限，请重建索引"
        if refusal:
            text += f"; a newer one was refused: {refusal.text}"
            text_zh += f"；较新的快照被拒绝：{refusal.text_zh}"
        return Part(True, text, text_zh)
