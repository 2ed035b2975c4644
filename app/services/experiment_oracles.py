"""What rankings that know the judgements give: the bound of every measure, and what judges' own lists have of hubs.

All list judged documents first, the best level first of all; they differ in which of one level comes first, which no
judgement says and which decides how often one document is listed.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from app.arrays import Floats
from app.evaluation.collection import Qrels
from app.evaluation.measures import NDCG_DEPTH
from app.services.experiment_material import ExperimentMaterial
from app.services.experiment_vectors import Scored


def oracles(material: ExperimentMaterial, qrels: Qrels, served: Floats) -> Scored:
    """By level; documents of one level as they are served, by id, or those in the fewest lists first.

    Args:
        material: whose queries and documents.
        qrels: what judges said of them.
        served: relevance of every document for every query, float32 ``[q, n]``.
    """
    yield "oracle: by level, then as served", _by_level(material, qrels, served)
    by_id = np.zeros_like(served) - np.arange(served.shape[1], dtype=np.float32) / served.shape[1]
    yield "oracle: by level, then by id", _by_level(material, qrels, by_id)
    yield "oracle: by level, then the least listed", _by_level(material, qrels, served, spread=True)


def _by_level(material: ExperimentMaterial, qrels: Qrels, ties: Floats, *, spread: bool = False) -> Floats:
    """Scores float32 ``[q, n]``; with ``spread``, queries are taken one by one, each knowing the lists before it."""
    above = np.float32(np.ptp(ties) + 1)
    places = {document: place for place, document in enumerate(material.ids)}
    listed: Counter[int] = Counter()
    found = ties.copy()
    for row, key in zip(found, material.query_ids, strict=True):
        judged = {places[document]: level for document, level in qrels.get(key, {}).items() if document in places}
        if spread:
            order = sorted(judged, key=lambda place: (-judged[place], listed[place], -row[place]))
            listed.update(order[:NDCG_DEPTH])
            for rank, place in enumerate(order):
                row[place] = -rank / len(order)
        for place, level in judged.items():
            row[place] += level * above
    return found
