"""Requests and reports of builds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from app.domain import Kind
from app.serving.encoders import EncoderSpec
from index import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """A build that is requested.

    Attributes:
        publish: whether the snapshot is served once it is verified.
        encoder: the configured one when not given.
        if_delta_over: build only when more records than this have changed since the published snapshot.
        requested_by: whoever runs this process when not given.
    """

    target: Kind
    publish: bool = False
    encoder: EncoderSpec | None = None
    if_delta_over: int | None = None
    requested_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSkipped:
    """Why nothing was built: only so many records have changed since the published snapshot."""

    target: Kind
    delta: int

    def as_json(self) -> dict[str, Any]:
        """The decision as JSON types."""
        return {"target": self.target.value, "built": False, "reason": "delta", "delta": self.delta}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """The outcome of a build.

    Attributes:
        records: records in the snapshot.
        embedded: texts that had no vector yet; the others were kept from earlier builds.
        tokens: tokens of the embedded texts.
        truncated: embedded texts with a tail beyond the model's declared limit.
        skipped: records left out because the model sees nothing in their text.
        recall: recall@20 against exact search.
        bytes: size of the snapshot.
        embed_seconds: wall time of embedding alone.
    """

    target: Kind
    snapshot: str
    records: int
    embedded: int
    tokens: int
    truncated: int
    skipped: int
    recall: float
    bytes: int
    seconds: float
    embed_seconds: float
    published: bool

    def as_json(self) -> dict[str, Any]:
        """The report as JSON types, with rates."""
        spent = self.embed_seconds
        return {
            "target": self.target.value,
            "snapshot": self.snapshot,
            "records": self.records,
            "embedded": self.embedded,
            "tokens": self.tokens,
            "truncated": self.truncated,
            "skipped": self.skipped,
            "recall_at_20": self.recall,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 2),
            "texts_per_second": round(self.embedded / spent, 2) if self.embedded and spent else None,
            "tokens_per_second": round(self.tokens / spent, 1) if self.embedded and spent else None,
            "published": self.published,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildEstimate:
    """How long a build would take and how large it would be, from a timed sample of the texts to embed."""

    target: Kind
    records: int
    to_embed: int
    seconds: float
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """The estimate as JSON types."""
        return asdict(self) | {"target": self.target.value, "seconds": round(self.seconds, 1)}


def snapshot_bytes(manifest: Manifest) -> int:
    """Size of a snapshot's files on disk."""
    return sum(entry.bytes for entry in manifest.files.values())
