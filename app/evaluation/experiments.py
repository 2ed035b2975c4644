"""Experiments on one set of judgements side by side: each measured like the service, over folds, and against it.

Queries that ask for one thing under one title are one draw of chance, not several: they share a fold, and intervals
draw titles, not queries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.evaluation.collection import Collection, QueryRun, Ranked, Served
from app.evaluation.measures import RECALL_DEPTH, QueryMeasures, hub_share, measure_query, reach
from app.evaluation.uncertainty import SEED, Interval, difference_interval

Floats = npt.NDArray[np.float64]

FOLDS = 5
COMPARED: Mapping[str, str] = {
    "judged_ndcg@10": "judged_ndcg",
    "judged_spearman": "judged_spearman",
    "recall@100": "recall",
    "ndcg@10": "ndcg",
}
"""Measures that are a mean over queries, and the column of the per-query table that each is the mean of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One way to rank, and what it answered.

    Attributes:
        group: what it varies.
        name: what it is, within its group.
        runs: one for every query that was asked, in their order.
    """

    group: str
    name: str
    runs: tuple[QueryRun, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure of one experiment.

    Attributes:
        value: mean over all queries that count.
        folds: the same over those of each fold.
        difference: this less that of the reference, over the same queries.
        interval: 95 % bootstrap interval of the difference; ``None`` with fewer than two titles.
    """

    value: float
    folds: tuple[float, ...]
    difference: float
    interval: Interval | None

    @property
    def mean(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.folds))

    @property
    def deviation(self) -> float:
        """Standard deviation over the folds, of a sample; 0 with one fold."""
        return float(np.std(self.folds, ddof=1)) if len(self.folds) > 1 else 0.0

    @property
    def told(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high

    def as_json(self) -> dict[str, Any]:
        """As JSON types."""
        interval = None if self.interval is None else [self.interval.low, self.interval.high]
        return {
            "value": self.value,
            "folds": list(self.folds),
            "mean": self.mean,
            "sd": self.deviation,
            "difference": self.difference,
            "interval": interval,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        group: of the experiment.
        name: of the experiment.
        figures: by measure; a measure for which no query counts is left out.
        hub_share: ``hub_share@10`` over all queries.
        reach: ``reach@10`` over all queries.
    """

    group: str
    name: str
    figures: Mapping[str, Figure]
    hub_share: float
    reach: float

    def as_json(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            "group": self.group,
            "name": self.name,
            "measures": {name: figure.as_json() for name, figure in self.figures.items()},
            "hub_share@10": self.hub_share,
            "reach@10": self.reach,
        }


def runs_of(
    scores: npt.NDArray[np.floating[Any]], query_ids: Sequence[str], ids: Sequence[str], collection: Collection
) -> dict[str, QueryRun]:
    """What would be answered by these scores, by query.

    Args:
        scores: float ``[q, n]`` of every document for every query.
        query_ids: ``q`` of them.
        ids: of the documents, ``n``, in ascending order, which is how equal scores are ranked.
        collection: whose judged documents are scored too.
    """
    places = {document: place for place, document in enumerate(ids)}
    return {key: _run(key, row, ids, places, collection) for key, row in zip(query_ids, scores, strict=True)}


def _run(
    key: str,
    scores: npt.NDArray[np.floating[Any]],
    ids: Sequence[str],
    places: Mapping[str, int],
    collection: Collection,
) -> QueryRun:
    depth = min(RECALL_DEPTH, len(ids))
    last = np.partition(scores, len(ids) - depth)[len(ids) - depth]
    reached = np.flatnonzero(scores >= last)
    best = reached[np.argsort(-scores[reached], kind="stable")][:depth].tolist()
    judged = sorted(places[document] for document in collection.qrels.get(key, ()) if document in places)
    return QueryRun(
        query_id=key,
        ranked=tuple(Ranked(ids[place], float(scores[place])) for place in best),
        served={ids[place]: Served(float(scores[place]), None) for place in judged},
        levelled=False,
    )


def rows_of(
    experiments: Iterable[Experiment], collection: Collection, titles: Mapping[str, str], reference: str
) -> list[Row]:
    """The table, one line an experiment; they are taken one at a time.

    Args:
        experiments: the one named ``reference`` first of all.
        collection: what was searched and judged.
        titles: of each query; those of one title go together.
        reference: the name of the one that the others are compared with.

    Raises:
        ValueError: the first experiment is not the reference.
    """
    rows: list[Row] = []
    base: Sequence[QueryMeasures] = ()
    for experiment in experiments:
        table = [measure_query(run, collection.qrels.get(run.query_id, {})) for run in experiment.runs]
        if not rows:
            if experiment.name != reference:
                raise ValueError(f"the first experiment is {experiment.name}, not {reference}")
            base = table
        figures = {name: _figure(table, base, column, titles) for name, column in COMPARED.items()}
        rows.append(
            Row(
                group=experiment.group,
                name=experiment.name,
                figures={name: figure for name, figure in figures.items() if figure is not None},
                hub_share=hub_share(experiment.runs, collection.size),
                reach=reach(experiment.runs, collection.size),
            )
        )
    return rows


def folds_by_title(titles: Iterable[str], count: int = FOLDS, seed: int = SEED) -> dict[str, int]:
    """The fold of each title: so many of like size, drawn by the seed; fewer where there are fewer titles."""
    distinct = sorted(set(titles))
    drawn = np.random.default_rng(seed).permutation(len(distinct))
    return {distinct[place]: number % count for number, place in enumerate(drawn)}


def _figure(
    table: Sequence[QueryMeasures], base: Sequence[QueryMeasures], column: str, titles: Mapping[str, str]
) -> Figure | None:
    """The figure of one measure; a query counts in both or in neither, since the judgements alone decide."""
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row, other in zip(table, base, strict=True):
        value, reference = getattr(row, column), getattr(other, column)
        if value is not None and reference is not None:
            pairs[titles[row.query_id]].append((value, reference))
    if not pairs:
        return None
    counts = np.array([len(found) for found in pairs.values()], dtype=np.float64)
    means = np.array([np.mean(found, axis=0) for found in pairs.values()])
    values, references = means.T
    folds = folds_by_title(titles.values())
    numbers = np.array([folds[title] for title in pairs])
    value = float(np.average(values, weights=counts))
    return Figure(
        value=value,
        folds=tuple(
            float(np.average(values[numbers == number], weights=counts[numbers == number]))
            for number in np.unique(numbers)
        ),
        difference=value - float(np.average(references, weights=counts)),
        interval=difference_interval(references, values, counts),
    )
