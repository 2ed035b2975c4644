"""What held-out needs say of a model while it learns: by the ranking that is served, and by vectors alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.arrays import Floats
from app.evaluation.calibration import quality
from app.evaluation.collection import QueryRun, Ranked, Served
from app.evaluation.comparison import Difference
from app.evaluation.measures import RECALL_DEPTH, UNSERVED, measure_query
from app.evaluation.statistics import difference_interval
from app.match.queries import embedded_parts
from app.match.scorer import Scorer
from app.quality.train_material import Corpus, CorpusRecords, CorpusTerms, Need
from app.ranking.ordinal import JudgedPairs, NoFitError, fold_of_each, held_out_probabilities
from app.ranking.relevance import Relevance
from app.ranking.space import NEIGHBOURS, PLAIN, combine_text_parts, with_neighbour_mean
from app.serving.spaces import arrays_of, measured_space, space_of
from index import ArrayVectors
from index.engine import exact_search
from index.neighbours import mean_of, without_own
from models import Encoder, Role

Ranking = Literal["served", "vectors"]
RANKINGS: tuple[Ranking, Ranking] = ("served", "vectors")

MEASURES = ("judged_ndcg@10", "judged_spearman", "recall@100")
LEARNED = MEASURES[:2]
"""Those whose mean training keeps the best of; the third must not fall."""

_WORSE = 1.0
"""Taken off the score of a model that is below its base in one measure: more than both measures can gain."""


Measured = Mapping[str, float | None]
"""One need's measures by the names of `MEASURES`; ``None`` where it does not count for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What one need says of a model.

    Attributes:
        need: its id.
        served: by cosine and shared terms, as they are served.
        vectors: by the cosine alone.
        title: what keeps needs on one side of a split.
        pairs: evidence and level of each judged passage.
    """

    need: str
    served: Measured
    vectors: Measured
    title: str = ""
    pairs: tuple[tuple[tuple[float, float, float], int], ...] = ()

    def by(self, ranking: Ranking) -> Measured:
        """The measures of one of the two."""
        return self.served if ranking == "served" else self.vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model finds for one need: the best of the corpus, and all that was judged."""

    need: Need
    served: QueryRun
    vectors: QueryRun

    def rows(self) -> Rows:
        """Its measures."""
        levels = self.need.levels
        return Rows(
            need=self.need.id,
            served=_measured(self.served, levels),
            vectors=_measured(self.vectors, levels),
            title=self.need.title,
            pairs=tuple((self.served.served[key].evidence, level) for key, level in levels.items()),
        )


