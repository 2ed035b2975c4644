"""Several encoders on the same judgements: what each measures, and how sure the differences to the first are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.evaluation.measures import QueryMeasures, level_score
from app.evaluation.result import MEANS, EvaluationResult
from app.evaluation.uncertainty import Floats, Interval, difference_interval


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure less that of the first encoder.

    Attributes:
        value: positive where the measure is larger than the first encoder's.
        interval: paired bootstrap 95 % interval; ``None`` where the measure is no mean over two or more queries.
    """

    value: float
    interval: Interval | None = None

    @property
    def excludes_zero(self) -> bool | None:
        """Whether other queries like these would show a difference as well; ``None`` without an interval."""
        if self.interval is None:
            return None
        return self.interval.low > 0 or self.interval.high < 0

    def as_json(self) -> dict[str, Any]:
        """The difference as JSON types."""
        interval = None if self.interval is None else [self.interval.low, self.interval.high]
        return {"value": self.value, "interval": interval, "excludes_zero": self.excludes_zero}


def differences(first: EvaluationResult, other: EvaluationResult) -> dict[str, Difference]:
    """``other`` less ``first`` for every measure that is one number in both, paired by query where it has one each."""
    found = {}
    for name, value in other.measures.items():
        base = first.measures.get(name)
        if isinstance(base, float) and isinstance(value, float):
            found[name] = Difference(value - base, _interval(name, first.per_query, other.per_query))
    return found


def comparison(sources: Sequence[str], results: Sequence[EvaluationResult]) -> list[dict[str, Any]]:
    """One entry for each encoder, in the order asked for, as JSON types; the first has no differences."""
    return [
        {
            "source": source,
            "name": result.encoder.get("name"),
            "fingerprint": result.encoder.get("fingerprint"),
            "measures": dict(result.measures),
            "differences": {
                name: difference.as_json()
                for name, difference in (differences(results[0], result) if place else {}).items()
            },
        }
        for place, (source, result) in enumerate(zip(sources, results, strict=True))
    ]


def _interval(name: str, first: Sequence[QueryMeasures], other: Sequence[QueryMeasures]) -> Interval | None:
    if name == "level_score":
        errors, judged = _paired("level_error", first, other)
        return difference_interval(*errors, judged, of_mean=_level_scores)
    return difference_interval(*_paired(MEANS[name], first, other)[0]) if name in MEANS else None


def _paired(
    column: str, first: Sequence[QueryMeasures], other: Sequence[QueryMeasures]
) -> tuple[tuple[Floats, Floats], Floats]:
    """A column of both tables float64 ``[n]`` over the queries that have it in both, and the judgements of each."""
    known: Mapping[str, QueryMeasures] = {row.query_id: row for row in first}
    rows = [
        (getattr(known[row.query_id], column), getattr(row, column), row.judged)
        for row in other
        if row.query_id in known
    ]
    counted = [row for row in rows if row[0] is not None and row[1] is not None]
    columns = np.array(counted, dtype=np.float64).reshape(len(counted), 3).T
    return (columns[0], columns[1]), columns[2]


def _level_scores(mean_absolute_errors: Floats) -> Floats:
    scores: Floats = np.vectorize(level_score, otypes=[np.float64])(mean_absolute_errors)
    return scores
