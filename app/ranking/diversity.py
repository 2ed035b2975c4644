"""A list whose entries differ: maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998)."""

from __future__ import annotations

import numpy as np

from app.arrays import Floats


def diversify(scores: Floats, vectors: Floats, k: int, diversity: float) -> list[int]:
    """Pick ``k`` candidates one by one: the best of ``(1 - diversity) * score - diversity * nearest already picked``.

    Args:
        scores: float32 ``[n]``, cosines of the candidates with the query, best first.
        vectors: float32 ``[n, d]``, the candidates' unit vectors.
        k: how many to pick, at most ``n`` come back.
        diversity: 0 keeps the order by score, 1 looks at difference alone after the first.

    Returns:
        Positions among the candidates, in the order of the list.
    """
    n = len(scores)
    nearest = np.zeros(n, dtype=np.float32)
    open_ = np.ones(n, dtype=bool)
    picked: list[int] = []
    while len(picked) < min(k, n):
        gain = (1.0 - diversity) * scores - diversity * nearest
        gain[~open_] = -np.inf
        best = int(np.argmax(gain))
        picked.append(best)
        open_[best] = False
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return picked
