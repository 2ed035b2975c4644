"""Experiments with shared terms: which ones, how they are counted, and how they are added to cosines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from app.arrays import Floats
from app.ranking.lexical import BODY_WEIGHT, MOST_TERMS, query_terms
from app.ranking.relevance import LEXICAL_WEIGHT
from app.services.experiment_material import ExperimentMaterial
from app.services.experiment_vectors import Scored
from index import TermCounts
from index.bm25 import K1, B, Postings, hash_of, inverse_frequency, rounded_lengths

BODY_WEIGHTS = (0.0, 0.2, 0.4, 0.7, 1.0)
MOST = (12, 24, 48, 96, 1_000)
SATURATIONS = (0.4, 0.8, 1.2, 2.0)
NORMALISATIONS = (0.0, 0.5, 0.75, 1.0)
FUSION_WEIGHTS = (0.004, 0.006, 0.008, 0.01, 0.012, 0.016, 0.02)
SHARES = (0.5, 0.6, 0.7)

_EASTERN = "\u2e80"
"""From here on characters are taken one by one and by pairs."""

Terms = Mapping[str, float]


def characters_and_words(term: str) -> bool:
    """Whether a term is no pair of characters."""
    return len(term) != 2 or term < _EASTERN


def pairs_and_words(term: str) -> bool:
    """Whether a term is no single character."""
    return len(term) != 1 or term < _EASTERN


def every(term: str) -> bool:
    """Whether it is a term."""
    return bool(term)


@dataclass(frozen=True, slots=True)
class Counting:
    """Some terms of a corpus.

    Attributes:
        postings: their inverted index.
        kept: which terms it has.
    """

    postings: Postings
    kept: Callable[[str], bool]

    @classmethod
    def of(cls, texts: Sequence[Mapping[str, int]], kept: Callable[[str], bool] = every) -> Counting:
        """Those of these texts that are kept."""
        counts = ({term: count for term, count in text.items() if kept(term)} for text in texts)
        return cls(Postings.of([TermCounts.of(text) for text in counts]), kept)

    def rarity(self, term: str) -> float:
        """The inverse document frequency of a term; 0 of one that is not kept."""
        if not self.kept(term):
            return 0.0
        places = self._places(term)
        return inverse_frequency(places.stop - places.start, len(self.postings.lengths))

    def queries(
        self, material: ExperimentMaterial, body_weight: float = BODY_WEIGHT, most: int = MOST_TERMS
    ) -> list[Terms]:
        """The terms of each query."""
        choose = partial(query_terms, titled=True, body_weight=body_weight, most=most)
        return [choose(views, self.rarity) for views in material.views]

    def scores(self, queries: Sequence[Terms], k1: float = K1, b: float = B) -> Floats:
        """BM25 of every text for each query, float32 ``[q, n]``; with the product's own ``k1`` and ``b`` as served."""
        lengths = rounded_lengths(self.postings.lengths) / max(float(self.postings.lengths.mean()), 1e-9)
        norms = k1 * (1 - b + b * lengths)
        scores = np.zeros((len(queries), len(lengths)))
        for row, terms in zip(scores, queries, strict=True):
            for term, weight in terms.items():
                span = self._places(term)
                places, counts = self.postings.places[span], self.postings.counts[span]
                row[places] += weight * self.rarity(term) * counts * (k1 + 1) / (counts + norms[places])
        return scores.astype(np.float32)

    def mass(self, queries: Sequence[Terms]) -> Floats:
        """The most that a text could score for each query, but for saturation, float32 ``[q]``."""
        return np.array(
            [sum(weight * self.rarity(term) for term, weight in terms.items()) for terms in queries], dtype=np.float32
        )

    def _places(self, term: str) -> slice:
        hashes, wanted = self.postings.hashes, hash_of(term)
        return slice(*(int(np.searchsorted(hashes, wanted, side=side)) for side in ("left", "right")))


def alone(material: ExperimentMaterial, counting: Counting) -> Scored:
    """BM25 without vectors: one thing changed at a time."""
    for name, kept in (("characters and words", characters_and_words), ("pairs and words", pairs_and_words)):
        some = Counting.of(material.terms, kept)
        yield f"BM25: {name}", some.scores(some.queries(material))
    served = counting.queries(material)
    yield "BM25: characters, pairs and words (as served)", counting.scores(served)
    for weight in BODY_WEIGHTS:
        yield f"BM25: weight of a text's term {weight:g}", counting.scores(counting.queries(material, weight))
    for most in MOST:
        yield f"BM25: {most:,} terms of a query", counting.scores(counting.queries(material, most=most))
    for k1 in SATURATIONS:
        yield f"BM25: k1 {k1:g}", counting.scores(served, k1=k1)
    for b in NORMALISATIONS:
        yield f"BM25: b {b:g}", counting.scores(served, b=b)


def fused(cosines: Floats, material: ExperimentMaterial, counting: Counting) -> Scored:
    """Cosines float32 ``[q, n]`` and BM25 in one score."""
    queries = counting.queries(material)
    bm25, mass = counting.scores(queries), counting.mass(queries)[:, None]
    for weight in FUSION_WEIGHTS:
        yield f"cosine + {weight:g} BM25", cosines + np.float32(weight) * bm25
    # Scaled to the same mean, so that one weight means the same in all.
    share = bm25 / np.maximum(mass, np.finfo(np.float32).tiny) * mass.mean()
    logarithm = np.log1p(bm25)
    logarithm *= bm25.mean() / max(float(logarithm.mean()), 1e-9)
    for name, changed in (("BM25 by the query's mass", share), ("log BM25", logarithm)):
        for weight in (LEXICAL_WEIGHT / 2, LEXICAL_WEIGHT, LEXICAL_WEIGHT * 2):
            yield f"cosine + {weight:g} {name}", cosines + np.float32(weight) * changed
    for part in SHARES:
        yield (
            f"standard scores over the corpus, cosine {part:g}",
            np.float32(part) * _standard(cosines) + np.float32(1 - part) * _standard(bm25),
        )


def _standard(scores: Floats) -> Floats:
    """Each row with mean 0 and deviation 1."""
    spread = np.maximum(scores.std(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    found: Floats = (scores - scores.mean(axis=1, keepdims=True)) / spread
    return found
