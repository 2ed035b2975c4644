"""What `patmatch doctor` looks at, and what to do about each finding."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.catalogue import Catalogue
from app.domain import Kind
from app.errors import PatmatchError
from app.services.indexing import IndexService
from models import Encoder

Severity = Literal["ok", "warning", "error"]

_SPARE_BYTES = 2_000_000_000
"""A build of a million texts writes about this much: 1.5 kB a vector, and a snapshot of half of that."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, how it is, and what to do when it is not well, in both languages."""

    part: str
    severity: Severity
    text: str
    advice: str = ""
    advice_zh: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Looks at home folder, model, catalogue and served snapshots; each part even if another one fails."""

    home: Path
    encoder: Callable[[], Encoder]
    catalogue: Catalogue
    indexing: IndexService

    def findings(self) -> Iterator[Finding]:
        """One finding or more a part, as they are made."""
        yield from self._disk()
        yield from self._catalogue()
        fingerprint = None
        try:
            encoder = self.encoder()
            fingerprint = encoder.fingerprint
            yield Finding(
                "model", "ok", f"{encoder.name}, {encoder.dimension} dimensions, fingerprint {fingerprint[:12]}"
            )
        except PatmatchError as error:
            yield Finding(
                "model", "error", error.message, "Run: patmatch model prepare", "请运行：patmatch model prepare"
            )
        for kind in Kind:
            yield from self._index(kind, fingerprint)

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
        severity: Severity = "ok" if free >= _SPARE_BYTES else "warning"
        yield Finding(
            "disk",
            severity,
            f"{free / 1e9:.1f} GB free",
            "" if severity == "ok" else "Make room: patmatch index prune, or move PATMATCH_HOME.",
            "" if severity == "ok" else "请释放空间：patmatch index prune，或迁移 PATMATCH_HOME。",
        )

    def _catalogue(self) -> Iterator[Finding]:
        for found in self.catalogue.check():
            if not found.ok:
                yield Finding("catalogue", "error", f"{found.name}: {found.message}", found.message, found.message_zh)
        status = self.catalogue.status()
        counts = ", ".join(f"{count} {kind}" for kind, count in status.counts.items())
        yield Finding("catalogue", "ok", f"{status.backend}, {counts}, revision {status.revision}")

    def _index(self, kind: Kind, fingerprint: str | None) -> Iterator[Finding]:
        part, records = f"index.{kind}", self.catalogue.count(kind)
        build, build_zh = (
            f"Run: patmatch index build {kind} --publish",
            f"请运行：patmatch index build {kind} --publish",
        )
        served = next((state for state in self.indexing.snapshots(kind) if state.current), None)
        if served is None:
            severity: Severity = "warning" if records else "ok"
            yield Finding(
                part, severity, f"nothing is published; {records} records wait", build if records else "", build_zh
            )
            return
        try:
            self.indexing.verify(served.id)
        except PatmatchError as error:
            yield Finding(
                part,
                "error",
                error.message,
                f"Run: patmatch index rollback {kind}, or {build[5:]}",
                f"请运行：patmatch index rollback {kind}，或 {build[5:]}",
            )
            return
        manifest = served.manifest
        if manifest is not None and fingerprint is not None and manifest.fingerprint != fingerprint:
            text = f"{served.id} was built with another encoder ({manifest.encoder}); it is refused, not served"
            yield Finding(
                part, "error", text, f"{build}, or set PATMATCH_MODEL back.", f"{build_zh}，或恢复 PATMATCH_MODEL。"
            )
            return
        yield Finding(part, "ok", f"{served.id}, {manifest.count if manifest else 0} of {records} records")
