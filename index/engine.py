"""Nearest neighbours by inner product, found by FAISS.

A filtered search is run in whichever of two exact ways costs less:

- ``subset``: the vectors that pass are gathered and multiplied. Costs by what passes; several queries share the gather.
- ``scan``: the whole index is read and every position tested whether it passes. Costs by how many there are, and more
  for those that pass.

The constants are from `patmatch bench filters` over 102,000 vectors of 384 dimensions; only their ratios matter, for
the choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from index.arrays import Floats, Mask, Positions, check_mask, check_vectors
from index.errors import VectorInputError

_MEASURED_DIMENSION = 384
_GATHER_NS = 600.0  # one float32 vector copied from its place in memory; a few hundred of them take a third of it
_PRODUCT_NS = 60.0  # one inner product of gathered vectors
_SKIP_NS = 6.0  # one position that does not pass, in a scan
_SCAN_NS = 200.0  # one position that passes, in a scan, when one in ten does; 45 when all do


class PlanKind(StrEnum):
    """How a search is run."""

    NEAREST = "nearest"  # no filter: the index's own search
    SUBSET = "subset"
    SCAN = "scan"


@dataclass(frozen=True, slots=True)
class Plan:
    """What was chosen, and from what.

    Attributes:
        passing: positions that pass the filter.
        of: positions that there are.
        subset_ms: what gathering them was estimated to cost; ``None`` without a filter.
        scan_ms: what reading everything was estimated to cost.
    """

    kind: PlanKind
    passing: int
    of: int
    subset_ms: float | None = None
    scan_ms: float | None = None


def nearest_plan(count: int) -> Plan:
    """The plan of a search without a filter."""
    return Plan(PlanKind.NEAREST, count, count)


def filter_plan(passing: int, count: int, queries: int, dimension: int, *, rows: bool = True) -> Plan:
    """The cheaper of the two exact ways.

    Args:
        passing: positions that pass.
        count: positions that there are.
        queries: searched at once.
        dimension: length of a vector.
        rows: whether exact vectors can be read by position; without them only a scan is possible.
    """
    share = dimension / _MEASURED_DIMENSION
    subset = passing * share * (_GATHER_NS + queries * _PRODUCT_NS) * 1e-6
    scan = queries * (count * _SKIP_NS + passing * share * _SCAN_NS) * 1e-6
    kind = PlanKind.SUBSET if rows and subset <= scan else PlanKind.SCAN
    return Plan(kind, passing, count, round(subset, 4), round(scan, 4))


NO_POSITION = -1
FLOAT_TOLERANCE = 2e-6
"""How far apart float32 sums of one inner product of unit vectors may lie, in another order of summing."""

_SPARE_ROUNDED = 16
"""Places beyond those wanted that are taken from rounded vectors at first; nearly always enough to settle the last."""
_SUBSET_BLOCK = 65_536
"""Vectors gathered at once: 100 MB at 384 dimensions."""

_UNPLANNED = nearest_plan(0)

# FAISS adds the keyword arguments of these classes at run time, where its own type information does not see them.
_FlatParameters: Any = faiss.SearchParameters
_IvfParameters: Any = faiss.SearchParametersIVF


@dataclass(frozen=True, slots=True)
class Hits:
    """The nearest of each query, best first; equal scores by position.

    Attributes:
        scores: float32 ``[q, k]``, inner products; ``-inf`` where there is no further neighbour.
        positions: int64 ``[q, k]``; -1 where there is no further neighbour.
        plan: how they were searched for.
    """

    scores: Floats
    positions: Positions
    plan: Plan = _UNPLANNED


class FaissIndex:
    """A FAISS index, flat or IVF, that is only read. Safe to use from several threads at once.

    An IVF index keeps rounded vectors. Where the exact ones are at hand, its candidates are scored by these, and so
    many are taken that rounding cannot have hidden a better one: a search of all lists is then exact.

    Args:
        index: a ``faiss.IndexFlat`` or ``faiss.IndexIVF`` with inner product.
        nprobe: how many of an IVF index's lists an unfiltered search reads; ignored for a flat one.
        threads: how many threads one call may use; ``None`` leaves it to OpenMP.
        rows: the exact vectors float32 ``[n, dimension]`` of an IVF index; a flat one has them itself.
        code_error: the largest Euclidean distance between a vector and its rounded self. Rounding changes the inner
            product with a unit vector by no more (Cauchy and Schwarz).
    """

    def __init__(
        self,
        index: Any,  # noqa: ANN401 - faiss has no types
        *,
        nprobe: int | None = None,
        threads: int | None = None,
        rows: Floats | None = None,
        code_error: float = 0.0,
    ) -> None:
        if index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise VectorInputError("only inner product is supported")
        self._index = index
        self._ivf = isinstance(index, faiss.IndexIVF)
        self._lists = int(index.nlist) if self._ivf else 0
        self._nprobe = min(nprobe or 1, self._lists)
        self._threads = threads
        self._rows = rows if self._ivf else _flat_rows(index)
        self._code_error = code_error if self._ivf else 0.0
        # Two rounding errors apart, two candidates may be in either order.
        self._window = 2 * self._code_error + FLOAT_TOLERANCE
        self._spare = _SPARE_ROUNDED if self._ivf and rows is not None else 1

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def vectors_at(self, positions: Positions) -> Floats:
        """The vectors float32 ``[n, dimension]`` at ``positions`` int64 ``[n]``, as precise as they are kept.

        Raises:
            VectorInputError: a position is not in the index.
        """
        wanted = np.ascontiguousarray(positions, dtype=np.int64)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < len(self):
            raise VectorInputError(f"positions must be from 0 to {len(self) - 1}")
        return np.array(self._rows[wanted]) if self._rows is not None else self.decoded_at(wanted)

    def decoded_at(self, positions: Positions) -> Floats:
        """The vectors float32 ``[n, dimension]`` that the index itself keeps, rounded in an IVF index."""
        vectors: Floats = self._index.reconstruct_batch(np.ascontiguousarray(positions, dtype=np.int64))
        return vectors

    @property
    def faiss(self) -> Any:  # noqa: ANN401 - faiss has no types
        """FAISS's own index, for what reads all of it."""
        return self._index

    @property
    def nprobe(self) -> int | None:
        """How many lists an unfiltered search reads; ``None`` for a flat index."""
        return self._nprobe if self._ivf else None

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def with_nprobe(self, nprobe: int) -> FaissIndex:
        """The same vectors, searched with another ``nprobe``; this object is not changed."""
        return FaissIndex(
            self._index, nprobe=nprobe, threads=self._threads, rows=self._rows, code_error=self._code_error
        )

    def search(
        self,
        queries: Floats,
        k: int,
        *,
        allowed: Mask | None = None,
        hidden: Mask | None = None,
        force: PlanKind | None = None,
    ) -> Hits:
        """The ``k`` nearest of each query, among the positions that are ``allowed`` and not ``hidden``.

        A filtered search gives the true nearest, whatever the selectivity.

        Args:
            queries: float32 ``[q, dimension]``, C-contiguous.
            k: 1 or more; more than there are gives all of them, padded.
            allowed: bool ``[n]``; every position when not given.
            hidden: bool ``[n]``, positions that no search finds any more; none when not given.
            force: one of the plans of a filtered search, to compare them.

        Raises:
            VectorInputError: an argument is not of this kind.
        """
        check_vectors(queries, self.dimension)
        if k < 1:
            raise VectorInputError(f"k must be 1 or more, not {k}")
        passing, plan = self._plan(len(queries), allowed, hidden)
        if force is not None and allowed is not None:
            plan = replace(plan, kind=force)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        positions = np.full((len(queries), k), NO_POSITION, dtype=np.int64)
        wanted = min(k, plan.passing)
        if wanted and len(queries):
            filled = scores[:, :wanted], positions[:, :wanted]
            with faiss_threads(self._threads):
                if plan.kind is PlanKind.SUBSET and passing is not None:
                    self._fill_from_subset(queries, np.flatnonzero(passing), *filled)
                else:
                    nprobe = self._lists if plan.kind is PlanKind.SCAN else self._nprobe
                    self._fill(queries, plan.passing, passing, nprobe, *filled)
        return Hits(scores, positions, plan)

    def _plan(self, queries: int, allowed: Mask | None, hidden: Mask | None) -> tuple[Mask | None, Plan]:
        """The positions to look at, ``None`` for all, and how."""
        gone = 0 if hidden is None else int(np.count_nonzero(check_mask(hidden, len(self))))
        if allowed is None:
            passing = None if hidden is None or not gone else ~hidden
            return passing, nearest_plan(len(self) - gone)
        passing = check_mask(allowed, len(self))
        if hidden is not None and gone:
            passing = passing & ~hidden
        count = int(np.count_nonzero(passing))
        return passing, filter_plan(count, len(self), queries, self.dimension, rows=self._rows is not None)

    def _fill_from_subset(self, queries: Floats, passing: Positions, scores: Floats, positions: Positions) -> None:
        """Multiply the passing vectors with the queries, a block at a time, keeping what may be among the best."""
        wanted = positions.shape[1]
        kept: list[list[tuple[Floats, Positions]]] = [[] for _ in queries]
        for start in range(0, len(passing), _SUBSET_BLOCK):
            block = passing[start : start + _SUBSET_BLOCK]
            products = queries @ self.vectors_at(block).T
            for row, product in zip(kept, products, strict=True):
                near = _near_best(product, wanted)
                row.append((product[near], block[near]))
        for n, row in enumerate(kept):
            found_scores = np.concatenate([part for part, _ in row])
            found = np.concatenate([part for _, part in row])
            near = _near_best(found_scores, wanted)
            scores[n : n + 1], positions[n : n + 1] = self._settled(
                queries[n : n + 1], found_scores[None, near], found[None, near], wanted
            )

    def _fill(
        self,
        queries: Floats,
        reachable: int,
        passing: Mask | None,
        nprobe: int,
        scores: Floats,
        positions: Positions,
    ) -> None:
        """Search until each row is filled and its last place is not decided by chance or by rounding.

        FAISS keeps whichever of two equal scores it met first, which depends on lists and threads, and an IVF index
        compares rounded vectors. Some more places are searched, and rows whose last place is not clearly better than
        the last one found are searched again, deeper.
        """
        wanted = positions.shape[1]
        rows = np.arange(len(queries))
        depth = min(wanted + self._spare, reachable)
        while len(rows):
            found_scores, found = self._raw_search(queries[rows], depth, nprobe, passing)
            scores[rows], positions[rows] = self._settled(queries[rows], found_scores, found, wanted)
            short = found[:, wanted - 1] == NO_POSITION
            close = found_scores[:, -1] >= found_scores[:, wanted - 1] - self._window
            unsettled = short if nprobe < self._lists else np.zeros_like(short)
            if depth < reachable:
                unsettled = unsettled | (close & ~short)
            rows = rows[unsettled]
            if unsettled[short].any():
                nprobe = self._lists
            depth = min(depth * 2, reachable)

    def _settled(self, queries: Floats, scores: Floats, found: Positions, wanted: int) -> tuple[Floats, Positions]:
        """The best ``wanted`` of the candidates by their exact scores, equal ones by position."""
        if self._rows is not None:
            scores = np.stack([self._exact_scores(query, row) for query, row in zip(queries, found, strict=True)])
        order = np.lexsort((found, -scores), axis=-1)[:, :wanted]
        return np.take_along_axis(scores, order, axis=1), np.take_along_axis(found, order, axis=1)

    def _exact_scores(self, query: Floats, positions: Positions) -> Floats:
        """Inner products summed in float64, so that equal vectors score equally however they were found."""
        scores = np.full(len(positions), -np.inf, dtype=np.float32)
        there = positions != NO_POSITION
        assert self._rows is not None  # noqa: S101 - callers look first
        scores[there] = self._rows[positions[there]].astype(np.float64) @ query.astype(np.float64)
        return scores

    def _raw_search(self, queries: Floats, depth: int, nprobe: int, passing: Mask | None) -> tuple[Floats, Positions]:
        # Parameters of this call alone: changing the index itself would change searches of other threads.
        selector, bits = None, None
        if passing is not None:
            bits = np.packbits(passing, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        if self._ivf:
            parameters: Any = _IvfParameters(sel=selector, nprobe=nprobe)
        else:
            parameters = _FlatParameters(sel=selector)
        scores, positions = self._index.search(np.ascontiguousarray(queries), depth, params=parameters)
        scores[positions == NO_POSITION] = -np.inf
        return scores, positions


def _flat_rows(index: Any) -> Floats:  # noqa: ANN401 - faiss has no types
    """The vectors of a flat index where they lie, mapped or in memory; valid as long as the index is."""
    count, dimension = int(index.ntotal), int(index.d)
    if not count:
        return np.empty((0, dimension), dtype=np.float32)
    rows: Floats = faiss.rev_swig_ptr(index.get_xb(), count * dimension).reshape(count, dimension)
    return rows


def _near_best(scores: Floats, wanted: int) -> Positions:
    """Where the scores lie that may be among the best ``wanted``, float32's rounding considered; int64 ``[m]``."""
    if len(scores) <= wanted:
        return np.arange(len(scores))
    last = np.partition(scores, len(scores) - wanted)[len(scores) - wanted]
    return np.flatnonzero(scores >= last - FLOAT_TOLERANCE)


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
    return Hits(scores, positions, nearest_plan(start))
