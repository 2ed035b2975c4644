"""How fairly a push run spreads what it shows: coverage, inequality, and who is shown most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.arrays import Ints

HUB_SHARE = 0.01
"""The share of most shown patents whose part of all places is told as ``hub_share``."""


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
