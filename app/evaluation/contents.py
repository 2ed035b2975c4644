"""One system's evaluation with everything that a report or a comparison shows of it."""

from __future__ import annotations

from collections.abc import Collection as Ids
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.evaluation.collection import Collection, Qrels, QueryRun
from app.evaluation.result import EvaluationResult, evaluate_runs


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
        query_digests: query id -> digest of its text, by which a later run tells whether it asks the same.
    """

    result: EvaluationResult
    runs: Sequence[QueryRun]
    qrels: Qrels
    query_titles: Mapping[str, str]
    document_titles: Mapping[str, str]
    collection: Collection = field(default_factory=lambda: Collection(size=0, qrels={}))
    query_digests: Mapping[str, str] = field(default_factory=dict)


def restricted(contents: ReportContents, query_ids: Ids[str]) -> ReportContents:
    """The same evaluation over these queries alone, every measure computed anew."""
    kept = [run for run in contents.runs if run.query_id in query_ids]
    qrels = {query_id: levels for query_id, levels in contents.qrels.items() if query_id in query_ids}
    collection = replace(contents.collection, qrels=qrels)
    old, new = contents.result, evaluate_runs(kept, collection)
    result = replace(
        old,
        measures=new.measures,
        intervals=new.intervals,
        counts={**old.counts, **new.counts},
        per_query=new.per_query,
        slices=new.slices,
    )
    return replace(contents, result=result, runs=kept, qrels=qrels, collection=collection)
