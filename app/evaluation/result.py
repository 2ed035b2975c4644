"""The outcome of one evaluation: measures, how sure they are, and what they were computed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.evaluation.collection import Collection, QueryRun
from app.evaluation.measures import QueryMeasures, hub_share, language_mix, level_score, measure_query, reach
from app.evaluation.slices import Slices, slices
from app.evaluation.uncertainty import Interval, bootstrap_interval

MEANS: Mapping[str, str] = {
    "judged_ndcg@10": "judged_ndcg",
    "judged_spearman": "judged_spearman",
    "ndcg@10": "ndcg",
    "mrr": "reciprocal_rank",
    "recall@100": "recall",
}
"""Measures that are a mean over queries, and the column of the per-query table that each is the mean of."""

Measure = float | None | dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """What `patmatch evaluate` prints and reports.

    Attributes:
        measures: by the contract's names. ``None`` where no query counts for the measure.
        intervals: bootstrap 95 % interval of each measure that is a mean over queries.
        counts: what it was computed over, and what was left out.
        per_query: one row for each query asked, in the order of the queries file.
        encoder: name and fingerprint of the model.
        snapshot: the index that answered.
        settings: whatever else decided the answers.
        slices: measures of parts of the queries and pairs.
        material: digests of what was evaluated on, so that a later run can tell whether it has the same.
    """

    measures: Mapping[str, Measure]
    intervals: Mapping[str, Interval]
    counts: Mapping[str, int]
    per_query: tuple[QueryMeasures, ...] = ()
    encoder: Mapping[str, Any] = field(default_factory=dict)
    snapshot: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    slices: Slices = field(default_factory=Slices)
    material: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, floats and strings; the per-query table is a file of its own."""
        return {
            "measures": dict(self.measures),
            "intervals": {name: [interval.low, interval.high] for name, interval in self.intervals.items()},
            "counts": dict(self.counts),
            "encoder": dict(self.encoder),
            "snapshot": dict(self.snapshot),
            "settings": dict(self.settings),
            "slices": self.slices.as_json(),
            "material": dict(self.material),
        }


def evaluate_runs(runs: Sequence[QueryRun], collection: Collection) -> EvaluationResult:
    """All measures of the contract over ``runs``, one run for every query asked, also for those without an answer.

    The returned counts hold what the judgements and runs tell; the caller adds what reading the files told.
    """
    table = tuple(measure_query(run, collection.qrels.get(run.query_id, {})) for run in runs)
    measures: dict[str, Measure] = {}
    intervals: dict[str, Interval] = {}
    counts = {
        "queries": len(table),
        "judged_queries": sum(row.judged > 0 for row in table),
        "failed_queries": sum(row.error is not None for row in table),
        "corpus": collection.size,
        "judged_pairs": sum(row.judged for row in table),
        "relevant_pairs": sum(row.relevant for row in table),
    }
    for name, column in MEANS.items():
        values = [value for row in table if (value := getattr(row, column)) is not None]
        counts[f"queries_in_{name}"] = len(values)
        measures[name] = float(np.mean(values)) if values else None
        if (interval := bootstrap_interval(values)) is not None:
            intervals[name] = interval
    measures["level_score"], level_interval = _level_score(table)
    if level_interval is not None:
        intervals["level_score"] = level_interval
    measures["language_mix@10"] = language_mix(runs, collection.query_langs, collection.document_langs)
    measures["hub_share@10"] = hub_share(runs, collection.size)
    measures["reach@10"] = reach(runs, collection.size)
    return EvaluationResult(
        measures=measures,
        intervals=intervals,
        counts=counts,
        per_query=table,
        slices=slices(runs, table, collection),
    )


def _level_score(table: Sequence[QueryMeasures]) -> tuple[float | None, Interval | None]:
    """Over all judged pairs alike, so a query weighs as much as it has judgements; queries are what is drawn again."""
    rows = [(row.level_error, row.judged) for row in table if row.level_error is not None]
    if not rows:
        return None, None
    errors, judged = np.array(rows, dtype=np.float64).T
    score = level_score(float(np.average(errors, weights=judged)))
    spread = bootstrap_interval(errors, judged)
    return score, Interval(level_score(spread.high), level_score(spread.low)) if spread else None
