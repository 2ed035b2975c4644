"""Build, check, publish and roll back the index of each target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

import index
from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind
from app.errors import IndexProblem
from app.services.failures import translated
from app.services.filters import FIELDS, column_values
from models import Encoder, Role

Floats = npt.NDArray[np.float32]

_CHUNK = 1024
"""Texts embedded between two durable appends: under a minute and a half of work is lost to a kill at 13 texts/s."""
_SAMPLE = 200
"""Queries that the recall is measured on; its standard error at 0.98 is then below 0.01."""
_ESTIMATE_TEXTS = 32


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is: the stage, texts done of those known, and tokens embedded."""

    stage: str
    done: int
    total: int
    tokens: int = 0


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build did.

    Attributes:
        records: records in the snapshot.
        embedded: texts that had no vector yet; the others were kept from earlier builds.
        tokens: tokens of the embedded texts.
        truncated: embedded texts with a tail beyond the model's declared limit.
        embed_seconds: wall time of embedding alone.
        bytes: size of the snapshot.
    """

    target: Kind
    snapshot: str
    records: int
    embedded: int
    tokens: int
    truncated: int
    recall: float | None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """Where indexes live and what a snapshot must reach."""

    index_dir: Path
    vectors_dir: Path
    options: index.BuildOptions


@dataclass(slots=True)
class _Walk:
    """One pass over the catalogue: ids, text keys and filter columns, in the order of ids."""

    ids: list[str]
    keys: list[bytes]
    columns: dict[str, list[Any]]


class IndexService:
    """The offline side of the indexes.

    Args:
        catalogue: the records to index.
        encoder: gives the encoder; called only by what embeds.
        settings: where indexes live and what a snapshot must reach.
    """

    def __init__(self, catalogue: Catalogue, encoder: Callable[[], Encoder], settings: IndexSettings) -> None:
        self._catalogue = catalogue
        self._encoder = encoder
        self._settings = settings

    def build(self, target: Kind, *, publish: bool, report: Report = lambda _progress: None) -> BuildReport:
        """Embed what is new or changed, write a verified snapshot and, if asked, publish it.

        Raises:
            IndexProblem: nothing to index, or the snapshot failed its verification; nothing was published.
            ConflictError: another build is running.
        """
        began = perf_counter()
        encoder = self._encoder()
        revision = self._catalogue.revision()
        with translated(), index.VectorStore(self._store_path(encoder), encoder.dimension, writable=True) as store:
            embedding = _Embedding(encoder, store, report, self._catalogue.count(target))
            walk = embedding.walk(target, self._catalogue)
            if not walk.ids:
                raise IndexProblem(
                    f"There are no {target} to index. Load some first: patmatch ingest {target} FILE",
                    f"没有可建索引的记录（{target}）。请先加载：patmatch ingest {target} 文件",
                    code="nothing_to_index",
                )
            spec = index.SnapshotSpec(
                target=target.value,
                ids=walk.ids,
                vectors=lambda: _chunks(store, walk.keys),
                columns=walk.columns,
                fields=FIELDS[target],
                fingerprint=encoder.fingerprint,
                encoder=encoder.name,
                dimension=encoder.dimension,
                source_revision=revision,
                sample_queries=embedding.sample_queries(target, self._catalogue),
            )
            report(Progress("index", 0, len(walk.ids)))
            manifest = index.write_snapshot(self._settings.index_dir, spec, self._settings.options)
            if publish:
                index.publish(self._settings.index_dir, manifest.id)
        return BuildReport(
            target=target,
            snapshot=manifest.id,
            records=manifest.count,
            embedded=embedding.embedded,
            tokens=embedding.tokens,
            truncated=embedding.truncated,
            recall=manifest.recall,
            bytes=manifest.bytes,
            seconds=perf_counter() - began,
            embed_seconds=embedding.seconds,
            published=publish,
        )

    def _store_path(self, encoder: Encoder) -> Path:
        return self._settings.vectors_dir / encoder.fingerprint


def _chunks(store: index.VectorStore, keys: Sequence[bytes]) -> Iterator[Floats]:
    for start in range(0, len(keys), 8192):
        yield store.get(keys[start : start + 8192])
