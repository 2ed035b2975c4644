"""The state of each index: what is served, what has changed since, what is being built, what was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from app.builds.hubness import hubness_of
from app.builds.jobs import BuildRecord
from app.builds.reports import snapshot_bytes
from app.builds.service import IndexService
from app.catalogue import Catalogue
from app.domain import Kind
from app.serving.calibrations import RankingId, Reading
from app.serving.encoders import EncoderSpec
from index import Manifest, Publication, SnapshotEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOverview:
    """One target.

    Attributes:
        records: in the catalogue now.
        revision: of the catalogue now.
        published: the published snapshot, if there is one.
        delta: records changed since it was read; ``None`` where that cannot be known.
        running: the build that runs now.
        last_build: the latest build that does not run.
        snapshots: every snapshot, newest first.
        history: publications and rollbacks, newest first.
        reading: how a service over this home reads the published snapshot's relevance; ``None`` where there is none.
    """

    target: Kind
    records: int
    revision: int
    published: SnapshotEntry | None
    delta: int | None
    running: BuildRecord | None
    last_build: BuildRecord | None
    snapshots: Sequence[SnapshotEntry]
    history: Sequence[Publication]
    reading: Reading | None = None

    def as_json(self) -> dict[str, Any]:
        """The overview as JSON types."""
        return {
            "target": self.target.value,
            "records": self.records,
            "revision": self.revision,
            "published": None if self.published is None else entry_json(self.published),
            "delta": self.delta,
            "running": None if self.running is None else self.running.as_json(),
            "last_build": None if self.last_build is None else self.last_build.as_json(),
            "snapshots": [entry_json(entry) for entry in self.snapshots],
            "history": [asdict(line) for line in self.history],
            "calibration": None if self.reading is None else reading_json(self.reading),
        }


class OverviewService:
    """Looks at every index; it reads only.

    Args:
        catalogue: the records.
        indexing: snapshots, publications and builds.
        shared_terms: whether a service with these settings counts shared terms.
    """

    def __init__(self, catalogue: Catalogue, indexing: IndexService, *, shared_terms: bool = True) -> None:
        self._catalogue = catalogue
        self._indexing = indexing
        self._shared_terms = shared_terms

    def targets(self) -> list[TargetOverview]:
        """Every target."""
        return [self.target(kind) for kind in Kind]

    def target(self, kind: Kind) -> TargetOverview:
        """One target."""
        snapshots = self._indexing.snapshots(kind)
        published = next((entry for entry in snapshots if entry.current), None)
        manifest = published.manifest if published is not None else None
        running = self._indexing.jobs.running(kind)
        builds = self._indexing.jobs.history(kind)
        return TargetOverview(
            target=kind,
            records=self._catalogue.count(kind),
            revision=self._catalogue.revision(),
            published=published,
            delta=self._indexing.changed_since(manifest) if manifest is not None else None,
            running=running,
            last_build=next((build for build in builds if running is None or build.id != running.id), None),
            snapshots=snapshots,
            history=self._indexing.log(kind)[::-1],
            reading=self._reading(kind, manifest) if manifest is not None else None,
        )

    def _reading(self, kind: Kind, manifest: Manifest) -> Reading:
        ranking = RankingId.of_manifest(manifest, shared_terms=self._shared_terms)
        return self._indexing.calibrations(kind).read().reading(ranking, manifest)


def reading_json(reading: Reading) -> dict[str, str | None]:
    """Which calibration gives the scores, and why no other one, as JSON types."""
    return {"id": reading.id, "why": reading.why or None, "why_zh": reading.why_zh or None}


def entry_json(entry: SnapshotEntry) -> dict[str, Any]:
    """A snapshot as JSON types; of one that cannot be read, its name and why."""
    damage = str(entry.damage) if entry.damage else None
    known = {"id": entry.id, "current": entry.current, "damage": damage}
    if entry.manifest is None:
        return known
    manifest = entry.manifest
    spec = EncoderSpec.of_manifest(manifest)
    return known | {
        "records": manifest.count,
        "encoder": manifest.encoder,
        "encoder_source": spec.source if spec is not None else None,
        "fingerprint": manifest.fingerprint,
        "index": manifest.index.type,
        "recall_at_20": manifest.recall.value,
        "bytes": snapshot_bytes(manifest),
        "built_at": manifest.built_at,
        "age_seconds": age_seconds(manifest),
        "source_revision": manifest.source_revision,
        "hubness": hubness_of(manifest),
    }


def age_seconds(manifest: Manifest) -> int:
    """How old a snapshot is by this machine's clock; 0 where the clock has been set back."""
    return max(0, int((datetime.now(UTC) - datetime.fromisoformat(manifest.built_at)).total_seconds()))
