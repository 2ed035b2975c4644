"""Measure the service on judged queries: the same index and the same matching over the records of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import index
from app.builds.service import IndexService, IndexSettings
from app.catalogue import Catalogue
from app.domain import Filter, Kind, MatchRequest, Query, QueryResult
from app.errors import IndexProblem, ModelProblem, PatmatchError, UsageError
from app.evaluation.collection import RELEVANT_FROM, Collection, Qrels, QueryRun, Ranked, Served
from app.evaluation.measures import NDCG_DEPTH, RECALL_DEPTH
from app.evaluation.result import Asked, ReportContents
from app.match.service import MatchLimits, MatchService
from app.progress import Progress, Report
from app.quality.material import EvaluationFiles, EvaluationMaterial
from app.quality.systems import Bench, System
from app.serving.calibrations import CalibrationStore, RankingId, Shelf
from app.serving.embedding import Embedder
from app.serving.encoders import Encoders, EncoderSpec
from app.serving.served import PinnedIndex
from app.serving.translation import translated
from models import Encoded, Encoder, Role

SERVED = "served"
"""The source that stands for the encoder of the published snapshot of patents."""

CONFIGURED = "configured"
"""What a comparison calls the encoder of the settings, which is used where no source is named."""

_TARGET = Kind.PATENTS
_BATCH = 32
"""Queries of one match request: enough that their texts fill the encoder's batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """What an evaluation shares with the service in force.

    Attributes:
        building: how and where indexes are built. The published snapshots name one of the encoders that can be
            compared, and the vector stores spare a second evaluation the embedding.
        spec_of: the encoder that a source names, with the prefixes and precision in force.
        limits: of one request; a query longer than these allow fails here as it does in service.
    """

    building: IndexSettings
    spec_of: Callable[[str], EncoderSpec]
    limits: MatchLimits


class CachedEncoder:
    """Answers from the vector store, after embedding what is missing there. For offline work: a new text is a write.

    Args:
        encoder: embeds what is missing.
        store: the vector store of its fingerprint.
    """

    def __init__(self, encoder: Encoder, store: index.VectorStore) -> None:
        self.name, self.fingerprint, self.dimension = encoder.name, encoder.fingerprint, encoder.dimension
        self._store = store
        self._embedder = Embedder(encoder, store)

    def encode(self, texts: Sequence[str], role: Role) -> Encoded:
        """Vectors and facts of ``texts``.

        Raises:
            StoreLockedError: another process writes vectors of this model.
        """
        vectors = self._embedder.vectors(texts, role)
        facts = self._store.facts([index.text_key(role, text) for text in texts])
        return Encoded(vectors=vectors, tokens=facts.tokens, windows=facts.windows, truncated=facts.truncated)


class EvaluationService:
    """Evaluates judged queries on an index of its own; the published indexes and the catalogue are not touched.

    Args:
        encoders: loads the encoders.
        settings: what it shares with the service in force.
    """

    def __init__(self, encoders: Encoders, settings: EvaluationSettings) -> None:
        self._encoders = encoders
        self._settings = settings

    def evaluate(
        self, files: EvaluationFiles, *, all_ways: bool = False, report: Report = lambda _progress: None
    ) -> ReportContents:
        """Index the corpus, ask every query, score every judged document, and measure, with the configured encoder.

        Args:
            files: what is asked.
            all_ways: whether queries with title and text are asked by one of them alone, too.
            report: receives the progress.

        Raises:
            InputError: a file cannot be used, or no judgement is about its queries and documents.
            ModelProblem: the encoder cannot be loaded.
            IndexProblem: no index could be built of the corpus.
            ConflictError: another job writes vectors of this model.
        """
        return self._evaluate(Bench(EvaluationMaterial.read(files)), self._encoders.get(), report, all_ways=all_ways)

    def systems(
        self,
        bench: Bench,
        sources: Sequence[str] = (),
        *,
        all_ways: bool = False,
        report: Report = lambda _progress: None,
    ) -> list[System]:
        """The same once for each of several encoders; all are loaded before the first is used.

        Args:
            bench: the material, read before.
            sources: ``package``, ``hub:NAME``, ``dir:PATH`` or ``served``; the configured encoder where there is none.
            all_ways: whether queries with title and text are asked by one of them alone, too.
            report: receives the progress of each.

        Raises:
            UsageError: a source names no model that can be loaded, or nothing is served.
            ModelProblem: as `evaluate`; the others likewise.
        """
        encoders = [self._named(source) for source in sources] or [self._encoders.get()]
        return [
            System(source, self._evaluate(bench, encoder, report, all_ways=all_ways))
            for source, encoder in zip(sources or (CONFIGURED,), encoders, strict=True)
        ]

    def _named(self, source: str) -> Encoder:
        try:
            if source == SERVED:
                return self._served()
            with translated():
                spec = self._settings.spec_of(source)
            return self._encoders.get(spec)
        except ModelProblem as error:
            raise UsageError(
                f"the encoder {source} cannot be used: {error.message}", f"无法使用编码器 {source}：{error.message_zh}"
            ) from error

    def _served(self) -> Encoder:
        with translated():
            snapshots = index.list_snapshots(self._settings.building.index_dir, _TARGET)
            entry = next((one for one in snapshots if one.current), None)
            if entry is None:
                raise UsageError(
                    f"no index of {_TARGET} is published, so {SERVED} names no encoder; name a model",
                    f"尚未发布 {_TARGET} 索引，{SERVED} 不对应任何编码器；请指定一个模型",
                )
            if entry.manifest is None:
                raise entry.damage or IndexProblem("the published snapshot cannot be read", "无法读取已发布的快照")
            return self._encoders.of_snapshot(entry.manifest)

    def _evaluate(self, bench: Bench, encoder: Encoder, report: Report, *, all_ways: bool = False) -> ReportContents:
        began = perf_counter()
        with TemporaryDirectory(prefix="patmatch-evaluate-", ignore_cleanup_errors=True) as folder:
            place = replace(self._settings.building, index_dir=Path(folder), reasons=False, hubness=False)
            catalogue = Catalogue.open(f"sqlite:///{place.index_dir / 'catalogue.sqlite3'}")
            try:
                bench.material.store(catalogue)
                loaded = Encoders(lambda _spec: encoder, self._encoders.default_spec)
                build = IndexService(catalogue, loaded, place).build(_TARGET, publish=True, report=report)
                with translated():
                    name = index.SnapshotId.parse(build.snapshot)
                    snapshot = index.load_snapshot(name.directory(place.index_dir), threads=1)
                with self._asking(catalogue, snapshot, bench, encoder) as matching:
                    runs = _ask(matching, bench, report)
                    asked = _ask_otherwise(matching, bench, runs, report) if all_ways else {}
            finally:
                catalogue.close()
        seconds = perf_counter() - began
        limits = self._settings.limits
        settings: dict[str, float] = {
            "centre_from": place.centre_from,
            "neighbours_from": place.neighbours_from,
            "candidates": limits.candidates,
            "shared_terms": limits.shared_terms,
            "depth": RECALL_DEPTH,
            "texts_embedded": build.embedded,
            "seconds": round(seconds, 2),
        }
        return bench.measured(
            runs,
            lambda result: replace(
                result,
                encoder={"name": encoder.name, "fingerprint": encoder.fingerprint, "dimension": encoder.dimension},
                snapshot=self._described(snapshot.manifest),
                settings=settings,
            ),
            asked,
        )

    def _described(self, manifest: index.Manifest) -> dict[str, Any]:
        """The index, its ranking, and the calibration that turned relevance into scores."""
        ranking = RankingId.of_manifest(manifest, shared_terms=self._settings.limits.shared_terms)
        return {
            "id": manifest.id,
            "count": manifest.count,
            "index": manifest.index.type,
            "recall@20": manifest.recall.value,
            "ranking": ranking.ranking,
            "calibration": self._calibrations().reading(ranking).id,
        }

    def _calibrations(self) -> Shelf:
        return CalibrationStore(self._settings.building.index_dir, _TARGET).read()

    @contextmanager
    def _asking(
        self, catalogue: Catalogue, snapshot: index.Snapshot, bench: Bench, encoder: Encoder
    ) -> Iterator[MatchService]:
        """The service over the index of the evaluation, with vectors from the store of the encoder."""
        deepest = max(len(levels) for levels in bench.collection.qrels.values())
        limits = replace(self._settings.limits, max_queries=_BATCH, max_k=max(RECALL_DEPTH, deepest))
        with (
            translated(),
            index.VectorStore(self._settings.building.vectors_dir / encoder.fingerprint, encoder.dimension) as store,
        ):
            pinned = PinnedIndex(snapshot, CachedEncoder(encoder, store), _TARGET, self._calibrations())
            yield MatchService(indexes={_TARGET: pinned}, catalogue=catalogue, limits=limits)


def _ask(matching: MatchService, bench: Bench, report: Report) -> list[QueryRun]:
    """Ask every query for the best of all, for its judged documents alone, and language by language."""
    runs: list[QueryRun] = []
    for batch in _batches(bench.material.asked(), "ask", report):
        answered = list(_runs(matching, batch, bench.collection.qrels))
        runs += _with_languages(matching, batch, answered, bench.collection)
    return runs


def _ask_otherwise(matching: MatchService, bench: Bench, runs: Sequence[QueryRun], report: Report) -> Asked:
    """The runs of the judged queries that have title and text, by both and by each of them alone."""
    asked: dict[str, list[QueryRun]] = {}
    for way, queries in bench.material.asked_otherwise().items():
        batches = _batches(queries, f"ask {way}", report)
        asked[way] = [run for batch in batches for run in _runs(matching, batch, bench.collection.qrels)]
    known = {run.query_id for each in asked.values() for run in each}
    return {"title_and_text": [run for run in runs if run.query_id in known], **asked}


def _batches(queries: Sequence[Query], stage: str, report: Report) -> Iterator[Sequence[Query]]:
    for start in range(0, len(queries), _BATCH):
        report(Progress(stage, start, len(queries)))
        yield queries[start : start + _BATCH]
    report(Progress(stage, len(queries), len(queries)))


def asked_of(matching: MatchService, query: Query, target: Kind, ids: Sequence[str]) -> QueryResult:
    """What the service answers to one query with these records as the only candidates; ``ids`` is not empty."""
    only = Filter(ids=tuple(ids))
    return matching.match(MatchRequest(queries=(query,), target=target, k=len(ids), filter=only)).results[0]


def _runs(matching: MatchService, queries: Sequence[Query], qrels: Qrels) -> Iterator[QueryRun]:
    answer = matching.match(MatchRequest(queries=tuple(queries), target=_TARGET, k=RECALL_DEPTH))
    for query, result in zip(queries, answer.results, strict=True):
        if (error := result.error) is not None:
            name = type(error).__name__
            said = f"{error.message} · {error.message_zh}" if isinstance(error, PatmatchError) else name
            yield QueryRun(query_id=query.id, error=said)
            continue
        judged = tuple(qrels.get(query.id, ()))
        matches = asked_of(matching, query, _TARGET, judged).matches if judged else ()
        yield QueryRun(
            query_id=query.id,
            ranked=tuple(Ranked(match.id, match.score) for match in result.matches),
            served={match.id: Served(match.score, match.level.grade, match.evidence.row) for match in matches},
        )


def _with_languages(
    matching: MatchService, queries: Sequence[Query], runs: Sequence[QueryRun], collection: Collection
) -> list[QueryRun]:
    """The runs with what each query finds among the documents of one language, for the languages of its relevant ones.

    Where the corpus has one language that is what it finds anyway.
    """
    only = set(collection.document_langs.values())
    alone: dict[str, dict[str, tuple[str, ...]]] = {run.query_id: {} for run in runs}
    wanted: dict[str, list[Query]] = {}
    for query, run in zip(queries, runs, strict=True):
        levels = collection.qrels.get(query.id, {})
        langs = {collection.document_langs.get(key) for key, level in levels.items() if level >= RELEVANT_FROM}
        for lang in sorted(lang for lang in langs if lang is not None):
            if len(only) == 1 or run.error is not None:
                alone[query.id][lang] = tuple(match.doc_id for match in run.ranked[:NDCG_DEPTH])
            else:
                wanted.setdefault(lang, []).append(query)
    for lang, asking in wanted.items():
        request = MatchRequest(queries=tuple(asking), target=_TARGET, k=NDCG_DEPTH, filter=Filter(lang=(lang,)))
        for query, result in zip(asking, matching.match(request).results, strict=True):
            alone[query.id][lang] = tuple(match.id for match in result.matches)
    return [replace(run, alone=alone[run.query_id]) for run in runs]
