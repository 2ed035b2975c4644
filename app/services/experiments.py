"""Every way to rank that was tried, measured again on one set of judgements, beside what the service answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.arrays import Floats
from app.evaluation.collection import QueryRun
from app.evaluation.experiments import Experiment, Row, rows_of, runs_of
from app.progress import Progress, Report
from app.ranking.relevance import LEXICAL_WEIGHT
from app.services.encoders import Encoders
from app.services.evaluating import EvaluationService, EvaluationSettings
from app.services.evaluation_material import EvaluationFiles, EvaluationMaterial
from app.services.evaluation_systems import Bench
from app.services.experiment_material import ExperimentMaterial, experiment_material, titles_of
from app.services.experiment_oracles import oracles
from app.services.experiment_terms import Counting, alone, fused
from app.services.experiment_vectors import (
    Centred,
    Scored,
    components,
    feedback,
    item_terms,
    smoothed,
    spaces,
    title_weights,
)

SERVED = "served: centred, among neighbours, with shared terms"
"""What the others are compared with."""

_WITH_TERMS = f", + {LEXICAL_WEIGHT:g} BM25"
_NEVER = 2**31 - 1
"""No corpus has so many records: none is centred, or has neighbours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiments:
    """All experiments on one material.

    Attributes:
        rows: the served ones first.
        facts: what was measured on, by name.
    """

    rows: tuple[Row, ...]
    facts: Mapping[str, object]

    def as_json(self) -> dict[str, object]:
        """As JSON types."""
        return {"facts": dict(self.facts), "reference": SERVED, "rows": [row.as_json() for row in self.rows]}


class ExperimentService:
    """Runs every experiment; the published indexes and the catalogue are not touched.

    Args:
        encoders: loads the configured encoder.
        settings: what the service in force would use.
    """

    def __init__(self, encoders: Encoders, settings: EvaluationSettings) -> None:
        self._encoders = encoders
        self._settings = settings

    def run(self, files: EvaluationFiles, *, report: Report = lambda _progress: None) -> Experiments:
        """Embed once what has no kept vector, then measure.

        Raises:
            InputError: a file cannot be used, or no judgement is about its queries and documents.
            ModelProblem: the encoder cannot be loaded.
            IndexProblem: no index could be built of the corpus.
            ConflictError: another job writes vectors of this model.
        """
        bench = Bench(EvaluationMaterial.read(files))
        titles = titles_of(bench.material)
        rows = rows_of(self._all(bench, titles, report), bench.collection, titles, SERVED)
        judged = [key for key, levels in bench.collection.qrels.items() if levels]
        facts: dict[str, object] = {
            "judged queries": len(judged),
            "different titles": len({titles[key] for key in judged}),
            "judged pairs": sum(len(levels) for levels in bench.collection.qrels.values()),
            "documents": bench.collection.size,
            "encoder": f"{self._encoders.get().name} {self._encoders.get().fingerprint[:12]}",
        }
        return Experiments(rows=tuple(rows), facts=facts)

    def _all(self, bench: Bench, titles: Mapping[str, str], report: Report) -> Iterator[Experiment]:
        yield from self._served(bench, report)
        encoder = self._encoders.get()
        material = experiment_material(bench.material, encoder, self._settings.vectors_dir, report)
        asked = list(bench.material.queries)
        for number, (group, name, scores) in enumerate(_scored(material, bench, titles)):
            report(Progress("experiment", number, number))
            runs = runs_of(scores, material.query_ids, material.ids, bench.collection)
            every = tuple(runs.get(key, QueryRun(query_id=key, error="unread", levelled=False)) for key in asked)
            yield Experiment(group=group, name=name, runs=every)

    def _served(self, bench: Bench, report: Report) -> Iterator[Experiment]:
        """What the service itself answers in its states, the present one first."""
        settings = self._settings
        near, centre = settings.neighbours_from, settings.centre_from
        states = (
            (SERVED, True, near, centre),
            ("centred, with shared terms", True, _NEVER, centre),
            ("centred, among neighbours", False, near, centre),
            ("centred", False, _NEVER, centre),
            ("plain cosine", False, _NEVER, _NEVER),
        )
        for name, shared_terms, neighbours_from, centre_from in states:
            limits = replace(settings.limits, shared_terms=shared_terms)
            changed = replace(settings, limits=limits, neighbours_from=neighbours_from, centre_from=centre_from)
            service = EvaluationService(self._encoders, changed)
            (system,) = service.systems(bench, report=report)
            yield Experiment(group="The service itself", name=name, runs=tuple(system.contents.runs))


def _scored(material: ExperimentMaterial, bench: Bench, titles: Mapping[str, str]) -> Iterator[tuple[str, str, Floats]]:
    """Group, name and scores of each; nothing is cut off at a depth, and one language is taken for all."""
    centred, counting = Centred.of(material), Counting.of(material.terms)
    near = centred.among_neighbours()
    cosines, shared = near.cosines, np.float32(LEXICAL_WEIGHT) * counting.scores(counting.queries(material))
    asked = [titles[key] for key in material.query_ids]
    yield from _named("Vectors alone: means", spaces(material))
    for name, scores in title_weights(material, near):
        yield "Weight of a title", name, scores
        yield "Weight of a title", f"{name}{_WITH_TERMS}", scores + shared
    changes: Sequence[tuple[str, Scored]] = (
        ("centred, components", components(centred)),
        ("centred, neighbours of documents", smoothed(centred)),
        ("centred, among neighbours, hubs", item_terms(near, material, asked)),
        ("centred, among neighbours, feedback", feedback(near, cosines + shared)),
    )
    for group, scored in changes:
        for name, scores in scored:
            yield f"Vectors changed: {group}", name, scores
            yield f"Vectors changed: {group}", f"{name}{_WITH_TERMS}", scores + shared
    yield from _named("Shared terms alone", alone(material, counting))
    yield from _named("Vectors and shared terms: centred", fused(centred.cosines, material, counting))
    yield from _named("Vectors and shared terms: centred, among neighbours", fused(cosines, material, counting))
    yield from _named("Bounds", oracles(material, bench.collection.qrels, cosines + shared))


def _named(group: str, scored: Scored) -> Iterator[tuple[str, str, Floats]]:
    return ((group, name, scores) for name, scores in scored)
