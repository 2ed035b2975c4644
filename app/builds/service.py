"""Build, publish and roll back the index of each target."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import index
from app.builds.hubness import HUBNESS_QUERIES, measured_hubness
from app.builds.jobs import BuildJob, BuildJobs, BuildState, requester
from app.builds.reports import BuildEstimate, BuildReport, BuildRequest, BuildSkipped, snapshot_bytes
from app.builds.walk import PAGE, Walk, Walker
from app.catalogue import Catalogue
from app.domain import Kind
from app.errors import IndexProblem, ModelProblem
from app.progress import Progress, Report
from app.ranking.space import NEIGHBOURS, PLAIN
from app.serving.calibrations import MANIFEST_KEY as CALIBRATIONS_KEY
from app.serving.calibrations import SPACE_KEY, CalibrationStore
from app.serving.delta import CATALOGUE_KEY, revision_in
from app.serving.embedding import Embedder
from app.serving.encoders import MANIFEST_KEY, Encoders, EncoderSpec
from app.serving.spaces import MovedVectors, arrays_of, measured_space
from app.serving.term_tables import measured_table, table_arrays
from app.serving.translation import COLUMNS, translated
from app.text.reading import READING, passage_of
from index import SnapshotEntry
from index.durable import failpoint
from index.publication import leftovers
from models import Encoder, Role

log = logging.getLogger("patmatch.builds")

SKIPPED_KEY = "skipped"
"""Where a manifest, under ``extra``, says how many records were left out because the model sees nothing in them."""
READING_KEY = "reading"
"""Where it says how texts were read: `app.text.reading.READING` of then."""
END = "end"
_ESTIMATE_TEXTS = 48
_VECTOR_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """Where indexes live and what a snapshot must reach.

    Attributes:
        centre_from: records from which on languages are centred.
        neighbours_from: records from which on each is ranked with the mean of its nearest neighbours.
        reasons: whether snapshots keep the table of terms that reasons by meaning need; measuring needs none.
        hubness: whether a build measures hubs before and after vectors are moved; an evaluation measures its own.
    """

    index_dir: Path
    vectors_dir: Path
    options: index.BuildOptions
    centre_from: int
    neighbours_from: int = 1_000
    reasons: bool = True
    hubness: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """One vector store: how many vectors it holds, how many are damaged, and why it cannot be read at all."""

    fingerprint: str
    vectors: int
    damaged: int
    problem: str | None


class IndexService:
    """The offline side of the indexes.

    Args:
        catalogue: the records to index.
        encoders: loads the encoders; called only by what embeds.
        settings: where indexes live and what a snapshot must reach.
    """

    def __init__(self, catalogue: Catalogue, encoders: Encoders, settings: IndexSettings) -> None:
        self._catalogue = catalogue
        self._encoders = encoders
        self._settings = settings
        self._walker = Walker(catalogue)
        self.jobs = BuildJobs(settings.index_dir)

    def build(
        self,
        target: Kind,
        *,
        publish: bool,
        encoder: EncoderSpec | None = None,
        report: Report = lambda _progress: None,
    ) -> BuildReport:
        """Embed what is new or changed, write a verified snapshot and, where requested, publish it.

        Raises:
            IndexProblem: nothing to index, or the snapshot failed its verification; nothing was published.
            ModelProblem: the encoder cannot be loaded.
            ConflictError: another build of this target is running.
        """
        request = BuildRequest(target=target, publish=publish, encoder=encoder)
        with self._job(request) as job:
            return self._build(request, job, report)

    def run(
        self,
        request: BuildRequest,
        *,
        job: BuildJob | None = None,
        report: Report = lambda _progress: None,
    ) -> BuildReport | BuildSkipped:
        """The same, unless the request says that so few changes need no build.

        Args:
            request: what is to be built.
            job: one that another process began; a new one when not given.
            report: called with the progress.

        Raises:
            IndexProblem: as `build`; the others likewise.
        """
        with job or self._job(request) as held:
            if request.if_delta_over is not None:
                delta = self._small_delta(request, request.if_delta_over)
                if delta is not None:
                    skipped = BuildSkipped(target=request.target, delta=delta)
                    held.end(BuildState.SKIPPED, stage=END, report=skipped.as_json())
                    return skipped
            return self._build(request, held, report)

    def calibrations(self, target: Kind) -> CalibrationStore:
        """The calibrations of a target."""
        return CalibrationStore(self._settings.index_dir, target)

    def changed_since(self, manifest: index.Manifest) -> int | None:
        """How many records have changed since a snapshot was read; ``None`` where that cannot be known."""
        revision = revision_in(self._catalogue, manifest)
        return None if revision is None else self._catalogue.count_changed(Kind(manifest.target), revision)

    def published(self, target: Kind) -> index.Manifest | None:
        """What the published snapshot says of itself; ``None`` where there is none or it cannot be read."""
        return next((entry.manifest for entry in self.snapshots(target) if entry.current), None)

    def estimate(self, target: Kind, encoder: EncoderSpec | None = None) -> BuildEstimate:
        """Time a few of the texts that a build would embed; nothing is written."""
        with translated():
            chosen = self._encoder(encoder)
            store = self._store(chosen)
            records, missing, sample = 0, 0, list[str]()
            for page in self._catalogue.iterate(target, batch_size=PAGE):
                texts = [passage_of(record) for record in page]
                absent = store.missing([index.text_key(Role.PASSAGE, text) for text in texts])
                records, missing = records + len(page), missing + int(absent.sum())
                # Spread over the corpus: the first page alone may be untypically short.
                sample += [text for text, gone in zip(texts, absent, strict=True) if gone][:: max(1, PAGE // 8)]
            began = perf_counter()
            sample = sample[:: max(1, len(sample) // _ESTIMATE_TEXTS)][:_ESTIMATE_TEXTS]
            if sample:
                chosen.encode(sample, Role.PASSAGE)
            per_text = (perf_counter() - began) / max(1, len(sample))
        size = records * chosen.dimension * _VECTOR_BYTES
        return BuildEstimate(target=target, records=records, to_embed=missing, seconds=missing * per_text, bytes=size)

    def snapshots(self, target: Kind) -> list[SnapshotEntry]:
        """The snapshots of a target, newest first, damaged ones with the reason."""
        with translated():
            return index.list_snapshots(self._settings.index_dir, target.value)[::-1]

    def publish(self, snapshot: str, *, by: str | None = None) -> str | None:
        """Serve a snapshot from now on; the one served before is returned.

        Raises:
            NotFoundError: there is no such snapshot.
            IndexProblem: it failed its verification.
            ConflictError: another process publishes.
        """
        with translated():
            return index.publish(self._settings.index_dir, snapshot, by=by or requester()).previous

    def rollback(self, target: Kind, *, by: str | None = None) -> str:
        """Serve the snapshot that was published before; its id is returned.

        Raises:
            NotFoundError: there is none.
            IndexProblem: it failed its verification.
            ConflictError: another process publishes.
        """
        with translated():
            return index.rollback(self._settings.index_dir, target.value, by=by or requester()).id

    def log(self, target: Kind) -> list[index.Publication]:
        """Every publication and rollback, oldest first."""
        with translated():
            return index.publication_log(self._settings.index_dir, target.value)

    def leftovers(self, target: Kind) -> int:
        """How many things killed builds and removals left behind."""
        with translated():
            return len(leftovers(self._settings.index_dir, target.value))

    def stores(self) -> Iterator[StoreState]:
        """Every vector store, read whole."""
        for path in sorted(self._settings.vectors_dir.glob("*/vectors.bin")):
            try:
                report = index.VectorStore.existing(path.parent).verify()
            except index.VectorStoreDamagedError as error:
                yield StoreState(fingerprint=path.parent.name, vectors=0, damaged=0, problem=error.problem)
            else:
                damaged = len(report.damaged)
                yield StoreState(fingerprint=path.parent.name, vectors=report.distinct, damaged=damaged, problem=None)

    def prune(self, target: Kind, keep: int) -> index.Pruned:
        """Delete old snapshots and what killed builds left behind."""
        with translated():
            return index.prune(self._settings.index_dir, target.value, keep=keep)

    def _job(self, request: BuildRequest) -> BuildJob:
        return self.jobs.begin(
            request.target,
            encoder=request.encoder or self._encoders.default_spec,
            publish=request.publish,
            requested_by=request.requested_by,
        )

    def _build(self, request: BuildRequest, job: BuildJob, report: Report) -> BuildReport:
        began = perf_counter()
        target, spec = request.target, request.encoder or self._encoders.default_spec

        def tell(progress: Progress) -> None:
            job.report(progress)
            report(progress)

        if not self._catalogue.count(target):  # before an encoder is loaded for nothing
            raise _nothing(target)
        encoder = self._encoder(spec)
        with translated(), self._store(encoder) as store:
            embedder = Embedder(encoder, store)
            try:
                walk, manifest = self._write(target, embedder, store, spec, tell)
            except index.VectorStoreDamagedError as error:
                # Once: what is damaged again after it was embedded anew is the disk's fault, and is raised.
                damaged = store.verify().damaged
                log.warning("%s; %d damaged vectors are made again", error, len(damaged))
                store.forget(damaged)
                walk, manifest = self._write(target, embedder, store, spec, tell)
            failpoint("build.written")
            job.note(snapshot=manifest.id)
            if request.publish:
                tell(Progress("publish", 0, 1))
                index.publish(self._settings.index_dir, manifest.id, by=job.record.requested_by)
                failpoint("build.published")
        counts = embedder.counts
        done = BuildReport(
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
            published=request.publish,
        )
        count, said = done.records, done.as_json()
        job.end(BuildState.DONE, stage=END, done=count, total=count, published=request.publish, report=said)
        return done

    def _write(
        self, target: Kind, embedder: Embedder, store: index.VectorStore, spec: EncoderSpec, report: Report
    ) -> tuple[Walk, index.Manifest]:
        walk = self._walker.caught_up(target, embedder, report)
        if not walk.ids:
            raise _nothing(target)
        report(Progress("index", 0, len(walk.ids)))
        wanted = self._spec(target, walk, self._encoder(spec), spec, store)
        return walk, index.write_snapshot(self._settings.index_dir, wanted, self._settings.options)

    def _spec(
        self, target: Kind, walk: Walk, encoder: Encoder, spec: EncoderSpec, store: index.VectorStore
    ) -> index.SnapshotSpec:
        options, hubness = self._settings.options, self._settings.hubness
        exact = len(walk.ids) < options.flat_below
        source, asking = index.StoredVectors(store, walk.keys), Embedder(encoder, store)
        space = measured_space(source, walk.languages, walk.headings, asking, self._settings.centre_from)
        table = None  # what reasons need to tell which terms mean the same
        if space is not PLAIN and self._settings.reasons:
            table = measured_table(self._catalogue, target, walk.ids, asking)
        asked = partial(self._walker.asked_of, target, asking, walk, HUBNESS_QUERIES)
        return index.SnapshotSpec(
            target=target.value,
            ids=walk.ids,
            vectors=MovedVectors(source, space, walk.languages),
            columns={name: index.ColumnValues(kind, walk.columns[name]) for name, kind in COLUMNS[target].items()},
            fingerprint=encoder.fingerprint,
            encoder=encoder.name,
            source_revision=str(walk.revision),
            sample_queries=self._walker.sample_queries(target, asking, space, exact=exact),
            arrays={**arrays_of(space), **table_arrays(table)},
            neighbours=NEIGHBOURS if space is not PLAIN and len(walk.ids) >= self._settings.neighbours_from else 0,
            # A second pass over the catalogue: the terms of a million texts would not fit in memory.
            terms=lambda: self._walker.terms(target, walk),
            extra={
                MANIFEST_KEY: spec.as_json(),
                CATALOGUE_KEY: self._catalogue.identity(),
                SKIPPED_KEY: walk.skipped,
                SPACE_KEY: "plain" if space is PLAIN else "centred",
                CALIBRATIONS_KEY: self.calibrations(target).read().kept_with(encoder.fingerprint),
                READING_KEY: READING,
                **(measured_hubness(source, walk.languages, space, asked, options.threads) if hubness else {}),
            },
        )

    def _small_delta(self, request: BuildRequest, over: int) -> int | None:
        """How many records have changed, when that is no reason to build and nothing else is."""
        manifest = self.published(request.target)
        delta = self.changed_since(manifest) if manifest is not None else None
        if manifest is None or delta is None or delta > over or manifest.extra.get(READING_KEY) != READING:
            return None
        # Asked last: telling the fingerprint takes loading the encoder, seconds of work.
        return delta if self._encoder(request.encoder).fingerprint == manifest.fingerprint else None

    def _encoder(self, spec: EncoderSpec | None) -> Encoder:
        wanted = spec or self._encoders.default_spec
        try:
            return self._encoders.get(wanted)
        except ModelProblem as error:
            command = f"patmatch model prepare --source {wanted.source}"
            raise ModelProblem(
                f"{error.message} For this model: {command}", f"{error.message_zh}该模型请运行：{command}"
            ) from error

    def _store(self, encoder: Encoder) -> index.VectorStore:
        return index.VectorStore(self._settings.vectors_dir / encoder.fingerprint, encoder.dimension)


def _nothing(target: Kind) -> IndexProblem:
    return IndexProblem(
        f"There are no {target} to index. Load some first: patmatch ingest {target} FILE",
        f"没有可建索引的记录（{target}）。请先加载：patmatch ingest {target} 文件",
        code="nothing_to_index",
    )
