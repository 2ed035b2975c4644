"""How a filtered search is run: whichever of two exact ways costs less.

- ``subset``: the vectors that pass are gathered and multiplied. Costs by what passes; several queries share the gather.
- ``scan``: the whole index is read and every position asked whether it passes. Costs by how many there are, and more
  for those that pass.

The constants are from `patmatch bench filters` over 102,000 vectors of 384 dimensions; only their ratios matter, for
the choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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
