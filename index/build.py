"""Build a snapshot beside the others: written to a temporary sibling, flushed, queried, then renamed."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from index.arrays import (
    Array,
    ArrayVectors,
    ArrayWriter,
    Floats,
    IdList,
    VectorSource,
    check_vectors,
    read_array,
    write_array,
    write_bundle,
)
from index.columns import Columns, ColumnValues
from index.durable import (
    BUILD_LOCK,
    FileLock,
    disk_errors,
    failpoint,
    make_directory,
    sha256_of,
    sync_directory,
    sync_file,
)
from index.engine import FaissIndex
from index.errors import SnapshotWriteError, VectorInputError, VerificationError
from index.faiss_build import FLAT, IVF_FP16, Truth, blocks_of, build_flat, build_ivf, tune_nprobe
from index.manifest import (
    BUILDING_PREFIX,
    FILE_NAME,
    FileEntry,
    IndexParameters,
    Manifest,
    MeasuredRecall,
    SnapshotId,
    target_directory,
)
from index.neighbours import NEIGHBOURS_FILE, nearest_of_each
from index.snapshot import (
    ARRAYS_FILE,
    EXACT_FILE,
    INDEX_FILE,
    SAMPLE_FILE,
    check_self_queries,
    data_files,
    load_snapshot,
    open_index,
)
from index.terms import TermIndex
from index.terms_build import write_terms

SELF_QUERIES = 256
CORPUS_SAMPLE = "corpus"
NOT_WRITTEN = "the snapshot could not be written"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSpec:
    """What goes into a snapshot. Position i of ``ids``, ``vectors`` and each column is one record.

    Attributes:
        vectors: float32 ``[n, dimension]`` of unit length, or a source that reads them by position.
        encoder: the encoder's name, for people.
        source_revision: the revision that the records were read at.
        columns: the filter columns by field.
        sample_queries: float32 ``[m, dimension]``, unit vectors of queries like those to come; recall is measured on
        them.
            Without them, vectors of the corpus itself are used, which flatters an approximate index.
        sample_kind: what the sample queries are, for the manifest.
        extra: kept in the manifest; JSON values.
        arrays: kept in a file of their own; by name.
        neighbours: how many nearest others are kept of each vector; fewer where there are fewer.
        terms: gives the terms of each position and how often each occurs, in order, when it is called; they are taken
            one position at a time. Without it the snapshot has no inverted index.
        built_at: when the build began, with a time zone; now when not given.
    """

    target: str
    ids: Sequence[str]
    vectors: Floats | VectorSource
    fingerprint: str
    encoder: str
    source_revision: str
    columns: Mapping[str, ColumnValues] = field(default_factory=dict)
    sample_queries: Floats | None = None
    sample_kind: str = "queries"
    extra: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    neighbours: int = 0
    terms: Callable[[], Iterable[Mapping[str, int]]] | None = None
    built_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """How a snapshot is built.

    Attributes:
        recall_floor: recall@20 under which the snapshot is refused.
        recall_target: recall@20 up to which an approximate index is tuned.
        flat_below: fewer vectors than this are searched exactly: 50,000 take 8 ms in one thread.
        threads: how many threads FAISS may use; ``None`` leaves it to OpenMP.
        seed: of the training sample, the clustering and the self-queries; the same input and seed give the same files.
        sample_size: how many of the sample queries are used; 1,000 make a recall of 0.98 known to 0.002.
    """

    recall_floor: float = 0.95
    recall_target: float = 0.98
    flat_below: int = 50_000
    threads: int | None = None
    seed: int = 20_261_123
    sample_size: int = 1_000


@dataclass(frozen=True, slots=True)
class _Input:
    """A specification that was checked, in the form that the steps need."""

    id: SnapshotId
    spec: SnapshotSpec
    source: VectorSource
    ids: IdList
    columns: Columns
    extra: Mapping[str, Any]


def write_snapshot(root: Path, spec: SnapshotSpec, options: BuildOptions | None = None) -> Manifest:
    """Build, verify and put in place a snapshot under ``root/<target>/``; it is not published.

    Raises:
        VectorInputError: ids, vectors and columns do not fit each other, or a vector is not a unit vector.
        LockedError: another build of this target runs.
        VerificationError: recall is under the floor, or a vector does not find itself; nothing is left behind.
        SnapshotWriteError: the disk did not take the files; nothing is left behind.
    """
    options = options or BuildOptions()
    started = time.perf_counter()
    checked = _check(spec)
    directory = target_directory(root, spec.target)
    with disk_errors(SnapshotWriteError, NOT_WRITTEN):
        make_directory(directory)
        lock = FileLock(directory / BUILD_LOCK, f"building a snapshot of {spec.target}")
        lock.acquire()
    temporary = directory / f"{BUILDING_PREFIX}{checked.id}"
    try:
        with disk_errors(SnapshotWriteError, NOT_WRITTEN):
            temporary.mkdir()
            manifest = _fill(temporary, checked, options, started)
            temporary.rename(directory / str(checked.id))
            sync_directory(directory)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    finally:
        lock.release()
    failpoint("snapshot.renamed")
    return manifest


def _check(spec: SnapshotSpec) -> _Input:
    source: VectorSource = ArrayVectors(spec.vectors) if isinstance(spec.vectors, np.ndarray) else spec.vectors
    if len(spec.ids) != len(source):
        raise VectorInputError(f"there are {len(spec.ids)} ids for {len(source)} vectors")
    if spec.sample_queries is not None:
        check_vectors(spec.sample_queries, source.dimension, unit=True)
    try:
        extra = json.loads(json.dumps(spec.extra))
    except (TypeError, ValueError) as error:
        raise VectorInputError(f"extra must hold JSON values: {error}") from error
    now = spec.built_at or datetime.now(UTC)
    name = SnapshotId(spec.target, now.astimezone(UTC).replace(microsecond=0))
    return _Input(name, spec, source, IdList.of(spec.ids), Columns.build(len(source), spec.columns), extra)


def _fill(temporary: Path, checked: _Input, options: BuildOptions, started: float) -> Manifest:
    queries, kind = _sample(checked, options)
    truth = Truth.of(checked.source, queries, options.threads)
    failpoint("snapshot.truth")
    parameters = _write_index(temporary, checked.source, truth, options)
    failpoint("snapshot.index")
    checked.ids.write(temporary)
    columns = checked.columns.write(temporary)
    write_array(temporary / SAMPLE_FILE, queries)
    arrays = [ARRAYS_FILE] if checked.spec.arrays else []
    if arrays:
        write_bundle(temporary / ARRAYS_FILE, checked.spec.arrays)
    failpoint("snapshot.files")
    neighbours = _write_neighbours(temporary, checked, parameters, options)
    terms = _write_terms(temporary, checked, options)
    recall = _query_back(temporary, checked.source, parameters, truth, options)
    measured = MeasuredRecall(truth.k, round(recall, 6), len(queries), kind)
    spec, written = checked.spec, {*data_files(parameters), *columns, *arrays, *neighbours, *terms}
    manifest = Manifest(
        id=str(checked.id),
        target=spec.target,
        fingerprint=spec.fingerprint,
        encoder=spec.encoder,
        dimension=checked.source.dimension,
        count=len(checked.source),
        index=parameters,
        source_revision=spec.source_revision,
        built_at=checked.id.built_at.isoformat(),
        build_seconds=round(time.perf_counter() - started, 3),
        recall=measured,
        files={name: FileEntry((path := temporary / name).stat().st_size, sha256_of(path)) for name in written},
        extra=checked.extra,
    )
    (temporary / FILE_NAME).write_text(manifest.to_json(), encoding="utf-8")
    sync_file(temporary / FILE_NAME)
    sync_directory(temporary)
    failpoint("snapshot.manifest")
    load_snapshot(temporary, threads=options.threads)
    failpoint("snapshot.verified")
    return manifest


def _sample(checked: _Input, options: BuildOptions) -> tuple[Floats, str]:
    """The queries that recall is measured on: a seeded choice of the caller's, or of the corpus."""
    generator = np.random.default_rng(options.seed)
    given = checked.spec.sample_queries
    if given is not None and len(given):
        chosen = np.sort(generator.permutation(len(given))[: options.sample_size])
        return np.ascontiguousarray(given[chosen]), checked.spec.sample_kind
    chosen = np.sort(generator.permutation(len(checked.source))[: options.sample_size])
    return checked.source.take(chosen), CORPUS_SAMPLE


