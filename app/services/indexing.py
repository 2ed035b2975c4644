"""Build, check, publish and roll back the index of each target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

import index
from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind
from app.errors import IndexProblem
from app.services.embedding import Embedder, Progress, Report
from app.services.failures import translated
from app.services.filters import COLUMNS, column_values
from index import SnapshotEntry
from models import Encoder, Role

__all__ = ["BuildEstimate", "BuildReport", "IndexService", "IndexSettings", "SnapshotEntry", "snapshot_bytes"]

Floats = npt.NDArray[np.float32]

_PAGE = 4096
"""Records read, and their missing texts embedded, at once; sorting by length pays from some hundred texts on."""
_SAMPLE = 200
"""Queries that an approximate index is tuned and measured on: 4,000 places, a standard error below 0.003 at 0.98."""
_EXACT_SAMPLE = 32
"""Queries for an exact index, whose recall can only show a fault; a small demo is not kept waiting for more."""
_ESTIMATE_TEXTS = 48
_VECTOR_BYTES = 4

_ASKERS = {
    Kind.PATENTS: (Kind.NEEDS, Kind.FIRMS, Kind.PATENTS),
    Kind.NEEDS: (Kind.PATENTS, Kind.NEEDS),
    Kind.FIRMS: (Kind.PATENTS, Kind.FIRMS),
}
"""Whose texts are the recall's sample queries, by preference: those made of the corpus itself flatter an index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build did.

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
        return {
            "target": self.target.value,
            "records": self.records,
            "to_embed": self.to_embed,
            "seconds": round(self.seconds, 1),
            "bytes": self.bytes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """Where indexes live and what a snapshot must reach."""

    index_dir: Path
    vectors_dir: Path
    options: index.BuildOptions


@dataclass(slots=True)
class _Walk:
    """One pass over the catalogue: ids, text keys and filter columns, in the order of ids."""

    ids: list[str] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    skipped: int = 0

    def add(self, page: list[AnyRecord], kind: Kind) -> None:
        """Take in a page of records."""
        self.ids += [record.id for record in page]
        self.keys += [index.text_key(Role.PASSAGE, record.passage) for record in page]
        for name in COLUMNS[kind]:
            self.columns.setdefault(name, []).extend(column_values(page, name))


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
        total = self._catalogue.count(target)
        if not total:
            raise IndexProblem(
                f"There are no {target} to index. Load some first: patmatch ingest {target} FILE",
                f"没有可建索引的记录（{target}）。请先加载：patmatch ingest {target} 文件",
                code="nothing_to_index",
            )
        encoder, revision = self._encoder(), self._catalogue.revision()
        with translated(), self._store(encoder) as store:
            embedder = Embedder(encoder, store)
            walk = self._walk(target, embedder, total, report)
            spec = index.SnapshotSpec(
                target=target.value,
                ids=walk.ids,
                vectors=index.StoredVectors(store, walk.keys),
                columns={name: index.ColumnValues(kind, walk.columns[name]) for name, kind in COLUMNS[target].items()},
                fingerprint=encoder.fingerprint,
                encoder=encoder.name,
                source_revision=str(revision),
                sample_queries=self._sample_queries(target, Embedder(encoder, store), len(walk.ids)),
            )
            report(Progress("index", total, total))
            manifest = index.write_snapshot(self._settings.index_dir, spec, self._settings.options)
            if publish:
                index.publish(self._settings.index_dir, manifest.id)
        counts = embedder.counts
        return BuildReport(
            target=target,
            snapshot=manifest.id,
            records=manifest.count,
            embedded=counts.texts,
            tokens=counts.tokens,
            truncated=counts.truncated,
            skipped=walk.skipped,
            recall=manifest.recall.value,
            bytes=snapshot_bytes(manifest),
            seconds=perf_counter() - began,
            embed_seconds=counts.seconds,
            published=publish,
        )

    def estimate(self, target: Kind) -> BuildEstimate:
        """Time a few of the texts that a build would embed; nothing is written."""
        encoder = self._encoder()
        with translated(), self._store(encoder) as store:
            pages = self._catalogue.iterate(target, batch_size=_PAGE)
            records, missing, sample = 0, 0, list[str]()
            for page in pages:
                texts = [record.passage for record in page]
                absent = store.missing([index.text_key(Role.PASSAGE, text) for text in texts])
                records, missing = records + len(page), missing + int(absent.sum())
                # Spread over the corpus: the first page alone may be untypically short.
                sample += [text for text, gone in zip(texts, absent, strict=True) if gone][:: max(1, _PAGE // 8)]
            began = perf_counter()
            sample = sample[:: max(1, len(sample) // _ESTIMATE_TEXTS)][:_ESTIMATE_TEXTS]
            if sample:
                encoder.encode(sample, Role.PASSAGE)
            per_text = (perf_counter() - began) / max(1, len(sample))
        size = records * encoder.dimension * _VECTOR_BYTES
        return BuildEstimate(target=target, records=records, to_embed=missing, seconds=missing * per_text, bytes=size)

    def snapshots(self, target: Kind) -> list[SnapshotEntry]:
        """The snapshots of a target, newest first, damaged ones with the reason."""
        with translated():
            return index.list_snapshots(self._settings.index_dir, target.value)[::-1]

    def verify(self, snapshot: str | None) -> list[index.VerifyReport]:
        """Read a snapshot whole again; without an id, every served one.

        Raises:
            IndexProblem: it is damaged.
            NotFoundError: there is no such snapshot.
        """
        with translated():
            ids = (
                [snapshot]
                if snapshot
                else [state.id for kind in Kind for state in self.snapshots(kind) if state.current]
            )
            root = self._settings.index_dir
            return [index.verify_snapshot(index.SnapshotId.parse(id_).directory(root)) for id_ in ids]

    def publish(self, snapshot: str) -> str | None:
        """Serve a snapshot from now on; the one served before is returned."""
        with translated():
            return index.publish(self._settings.index_dir, snapshot).previous

    def rollback(self, target: Kind) -> str:
        """Serve the snapshot that was published before; its id is returned."""
        with translated():
            return index.rollback(self._settings.index_dir, target.value).id

    def prune(self, target: Kind, keep: int) -> index.Pruned:
        """Delete old snapshots and what killed builds left behind."""
        with translated():
            return index.prune(self._settings.index_dir, target.value, keep=keep)

    def _store(self, encoder: Encoder) -> index.VectorStore:
        return index.VectorStore(self._settings.vectors_dir / encoder.fingerprint, encoder.dimension)

    def _walk(self, target: Kind, embedder: Embedder, total: int, report: Report) -> _Walk:
        walk = _Walk()
        for page in self._catalogue.iterate(target, batch_size=_PAGE):
            texts = [record.passage for record in page]
            embedder.embed(texts, Role.PASSAGE, _counting_from(len(walk.ids), total, report))
            readable = [record for record in page if record.passage not in embedder.empty]
            walk.skipped += len(page) - len(readable)
            walk.add(readable, target)
            report(Progress("embed", len(walk.ids), total))
        return walk

    def _sample_queries(self, target: Kind, embedder: Embedder, records: int) -> Floats:
        """Vectors float32 ``[m, d]`` of texts that ask for this target: other kinds' first, then its own titles."""
        size = _EXACT_SAMPLE if records < self._settings.options.flat_below else _SAMPLE
        texts: list[str] = []
        for kind in _ASKERS[target]:
            heads = (record.heading for page in self._catalogue.iterate(kind, batch_size=size) for record in page)
            texts += islice(heads, size - len(texts))
        return embedder.vectors(texts, Role.QUERY)


def snapshot_bytes(manifest: index.Manifest) -> int:
    """Size of a snapshot's files on disk."""
    return sum(entry.bytes for entry in manifest.files.values())


def _counting_from(before: int, total: int, report: Report) -> Callable[[int], None]:
    return lambda done: report(Progress("embed", before + done, total))