class HeldOut:
    """Asks models for needs, among the passages of a corpus, in the space and by the ranking of the service.

    Args:
        corpus: the passages.
        centre_from: passages from which on languages are centred.
        neighbours_from: passages from which on each is seen with its nearest neighbours.
        shared_terms: whether shared terms count, as they do in a centred space alone.
    """

    def __init__(self, corpus: Corpus, *, centre_from: int, neighbours_from: int, shared_terms: bool) -> None:
        self._corpus = corpus
        self._column = {key: place for place, key in enumerate(corpus.ids)}
        self._centre_from = centre_from
        self._neighbours_from = neighbours_from
        self._terms = CorpusTerms(corpus.texts) if shared_terms and len(corpus.ids) >= centre_from else None

    def answers(self, encoder: Encoder, needs: Sequence[Need]) -> list[Answer]:
        """What a model finds for each of these needs."""
        corpus = self._corpus
        passages = ArrayVectors(encoder.encode(corpus.texts, Role.PASSAGE).vectors)
        space = measured_space(passages, corpus.langs, corpus.headings, _Embeds(encoder), self._centre_from)
        space = space_of(arrays_of(space))  # to the digit that a snapshot keeps
        vectors = space.of_passages(passages.take(np.arange(len(corpus.ids))), corpus.langs)
        embedded = [embedded_parts(need.judged.text_parts, need.lang, titled=True) for need in needs]
        text_parts = encoder.encode([text_part for parts in embedded for text_part in parts], Role.QUERY).vectors
        counts = [len(need.judged.text_parts) for need in needs]
        weights = [weight for need in needs for weight in need.judged.weights]
        queries = space.of_queries(combine_text_parts(text_parts, counts, weights), [need.lang for need in needs])
        everything = np.arange(len(corpus.ids))
        alone = Scorer(space, CorpusRecords(corpus, vectors, None), None)
        standing = vectors if space is PLAIN else self._among_neighbours(vectors)
        served = Scorer(space, CorpusRecords(corpus, standing, self._terms), self._terms)
        found = []
        for need, vector in zip(needs, queries, strict=True):
            runs = []
            for scorer in (served, alone):
                query = scorer.query(need.judged.text_parts, need.lang, vector, titled=True)
                runs.append(self._run(need, scorer.relevance(query, everything)))
            found.append(Answer(need=need, served=runs[0], vectors=runs[1]))
        return found

    def _among_neighbours(self, vectors: Floats) -> Floats:
        """The passages as they stand among their neighbours, where the service would see them so."""
        if len(vectors) < self._neighbours_from:
            return vectors
        found = exact_search(iter([vectors]), vectors, NEIGHBOURS + 1).positions
        others = without_own(found, np.arange(len(vectors)), NEIGHBOURS)
        return with_neighbour_mean(vectors, mean_of(others, lambda places: vectors[places], vectors.shape[1]))

    def _run(self, need: Need, found: Relevance) -> QueryRun:
        ids, column, scores = self._corpus.ids, self._column, found.total
        best = np.argsort(-scores, kind="stable")[:RECALL_DEPTH].tolist()  # ids are in order, which breaks ties
        return QueryRun(
            query_id=need.id,
            ranked=tuple(Ranked(ids[place], float(scores[place])) for place in best),
            served={
                key: Served(float(scores[column[key]]), UNSERVED, _evidence(found, column[key]))
                for key in need.documents
            },
        )


def _evidence(found: Relevance, place: int) -> tuple[float, float, float]:
    return float(found.meaning[place]), float(found.coverage[place]), float(found.alone[place])


class _Embeds:
    """An encoder as a space is measured with it."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def vectors(self, texts: Sequence[str], role: Role) -> Floats:
        """Vectors float32 ``[n, d]``."""
        return self._encoder.encode(texts, role).vectors


def means(rows: Sequence[Rows], ranking: Ranking = "served") -> dict[str, float]:
    """The mean of each measure over the needs that count for it; 0 where none does."""
    found = {}
    for name in MEASURES:
        values = [value for row in rows if (value := row.by(ranking)[name]) is not None]
        found[name] = float(np.mean(values)) if values else 0.0
    return found


def score(found: Mapping[str, float], base: Mapping[str, float]) -> float:
    """What training keeps the best of: the mean of the judged measures; what is below its base in any is below it."""
    worse = any(found[name] < base[name] for name in MEASURES)
    return sum(found[name] for name in LEARNED) / len(LEARNED) - _WORSE * worse


def differences(before: Sequence[Rows], after: Sequence[Rows], ranking: Ranking = "served") -> dict[str, Difference]:
    """After less before by measure, paired by need, with bootstrap 95 % intervals."""
    known = {row.need: row.by(ranking) for row in before}
    found = {}
    for name in MEASURES:
        pairs = [(known[row.need][name], row.by(ranking)[name]) for row in after]
        counted = [(first, second) for first, second in pairs if first is not None and second is not None]
        if counted:
            first, second = np.array(counted, dtype=np.float64).T
            found[name] = Difference(float(second.mean() - first.mean()), difference_interval(first, second))
    return found


def level_score(rows: Sequence[Rows]) -> float | None:
    """1/(1+MAE) of levels by scales fitted to the other needs of these; ``None`` where there is nothing to fit."""
    found = [(value, level, row.title) for row in rows for value, level in row.pairs]
    if not found:
        return None
    values, levels, titles = zip(*found, strict=True)
    try:
        pairs = JudgedPairs.of(values, levels, titles)
        return quality(held_out_probabilities(pairs, fold_of_each(pairs.groups)), pairs.levels).level_score
    except NoFitError:
        return None


def _measured(run: QueryRun, levels: Mapping[str, int]) -> Measured:
    found = measure_query(run, levels)
    return dict(zip(MEASURES, (found.judged_ndcg, found.judged_spearman, found.recall), strict=True))
