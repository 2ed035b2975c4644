"""A query of several views (a need's title and its text) as one vector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.arrays import Floats

TITLE_WEIGHT = 0.4
"""Weight of a need's title beside its text; of 0.3 to 1 the best on judged needs, see docs/evaluation.md."""


def view_weights(count: int, *, titled: bool) -> tuple[float, ...]:
    """The weights of a query's views: a title tells the subject, the text behind it also the circumstances."""
    return (TITLE_WEIGHT, 1 - TITLE_WEIGHT) if titled and count == 2 else (1.0,) * count


def combine_views(vectors: Floats, counts: Sequence[int], weights: Sequence[float]) -> Floats:
    """Average the views of each query and renormalise, so that a cosine is the mean over the views up to a factor.

    Args:
        vectors: float32 ``[sum(counts), d]``, unit vectors, the views of one query next to each other.
        counts: how many views each query has, at least 1.
        weights: the weight of each view, as long as ``vectors``.

    Returns:
        float32 ``[len(counts), d]`` unit vectors.
    """
    starts = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.intp)
    sums = np.add.reduceat(vectors * np.asarray(weights, dtype=np.float32)[:, None], starts, axis=0)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    # Two opposite views would cancel out; the guard keeps the division finite and the query merely matches nothing
    # well.
    combined: Floats = sums / np.maximum(norms, np.finfo(np.float32).tiny)
    return combined
