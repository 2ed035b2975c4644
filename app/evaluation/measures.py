"""The contract's measures of one query, and of the lists of all queries together.

Every function takes answers in their final order, best first, so nothing here breaks a tie again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.arrays import Doubles, Ints
from app.evaluation.collection import RELEVANT_FROM, UNKNOWN_LANGUAGE, QueryRun

NDCG_DEPTH = 10
"""Places that a person looks at; the ``@10`` of the contract's measures."""

RECALL_DEPTH = 100
"""Places that a later stage may still reorder; the ``@100`` of ``recall@100``, and the depth of a run."""

HUB_PERCENT = 1
"""Share of the corpus, in percent, whose most frequent documents count as hubs."""

UNSERVED = 1
"""Level of a judged document that was not answered at all: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryMeasures:
    """One row of the table of queries. ``None``: the query does not count for this measure.

    Attributes:
        judged: documents judged for this query.
        relevant: those with level 3 or 4.
        returned: length of the ranked list.
        judged_ndcg: over the judged documents alone, first 10, gain 2^(level-1)-1; counts with one level above 1.
        judged_spearman: correlation of score with level, -1 to 1; counts where two levels occur.
        ndcg: over the whole corpus, first 10, gain 1 for a relevant document; counts with one relevant document.
        reciprocal_rank: of the first relevant document in the list, 0 where it holds none; counts as ``ndcg``.
        recall: share of the relevant documents in the first 100; counts as ``ndcg``.
        level_error: mean distance of served from judged level, 0 to 3; counts with one judgement, if levels are served.
        error: why the query has no answer.
    """

    query_id: str
    judged: int
    relevant: int
    returned: int
    judged_ndcg: float | None
    judged_spearman: float | None
    ndcg: float | None
    reciprocal_rank: float | None
    recall: float | None
    level_error: float | None
    error: str | None = None


def measure_query(run: QueryRun, levels: Mapping[str, int]) -> QueryMeasures:
    """All measures of one query against its judgements (document id -> level 1 to 4)."""
    order = judged_order(run, levels)
    judged_levels = np.array([levels[doc_id] for doc_id in order], dtype=np.int64)
    gains = np.exp2(judged_levels - 1.0) - 1.0
    served = sum(doc_id in run.served for doc_id in order)
    found = np.array([levels.get(match.doc_id, 0) >= RELEVANT_FROM for match in run.ranked], dtype=np.bool_)
    relevant = int((judged_levels >= RELEVANT_FROM).sum())
    return QueryMeasures(
        query_id=run.query_id,
        judged=len(levels),
        relevant=relevant,
        returned=len(run.ranked),
        judged_ndcg=ndcg(gains[:served], gains),
        judged_spearman=_judged_spearman(run, order, judged_levels),
        ndcg=ndcg(found.astype(np.float64), np.ones(relevant)),
        reciprocal_rank=(1.0 / (int(found.argmax()) + 1) if found.any() else 0.0) if relevant else None,
        recall=float(found[:RECALL_DEPTH].sum() / relevant) if relevant else None,
        level_error=_level_error(run, order, judged_levels),
        error=run.error,
    )


def ndcg(gains: Doubles, available: Doubles) -> float | None:
    """Normalised discounted cumulative gain of the first 10 (Järvelin and Kekäläinen, 2002), discount 1/log2(rank + 1).

    Args:
        gains: float64 ``[n]``, gain of each place of the list, best place first.
        available: float64 ``[m]``, gains of all that could be found; its 10 largest are the ideal.

    Returns:
        0 to 1, or ``None`` where the ideal is zero.
    """
    ideal = _discounted(np.sort(available)[::-1])
    return _discounted(gains) / ideal if ideal > 0 else None


def spearman(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Spearman's rank correlation: Pearson's correlation of the ranks, equal values sharing their average rank.

    Args:
        first: ``[n]``.
        second: ``[n]``, not all equal.

    Returns:
        -1 to 1; 0 where ``first`` is constant, since it then orders nothing.
    """
    from scipy.stats import rankdata  # a second to import, and the service needs none of it for a match

    centred = [ranks - ranks.mean() for ranks in map(rankdata, (first, second))]
    scale = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return float(centred[0] @ centred[1]) / scale if scale > 0 else 0.0


def level_score(mean_absolute_error: float) -> float:
    """1/(1+MAE), 1 where all levels are right: the score of the BDCI 2019 contest for needs and achievements."""
    return 1.0 / (1.0 + mean_absolute_error)


def language_mix(
    runs: Iterable[QueryRun], query_langs: Mapping[str, str | None], document_langs: Mapping[str, str | None]
) -> dict[str, dict[str, float]]:
    """For each query language, the share of each document language among its top-10 places, largest first.

    An unknown language is ``und``. A query language without a single place has an empty mix.
    """
    places: dict[str, Counter[str]] = {}
    for run in runs:
        counter = places.setdefault(query_langs.get(run.query_id) or UNKNOWN_LANGUAGE, Counter())
        counter.update(document_langs.get(match.doc_id) or UNKNOWN_LANGUAGE for match in run.ranked[:NDCG_DEPTH])
    return {lang: _shares(counter) for lang, counter in sorted(places.items())}


def hub_share(runs: Iterable[QueryRun], corpus_size: int) -> float:
    """Share of all top-10 places taken by the 1 % most frequent documents (rounded down, at least one document).

    Even exposure over a large corpus gives little more than 0.01 with many queries; with few queries a document that
    appears once is already among the most frequent, so compare only runs over the same queries.
    """
    counts = sorted(top_counts(runs).values(), reverse=True)
    hubs = max(1, corpus_size * HUB_PERCENT // 100)
    return sum(counts[:hubs]) / sum(counts) if counts else 0.0


def reach(runs: Iterable[QueryRun], corpus_size: int) -> float:
    """Share of the corpus that is in any query's top 10."""
    return len(top_counts(runs)) / corpus_size if corpus_size else 0.0


def top_counts(runs: Iterable[QueryRun]) -> Counter[str]:
    """In how many top tens each document is."""
    return Counter(match.doc_id for run in runs for match in run.ranked[:NDCG_DEPTH])


def judged_order(run: QueryRun, levels: Mapping[str, int]) -> list[str]:
    """Judged documents ranked by score alone; those that were not served come last."""
    served = sorted(
        (doc_id for doc_id in run.served if doc_id in levels), key=lambda doc_id: run.served[doc_id].score, reverse=True
    )
    return served + [doc_id for doc_id in levels if doc_id not in run.served]


def _judged_spearman(run: QueryRun, order: Sequence[str], judged_levels: Ints) -> float | None:
    if len(np.unique(judged_levels)) < 2:  # one level leaves nothing to correlate with
        return None
    scores = [run.served[doc_id].score if doc_id in run.served else -np.inf for doc_id in order]
    return spearman(scores, judged_levels)


def served_level(run: QueryRun, doc_id: str) -> int:
    """The level of a judged document as served; "none" where it has no level."""
    pair = run.served.get(doc_id)
    return UNSERVED if pair is None or pair.level is None else pair.level


def _level_error(run: QueryRun, order: Sequence[str], judged_levels: Ints) -> float | None:
    if not order or not run.levelled:
        return None
    served = np.array([served_level(run, doc_id) for doc_id in order])
    return float(np.abs(served - judged_levels).mean())


def _discounted(gains: Doubles) -> float:
    top = gains[:NDCG_DEPTH]
    return float((top / np.log2(np.arange(2, len(top) + 2))).sum())


def _shares(counter: Counter[str]) -> dict[str, float]:
    largest_first = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return {key: count / counter.total() for key, count in largest_first}
