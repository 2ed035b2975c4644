"""The space that vectors are compared in: each language and each side centred by its own mean.

A multilingual encoder puts every language into a cone of its own, and queries into another than passages: plain
cosines find the same language first and lie within a few hundredths of each other. Subtracting the mean of a text's
language and role and renormalising takes out what is common to all of its kind (the first step of Mu and Viswanath,
All-but-the-Top: Simple and Effective Postprocessing for Word Representations, 2018). Hubs, which are near the mean,
lose what makes them near everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.arrays import Doubles, Floats

ANY = ""
"""The key of the mean over all languages, for texts in one that has none of its own."""
PRIOR = 5.0
"""Texts that the overall mean counts for in a language's own: with few texts, their mean is mostly their subject. On
the sample, 20 keeps languages of ten texts apart, 1 costs the largest language a little."""
NEIGHBOURS, NEIGHBOUR_WEIGHT = 10, 0.5
"""How many neighbours a record is ranked with, and the weight of their mean beside it. On judged needs 5 and 10, 0.3
and 0.5 are alike; titles of patents find their own abstracts first as often as without."""
TITLE_WEIGHT = 0.4
"""Weight of a need's title beside its text; of 0.3 to 1 the best on judged needs, see docs/evaluation.md."""
MOST_STRETCH = 2.0
"""How much a cosine is stretched at most: what two languages have more than this in common, no real pair lacks."""
_NOTHING = 1e-6


@dataclass(frozen=True, slots=True)
class Space:
    """Means float32 ``[d]`` by language, of passages and of queries. Without any, vectors stay as they are.

    Attributes:
        spreads: standard deviation of the cosines of one language's queries with another's passages.
    """

    passages: Mapping[str, Floats]
    queries: Mapping[str, Floats]
    spreads: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def of_passages(self, vectors: Floats, languages: Sequence[str | None]) -> Floats:
        """Passages float32 ``[n, d]`` in this space, unit vectors; ``languages`` has one for each."""
        return _centred(vectors, languages, self.passages)

    def of_queries(self, vectors: Floats, languages: Sequence[str | None]) -> Floats:
        """Queries float32 ``[n, d]`` in this space, unit vectors; ``languages`` has one for each."""
        return _centred(vectors, languages, self.queries)

    def stretch(self, query: str | None, passage: str | None) -> float:
        """By how much a cosine is drawn apart where a query meets a passage of another language; 1 within its own.

        Cosines across two languages are drawn together: those of pairs that have nothing to do with each other vary by
        0.06 where they vary by 0.09 within a language, and a translation by as much less. Divided by their own spread
        they can be compared (the standard score). Where a language has too few texts to measure its spread, the mean
        over the others stands for it.
        """
        if not self.spreads or query == passage or query is None:
            return 1.0
        own = self.spreads.get((query, query)) or _mean(s for (q, p), s in self.spreads.items() if q == p)
        across = self.spreads.get((query, passage or ANY)) or _mean(
            s for (q, p), s in self.spreads.items() if q != p and query in (q, p)
        ) or _mean(s for (q, p), s in self.spreads.items() if q != p)  # fmt: skip
        return min(max(own / across, 1.0), MOST_STRETCH) if own and across else 1.0

    def known(self, language: str | None) -> bool:
        """Whether a language is centred by means of its own on both sides."""
        return language is not None and language in self.passages and language in self.queries


PLAIN = Space({}, {})
"""The encoder's own space."""


class Means:
    """Adds vectors up by language, a block at a time.

    Args:
        dimension: length of a vector.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._sums: dict[str, Doubles] = {}
        self._counts: dict[str, int] = {}

    def add(self, vectors: Floats, languages: Sequence[str | None]) -> None:
        """Take in vectors float32 ``[n, d]`` and the language of each, ``None`` where it is unknown."""
        named = np.array([language or ANY for language in languages])
        # Sums in float64: float32 would lose digits over a million vectors.
        for language in set(named.tolist()):
            mine = vectors[named == language]
            self._sums[language] = self._sums.get(language, np.zeros(self._dimension)) + mine.sum(0, dtype=np.float64)
            self._counts[language] = self._counts.get(language, 0) + len(mine)

    def result(self) -> dict[str, Floats]:
        """The mean of each language, drawn to the overall one by `PRIOR`, and the overall one as `ANY`."""
        total = sum(self._counts.values())
        if not total:
            return {}
        overall = np.add.reduce(list(self._sums.values())) / total
        means = {
            language: (summed + PRIOR * overall) / (self._counts[language] + PRIOR)
            for language, summed in self._sums.items()
            if language != ANY
        }
        return {language: mean.astype(np.float32) for language, mean in {**means, ANY: overall}.items()}


def with_neighbour_mean(vectors: Floats, neighbour_means: Floats) -> Floats:
    """Unit vectors float32 ``[n, d]`` of records as they stand among their neighbours.

    A short text says little, and the mean of its neighbours what it is about (Kurland and Lee, Corpus structure,
    language models, and ad hoc information retrieval, 2004, smooth documents by their clusters in this way).

    Args:
        vectors: of the records, unit vectors.
        neighbour_means: the mean of each record's neighbours, float32 ``[n, d]``; zeros where it has none.
    """
    return _unit(vectors + NEIGHBOUR_WEIGHT * neighbour_means)


def text_part_weights(count: int, *, titled: bool) -> tuple[float, ...]:
    """The weights of a query's text parts: a title tells the subject, the text behind it also the circumstances."""
    return (TITLE_WEIGHT, 1 - TITLE_WEIGHT) if titled and count == 2 else (1.0,) * count


def combine_text_parts(vectors: Floats, counts: Sequence[int], weights: Sequence[float]) -> Floats:
    """Average the text parts of each query and renormalise, so that a cosine is their mean up to a factor.

    Args:
        vectors: float32 ``[sum(counts), d]``, unit vectors, the text parts of one query next to each other.
        counts: how many text parts each query has, at least 1.
        weights: the weight of each view, as long as ``vectors``.

    Returns:
        float32 ``[len(counts), d]`` unit vectors.
    """
    starts = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.intp)
    sums = np.add.reduceat(vectors * np.asarray(weights, dtype=np.float32)[:, None], starts, axis=0)
    # Two opposite text parts cancel out: such a query has no direction and matches nothing well.
    return _unit(sums)


def _unit(vectors: Floats) -> Floats:
    """Vectors of length 1, float32; those of hardly any length stay short, so that nothing becomes infinite."""
    found: Floats = (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _NOTHING)).astype(np.float32)
    return found


def _centred(vectors: Floats, languages: Sequence[str | None], means: Mapping[str, Floats]) -> Floats:
    if not means or not len(vectors):
        return vectors
    middle = np.stack([means.get(language or ANY, means[ANY]) for language in languages])
    moved = vectors - middle
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    # A vector that is the mean itself has no direction left; it keeps its own.
    return np.where(lengths > _NOTHING, moved / np.maximum(lengths, _NOTHING), vectors).astype(np.float32)


def _mean(values: Iterable[float]) -> float:
    """Their mean, 0 where there is none."""
    found = list(values)
    return sum(found) / len(found) if found else 0.0
