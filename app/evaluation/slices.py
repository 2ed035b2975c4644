"""Measures over parts of what was asked: by how it was asked, by length, by languages, and queries of one word.

An average hides what goes wrong for a part: a service that is good for titles with texts may be useless for who pastes
the text alone, and a level that is right on the whole may be wrong for short queries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

from app.evaluation.calibration import calibration_error
from app.evaluation.collection import RELEVANT_FROM, UNKNOWN_LANGUAGE, Collection, Qrels, QueryRun
from app.evaluation.measures import NDCG_DEPTH, RECALL_DEPTH, QueryMeasures, level_score, measure_query
from app.evaluation.statistics import bootstrap_interval

ASKED = ("title_and_text", "text", "title")
"""How a query is asked: as it stands in the file, its text alone, and its title alone."""
LENGTHS = ("short", "middle", "long")
"""Thirds of the queries by their number of characters."""
SLICE_MEASURES = ("judged_ndcg@10", "judged_spearman", "recall@100", "level_score", "calibration_error")
"""Measures of every slice, in the order shown. Of two languages recall is that of all relevant pairs alike."""
SCORE_SHIFT = "score_shift"
"""How far asking otherwise moves the score of a judged pair, on average; 0 where a question has one reading."""
PAIR_SIZES = ("pairs", "queries", "documents")
PAIR_MEASURES = (
    "recall@10", "recall@100", "mrr", "recall@10_alone",
    *(measure for measure in SLICE_MEASURES if measure != "recall@100"),
)  # fmt: skip
"""Sizes and measures of a pair of languages, in the order shown."""

Slice = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slices:
    """Measures over parts of the queries and pairs.

    Attributes:
        asked: one of `ASKED` -> judged ``queries``, their ``pairs``, `SLICE_MEASURES` and `SCORE_SHIFT` from
            ``title_and_text``, over the queries that have both; empty where they were asked only as they stand.
        languages: ``"zh->en"`` (query, document) -> ``pairs`` relevant and judged, their ``queries``, how many
            ``documents`` of that language there are, ``recall@10``, ``recall@100`` and ``mrr`` of these pairs in the
            ranking of the whole corpus, ``recall@10_alone`` when asked among documents of that language alone,
            ``None`` where nobody asked, and the others of `SLICE_MEASURES` over the judged pairs of these languages.
            In the first four each pair weighs the same.
        query_length: ``short``, ``middle``, ``long`` -> ``queries`` counted, shortest and longest in ``characters``,
            `SLICE_MEASURES`, and the 95 % ``interval`` of ``judged_ndcg@10``.
        single_word: ``queries``, ``pairs`` and `SLICE_MEASURES` of the queries of one word; empty where none is judged.
    """

    asked: Mapping[str, Slice] = field(default_factory=dict)
    languages: Mapping[str, Slice] = field(default_factory=dict)
    query_length: Mapping[str, Slice] = field(default_factory=dict)
    single_word: Slice = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The slices as JSON types."""
        return asdict(self)

    def rows(self) -> dict[str, Slice]:
        """Those that have `SLICE_MEASURES` over whole queries, by a name that says which they are."""
        named = {f"asked {name}": self.asked[name] for name in ASKED if name in self.asked}
        named |= {f"length {name}": self.query_length[name] for name in LENGTHS if name in self.query_length}
        return named | ({"single word": self.single_word} if self.single_word else {})


def slices_of(
    runs: Sequence[QueryRun],
    table: Sequence[QueryMeasures],
    collection: Collection,
    asked: Mapping[str, Sequence[QueryRun]],
) -> Slices:
    """All slices.

    Args:
        runs: one for every query.
        table: the measures of each.
        collection: what was searched and judged.
        asked: one of `ASKED` -> runs over the same queries.
    """
    qrels = collection.qrels
    words = [run for run in runs if run.query_id in collection.single_words]
    usual = asked.get(ASKED[0], ())
    return Slices(
        asked={
            name: {**_sized(asked[name], qrels), SCORE_SHIFT: _score_shift(usual, asked[name], qrels)}
            for name in ASKED
            if asked.get(name)
        },
        languages=_languages(runs, collection),
        query_length=_query_length(runs, table, collection),
        single_word=_sized(words, qrels),
    )


def pooled_level_score(table: Sequence[QueryMeasures]) -> float | None:
    """Over all judged pairs alike, so a query weighs as much as it has judgements; ``None`` without served levels."""
    rows = [(row.level_error, row.judged) for row in table if row.level_error is not None]
    if not rows:
        return None
    errors, judged = np.array(rows, dtype=np.float64).T
    return level_score(float(np.average(errors, weights=judged)))


