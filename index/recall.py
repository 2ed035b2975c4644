"""How much of the true answer a search finds.

recall@k = the share of returned places whose true score reaches that of the k-th true neighbour (Manning, Raghavan
and Schütze, Introduction to Information Retrieval, chapter 8, with ties counted as found: a copy of a document is as
good as the document).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from index.arrays import Floats, Positions
from index.checks import check_vectors
from index.engine import NO_POSITION, Hits, SearchIndex, exact_search
from index.sources import VectorSource

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

    def recall(self, index: SearchIndex, source: VectorSource) -> float:
        """Mean recall@20 of ``index``; 1 where there is nothing to find or no query."""
        if not self.k or not len(self.queries):
            return 1.0
        positions = index.search(self.queries, self.k).positions
        true_scores = _true_scores(self.queries, positions, source)
        return float(np.mean(true_scores >= self.threshold[:, None] - SCORE_TOLERANCE))


def overlap_recall(approximate: Hits, exact: Hits) -> float:
    """Mean share of places whose score reaches the exact search's last one, both over the same stored vectors."""
    if not exact.scores.size:
        return 1.0
    return float(np.mean(approximate.scores >= exact.scores[:, -1:] - SCORE_TOLERANCE))


def _true_scores(queries: Floats, positions: Positions, source: VectorSource) -> Floats:
    scores = np.full(positions.shape, -np.inf, dtype=np.float32)
    for row, (query, found) in enumerate(zip(queries, positions, strict=True)):
        valid = found != NO_POSITION
        scores[row, valid] = source.take(found[valid]) @ query
    return scores
