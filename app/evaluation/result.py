"""The outcome of one evaluation: measures, how sure they are, and where they are high and low."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection as Ids
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from app.evaluation.collection import RELEVANT_FROM, UNKNOWN_LANGUAGE, Collection, Qrels, QueryRun
from app.evaluation.measures import (
    NDCG_DEPTH,
    RECALL_DEPTH,
    QueryMeasures,
    hub_share,
    language_mix,
    level_score,
    measure_query,
    reach,
)
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

LENGTHS = ("short", "middle", "long")
"""Thirds of the queries by their number of characters."""

PAIR_SIZES = ("pairs", "queries", "documents")
PAIR_MEASURES = ("recall@10", "recall@100", "mrr", "recall@10_alone")
"""Sizes and measures of a pair of languages, in the order shown."""

Slice = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slices:
    """Measures over parts of the queries and pairs.

    Attributes:
        languages: ``"zh->en"`` (query, document) -> ``pairs`` relevant and judged, their ``queries``, how many
            ``documents`` of that language there are, ``recall@10``, ``recall@100`` and ``mrr`` of these pairs in the
            ranking of the whole corpus, and ``recall@10_alone`` when asked among documents of that language alone,
            ``None`` where nobody asked. Each pair weighs the same.
        query_length: ``short``, ``middle``, ``long`` -> ``queries`` counted, shortest and longest in ``characters``,
            ``judged_ndcg@10`` and its 95 % ``interval``.
    """

    languages: Mapping[str, Slice] = field(default_factory=dict)
    query_length: Mapping[str, Slice] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The slices as JSON types."""
        return asdict(self)


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
    """

    result: EvaluationResult
    runs: Sequence[QueryRun]
    qrels: Qrels
    query_titles: Mapping[str, str]
    document_titles: Mapping[str, str]
    collection: Collection = field(default_factory=lambda: Collection(size=0, qrels={}))
    query_digests: Mapping[str, str] = field(default_factory=dict)


def evaluate_runs(runs: Sequence[QueryRun], collection: Collection) -> EvaluationResult:
    """All measures of the contract over ``runs``, one run for every query asked, also for those without an answer.

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
        slices=Slices(_languages(runs, collection), _query_length(table, collection.query_lengths)),
    )


def restricted(contents: ReportContents, query_ids: Ids[str]) -> ReportContents:
    """The same evaluation over these queries alone, with every measure computed again."""
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


def _level_score(table: Sequence[QueryMeasures]) -> tuple[float | None, Interval | None]:
    """Over all judged pairs alike, so a query weighs as much as it has judgements; the bootstrap draws queries."""
    rows = [(row.level_error, row.judged) for row in table if row.level_error is not None]
    if not rows:
        return None, None
    errors, judged = np.array(rows, dtype=np.float64).T
    score = level_score(float(np.average(errors, weights=judged)))
    spread = bootstrap_interval(errors, judged)
    return score, Interval(level_score(spread.high), level_score(spread.low)) if spread else None


class _Pair(NamedTuple):
    """One relevant judged pair: its query, its rank in the whole corpus, and whether it was found alone."""

    query_id: str
    rank: int | None
    alone: bool | None


def _languages(runs: Sequence[QueryRun], collection: Collection) -> dict[str, Slice]:
    found: dict[tuple[str, str], list[_Pair]] = {}
    for run in runs:
        asked = collection.query_langs.get(run.query_id) or UNKNOWN_LANGUAGE
        ranks = {match.doc_id: rank for rank, match in enumerate(run.ranked, start=1)}
        for doc_id, level in collection.qrels.get(run.query_id, {}).items():
            if level >= RELEVANT_FROM:
                lang = collection.document_langs.get(doc_id) or UNKNOWN_LANGUAGE
                alone = doc_id in run.alone[lang] if lang in run.alone else None
                found.setdefault((asked, lang), []).append(_Pair(run.query_id, ranks.get(doc_id), alone))
    documents = Counter(lang or UNKNOWN_LANGUAGE for lang in collection.document_langs.values())
    return {f"{asked}->{lang}": _slice(pairs, documents[lang]) for (asked, lang), pairs in sorted(found.items())}


def _slice(pairs: Sequence[_Pair], documents: int) -> Slice:
    ranks = np.array([pair.rank or np.inf for pair in pairs])
    alone = [pair.alone for pair in pairs if pair.alone is not None]
    return {
        "pairs": len(pairs),
        "queries": len({pair.query_id for pair in pairs}),
        "documents": documents,
        "recall@10": float((ranks <= NDCG_DEPTH).mean()),
        "recall@100": float((ranks <= RECALL_DEPTH).mean()),
        "mrr": float((1.0 / ranks).mean()),
        "recall@10_alone": float(np.mean(alone)) if len(alone) == len(pairs) else None,
    }


def _query_length(table: Sequence[QueryMeasures], lengths: Mapping[str, int]) -> dict[str, Slice]:
    """Thirds of the queries that count for the measure; queries of one length stay together."""
    rows = [
        (lengths[row.query_id], row.judged_ndcg)
        for row in table
        if row.judged_ndcg is not None and row.query_id in lengths
    ]
    if not rows:
        return {}
    characters, values = np.array(rows, dtype=np.float64).T
    bounds = np.quantile(characters, [1 / 3, 2 / 3], method="inverted_cdf")
    third = np.searchsorted(bounds, characters, side="left")
    found: dict[str, Slice] = {}
    for place, name in enumerate(LENGTHS):
        inside = third == place
        if inside.any():
            interval = bootstrap_interval(values[inside])
            found[name] = {
                "queries": int(inside.sum()),
                "characters": [int(characters[inside].min()), int(characters[inside].max())],
                "judged_ndcg@10": float(values[inside].mean()),
                "interval": [interval.low, interval.high] if interval else None,
            }
    return found
