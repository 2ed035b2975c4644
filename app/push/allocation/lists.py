"""The best list of each firm from its candidates: so many places, and of each label only so many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.arrays import Doubles, Ints, Mask

NOBODY = -1
"""The label of a patent that a limit does not concern, and the patent of a candidate that is none."""


@dataclass(frozen=True, slots=True)
class LabelLimit:
    """At most ``most`` patents of one label in a list, as one holder's or one family's.

    Attributes:
        labels: int64 ``[patents]``; `NOBODY` where there is none.
        most: 1 or more.
    """

    labels: Ints
    most: int


def best_lists(
    values: Doubles, patents: Ints, k: int, limits: Sequence[LabelLimit] = (), allowed: Mask | None = None
) -> Mask:
    """Which candidates are in each firm's list: the best by ``values``, passing over what is one too many of a label.

    Args:
        values: float64 ``[firms, m]``; only those above ``-inf`` are candidates.
        patents: int64 ``[firms, m]``; `NOBODY` where there is no candidate.
        k: places in a list.
        limits: of labels; without any the list is the ``k`` best.
        allowed: bool ``[firms, m]``; all when not given.

    Returns:
        bool ``[firms, m]``. Where labels cross (a family of two holders) a list of a higher sum may exist.
    """
    usable = (patents != NOBODY) & np.isfinite(values)
    if allowed is not None:
        usable &= allowed
    ordered = np.argsort(-np.where(usable, values, -np.inf), axis=1, kind="stable")
    chosen = np.zeros(values.shape, dtype=np.bool_)
    top = ordered[:, :k]
    np.put_along_axis(chosen, top, np.take_along_axis(usable, top, 1), 1)
    if not limits:
        return chosen
    # Most lists break no limit: only those that do are walked.
    broken = np.flatnonzero(_breaks(chosen, patents, limits))
    if len(broken):
        chosen[broken] = _walked(ordered[broken], usable[broken], patents[broken], k, limits)
    return chosen


def _breaks(chosen: Mask, patents: Ints, limits: Sequence[LabelLimit]) -> Mask:
    """Bool ``[firms]``: which lists hold too many of a label."""
    broken = np.zeros(len(chosen), dtype=np.bool_)
    for limit in limits:
        labels = np.sort(np.where(chosen, limit.labels[patents], NOBODY), axis=1)
        if labels.shape[1] > limit.most:
            apart = labels[:, limit.most :] == labels[:, : -limit.most]
            broken |= (apart & (labels[:, limit.most :] != NOBODY)).any(1)
    return broken


def _walked(ordered: Ints, usable: Mask, patents: Ints, k: int, limits: Sequence[LabelLimit]) -> Mask:
    """The lists made one candidate after the other, for all firms at once."""
    rows = np.arange(len(ordered))
    chosen = np.zeros(usable.shape, dtype=np.bool_)
    filled = np.zeros(len(ordered), dtype=np.int64)
    taken = [np.full((len(ordered), k), NOBODY, dtype=np.int64) for _ in limits]
    for place in range(ordered.shape[1]):
        at = ordered[:, place]
        fits = usable[rows, at] & (filled < k)
        named = [limit.labels[patents[rows, at]] for limit in limits]
        for limit, labels, before in zip(limits, named, taken, strict=True):
            fits &= (labels == NOBODY) | ((before == labels[:, None]).sum(1) < limit.most)
        takers = np.flatnonzero(fits)
        chosen[takers, at[takers]] = True
        for labels, before in zip(named, taken, strict=True):
            before[takers, filled[takers]] = labels[takers]
        filled[takers] += 1
        if (filled >= k).all():
            break
    return chosen
