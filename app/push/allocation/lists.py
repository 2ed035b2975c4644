"""The best list of each firm, of so many places and of each label only so many, and how fairly lists spread patents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.arrays import Doubles, Ints, Mask

NOBODY = -1
"""The label of a patent that a limit does not concern, and the patent of a candidate that is none."""
HUB_SHARE = 0.01
"""The share of most shown patents whose part of all places is given as ``hub_share``."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How often patents are shown.

    Attributes:
        places: entries of all lists together.
        patents: patents that could be shown.
        shown: patents that are in a list at least once.
        coverage: ``shown`` as a share of ``patents``.
        never: the share that is in no list.
        gini: 0 where all are shown equally often, towards 1 where few have all places; over all patents.
        largest: places of the most shown patent.
        hub_share: the share of places of the 1 % most shown patents.
        histogram: how many patents are shown so often, by number of places.
    """

    places: int
    patents: int
    shown: int
    coverage: float
    never: float
    gini: float
    largest: int
    hub_share: float
    histogram: dict[int, int]


def exposure_of(counts: Ints) -> Exposure:
    """The exposure of patents that are shown ``counts`` int64 ``[n]`` times."""
    total, patents = int(counts.sum()), len(counts)
    shown = int(np.count_nonzero(counts))
    times, how_many = np.unique(counts, return_counts=True)
    hubs = -np.sort(-counts)[: max(1, round(patents * HUB_SHARE))]
    coverage = shown / patents if patents else 0.0
    return Exposure(
        places=total,
        patents=patents,
        shown=shown,
        coverage=coverage,
        never=1.0 - coverage if patents else 0.0,
        gini=gini(counts),
        largest=int(counts.max(initial=0)),
        hub_share=float(hubs.sum() / total) if total else 0.0,
        histogram=dict(zip(times.tolist(), how_many.tolist(), strict=True)),
    )


def gini(counts: Ints) -> float:
    """Gini's coefficient of counts int64 ``[n]``: half the mean difference of two, relative to the mean (1912)."""
    total, n = int(counts.sum()), len(counts)
    if not total:
        return 0.0
    ranks = np.arange(1, n + 1, dtype=np.float64)
    return float((2 * ranks - n - 1) @ np.sort(counts).astype(np.float64) / (n * total))
