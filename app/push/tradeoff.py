"""What limits cost: the same candidates allocated under other caps and floors."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.push.allocation.exposure import exposure_of
from app.push.lists import ArmLists, allocated
from app.push.patents import PushPatents
from app.push.rules import PushRules

_CAPS = (64, 16, 8, 4, 2, 1)
"""Caps that are tried, in multiples of the mean exposure of all patents."""
_FLOORS = (0, 1, 2)


def trade_off(patents: PushPatents, lists: ArmLists, rules: PushRules, seed: int = 0) -> list[dict[str, Any]]:
    """Value, coverage and inequality under caps from none to tight, and under floors at the cap of the rules.

    Returns:
        One object a pair of cap and floor; ``kept`` is its value as a share of that without either.
    """
    places = rules.k * len(lists.firms)
    mean = max(1.0, places / max(1, int(patents.passing.sum())))
    caps = sorted({max(1, round(times * mean)) for times in _CAPS}, reverse=True)
    asked = [(0, 0), *((cap, 0) for cap in caps), *((rules.cap, floor) for floor in _FLOORS)]
    points, free = [], 0.0
    for cap, floor in dict.fromkeys(asked):
        told = rules.model_copy(update={"cap": cap, "floor": min(floor, cap) if cap else floor})
        made = allocated(patents, lists.found, told, lists.scale, seed)
        free = free or made.value
        counts = np.bincount(lists.found.patents[made.chosen], minlength=len(patents))[patents.passing]
        found = exposure_of(counts)
        points.append(
            {
                "cap": cap, "floor": told.floor, "value": made.value, "kept": made.value / free if free else 1.0,
                "coverage": found.coverage, "gini": found.gini, "largest": found.largest, "missed": made.missed,
                "gap": made.gap,
            }
        )  # fmt: skip
    return points
