"""What held-out needs say of a model while it learns: judged measures alone, so that no corpus is embedded anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.evaluation.collection import QueryRun, Served
from app.evaluation.comparison import Difference
from app.evaluation.measures import UNSERVED, measure_query
from app.evaluation.uncertainty import difference_interval
from app.ranking.space import PLAIN, Means, Space
from app.ranking.views import combine_views
from app.services.evaluation_material import EvaluationMaterial
from app.services.training_material import Need, language
from models import Encoder, Role

MEASURES = ("judged_ndcg@10", "judged_spearman")
HEADINGS = 96
"""Passages that are embedded as queries to tell where queries lie, as a build does; see `app.services.spaces`."""

_WORSE = 1.0
"""Taken off the score of a model that is below its base in one measure: more than both measures can gain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One need's measures; ``None`` where it does not count for one."""

    need: str
    ndcg: float | None
    spearman: float | None

    @property
    def values(self) -> dict[str, float | None]:
        """By the contract's names."""
        return dict(zip(MEASURES, (self.ndcg, self.spearman), strict=True))


class HeldOut:
    """Measures models on held-out needs, in the space that they are served in.

    Args:
        material: the judgements and their texts.
        texts: of each document that can be embedded.
        centre_from: passages from which on languages are centred.
    """

    def __init__(self, material: EvaluationMaterial, texts: Mapping[str, str], centre_from: int) -> None:
        self._langs = {key: language(material.documents[key]) for key in texts}
        self._texts = texts
        self._centre_from = centre_from

    def of(self, needs: Sequence[Need]) -> Callable[[Encoder], list[Rows]]:
        """What tells a model's measures of each of these needs."""
        documents = sorted({key for need in needs for key in need.documents})

        def measured(encoder: Encoder) -> list[Rows]:
            return self._rows(encoder, needs, documents)

        return measured

    def _rows(self, encoder: Encoder, needs: Sequence[Need], documents: Sequence[str]) -> list[Rows]:
        langs = [self._langs[key] for key in documents]
        found = encoder.encode([self._texts[key] for key in documents], Role.PASSAGE).vectors
        space = self._space(encoder, documents, found, langs)
        views = encoder.encode([view for need in needs for view in need.judged.views], Role.QUERY).vectors
        weights = [weight for need in needs for weight in need.judged.weights]
        counts = [len(need.judged.views) for need in needs]
        queries = space.of_queries(combine_views(views, counts, weights), [need.lang for need in needs])
        scores = queries @ space.of_passages(found, langs).T
        column = {key: place for place, key in enumerate(documents)}
        return [_row(need, {key: float(row[column[key]]) for key in need.documents})
                for need, row in zip(needs, scores, strict=True)]  # fmt: skip

    def _space(
        self, encoder: Encoder, documents: Sequence[str], vectors: np.ndarray, langs: Sequence[str | None]
    ) -> Space:
        if len(documents) < self._centre_from:
            return PLAIN
        passages, queries = Means(encoder.dimension), Means(encoder.dimension)
        passages.add(vectors, langs)
        places = np.linspace(0, len(documents) - 1, min(HEADINGS, len(documents)), dtype=np.int64).tolist()
        headings = [self._texts[documents[place]].split("\n", 1)[0] for place in places]
        queries.add(encoder.encode(headings, Role.QUERY).vectors, [langs[place] for place in places])
        return Space(passages.result(), queries.result())


def means(rows: Sequence[Rows]) -> dict[str, float]:
    """The mean of each measure over the needs that count for it; 0 where none does."""
    found = {}
    for name in MEASURES:
        values = [value for row in rows if (value := row.values[name]) is not None]
        found[name] = float(np.mean(values)) if values else 0.0
    return found


def score(found: Mapping[str, float], base: Mapping[str, float]) -> float:
    """What training keeps the best of: the mean of both measures; what is below its base in one is below it in all."""
    worse = any(found[name] < base[name] for name in MEASURES)
    return sum(found[name] for name in MEASURES) / len(MEASURES) - _WORSE * worse


def differences(before: Sequence[Rows], after: Sequence[Rows]) -> dict[str, Difference]:
    """After less before by measure, paired by need, with bootstrap 95 % intervals."""
    known = {row.need: row.values for row in before}
    found = {}
    for name in MEASURES:
        pairs = [(known[row.need][name], row.values[name]) for row in after]
        counted = [(first, second) for first, second in pairs if first is not None and second is not None]
        if counted:
            first, second = np.array(counted, dtype=np.float64).T
            found[name] = Difference(float(second.mean() - first.mean()), difference_interval(first, second))
    return found


def _row(need: Need, scores: Mapping[str, float]) -> Rows:
    run = QueryRun(query_id=need.id, served={key: Served(value, UNSERVED) for key, value in scores.items()})
    found = measure_query(run, need.levels)
    return Rows(need=need.id, ndcg=found.judged_ndcg, spearman=found.judged_spearman)