def _sized(runs: Sequence[QueryRun], qrels: Qrels) -> Slice:
    judged = [run for run in runs if qrels.get(run.query_id)]
    pairs = sum(len(qrels[run.query_id]) for run in judged)
    return {"queries": len(judged), "pairs": pairs, **_measured(judged, qrels)} if judged else {}


def _measured(runs: Sequence[QueryRun], qrels: Qrels) -> dict[str, float | None]:
    """`SLICE_MEASURES`, ``None`` where no query counts."""
    table = [measure_query(run, qrels.get(run.query_id, {})) for run in runs]
    return {
        "judged_ndcg@10": _mean([row.judged_ndcg for row in table]),
        "judged_spearman": _mean([row.judged_spearman for row in table]),
        "recall@100": _mean([row.recall for row in table]),
        "level_score": pooled_level_score(table),
        "calibration_error": _calibration_error(runs, qrels),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    counted = [value for value in values if value is not None]
    return float(np.mean(counted)) if counted else None


def _calibration_error(runs: Sequence[QueryRun], qrels: Qrels) -> float | None:
    """Of the scores of judged pairs that were served; ``None`` of a run file, whose scores are no probabilities."""
    pairs = [
        (pair.score, qrels[run.query_id][doc_id] >= RELEVANT_FROM)
        for run in runs
        if run.levelled
        for doc_id, pair in run.served.items()
        if doc_id in qrels.get(run.query_id, {})
    ]
    if not pairs:
        return None
    scores, relevant = np.array(pairs, dtype=np.float64).T
    return calibration_error(scores, relevant)


def _score_shift(usual: Sequence[QueryRun], runs: Sequence[QueryRun], qrels: Qrels) -> float | None:
    """Mean distance of the scores of the judged pairs that were served both ways; ``None`` where there is no such."""
    served = {run.query_id: run.served for run in usual}
    shifts = [
        abs(pair.score - served[run.query_id][doc_id].score)
        for run in runs
        for doc_id, pair in run.served.items()
        if doc_id in qrels.get(run.query_id, {}) and doc_id in served.get(run.query_id, {})
    ]
    return float(np.mean(shifts)) if shifts else None


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
    return {
        f"{asked}->{lang}": _paired(pairs, documents[lang]) | _judged_between(runs, collection, asked, lang)
        for (asked, lang), pairs in sorted(found.items())
    }


def _paired(pairs: Sequence[_Pair], documents: int) -> dict[str, Any]:
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


def _judged_between(runs: Sequence[QueryRun], collection: Collection, asked: str, lang: str) -> dict[str, Any]:
    """The measures over judged pairs of these two languages alone; recall is that of the pairs."""
    asking = [run for run in runs if (collection.query_langs.get(run.query_id) or UNKNOWN_LANGUAGE) == asked]
    qrels = {
        run.query_id: {
            doc_id: level
            for doc_id, level in collection.qrels.get(run.query_id, {}).items()
            if (collection.document_langs.get(doc_id) or UNKNOWN_LANGUAGE) == lang
        }
        for run in asking
    }
    return {name: value for name, value in _measured(asking, qrels).items() if name != "recall@100"}


def _query_length(runs: Sequence[QueryRun], table: Sequence[QueryMeasures], collection: Collection) -> dict[str, Slice]:
    """Thirds of the queries that count for the measure; queries of one length stay together."""
    lengths = collection.query_lengths
    rows = [
        (run, lengths[row.query_id], row.judged_ndcg)
        for run, row in zip(runs, table, strict=True)
        if row.judged_ndcg is not None and row.query_id in lengths
    ]
    if not rows:
        return {}
    characters, values = np.array([row[1:] for row in rows], dtype=np.float64).T
    bounds = np.quantile(characters, [1 / 3, 2 / 3], method="inverted_cdf")
    third = np.searchsorted(bounds, characters, side="left")
    found: dict[str, Slice] = {}
    for place, name in enumerate(LENGTHS):
        inside = third == place
        if inside.any():
            interval = bootstrap_interval(values[inside])
            within = [row[0] for row, here in zip(rows, inside.tolist(), strict=True) if here]
            found[name] = {
                "queries": int(inside.sum()),
                "characters": [int(characters[inside].min()), int(characters[inside].max())],
                **_measured(within, collection.qrels),
                "interval": [interval.low, interval.high] if interval else None,
            }
    return found
