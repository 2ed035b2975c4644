"""Nearest neighbours by inner product: the protocol, and FAISS behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import faiss
import numpy as np
import numpy.typing as npt

from index.checks import Floats, Mask, Positions, check_mask, check_vectors
from index.errors import VectorInputError

NO_POSITION = -1

# FAISS adds the keyword arguments of these classes at run time, where its own type information does not see them.
_FlatParameters: Any = faiss.SearchParameters
_IvfParameters: Any = faiss.SearchParametersIVF


@dataclass(frozen=True, slots=True)
class Hits:
    """The nearest of each query, best first; equal scores by position.

    Attributes:
        scores: float32 ``[q, k]``, inner products; ``-inf`` where there is no further neighbour.
        positions: int64 ``[q, k]``; -1 where there is no further neighbour.
    """

    scores: Floats
    positions: Positions


class SearchIndex(Protocol):
    """Vectors by position, searched by inner product. Safe to use from several threads at once."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def __len__(self) -> int:
        """How many vectors there are."""
        ...

    def search(self, queries: Floats, k: int, *, allowed: Mask | None = None) -> Hits:
        """The ``k`` nearest of each query, among the positions that are ``allowed``.

        A filtered search looks at every allowed vector: it misses none, whatever the selectivity.

        Args:
            queries: float32 ``[q, dimension]``, C-contiguous.
            k: 1 or more; more than there are gives all of them, padded.
            allowed: bool ``[n]``; every position when not given.

        Raises:
            VectorInputError: an argument is not of this kind.
        """
        ...


class FaissIndex:
    """A FAISS index, flat or IVF, that is only read.

    Args:
        index: a ``faiss.IndexFlat`` or ``faiss.IndexIVF`` with inner product.
        nprobe: how many of an IVF index's lists an unfiltered search reads; ignored for a flat one.
        threads: how many threads one call may use; ``None`` leaves it to OpenMP.
    """

    def __init__(self, index: Any, *, nprobe: int | None = None, threads: int | None = None) -> None:  # noqa: ANN401 - faiss has no types
        if index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise VectorInputError("only inner product is supported")
        self._index = index
        self._ivf = isinstance(index, faiss.IndexIVF)
        self._lists = int(index.nlist) if self._ivf else 0
        self._nprobe = min(nprobe or 1, self._lists)
        self._threads = threads

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def vectors_at(self, positions: Positions) -> Floats:
        """The vectors float32 ``[n, dimension]`` at ``positions`` int64 ``[n]``, as precise as the index stores them.

        Raises:
            VectorInputError: a position is not in the index.
        """
        wanted = np.ascontiguousarray(positions, dtype=np.int64)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < len(self):
            raise VectorInputError(f"positions must be from 0 to {len(self) - 1}")
        vectors: Floats = self._index.reconstruct_batch(wanted)
        return vectors

    @property
    def nprobe(self) -> int | None:
        """How many lists an unfiltered search reads; ``None`` for a flat index."""
        return self._nprobe if self._ivf else None

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def with_nprobe(self, nprobe: int) -> FaissIndex:
        """The same vectors, searched with another ``nprobe``; this object is not changed."""
        return FaissIndex(self._index, nprobe=nprobe, threads=self._threads)

    def search(self, queries: Floats, k: int, *, allowed: Mask | None = None) -> Hits:
        """As ``SearchIndex.search`` says."""
        check_vectors(queries, self.dimension)
        if k < 1:
            raise VectorInputError(f"k must be 1 or more, not {k}")
        reachable = len(self) if allowed is None else int(np.count_nonzero(check_mask(allowed, len(self))))
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        positions = np.full((len(queries), k), NO_POSITION, dtype=np.int64)
        wanted = min(k, reachable)
        if not wanted or not len(queries):
            return Hits(scores, positions)
        with faiss_threads(self._threads):
            self._fill(queries, scores[:, :wanted], positions[:, :wanted], reachable, allowed)
        return Hits(scores, positions)

    def _fill(
        self, queries: Floats, scores: Floats, positions: Positions, reachable: int, allowed: Mask | None
    ) -> None:
        """Search until each row is filled and its last place is not decided among equals by chance.

        FAISS keeps whichever of two equal scores it met first, which depends on lists and threads. One more place is
        asked for, and rows whose last place ties with it are searched again, deeper, until every equal is known.
        """
        wanted = positions.shape[1]
        nprobe = self._lists if allowed is not None else self._nprobe
        rows = np.arange(len(queries))
        depth = min(wanted + 1, reachable)
        while len(rows):
            found_scores, found = self._raw_search(queries[rows], depth, nprobe, allowed)
            order = np.lexsort((found, -found_scores), axis=-1)[:, :wanted]
            scores[rows] = np.take_along_axis(found_scores, order, axis=1)
            positions[rows] = np.take_along_axis(found, order, axis=1)
            short = found[:, wanted - 1] == NO_POSITION
            tied = found_scores[:, wanted - 1] == found_scores[:, -1]
            unsettled = short if nprobe < self._lists else np.zeros_like(short)
            if depth < reachable:
                unsettled = unsettled | (tied & ~short)
            rows = rows[unsettled]
            if unsettled[short].any():
                nprobe = self._lists
            depth = min(depth * 2, reachable)

    def _raw_search(self, queries: Floats, depth: int, nprobe: int, allowed: Mask | None) -> tuple[Floats, Positions]:
        # Parameters of this call alone: changing the index itself would change searches of other threads.
        selector, bits = None, None
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        if self._ivf:
            parameters: Any = _IvfParameters(sel=selector, nprobe=nprobe)
        else:
            parameters = _FlatParameters(sel=selector)
        scores, positions = self._index.search(np.ascontiguousarray(queries), depth, params=parameters)
        scores[positions == NO_POSITION] = -np.inf
        return scores, positions


@contextmanager
def faiss_threads(threads: int | None) -> Iterator[None]:
    """Let FAISS use ``threads`` inside the block; OpenMP keeps the number for the calling thread alone."""
    if threads is None:
        yield
        return
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def exact_search(
    blocks: Iterator[npt.NDArray[np.float32]], queries: Floats, k: int, threads: int | None = None
) -> Hits:
    """The true ``k`` nearest of each query over all blocks, which follow each other in position.

    Args:
        blocks: float32 ``[n_i, dimension]`` each; only one is held at a time.
        queries: float32 ``[q, dimension]``.
        k: at most the number of vectors.
        threads: as for ``FaissIndex``.
    """
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    positions = np.full((len(queries), k), NO_POSITION, dtype=np.int64)
    start = 0
    with faiss_threads(threads):
        for block in blocks:
            found_scores, found = faiss.knn(queries, block, min(k, len(block)), metric=faiss.METRIC_INNER_PRODUCT)
            scores = np.concatenate([scores, found_scores], axis=1)
            positions = np.concatenate([positions, found + start], axis=1)
            order = np.lexsort((positions, -scores), axis=-1)[:, :k]
            scores, positions = np.take_along_axis(scores, order, axis=1), np.take_along_axis(positions, order, axis=1)
            start += len(block)
    return Hits(scores, positions)
