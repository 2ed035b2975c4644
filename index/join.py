"""The nearest corpus vectors of very many queries: every pair is scored, in narrow arithmetic, the few best in float32.

Approximate indexes answer some hundred queries a second at recall 0.99; blocks of products with int8 or bfloat16 codes
score every pair faster than that. Products of a block of queries and a tile of vectors stay in the processor's cache;
of each group of 16 vectors only the largest product is kept, since the best ``k`` vectors lie in the ``k`` groups with
the largest ones. The groups kept are then scored in float32 from the vectors themselves, mapped from their file.

Memory: the codes (1 byte a component in int8: 361 MB for 940,000 vectors of 384), laid out once more for a part that
is joined with, and for each thread, with 512 queries at once, 4 MB of products, 17 MB of maxima and 9 MB of candidates
to score again. It does not grow with the number of queries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from index.arrays import Floats, Positions, check_vectors
from index.engine import NO_POSITION
from index.errors import VectorInputError
from index.products import (
    ROWS,
    Arithmetic,
    Coded,
    Coder,
    fastest,
    largest_component,
    multiply,
    one_thread,
    products_of,
)

GROUP = 16
"""Vectors of which only the largest product is kept; more would cost more re-scoring, fewer more sorting."""
SPARE_GROUPS = 16
"""Groups kept beyond ``k``: rounded products are off by some thousandths, and the last places lie as close."""
QUERIES_AT_ONCE = 512
TILE = 2048
"""Vectors multiplied at once: with 512 queries 4 MB of int32, which stay in the cache until their maxima are taken."""
SWEEP = 131_072
"""Vectors whose group maxima are gathered before the best groups are chosen among them."""
DIRECT = 2048
"""Up to so many vectors are simply multiplied in float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinOptions:
    """How a join is done.

    Attributes:
        k: neighbours of each query.
        certify: places of each query that are proved to be the true ones where that can be done; at most ``k``.
        arithmetic: what pairs are scored in; the fastest here when not given.
        seed: of the rotation that codes are made after.
        spare: groups re-scored beyond ``k``.
        threads: blocks of queries that are joined side by side; one a processor when not given.
    """

    k: int
    certify: int = 20
    arithmetic: Arithmetic | None = None
    seed: int = 0
    spare: int = SPARE_GROUPS
    threads: int | None = None

    @property
    def chosen(self) -> Arithmetic:
        """The arithmetic in force."""
        return self.arithmetic or fastest()


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest of each query, best first; equal scores by position.

    Attributes:
        scores: float32 ``[q, k]``, inner products in float32; ``-inf`` where there is no further neighbour.
        positions: int64 ``[q, k]``; -1 where there is no further neighbour.
        certified: bool ``[q]``: no vector that was not re-scored can belong to the query's first places.
    """

    scores: Floats
    positions: Positions
    certified: npt.NDArray[np.bool_]


class JoinCorpus:
    """Vectors that are joined with, and their codes.

    Args:
        rows: float32 ``[n, d]`` unit vectors, C-contiguous; a mapped file is best.
        options: how.

    Raises:
        VectorInputError: the rows are no such array.
    """

    def __init__(self, rows: Floats, options: JoinOptions) -> None:
        if rows.ndim != 2 or rows.dtype != np.float32 or not rows.flags.c_contiguous:
            raise VectorInputError("the corpus must be a C-contiguous float32 array of the shape [n, dimension]")
        if options.k < 1:
            raise VectorInputError(f"k must be 1 or more, not {options.k}")
        self.rows, self.options = rows, options
        self._coder: Coder | None = None
        self._codes: Coded | None = None

    def part(self, positions: Positions | None = None) -> JoinPart:
        """The vectors at ``positions`` int64 ``[m]``, ascending, to join queries with; all when not given."""
        wanted = np.arange(len(self.rows), dtype=np.int64) if positions is None else positions
        if len(wanted) <= max(DIRECT, (self.options.k + self.options.spare + 1) * GROUP):
            return JoinPart(self.rows, wanted, self.options, None, None)
        coder, coded = self._coded()
        return JoinPart(self.rows, wanted, self.options, coder, coded)

    def _coded(self) -> tuple[Coder, Coded]:
        if self._coder is None or self._codes is None:
            seed = self.options.seed
            coder = Coder(self.options.chosen, self.rows.shape[1], largest_component(self.rows, seed=seed), seed=seed)
            self._coder, self._codes = coder, _codes_of(self.rows, coder)
        return self._coder, self._codes


def _codes_of(rows: Floats, coder: Coder) -> Coded:
    import torch

    codes: Any = None
    error, step = 0.0, 1.0
    for start in range(0, len(rows), ROWS):
        coded = coder.corpus(rows[start : start + ROWS])
        if codes is None:
            codes = torch.empty((len(rows), rows.shape[1]), dtype=coded.codes.dtype)
        codes[start : start + len(coded.codes)] = coded.codes
        error, step = max(error, coded.error), coded.step
    return Coded(codes, step, error)


class JoinPart:
    """Some of a corpus, laid out for products: a tile after the other, and in each the members of a group apart."""

    def __init__(
        self, rows: Floats, positions: Positions, options: JoinOptions, coder: Coder | None, coded: Coded | None
    ) -> None:
        self._rows, self._positions, self._options = rows, positions, options
        self._coder, self._coded = coder, coded
        self._order = np.empty(0, dtype=np.int64)
        if coded is not None:
            self._lay_out(coded)

    def __len__(self) -> int:
        return len(self._positions)

    def search(self, queries: Floats) -> Neighbours:
        """The ``k`` nearest of each of ``queries`` float32 ``[q, d]``, C-contiguous.

        Raises:
            VectorInputError: the queries are not of this kind.
        """
        check_vectors(queries, self._rows.shape[1])
        if not len(queries):
            k = self._options.k
            return Neighbours(np.empty((0, k), np.float32), np.empty((0, k), np.int64), np.empty(0, np.bool_))
        parts = [queries[start : start + QUERIES_AT_ONCE] for start in range(0, len(queries), QUERIES_AT_ONCE)]
        threads = self._options.threads or len(os.sched_getaffinity(0))
        with one_thread(), ThreadPoolExecutor(threads, "join", initializer=_alone) as pool:
            blocks = list(pool.map(self._block, parts))
        return Neighbours(
            np.concatenate([block.scores for block in blocks]),
            np.concatenate([block.positions for block in blocks]),
            np.concatenate([block.certified for block in blocks]),
        )

    def _block(self, queries: Floats) -> Neighbours:
        if self._coder is None or self._coded is None:
            scores = queries @ self._rows[self._positions].T
            return self._best(scores, np.broadcast_to(self._positions, scores.shape), None)
        coded = self._coder.queries(queries)
        maxima, groups = self._best_groups(coded.codes)
        candidates = self._order[groups[:, :-1, None] * GROUP + np.arange(GROUP)].reshape(len(queries), -1)
        scores = _inner_products(queries, self._rows, candidates)
        # Whatever lies in a group that was not kept scores at most this.
        beyond = maxima[:, -1] * (coded.step.ravel() if np.ndim(coded.step) else coded.step) * self._coded.step
        reach = 1.0 + self._coded.error
        slack = coded.error * reach + self._coded.error + np.abs(beyond) * self._coder.relative_error
        return self._best(scores, candidates, beyond + slack)

    def _lay_out(self, coded: Coded) -> None:
        """Put member ``m`` of the ``g`` groups of a tile at ``m * g + group``: their maximum then reads whole lines."""
        import torch

        count = len(self._positions)
        padded = -(-count // TILE) * TILE
        self._order = np.full(padded, NO_POSITION, dtype=np.int64)
        self._order[:count] = self._positions
        by_column = self._order.reshape(-1, TILE // GROUP, GROUP).transpose(0, 2, 1).reshape(-1)
        self._codes = torch.zeros((padded, coded.codes.shape[1]), dtype=coded.codes.dtype)
        for start in range(0, padded, ROWS):
            wanted = by_column[start : start + ROWS]
            there = np.flatnonzero(wanted != NO_POSITION)
            self._codes[torch.from_numpy(there + start)] = coded.codes[torch.from_numpy(wanted[there])]
        self._padding = torch.from_numpy(by_column[-TILE:] == NO_POSITION)

    def _best_groups(self, queries: Any) -> tuple[Floats, Positions]:  # noqa: ANN401 - a torch tensor
        """Maxima float32 and numbers int64 ``[q, m + 1]`` of the best groups, best first; the last is not kept."""
        import torch

        wanted = self._options.k + self._options.spare + 1
        best: Any = None
        groups: Any = None
        for maxima, first in self._sweeps(queries):
            values, places = _largest(maxima, min(wanted, maxima.shape[1]))
            places = places + first
            if best is not None:
                values, places = torch.cat([best, values], 1), torch.cat([groups, places], 1)
                values, chosen = torch.topk(values, min(wanted, values.shape[1]), dim=1)
                places = torch.gather(places, 1, chosen)
            best, groups = values, places
        return best.float().numpy(), groups.numpy()

    def _sweeps(self, queries: Any) -> Iterator[tuple[Any, int]]:  # noqa: ANN401
        """Group maxima ``[q, groups]`` of a sweep of vectors, and the number of its first group."""
        import torch

        tiles = len(self._codes) // TILE
        products = products_of(len(queries), TILE, queries.dtype)
        smallest = -torch.inf if products.dtype.is_floating_point else torch.iinfo(products.dtype).min
        for first in range(0, tiles, SWEEP // TILE):
            parts = []
            for tile in range(first, min(first + SWEEP // TILE, tiles)):
                multiply(queries, self._codes[tile * TILE : (tile + 1) * TILE], products)
                if tile == tiles - 1:
                    products[:, self._padding] = smallest
                parts.append(products.view(len(products), GROUP, TILE // GROUP).amax(1))
            yield torch.cat(parts, 1), first * (TILE // GROUP)

    def _best(self, scores: Floats, candidates: Positions, beyond: Floats | None) -> Neighbours:
        """The best of candidates ``[q, m]``; ``beyond`` ``[q]`` is what others score at most."""
        import torch

        k, count = self._options.k, scores.shape[1]
        kept = min(k, count)
        values, chosen = torch.topk(torch.from_numpy(np.ascontiguousarray(scores)), kept, dim=1)
        found = np.take_along_axis(candidates, chosen.numpy(), axis=1)
        order = np.lexsort((found, -values.numpy()), axis=-1)
        best = np.full((len(scores), k), -np.inf, dtype=np.float32)
        positions = np.full((len(scores), k), NO_POSITION, dtype=np.int64)
        best[:, :kept] = np.take_along_axis(values.numpy(), order, axis=1)
        positions[:, :kept] = np.take_along_axis(found, order, axis=1)
        positions[~np.isfinite(best)] = NO_POSITION
        if beyond is None:
            return Neighbours(best, positions, np.ones(len(scores), dtype=np.bool_))
        return Neighbours(best, positions, best[:, min(self._options.certify, k) - 1] > beyond)


def merge_neighbours(parts: Sequence[Neighbours], k: int) -> Neighbours:
    """The ``k`` best of what the same queries found in several parts of a corpus, each position once.

    A query is certified where it is in every part.
    """
    scores = np.concatenate([part.scores for part in parts], axis=1)
    positions = np.concatenate([part.positions for part in parts], axis=1)
    order = np.lexsort((-scores, positions), axis=-1)
    scores, positions = np.take_along_axis(scores, order, 1), np.take_along_axis(positions, order, 1)
    repeated = np.zeros(positions.shape, dtype=np.bool_)
    repeated[:, 1:] = positions[:, 1:] == positions[:, :-1]
    scores, positions = np.where(repeated, -np.inf, scores), np.where(repeated, NO_POSITION, positions)
    order = np.lexsort((positions, -scores), axis=-1)[:, :k]
    certified = np.logical_and.reduce([part.certified for part in parts])
    best, found = np.take_along_axis(scores, order, 1), np.take_along_axis(positions, order, 1)
    if best.shape[1] < k:
        missing = ((0, 0), (0, k - best.shape[1]))
        best = np.pad(best, missing, constant_values=-np.inf)
        found = np.pad(found, missing, constant_values=NO_POSITION)
    return Neighbours(best, found, certified)


_SPREAD = 16
"""Groups of which only the largest maximum is looked at first: the best few groups are among the best few of these."""


def _largest(maxima: Any, wanted: int) -> tuple[Any, Any]:  # noqa: ANN401 - torch tensors
    """The ``wanted`` largest of each row of ``[q, n]`` and their places, best first."""
    import torch

    count = maxima.shape[1]
    if count % _SPREAD or count < 2 * _SPREAD * wanted // 3 or wanted > count // _SPREAD:
        return torch.topk(maxima, wanted, dim=1)
    apart = count // _SPREAD
    _, over = torch.topk(maxima.view(-1, _SPREAD, apart).amax(1), wanted, dim=1)
    places = (over[:, None, :] + torch.arange(0, count, apart)[None, :, None]).flatten(1)
    values, chosen = torch.topk(torch.gather(maxima, 1, places), wanted, dim=1)
    return values, torch.gather(places, 1, chosen)


def _alone() -> None:
    """Let a thread compute by itself; the others have blocks of their own."""
    import torch

    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)


def _inner_products(queries: Floats, rows: Floats, candidates: Positions) -> Floats:
    """Inner products float32 ``[q, m]`` of each query with its candidates, read where they lie; -inf where none is."""
    there = candidates != NO_POSITION
    wanted = np.ascontiguousarray(np.where(there, candidates, 0))
    products = np.empty(candidates.shape, dtype=np.float32)
    _products_by_place(
        faiss.swig_ptr(products),
        faiss.swig_ptr(np.ascontiguousarray(queries)),
        faiss.swig_ptr(rows),
        faiss.swig_ptr(wanted),
        rows.shape[1],
        *candidates.shape,
    )
    products[~there] = -np.inf
    return products


# FAISS adds it at run time, where its own type information does not see it.
_products_by_place: Any = vars(faiss)["fvec_inner_products_by_idx"]