def _write_index(directory: Path, source: VectorSource, truth: Truth, options: BuildOptions) -> IndexParameters:
    if len(source) < options.flat_below:
        index, parameters = build_flat(source, options.threads), IndexParameters(FLAT)
    else:
        index = build_ivf(source, options.threads, options.seed)
        failpoint("snapshot.trained")
        error = _write_exact(directory, source, index)
        failpoint("snapshot.exact")
        rows = read_array(directory / EXACT_FILE)
        searched = FaissIndex(index, threads=options.threads, rows=rows, code_error=error)
        nprobe = tune_nprobe(searched, source, truth, options.recall_target, index.nlist)
        parameters = IndexParameters(IVF_FP16, nlist=int(index.nlist), nprobe=nprobe, code_error=error)
    try:
        faiss.write_index(index, str(directory / INDEX_FILE))
    except RuntimeError as error:  # FAISS's only one; its text holds the path
        raise SnapshotWriteError(f"{NOT_WRITTEN}: FAISS could not write its file") from error
    sync_file(directory / INDEX_FILE)
    return parameters


def _write_exact(directory: Path, source: VectorSource, index: Any) -> float:  # noqa: ANN401 - faiss has no types
    """Write the vectors as they are, and return how far the index's rounded ones lie from them at most."""
    error, start = 0.0, 0
    with ArrayWriter(directory / EXACT_FILE, np.float32, source.dimension) as file:
        for block in blocks_of(source):
            rounded = index.reconstruct_batch(np.arange(start, start + len(block), dtype=np.int64))
            error = max(error, float(np.linalg.norm(block - rounded, axis=1).max()))
            start += len(block)
            file.write(block)
    return error


