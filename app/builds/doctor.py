"""What `patmatch doctor` examines, and what to do about each finding."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.builds.jobs import BuildState
from app.builds.overview import OverviewService, TargetOverview
from app.builds.service import IndexService
from app.builds.verify import VerificationService
from app.catalogue import Catalogue
from app.catalogue.outbox import FAILED
from app.domain import Kind
from app.errors import PatmatchError
from app.serving.encoders import EncoderSpec
from index import Manifest
from models import Encoder

Severity = Literal["ok", "warning", "error"]

_SPARE_BYTES = 2_000_000_000
"""A build of a million texts writes about this much: 1.5 kB a vector, and a snapshot of half of that."""
_LARGE_DELTA = 1_000
_LARGE_SHARE = 0.05
"""Changes are searched beside the snapshot, in the memory of every process that serves: past both it is time to build,
and past half of the setting's limit at the latest."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One part that was examined, its condition, and what to do where that is bad, in both languages."""

    part: str
    severity: Severity
    text: str
    advice: str = ""
    advice_zh: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Examines home, catalogue, model, vectors, webhook, snapshots and builds; each part even if another one fails."""

    home: Path
    encoder: Callable[[], Encoder]
    catalogue: Catalogue
    indexing: IndexService
    overview: OverviewService
    verification: VerificationService
    delta_limit: int

    def findings(self) -> Iterator[Finding]:
        """One finding or more a part, as they are made."""
        yield from self._disk()
        yield from self._catalogue()
        fingerprint = None
        try:
            encoder = self.encoder()
        except PatmatchError as error:
            command = "patmatch model prepare"
            yield Finding("model", "error", error.message, f"Run: {command}", f"请运行：{command}")
        else:
            fingerprint = encoder.fingerprint
            said = f"{encoder.name}, {encoder.dimension} dimensions, fingerprint {fingerprint[:12]}"
            yield Finding("model", "ok", said)
        yield from self._stores()
        yield from self._webhook()
        for kind in Kind:
            standing = self.overview.target(kind)
            yield from self._served(standing, fingerprint)
            yield from self._builds(standing)
            yield from self._remains(standing)

    def _disk(self) -> Iterator[Finding]:
        probe = self.home / ".doctor"
        try:
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            yield Finding(
                "home",
                "error",
                f"cannot be written: {error.strerror}",
                "Give this user the right to write to the home folder.",
                "请为当前用户授予数据目录的写权限。",
            )
            return
        free = shutil.disk_usage(self.home).free
        said = f"{free / 1e9:.1f} GB free"
        if free >= _SPARE_BYTES:
            yield Finding("disk", "ok", said)
            return
        advice = "Make room: patmatch index prune, or move PATMATCH_HOME."
        yield Finding("disk", "warning", said, advice, "请释放空间：patmatch index prune，或迁移 PATMATCH_HOME。")

    def _catalogue(self) -> Iterator[Finding]:
        for found in self.catalogue.check():
            if not found.ok:
                yield Finding("catalogue", "error", f"{found.name}: {found.message}", found.message, found.message_zh)
        status = self.catalogue.status()
        counts = ", ".join(f"{count} {kind}" for kind, count in status.counts.items())
        yield Finding("catalogue", "ok", f"{status.backend}, {counts}, revision {status.revision}")

    def _stores(self) -> Iterator[Finding]:
        for store in self.indexing.stores():
            name = f"vectors of {store.fingerprint[:12]}"
            if store.problem is not None:
                folder = f"vectors/{store.fingerprint}"
                yield Finding(
                    "vectors",
                    "error",
                    f"{name}: {store.problem}",
                    f"Move {folder} out of the home folder; the next build embeds its texts again.",
                    f"请将数据目录中的 {folder} 移走；下次构建会重新编码。",
                )
            elif store.damaged:
                yield Finding(
                    "vectors",
                    "warning",
                    f"{name}: {store.damaged} of {store.vectors} damaged",
                    "Check the disk. A build makes those that it needs again: patmatch index build all",
                    "请检查磁盘。构建会重新生成所需向量：patmatch index build all",
                )
            else:
                yield Finding("vectors", "ok", f"{name}: {store.vectors}")

    def _webhook(self) -> Iterator[Finding]:
        failed = self.catalogue.outbox.counts()[FAILED]
        if failed:
            yield Finding(
                "webhook",
                "warning",
                f"{failed} messages were given up",
                "See why: patmatch webhook list --status failed; then try again: patmatch webhook retry",
                "查看原因：patmatch webhook list --status failed；然后重试：patmatch webhook retry",
            )

    def _served(self, standing: TargetOverview, fingerprint: str | None) -> Iterator[Finding]:
        kind, records, served = standing.target, standing.records, standing.published
        part, build, build_zh = f"index.{kind}", *_build_advice(kind)
        if served is None:
            severity: Severity = "warning" if records else "ok"
            advice = (build, build_zh) if records else ("", "")
            yield Finding(part, severity, f"nothing is published; {records} records wait", *advice)
            return
        try:
            verification = self.verification.verify(served.id, encode=False)[0]
        except PatmatchError as error:
            yield Finding(part, "error", error.message, *_damage_advice(kind))
            return
        for trouble in verification.troubles:
            advice = _damage_advice(kind) if trouble.code in {"damaged", "search"} else (build, build_zh)
            yield Finding(part, "error", f"{served.id}: {trouble.text}", *advice)
        if served.manifest is None or not verification.sound:
            return
        yield self._freshness(standing, served.manifest)
        yield from self._encoder(served.manifest, part, fingerprint)
        if (read := standing.reading) is not None:
            severity = "warning" if read.why else "ok"
            yield Finding(f"calibration.{kind}", severity, read.text, read.why, read.why_zh)

    def _freshness(self, standing: TargetOverview, manifest: Manifest) -> Finding:
        part, delta = f"index.{standing.target}", standing.delta or 0
        changed = f"{manifest.id}, {manifest.count} of {standing.records} records, {delta} changed since"
        if delta > self.delta_limit:
            changed += f", of which a server shows {self.delta_limit}"
        if delta > min(max(_LARGE_DELTA, manifest.count * _LARGE_SHARE), self.delta_limit / 2):
            return Finding(part, "warning", changed, *_build_advice(standing.target))
        return Finding(part, "ok", changed)

    def _encoder(self, manifest: Manifest, part: str, fingerprint: str | None) -> Iterator[Finding]:
        """A server loads the encoder that a snapshot recorded; where it recorded none, it is the configured one."""
        if fingerprint is None or manifest.fingerprint == fingerprint:
            return
        kind, spec = Kind(manifest.target), EncoderSpec.of_manifest(manifest)
        build, build_zh = _build_advice(kind)
        if spec is None:
            yield Finding(
                part,
                "error",
                f"{manifest.id} was built with another encoder ({manifest.encoder}) and does not say how to load it",
                f"{build}, or set PATMATCH_MODEL back.",
                f"{build_zh}，或恢复 PATMATCH_MODEL。",
            )
            return
        yield Finding(
            part,
            "warning",
            f"{manifest.id} is served with its own encoder, {spec.source}, not the configured one",
            f"Nothing must be done. To serve the configured one: {build[5:]}",
            f"可以不处理。若要改用当前配置的模型：{build_zh[4:]}",
        )

    def _builds(self, standing: TargetOverview) -> Iterator[Finding]:
        part = f"builds.{standing.target}"
        if (running := standing.running) is not None:
            yield Finding(part, "ok", f"{running.id} is running: {running.stage} {running.done} of {running.total}")
        last = standing.last_build
        if last is None or running is not None:
            return
        again, again_zh = _build_advice(standing.target, publish=last.publish)
        if last.state is BuildState.INTERRUPTED:
            yield Finding(
                part,
                "warning",
                f"{last.id} was interrupted at {last.stage}, {last.done} of {last.total}",
                f"{again} It goes on from the vectors already made.",
                f"{again_zh}，会从已有向量继续。",
            )
        elif last.state is BuildState.FAILED:
            said = dict(last.error or {})
            yield Finding(
                part,
                "warning",
                f"{last.id} failed: {said.get('message', 'no reason was recorded')}",
                f"Remove the cause. {again}",
                f"{said.get('message_zh', '未记录原因')} 排除原因后{again_zh}",
            )

    def _remains(self, standing: TargetOverview) -> Iterator[Finding]:
        kind, part = standing.target, f"snapshots.{standing.target}"
        prune = (f"Run: patmatch index prune {kind}", f"请运行：patmatch index prune {kind}")
        damaged = [entry.id for entry in standing.snapshots if entry.damage and not entry.current]
        if damaged:
            yield Finding(part, "warning", f"not served and damaged: {', '.join(damaged)}", *prune)
        left = self.indexing.leftovers(kind)
        if left:
            yield Finding(part, "warning", f"{left} leftovers of killed builds or removals", *prune)


def _build_advice(kind: Kind, *, publish: bool = True) -> tuple[str, str]:
    command = f"patmatch index build {kind}{' --publish' if publish else ''}"
    return f"Run: {command}", f"请运行：{command}"


def _damage_advice(kind: Kind) -> tuple[str, str]:
    rollback, build = f"patmatch index rollback {kind}", f"patmatch index build {kind} --publish"
    return f"Run: {rollback}, or {build}", f"请运行：{rollback}，或 {build}"
