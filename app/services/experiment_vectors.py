"""Experiments with vectors alone: what is taken from them, and what neighbours and hubs do to a cosine.

Sources: centring and principal components, Mu and Viswanath, All-but-the-Top, 2018; the item term of CSLS, Conneau et
al., Word Translation Without Parallel Data, 2018; feedback, Rocchio, Relevance Feedback in Information Retrieval, 1971.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from app.arrays import Floats
from app.ranking.space import NEIGHBOURS, PLAIN, Means, Space, surrounded
from app.services.experiment_material import ExperimentMaterial

Scored = Iterator[tuple[str, Floats]]
"""What each experiment is called, and its scores of every document for every query, float32 ``[q, n]``."""

TITLE_WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
COMPONENTS = (1, 2, 4, 8)
POWERS = (0.25, 0.5, 1.0)
ITEM_WEIGHTS = (0.25, 0.5, 1.0)
ITEM_NEIGHBOURS = 10
SOME = (5, 10)
SHIFTS = (0.25, 0.5, 1.0)
_BLOCK = 2_048
"""Rows of a product of all documents with all that are held at once."""


@dataclass(frozen=True, slots=True)
class Centred:
    """Queries float32 ``[q, d]`` and passages float32 ``[n, d]`` as they are compared, unit vectors."""

    queries: Floats
    passages: Floats

    @classmethod
    def of(cls, material: ExperimentMaterial, space: Space | None = None) -> Centred:
        """In a space; in that of a build where none is given."""
        chosen = material.space if space is None else space
        return cls(
            chosen.of_queries(material.queries(), material.query_languages),
            chosen.of_passages(material.passages, material.languages),
        )

    def among_neighbours(self) -> Centred:
        """With each passage among its neighbours, as a snapshot ranks it."""
        nearest = _nearest(self.passages, min(NEIGHBOURS, len(self.passages) - 1))
        return Centred(self.queries, surrounded(self.passages, self.passages[nearest].mean(axis=1)))

    @property
    def cosines(self) -> Floats:
        """Of every passage with every query, float32 ``[q, n]``."""
        found: Floats = self.queries @ self.passages.T
        return found


def spaces(material: ExperimentMaterial) -> Scored:
    """The encoder's own space, and what may be subtracted from queries beside the passages' mean from passages."""
    built = material.space
    own = Means(material.passages.shape[1])
    own.add(material.queries(), material.query_languages)
    yield "plain cosine", Centred.of(material, PLAIN).cosines
    yield "centred, queries by the mean of headings (as served)", Centred.of(material).cosines
    yield "centred, queries by their own mean", Centred.of(material, Space(built.passages, own.result())).cosines
    yield (
        "centred, queries by the mean of passages",
        Centred.of(material, Space(built.passages, built.passages)).cosines,
    )


def title_weights(material: ExperimentMaterial, near: Centred) -> Scored:
    """The weight of a query's title beside its text, among passages as they are ranked."""
    for weight in TITLE_WEIGHTS:
        queries = material.space.of_queries(material.queries(weight), material.query_languages)
        yield f"title {weight:g}", Centred(queries, near.passages).cosines


def components(centred: Centred) -> Scored:
    """Directions in which passages spread most, removed, or drawn in on both sides."""
    passages = centred.passages.astype(np.float64)
    # The means are taken away already, so that the second moment is the covariance, but for what unit length changes.
    values, vectors = np.linalg.eigh(passages.T @ passages / len(passages))
    values, vectors = values[::-1], vectors[:, ::-1]
    for count in COMPONENTS:
        first = vectors[:, :count].astype(np.float32)
        yield f"first {count} principal components removed", _changed(centred, partial(_without, first))
    for power in POWERS:
        drawn = (vectors * np.maximum(values, values[0] * 1e-6) ** (-power / 2)).astype(np.float32)
        yield f"whitened, power {power:g}", _changed(centred, partial(_through, drawn))


def item_terms(centred: Centred, material: ExperimentMaterial, titles: Sequence[str]) -> Scored:
    """Less how near a document is to its ten nearest queries anyway: headings, or needs of other titles."""
    cosines = centred.cosines
    asked = material.space.of_queries(material.headings, [material.languages[n] for n in material.heading_places])
    found = asked @ centred.passages.T
    found[np.arange(len(asked)), material.heading_places] = -np.inf  # a heading finds its own record
    term = _mean_of_largest(found, ITEM_NEIGHBOURS)
    for weight in ITEM_WEIGHTS:
        yield f"item term of CSLS among headings, {weight:g}", cosines - np.float32(weight) * term
    of_others = np.empty_like(cosines)
    for title in set(titles):
        mine = np.array([other == title for other in titles])
        if not mine.all():
            of_others[mine] = _mean_of_largest(cosines[~mine], ITEM_NEIGHBOURS)
        else:
            of_others[mine] = 0.0
    for weight in ITEM_WEIGHTS:
        yield f"item term of CSLS among other needs, {weight:g}", cosines - np.float32(weight) * of_others


def smoothed(centred: Centred) -> Scored:
    """Each document moved to the mean of its nearest ones."""
    nearest = _nearest(centred.passages, min(max(SOME), len(centred.passages) - 1))
    for count in SOME:
        means = centred.passages[nearest[:, :count]].mean(axis=1)
        for shift in SHIFTS:
            passages = _unit(centred.passages + np.float32(shift) * means)
            yield f"documents moved to their {count} nearest, {shift:g}", Centred(centred.queries, passages).cosines


def feedback(centred: Centred, ranking: Floats) -> Scored:
    """Each query moved to the mean of the first documents of a ranking float32 ``[q, n]``."""
    first = np.argsort(-ranking, axis=1, kind="stable")
    for count in SOME:
        means = _unit(centred.passages[first[:, :count]].mean(axis=1))
        for shift in SHIFTS:
            queries = _unit(centred.queries + np.float32(shift) * means)
            yield f"queries moved to their first {count}, {shift:g}", Centred(queries, centred.passages).cosines


def _without(directions: Floats, vectors: Floats) -> Floats:
    found: Floats = (vectors - (vectors @ directions) @ directions.T).astype(np.float32)
    return found


def _through(matrix: Floats, vectors: Floats) -> Floats:
    found: Floats = vectors @ matrix
    return found


def _changed(centred: Centred, change: Callable[[Floats], Floats]) -> Floats:
    return Centred(_unit(change(centred.queries)), _unit(change(centred.passages))).cosines


def _mean_of_largest(cosines: Floats, count: int) -> Floats:
    """Of each column of float32 ``[m, n]``, float32 ``[n]``."""
    kept = min(count, len(cosines))
    largest = np.partition(cosines, len(cosines) - kept, axis=0)[len(cosines) - kept :]
    found: Floats = np.where(np.isfinite(largest), largest, 0.0).mean(axis=0).astype(np.float32)
    return found


def _nearest(vectors: Floats, count: int) -> npt.NDArray[np.intp]:
    """The nearest others of each of float32 ``[n, d]``, best first, ``[n, count]``."""
    found = []
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ vectors.T
        cosines[np.arange(len(cosines)), start + np.arange(len(cosines))] = -np.inf
        found.append(np.argsort(-cosines, axis=1, kind="stable")[:, :count])
    return np.concatenate(found)


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = (vectors / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    return found
