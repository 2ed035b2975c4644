"""The outcome of one evaluation: measures, how sure they are, and where they are high and low."""

from __future__ import annotations

from collections.abc import Collection as Ids
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from app.evaluation.collection import Collection, Qrels, QueryRun
from app.evaluation.measures import (
    QueryMeasures,
    hub_share,
    language_mix,
    level_score,
    measure_query,
    reach,
)
from app.evaluation.slices import Slices, pooled_level_score, slices_of
from app.evaluation.statistics import Interval, bootstrap_interval

MEANS: Mapping[str, str] = {
    "judged_ndcg@10": "judged_ndcg",
    "judged_spearman": "judged_spearman",
    "ndcg@10": "ndcg",
    "mrr": "reciprocal_rank",
    "recall@100": "recall",
}
"""Measures that are a mean over queries, and the column of the per-query table that each is the mean of."""

Measure = float | None | dict[str, dict[str, float]]
Asked = Mapping[str, Sequence[QueryRun]]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContents:
    """What a report is written from.

    Attributes:
        result: measures and the table of queries.
        runs: what was answered, one run for every query.
        qrels: judgements, to show beside the answers.
        query_titles: what to call a query.
        document_titles: what to call a document.
        collection: what was searched and judged.
        query_digests: query id -> digest of its text, by which a later run sees whether it asks the same.
        asked: how queries were asked -> runs over those that have both title and text; see `app.evaluation.slices`.
    """

    result: EvaluationResult
    runs: Sequence[QueryRun]
    qrels: Qrels
    query_titles: Mapping[str, str]
    document_titles: Mapping[str, str]
    collection: Collection = field(default_factory=lambda: Collection(size=0, qrels={}))
    query_digests: Mapping[str, str] = field(default_factory=dict)
    asked: Asked = field(default_factory=dict)


def evaluate_runs(runs: Sequence[QueryRun], collection: Collection, asked: Asked | None = None) -> EvaluationResult:
    """All measures of the contract over ``runs``, one run for every query asked, also for those without an answer.

    ``asked`` are the runs of the same queries asked in each way, where they were.

    The returned counts are those of judgements and runs; the caller adds those of reading the files.
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
        slices=slices_of(runs, table, collection, asked or {}),
    )


def restricted(contents: ReportContents, query_ids: Ids[str]) -> ReportContents:
    """The same evaluation over these queries alone, with every measure computed again."""
    kept = [run for run in contents.runs if run.query_id in query_ids]
    qrels = {query_id: levels for query_id, levels in contents.qrels.items() if query_id in query_ids}
    collection = replace(contents.collection, qrels=qrels)
    asked = {name: [run for run in runs if run.query_id in query_ids] for name, runs in contents.asked.items()}
    old, new = contents.result, evaluate_runs(kept, collection, asked)
    result = replace(
        old,
        measures=new.measures,
        intervals=new.intervals,
        counts={**old.counts, **new.counts},
        per_query=new.per_query,
        slices=new.slices,
    )
    return replace(contents, result=result, runs=kept, qrels=qrels, collection=collection, asked=asked)


def _level_score(table: Sequence[QueryMeasures]) -> tuple[float | None, Interval | None]:
    """The score with its interval; the bootstrap draws queries."""
    if (score := pooled_level_score(table)) is None:
        return None, None
    rows = [(row.level_error, row.judged) for row in table if row.level_error is not None]
    errors, judged = np.array(rows, dtype=np.float64).T
    spread = bootstrap_interval(errors, judged)
    return score, Interval(level_score(spread.high), level_score(spread.low)) if spread else None
