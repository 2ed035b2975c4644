"""Where matches are good and where not: by pair of languages, and by the length of the query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.evaluation.collection import RELEVANT_FROM, UNKNOWN_LANGUAGE, Collection, QueryRun
from app.evaluation.measures import NDCG_DEPTH, RECALL_DEPTH, QueryMeasures
from app.evaluation.uncertainty import bootstrap_interval

LENGTHS = ("short", "middle", "long")
"""Thirds of the queries by their number of characters."""

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
        return {
            "languages": {name: dict(values) for name, values in self.languages.items()},
            "query_length": {name: dict(values) for name, values in self.query_length.items()},
        }


def slices(runs: Sequence[QueryRun], table: Sequence[QueryMeasures], collection: Collection) -> Slices:
    """All slices of ``runs``; ``table`` has their measures."""
    return Slices(_languages(runs, collection), _query_length(table, collection.query_lengths))


@dataclass(frozen=True, slots=True)
class _Pair:
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