def _write_neighbours(
    directory: Path, checked: _Input, parameters: IndexParameters, options: BuildOptions
) -> tuple[str, ...]:
    """Write the nearest others of each vector, where they are wanted; the names of the files."""
    count = min(checked.spec.neighbours, len(checked.source) - 1)
    if count < 1:
        return ()
    index = open_index(directory, parameters, options.threads)
    with ArrayWriter(directory / NEIGHBOURS_FILE, np.int32, count) as file:
        for block in nearest_of_each(index.faiss, checked.source, count, options.threads):
            file.write(block)
    failpoint("snapshot.neighbours")
    return (NEIGHBOURS_FILE,)


def _write_terms(directory: Path, checked: _Input, options: BuildOptions) -> tuple[str, ...]:
    """Write the inverted index, where one is wanted, and ask it back; the names of its files."""
    if checked.spec.terms is None:
        return ()
    names = write_terms(directory, checked.spec.terms(), len(checked.source), options.seed)
    TermIndex.open(directory).check_sample()
    failpoint("snapshot.terms")
    return names


def _query_back(
    directory: Path, source: VectorSource, parameters: IndexParameters, truth: Truth, options: BuildOptions
) -> float:
    """Query the file as written: own vectors must find themselves, and recall must reach the floor."""
    index = open_index(directory, parameters, options.threads)
    positions = np.sort(np.random.default_rng(options.seed).permutation(len(source))[:SELF_QUERIES])
    check_self_queries(index, positions, source.take)
    recall = truth.recall(index, source)
    if recall < options.recall_floor:
        raise VerificationError(f"recall@{truth.k} is {recall:.4f}, under the floor of {options.recall_floor:.4f}")
    return recall
