"""The nearest neighbours of each vector among the others, kept with a snapshot: what a record stands among."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import faiss
import numpy as np

from index.arrays import Floats, Ints, Positions, VectorSource
from index.engine import NO_POSITION, faiss_threads
from index.faiss_build import blocks_of

NEIGHBOURS_FILE = "neighbours.npy"
PROBES = 8
"""Lists of an IVF index that are read for each vector. Those near a vector of the corpus lie in few lists, and a
neighbour that is missed is replaced by the next: with 8 instead of all, building takes a hundredth."""
_BLOCK = 4_096


def nearest_of_each(index: Any, source: VectorSource, count: int, threads: int | None) -> Iterator[Ints]:  # noqa: ANN401
    """The ``count`` nearest others of each vector, int32 ``[n_i, count]`` a block; -1 where there are no more.

    Args:
        index: the FAISS index over all vectors of ``source``.
        source: the vectors, in the order of their positions.
        count: neighbours of each.
        threads: how many threads FAISS may use; ``None`` leaves it to OpenMP.
    """
    parameters: Any = None
    if isinstance(index, faiss.IndexIVF):
        ivf: Any = faiss.SearchParametersIVF
        parameters = ivf(nprobe=min(PROBES, int(index.nlist)))
    start = 0
    for block in blocks_of(source):
        with faiss_threads(threads):
            for first in range(0, len(block), _BLOCK):
                part = np.ascontiguousarray(block[first : first + _BLOCK])
                _, found = index.search(part, count + 1, params=parameters)
                own = np.arange(start + first, start + first + len(part))
                yield without_own(found, own, count).astype(np.int32)
        start += len(block)


def without_own(found: Positions, own: Positions, count: int) -> Positions:
    """Positions int64 ``[n, m]`` without each row's ``own``, cut or filled up with -1 to ``count``.

    Args:
        found: nearest first.
        own: int64 ``[n]``; -1 leaves nothing out.
        count: how many are wanted.
    """
    kept = np.full((len(found), count), NO_POSITION, dtype=np.int64)
    for row, (positions, self_position) in enumerate(zip(found, own, strict=True)):
        others = positions[(positions != self_position) & (positions != NO_POSITION)][:count]
        kept[row, : len(others)] = others
    return kept


def mean_of(neighbours: Positions | Ints, vectors_at: Callable[[Positions], Floats], dimension: int) -> Floats:
    """The mean vector float32 ``[n, dimension]`` of each row of positions ``[n, m]``; zeros where a row has none."""
    there = neighbours != NO_POSITION
    if there.all():  # nearly always, and five times as fast
        every = vectors_at(neighbours.reshape(-1).astype(np.int64)).reshape(*neighbours.shape, dimension)
        means: Floats = np.einsum("nmd->nd", every) / np.float32(neighbours.shape[1])
        return means
    flat = vectors_at(neighbours[there].astype(np.int64))
    sums = np.zeros((len(neighbours), dimension), dtype=np.float32)
    counts = there.sum(axis=1)
    filled = np.flatnonzero(counts)
    if len(filled):
        starts = np.concatenate(([0], np.cumsum(counts[filled])[:-1])).astype(np.intp)
        sums[filled] = np.add.reduceat(flat, starts, axis=0) / counts[filled, None]
    return sums
