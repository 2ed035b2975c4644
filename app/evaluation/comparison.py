"""Several systems on the same judgements: what each measures, and whether the differences to the first are luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from app.evaluation.measures import QueryMeasures, level_score
from app.evaluation.result import MEANS, EvaluationResult
from app.evaluation.significance import SIGNIFICANT, Tally, holm, randomisation_test, tally
from app.evaluation.uncertainty import Floats, Interval, difference_interval

Verdict = Literal["better", "worse", "unclear"]

LEVEL_SCORE = "level_score"
"""The one measure that is no mean over queries but is made of one: of level errors, weighed by judgements."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure less that of the first system.

    Attributes:
        value: positive where the measure is larger than the first system's.
        interval: paired bootstrap 95 % interval; ``None`` where the measure is no mean over two or more queries.
        p_value: of a two-sided paired randomisation test; ``None`` as ``interval``.
        p_holm: ``p_value`` adjusted for all differences that are shown together.
        tally: over how many queries this system did better, the same and worse.
    """

    value: float
    interval: Interval | None = None
    p_value: float | None = None
    p_holm: float | None = None
    tally: Tally | None = None

    @property
    def excludes_zero(self) -> bool | None:
        """Whether other queries like these would show a difference as well; ``None`` without an interval."""
        if self.interval is None:
            return None
        return self.interval.low > 0 or self.interval.high < 0

    @property
    def verdict(self) -> Verdict | None:
        """What may be said: better, worse, or that it cannot be told; ``None`` where there is no test."""
        if self.p_holm is None:
            return None
        if self.p_holm >= SIGNIFICANT:
            return "unclear"
        return "better" if self.value > 0 else "worse"

    @property
    def visible_from(self) -> float | None:
        """How small a difference these queries could show: half the width of the interval."""
        return None if self.interval is None else (self.interval.high - self.interval.low) / 2

    def as_json(self) -> dict[str, Any]:
        """The difference as JSON types."""
        return {
            "value": self.value,
            "interval": None if self.interval is None else [self.interval.low, self.interval.high],
            "excludes_zero": self.excludes_zero,
            "p_value": self.p_value,
            "p_holm": self.p_holm,
            "wins": self.tally.wins if self.tally else None,
            "ties": self.tally.ties if self.tally else None,
            "losses": self.tally.losses if self.tally else None,
            "visible_from": self.visible_from,
            "verdict": self.verdict,
        }


Differences = Mapping[str, Difference]
"""Measure -> its difference to the first system."""


def differences(first: EvaluationResult, other: EvaluationResult) -> dict[str, Difference]:
    """``other`` less ``first`` for every measure that is one number in both, paired by query where it has one each."""
    return dict(all_differences([first, other])[1])


def all_differences(results: Sequence[EvaluationResult]) -> list[Differences]:
    """Each system's differences to the first, whose own are empty; p-values are adjusted for all of them together."""
    found = [_differences(results[0], other) if place else {} for place, other in enumerate(results)]
    tests = {
        f"{place} {name}": difference.p_value
        for place, each in enumerate(found)
        for name, difference in each.items()
        if difference.p_value is not None
    }
    adjusted = holm(tests)
    return [
        {name: replace(difference, p_holm=adjusted.get(f"{place} {name}")) for name, difference in each.items()}
        for place, each in enumerate(found)
    ]


def comparison(sources: Sequence[str], results: Sequence[EvaluationResult]) -> list[dict[str, Any]]:
    """One entry for each system, in the order asked for, as JSON types; the first has no differences."""
    return [
        {
            "source": source,
            "name": result.encoder.get("name"),
            "fingerprint": result.encoder.get("fingerprint"),
            "measures": dict(result.measures),
            "slices": result.slices.as_json(),
            "differences": {name: difference.as_json() for name, difference in found.items()},
        }
        for source, result, found in zip(sources, results, all_differences(results), strict=True)
    ]


def paired(
    column: str, first: Sequence[QueryMeasures], other: Sequence[QueryMeasures]
) -> list[tuple[str, float, float]]:
    """A column of both tables over the queries that have it in both: query id, first value, other value."""
    known: Mapping[str, QueryMeasures] = {row.query_id: row for row in first}
    rows = [
        (row.query_id, getattr(known[row.query_id], column), getattr(row, column))
        for row in other
        if row.query_id in known
    ]
    return [row for row in rows if row[1] is not None and row[2] is not None]


def _differences(first: EvaluationResult, other: EvaluationResult) -> dict[str, Difference]:
    found = {}
    for name, value in other.measures.items():
        base = first.measures.get(name)
        if isinstance(base, float) and isinstance(value, float):
            found[name] = _difference(name, value - base, first.per_query, other.per_query)
    return found


def _difference(name: str, value: float, first: Sequence[QueryMeasures], other: Sequence[QueryMeasures]) -> Difference:
    if name == LEVEL_SCORE:
        before, after, judged = _values("level_error", first, other)
        # Fewer errors are better. The score falls with the weighed mean error of either side, and what swaps leave
        # alone is the sum of both, so the score's difference orders swaps exactly as the errors' difference does.
        change = (before - after) * judged
        interval = difference_interval(before, after, judged, of_mean=_level_scores)
    elif name in MEANS:
        before, after, _ = _values(MEANS[name], first, other)
        change, interval = after - before, difference_interval(before, after)
    else:
        return Difference(value)
    return Difference(value, interval, p_value=randomisation_test(change), tally=tally(change))


def _values(
    column: str, first: Sequence[QueryMeasures], other: Sequence[QueryMeasures]
) -> tuple[Floats, Floats, Floats]:
    """The first's values, the other's and the judgements of each query that has both, each float64 ``[n]``."""
    judged = {row.query_id: row.judged for row in other}
    rows = [(before, after, judged[query_id]) for query_id, before, after in paired(column, first, other)]
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), 3).T
    return columns[0], columns[1], columns[2]


def _level_scores(mean_absolute_errors: Floats) -> Floats:
    scores: Floats = np.vectorize(level_score, otypes=[np.float64])(mean_absolute_errors)
    return scores
