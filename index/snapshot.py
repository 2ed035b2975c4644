"""One published state of an index: a directory that is never changed, read by mapping its files.

- ``manifest.json``: what the snapshot is; the sizes and SHA-256 of the files below
- ``index.faiss``: the vectors
- ``ids.*.npy``: position to id and back
- ``columns.json``, ``columns.*.npy``: the filter columns
- ``sample.npy``: the queries that recall was measured with
- ``exact.npy``: the vectors as they are, where the index keeps rounded ones
- ``arrays.npz``: what the builder wants kept with the snapshot, where there is something
- ``neighbours.npy``: the nearest others of each vector, where they are kept
- ``terms.json``, ``terms-0.*``: the inverted index of the texts' terms, where there is one
- ``forward.*.npy``: the same terms text by text
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import faiss
import numpy as np

from index.arrays import IDS_FILES, Array, Floats, IdList, Ints, Mask, Positions, read_array, read_bundle
from index.bm25 import FORWARD_FILES
from index.columns import COLUMNS_FILE, Columns, Condition
from index.durable import sha256_of
from index.engine import NO_POSITION, FaissIndex, Hits
from index.errors import FileProblem, SnapshotDamagedError, SnapshotMissingError, VerificationError
from index.faiss_build import FLAT, IVF_FP16, overlap_recall
from index.manifest import BUILDING_PREFIX, FILE_NAME, IndexParameters, Manifest, read_manifest
from index.neighbours import NEIGHBOURS_FILE, mean_of, without_own
from index.terms import TERMS_FILE, TermIndex

INDEX_FILE = "index.faiss"
SAMPLE_FILE = "sample.npy"
EXACT_FILE = "exact.npy"
ARRAYS_FILE = "arrays.npz"

# Verifying searches exhaustively: about 0.1 s a query at 940,000 vectors, so a part of the sample must do.
VERIFY_QUERIES = 100
VERIFY_SELF_QUERIES = 100
# How far a recall re-measured on a part of the sample may lie under the manifest's: three standard errors, when single
# queries' recalls scatter by 0.1.
RECALL_SLACK = 0.03
SELF_TOLERANCE = 1e-3  # a vector of 16-bit floats and its original differ by up to 5e-4 in inner product


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot, open. Immutable: a request that holds it has all its answers from it, whatever is published.

    Attributes:
        terms: the inverted index of its texts; ``None`` where it was built without one.
        neighbours: the positions of each vector's nearest others, int32 ``[n, m]``; ``None`` where it keeps none.
    """

    manifest: Manifest
    index: FaissIndex
    ids: IdList
    columns: Columns
    sample: Floats
    arrays: Mapping[str, Array] = field(default_factory=dict)
    terms: TermIndex | None = None
    neighbours: Ints | None = None

    @property
    def id(self) -> str:
        """The snapshot's name."""
        return self.manifest.id

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, queries: Floats, k: int, *, allowed: Mask | None = None) -> Hits:
        """The ``k`` nearest positions of each query; see `FaissIndex.search`."""
        return self.index.search(queries, k, allowed=allowed)

    def mask(self, conditions: Iterable[Condition]) -> Mask:
        """Bool ``[n]``: the positions that pass all ``conditions``; see ``Columns.mask``."""
        return self.columns.mask(conditions, self.ids)

    def vectors_at(self, positions: Positions) -> Floats:
        """The vectors float32 ``[n, dimension]`` at ``positions``, as precise as the index stores them."""
        return self.index.vectors_at(positions)

    def neighbour_means(self, positions: Positions) -> Floats:
        """The mean of the neighbours of each of ``positions``, float32 ``[n, dimension]``; zeros where it has none."""
        dimension = self.manifest.dimension
        if self.neighbours is None:
            return np.zeros((len(positions), dimension), dtype=np.float32)
        return mean_of(self.neighbours[positions], self.index.vectors_at, dimension)

    def neighbour_means_of(self, vectors: Floats, own: Sequence[int | None]) -> Floats:
        """The same of vectors float32 ``[n, dimension]`` that are not in it, or were in another version.

        Args:
            vectors: of unit length.
            own: the position that each has, or had before it was changed: nobody is a neighbour of its own.
        """
        if self.neighbours is None or not len(vectors):
            return np.zeros_like(vectors)
        count = self.neighbours.shape[1]
        found = self.index.search(np.ascontiguousarray(vectors), min(count + 1, len(self))).positions
        mine = np.array([NO_POSITION if position is None else position for position in own], dtype=np.int64)
        return mean_of(without_own(found, mine, count), self.index.vectors_at, self.manifest.dimension)

    def position_of(self, record_id: str) -> int | None:
        """Where a record is, or ``None``."""
        return self.ids.position_of(record_id)


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification read and found: every file intact, counts equal, and these figures.

    Attributes:
        bytes: read and hashed.
        self_queries: how many stored vectors were searched for and found at rank 1.
        recall: recall@k of ``recall_queries`` sample queries against exhaustive search over the stored vectors.
        term_queries: how many texts were searched for by their terms, and have the scores that BM25 gives them.
    """

    id: str
    manifest: Manifest
    bytes: int
    self_queries: int
    recall: float
    recall_queries: int
    term_queries: int = 0


def data_files(parameters: IndexParameters) -> tuple[str, ...]:
    """The files of a snapshot beside its manifest."""
    exact = () if parameters.code_error is None else (EXACT_FILE,)
    return (INDEX_FILE, *IDS_FILES, COLUMNS_FILE, SAMPLE_FILE, *exact)


def file_problems(directory: Path, manifest: Manifest, *, hashes: bool) -> list[FileProblem]:
    """Files of a snapshot that are missing, of another size or, with ``hashes``, of other content than written."""
    needed = data_files(manifest.index)
    problems = [FileProblem(name, "not in the manifest") for name in needed if name not in manifest.files]
    for name, entry in manifest.files.items():
        path = directory / name
        if not path.is_file():
            problems.append(FileProblem(name, "missing"))
        elif (size := path.stat().st_size) != entry.bytes:
            word = "truncated" if size < entry.bytes else "too long"
            problems.append(FileProblem(name, f"{word}: {size} bytes, not {entry.bytes}"))
        elif hashes and sha256_of(path) != entry.sha256:
            problems.append(FileProblem(name, "sha256 differs"))
    return problems


def load_snapshot(directory: Path, *, threads: int | None = None) -> Snapshot:
    """Open the snapshot in ``directory`` after comparing every file with its checksum.

    Args:
        directory: ``root/<target>/<id>``.
        threads: how many threads one search may use; ``None`` leaves it to OpenMP.

    Raises:
        SnapshotMissingError: there is no such directory.
        SnapshotDamagedError: files are missing or changed, or do not fit each other.
    """
    manifest = read_manifest(directory)
    if directory.name.removeprefix(BUILDING_PREFIX) != manifest.id:
        raise SnapshotDamagedError(directory.name, FileProblem(FILE_NAME, f"it is that of {manifest.id}"))
    problems = file_problems(directory, manifest, hashes=True)
    if problems:
        raise SnapshotDamagedError(directory.name, *problems)
    try:
        snapshot = _open(directory, manifest, threads)
    except FileNotFoundError as error:
        # Pruned between the check and the opening.
        raise SnapshotMissingError(f"a file of snapshot {directory.name} vanished while it was read") from error
    counts = {INDEX_FILE: len(snapshot.index), IDS_FILES[0]: len(snapshot.ids), COLUMNS_FILE: len(snapshot.columns)}
    if snapshot.neighbours is not None:
        counts[NEIGHBOURS_FILE] = len(snapshot.neighbours)
    if snapshot.terms is not None:
        counts |= {TERMS_FILE: len(snapshot.terms), FORWARD_FILES[0]: snapshot.terms.texts_by_position}
    wrong = [
        FileProblem(name, f"holds {count}, not {manifest.count}")
        for name, count in counts.items()
        if count != manifest.count
    ]
    if snapshot.index.dimension != manifest.dimension:
        wrong.append(FileProblem(INDEX_FILE, f"has {snapshot.index.dimension} dimensions, not {manifest.dimension}"))
    if wrong:
        raise SnapshotDamagedError(directory.name, *wrong)
    return snapshot


def verify_snapshot(directory: Path, *, threads: int | None = None) -> VerifyReport:
    """Re-read everything: checksums, counts, vectors and texts that must find themselves, recall of the stored sample.

    Raises:
        SnapshotMissingError: there is no such directory.
        SnapshotDamagedError: files are missing or changed, or do not fit each other.
        VerificationError: the files are intact but the index does not find what it should.
    """
    snapshot = load_snapshot(directory, threads=threads)
    manifest = snapshot.manifest
    positions = np.random.default_rng(0).permutation(len(snapshot))[:VERIFY_SELF_QUERIES]
    check_self_queries(snapshot.index, positions, snapshot.vectors_at)
    queries = np.ascontiguousarray(snapshot.sample[:VERIFY_QUERIES])
    k = min(manifest.recall.k, len(snapshot)) or 1
    exact = snapshot.search(queries, k, allowed=np.ones(len(snapshot), dtype=np.bool_))
    recall = overlap_recall(snapshot.search(queries, k), exact)
    if recall < manifest.recall.value - RECALL_SLACK:
        raise VerificationError(f"recall@{k} is {recall:.4f}, the manifest says {manifest.recall.value:.4f}")
    texts = 0 if snapshot.terms is None else snapshot.terms.check_sample()
    total = sum(entry.bytes for entry in manifest.files.values())
    return VerifyReport(manifest.id, manifest, total, len(positions), recall, len(queries), texts)


def check_self_queries(index: FaissIndex, positions: Positions, take: Callable[[Positions], Floats]) -> None:
    """Raise unless each vector finds itself, or one just like it, at rank 1.

    Args:
        index: what is searched.
        positions: int64 ``[n]``, which vectors search.
        take: gives the vectors float32 ``[m, dimension]`` that should be at positions int64 ``[m]``.

    Raises:
        VerificationError: one finds something else, or nothing.
    """
    vectors = take(positions)
    found = index.search(vectors, 1).positions[:, 0]
    others = np.flatnonzero(found != positions)
    own = np.einsum("nd,nd->n", vectors[others], vectors[others])
    alike = np.einsum("nd,nd->n", vectors[others], take(np.maximum(found[others], 0)))
    wrong = others[(found[others] == NO_POSITION) | (np.abs(alike - own) > SELF_TOLERANCE)]
    if len(wrong):
        raise VerificationError(
            f"{len(wrong)} of {len(positions)} vectors do not find themselves: "
            f"the one at position {positions[wrong[0]]} finds {found[wrong[0]]}"
        )


def open_index(directory: Path, parameters: IndexParameters, threads: int | None) -> FaissIndex:
    """The index of a snapshot, mapped: nothing is copied, and processes share the pages (docs/decisions/0004).

    Raises:
        ValueError: a file holds something else than ``parameters`` say.
    """
    index = faiss.read_index(str(directory / INDEX_FILE), faiss.IO_FLAG_MMAP_IFC)
    expected = {FLAT: faiss.IndexFlat, IVF_FP16: faiss.IndexIVFScalarQuantizer}.get(parameters.type)
    if expected is None or not isinstance(index, expected):
        raise ValueError(f"it holds a {type(index).__name__}, the manifest says {parameters.type}")
    if parameters.code_error is None:
        return FaissIndex(index, nprobe=parameters.nprobe, threads=threads)
    rows = read_array(directory / EXACT_FILE)
    if rows.shape != (index.ntotal, index.d):
        raise ValueError(f"{EXACT_FILE} holds {list(rows.shape)} values, not {[index.ntotal, index.d]}")
    return FaissIndex(index, nprobe=parameters.nprobe, threads=threads, rows=rows, code_error=parameters.code_error)


def _open(directory: Path, manifest: Manifest, threads: int | None) -> Snapshot:
    name = INDEX_FILE
    try:
        index = open_index(directory, manifest.index, threads)
        name = IDS_FILES[0]
        ids = IdList.read(directory)
        name = COLUMNS_FILE
        columns = Columns.read(directory)
        name = SAMPLE_FILE
        sample = read_array(directory / SAMPLE_FILE)
        name = ARRAYS_FILE
        arrays = read_bundle(directory / ARRAYS_FILE) if ARRAYS_FILE in manifest.files else {}
        name = NEIGHBOURS_FILE
        neighbours = read_array(directory / NEIGHBOURS_FILE) if NEIGHBOURS_FILE in manifest.files else None
        name = TERMS_FILE
        terms = TermIndex.open(directory) if TERMS_FILE in manifest.files else None
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise SnapshotDamagedError(directory.name, FileProblem(name, str(error))) from error
    return Snapshot(manifest, index, ids, columns, sample, arrays, terms, neighbours)
