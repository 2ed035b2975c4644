"""Vectors to a FAISS index: exact where that is fast, else inverted lists with the probes that the recall needs.

recall@k = the share of returned places whose true score reaches that of the k-th true neighbour (Manning, Raghavan
and Schütze, Introduction to Information Retrieval, chapter 8, with ties counted as found: a copy of a document is as
good as the document).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np

from index.arrays import Floats, VectorSource, check_vectors
from index.engine import NO_POSITION, FaissIndex, Hits, exact_search, faiss_threads

FLAT = "flat"
IVF_FP16 = "ivf_sqfp16"

LISTS_PER_ROOT = 4  # nlist = 4 * sqrt(n); FAISS's guide to choosing an index advises 4 to 16
# FAISS warns under 39 training vectors a list. With 256 instead of 50 recall was the same (0.981 and 0.982 at nprobe
# 128, 100,000 synthetic vectors) and building took half as long again.
FEWEST_TRAINING_PER_LIST = 39
TRAINING_PER_LIST = 50
FIRST_NPROBE = 4
# What is kept is a vector's difference from its list's centre: smaller, so that rounding it to 16 bits loses less.
# With all lists read, recall is then 0.9999 instead of 0.9992 (as above).
BY_RESIDUAL = True


def build_flat(source: VectorSource, threads: int | None) -> Any:  # noqa: ANN401 - faiss has no types
    """A ``faiss.IndexFlatIP`` over all vectors of ``source``.

    Raises:
        VectorInputError: a vector is not float32, finite and of unit length.
    """
    index = faiss.IndexFlatIP(source.dimension)
    _add_all(index, source, threads)
    return index


def build_ivf(source: VectorSource, threads: int | None, seed: int) -> Any:  # noqa: ANN401
    """A ``faiss.IndexIVFScalarQuantizer`` with 16-bit floats, trained on a seeded sample of ``source``.

    Raises:
        VectorInputError: a vector is not float32, finite and of unit length.
    """
    nlist = max(1, min(round(LISTS_PER_ROOT * math.sqrt(len(source))), len(source) // FEWEST_TRAINING_PER_LIST))
    quantizer = faiss.IndexFlatIP(source.dimension)
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, source.dimension, nlist, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, BY_RESIDUAL
    )
    index.cp.seed = seed
    size = min(len(source), TRAINING_PER_LIST * nlist)
    chosen = np.random.default_rng(seed).choice(len(source), size=size, replace=False)
    sample = check_vectors(source.take(np.sort(chosen)), source.dimension, unit=True)
    with faiss_threads(threads):
        index.train(sample)
    _add_all(index, source, threads)
    index.make_direct_map()  # 8 bytes a vector, kept in the file: without it a vector cannot be read by its position
    return index


def tune_nprobe(index: FaissIndex, source: VectorSource, truth: Truth, target: float, nlist: int) -> int:
    """The least ``nprobe`` of 4, 8, 16, ... ``nlist`` whose recall reaches ``target``; ``nlist`` when none does."""
    nprobe = FIRST_NPROBE
    while nprobe < nlist and truth.recall(index.with_nprobe(nprobe), source) < target:
        nprobe *= 2
    return min(nprobe, nlist)


def _add_all(index: Any, source: VectorSource, threads: int | None) -> None:  # noqa: ANN401
    with faiss_threads(threads):
        for block in blocks_of(source):
            index.add(block)


RECALL_AT = 20
# float32 sums in another order differ by about 1e-7; neighbours closer than this are the same neighbour.
SCORE_TOLERANCE = 1e-6
BLOCK = 65_536  # vectors held at once while all are read: 100 MB at 384 dimensions


def blocks_of(source: VectorSource) -> Iterator[Floats]:
    """All vectors in order of position, ``BLOCK`` at a time.

    Raises:
        VectorInputError: a vector is not float32, finite and of unit length.
    """
    for start in range(0, len(source), BLOCK):
        block = source.take(np.arange(start, min(start + BLOCK, len(source)), dtype=np.int64))
        yield check_vectors(block, source.dimension, unit=True)


@dataclass(frozen=True, slots=True)
class Truth:
    """Sample queries float32 ``[m, d]`` and the score of each one's k-th true neighbour, float32 ``[m]``."""

    queries: Floats
    k: int
    threshold: Floats

    @classmethod
    def of(cls, source: VectorSource, queries: Floats, threads: int | None) -> Truth:
        """Search ``source`` exactly, in float32."""
        k = min(RECALL_AT, len(source))
        hits = exact_search(blocks_of(source), queries, k, threads)
        return cls(queries, k, hits.scores[:, -1] if k else np.empty(len(queries), dtype=np.float32))

    def recall(self, index: FaissIndex, source: VectorSource) -> float:
        """Mean recall@20 of ``index``; 1 where there is nothing to find or no query."""
        if not self.k or not len(self.queries):
            return 1.0
        positions = index.search(self.queries, self.k).positions
        scores = np.full(positions.shape, -np.inf, dtype=np.float32)
        for row, (query, found) in enumerate(zip(self.queries, positions, strict=True)):
            valid = found != NO_POSITION
            scores[row, valid] = source.take(found[valid]) @ query
        return float(np.mean(scores >= self.threshold[:, None] - SCORE_TOLERANCE))


def overlap_recall(approximate: Hits, exact: Hits) -> float:
    """Mean share of places whose score reaches the exact search's last one, both over the same stored vectors."""
    if not exact.scores.size:
        return 1.0
    return float(np.mean(approximate.scores >= exact.scores[:, -1:] - SCORE_TOLERANCE))
