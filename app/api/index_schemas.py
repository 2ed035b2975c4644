"""What goes over the wire of `/v1/index`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, StrictBool

from app.api.filters import Strict
from app.builds.jobs import BuildRecord, BuildState
from app.builds.overview import TargetOverview
from app.domain import Kind

SnapshotName = Annotated[
    str, Field(min_length=1, max_length=128, examples=["patents-20261123T130700Z-1a2b3c4d"], description="Its id.")
]


class PublishIn(Strict):
    """Which snapshot to serve."""

    snapshot: SnapshotName


class RollbackIn(Strict):
    """Whose snapshot to take back."""

    target: Kind = Kind.PATENTS


class BuildIn(Strict):
    """What to build."""

    target: Kind = Kind.PATENTS
    publish: StrictBool = Field(False, description="Serve the snapshot once it is verified.")
    encoder: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None,
        description="`package`, `package:base`, `hub:NAME` or `dir:PATH`, prepared before; the configured one when "
        "left out.",
    )


class PublishedOut(BaseModel):
    """What is served from now on, and what was before."""

    published: str
    previous: str | None


class BuildErrorOut(BaseModel):
    """What a build failed with."""

    code: str
    message: str
    message_zh: str


class BuildOut(BaseModel):
    """One build. `interrupted` is a build whose process is gone; starting again goes on from the kept vectors."""

    id: str = Field(examples=["build-patents-17"])
    target: Kind
    state: BuildState
    stage: str = Field(description="`starting`, `embed`, `index`, `publish` or `end`.")
    done: int = Field(description="Records done in this stage.")
    total: int | None
    rate: float | None = Field(description="Records a second in this stage.")
    started_at: str
    updated_at: str
    finished_at: str | None
    pid: int | None
    host: str
    requested_by: str
    encoder: dict[str, Any] | None
    publish: bool = Field(description="Whether it was asked to publish.")
    published: bool
    snapshot: str | None
    report: dict[str, Any] | None
    error: BuildErrorOut | None


class HubnessOut(BaseModel):
    """Hubs among the nearest ten of sample queries, by exact search; by `hub_share@10` and `reach@10`."""

    queries: int = Field(description="Needs that ask for the target, or its own headings. Both figures depend on it.")
    before: dict[str, float] = Field(
        description="By the encoder's own cosines.", examples=[{"hub_share@10": 0.111979, "reach@10": 0.227882}]
    )
    after: dict[str, float] = Field(
        description="By the cosines of the snapshot.", examples=[{"hub_share@10": 0.109896, "reach@10": 0.22818}]
    )


class SnapshotOut(BaseModel):
    """One snapshot. Where its manifest cannot be read, only its name and the damage are known."""

    id: str
    current: bool
    damage: str | None
    records: int | None = None
    encoder: str | None = None
    encoder_source: str | None = None
    fingerprint: str | None = None
    index: str | None = Field(None, description="`flat` is exact; `ivf_sqfp16` is approximate.")
    recall_at_20: float | None = None
    bytes: int | None = None
    built_at: str | None = None
    age_seconds: int | None = None
    source_revision: str | None = None
    hubness: HubnessOut | None = Field(
        None, description="Measured by the build; null where vectors are as the encoder made them, and in older ones."
    )


class DeltaOut(BaseModel):
    """How far the catalogue has moved on since the published snapshot was read."""

    changed: int | None = Field(description="Records changed or deleted since; null where that cannot be known.")
    revision: int = Field(description="Of the catalogue now.")


class PublicationOut(BaseModel):
    """One line of the log of publications."""

    id: str
    previous: str | None
    when: str
    action: str
    by: str | None
    recall: float | None
    fingerprint: str | None
    records: int | None


class CalibrationOut(BaseModel):
    """What gives the scores."""

    id: str = Field(description="The id of a calibration, or `built-in`.")
    why: str | None = Field(description="Why there is no calibration to apply, where there is one that cannot be.")
    why_zh: str | None = Field(description="`why` in Chinese.")


class TargetOut(BaseModel):
    """Where the index of one target stands."""

    target: Kind
    records: int = Field(description="In the catalogue now.")
    published: SnapshotOut | None
    delta: DeltaOut
    calibration: CalibrationOut | None = Field(description="What gives the scores; null where nothing is published.")
    running: BuildOut | None = Field(description="The build that runs now.")
    last_build: BuildOut | None = Field(description="The latest that does not run.")
    snapshots: list[SnapshotOut] = Field(description="Newest first.")
    history: list[PublicationOut] = Field(description="Publications and rollbacks, newest first.")


class IndexOut(BaseModel):
    """Where every index stands."""

    targets: list[TargetOut]


def build_out(record: BuildRecord) -> BuildOut:
    """A build for the wire."""
    return BuildOut.model_validate(record.as_json())


def target_out(overview: TargetOverview) -> TargetOut:
    """Where one index stands, for the wire."""
    shown = overview.as_json()
    return TargetOut.model_validate(shown | {"delta": {"changed": shown["delta"], "revision": shown["revision"]}})
