"""The space that a snapshot's vectors are moved to: measured by its build, and kept with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from app.arrays import Floats, Ints
from app.ranking.space import ANY, PLAIN, Means, Space
from index import VectorSource
from models import Role

HEADINGS_A_LANGUAGE = 96
"""Headings that are embedded as queries to tell where a language's queries lie: 96 give the mean to a tenth."""
FEWEST_FOR_SPREAD = 8
"""Headings of a language that tell how its cosines are spread; the spread of 8 by 8 is known to an eighth."""
SPREAD_PRIOR = 100.0
"""Records that the spread over all pairs of languages counts for in a pair's own. 28 Japanese records made a spread of
half the usual one, which doubled each of their cosines."""
PASSAGES_A_LANGUAGE = 2_000
_BLOCK = 65_536
_PASSAGES, _QUERIES = "passages.", "queries."
_SPREAD = "spread."


class Embeds(Protocol):
    """What embeds texts, such as `app.serving.embedding.Embedder`."""

    def vectors(self, texts: Sequence[str], role: Role) -> Floats:
        """Vectors float32 ``[n, d]`` of those of ``texts`` that are not empty."""
        ...


class MovedVectors:
    """The vectors of a source in a space.

    Args:
        source: the encoder's own.
        space: where they are moved to.
        languages: of each position.
    """

    def __init__(self, source: VectorSource, space: Space, languages: Sequence[str | None]) -> None:
        self._source = source
        self._space = space
        self._languages = languages

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._source.dimension

    def __len__(self) -> int:
        return len(self._source)

    def take(self, positions: Ints) -> Floats:
        """The unit vectors float32 ``[n, dimension]`` at ``positions`` int64 ``[n]``."""
        languages = [self._languages[position] for position in positions.tolist()]
        return self._space.of_passages(self._source.take(positions), languages)


def measured_space(
    source: VectorSource,
    languages: Sequence[str | None],
    headings: Mapping[str | None, Sequence[str]],
    embedder: Embeds,
    fewest: int,
) -> Space:
    """The means of passages, and of headings of the same corpus asked as queries.

    Args:
        source: the vectors of all passages.
        languages: of each.
        headings: some of each language.
        embedder: embeds the headings as queries.
        fewest: fewer vectors are left as they are, since their mean would be their subject, not their language.
    """
    if len(source) < fewest:
        return PLAIN
    passages, queries = Means(source.dimension), Means(source.dimension)
    for start in range(0, len(source), _BLOCK):  # a million vectors are 1.5 GB: they are never held at once
        end = min(start + _BLOCK, len(source))
        passages.add(source.take(np.arange(start, end, dtype=np.int64)), languages[start:end])
    for language, texts in headings.items():
        vectors = embedder.vectors(texts, Role.QUERY)
        queries.add(vectors, [language] * len(vectors))
    space = Space(passages.result(), queries.result())
    return replace(space, spreads=_spreads(source, languages, headings, embedder, space))


def _spreads(
    source: VectorSource,
    languages: Sequence[str | None],
    headings: Mapping[str | None, Sequence[str]],
    embedder: Embeds,
    space: Space,
) -> dict[tuple[str, str], float]:
    """Standard deviation of the cosines of each language's headings with passages of each; none of rare languages."""
    named = np.array([language or ANY for language in languages])
    asked, found = dict[str, Floats](), dict[str, Floats]()
    for language, texts in headings.items():
        places = np.flatnonzero(named == (language or ANY))
        if language is None or len(texts) < FEWEST_FOR_SPREAD:
            continue
        # Spread over the corpus: neighbours in it may be alike.
        places = places[:: max(1, len(places) // PASSAGES_A_LANGUAGE)][:PASSAGES_A_LANGUAGE].astype(np.int64)
        found[language] = space.of_passages(source.take(places), [language] * len(places))
        vectors = embedder.vectors(texts, Role.QUERY)
        asked[language] = space.of_queries(vectors, [language] * len(vectors))
    measured = {
        (query, passage): float(np.std(queries @ passages.T, dtype=np.float64))
        for query, queries in asked.items()
        for passage, passages in found.items()
    }
    sizes = {language: float(np.count_nonzero(named == language)) for language in found}
    return _drawn_together(measured, sizes)


def _drawn_together(
    measured: Mapping[tuple[str, str], float], sizes: Mapping[str, float]
) -> dict[tuple[str, str], float]:
    """Spreads of pairs of languages, those of few records drawn to the mean of their like by `SPREAD_PRIOR`.

    Args:
        measured: of each pair of query's and passage's language.
        sizes: records of each language; the smaller of the two decides.
    """
    drawn: dict[tuple[str, str], float] = {}
    for within in (True, False):
        like = {pair: value for pair, value in measured.items() if (pair[0] == pair[1]) is within}
        counts = {pair: min(sizes[one] for one in pair) for pair in like}
        total = sum(counts.values())
        pooled = sum(value * counts[pair] for pair, value in like.items()) / total if total else 0.0
        drawn |= {
            pair: (value * counts[pair] + pooled * SPREAD_PRIOR) / (counts[pair] + SPREAD_PRIOR)
            for pair, value in like.items()
        }
    return drawn


def arrays_of(space: Space) -> dict[str, npt.NDArray[Any]]:
    """A space as named arrays of a snapshot."""
    return {
        **{_PASSAGES + language: mean for language, mean in space.passages.items()},
        **{_QUERIES + language: mean for language, mean in space.queries.items()},
        **{
            f"{_SPREAD}{query}.{passage}": np.array([value], dtype=np.float32)
            for (query, passage), value in space.spreads.items()
        },
    }


def space_of(arrays: Mapping[str, npt.NDArray[Any]]) -> Space:
    """The space that `arrays_of` wrote; that of the encoder where a snapshot holds none."""

    def side(prefix: str) -> dict[str, Floats]:
        return {name.removeprefix(prefix): mean for name, mean in arrays.items() if name.startswith(prefix)}

    passages, queries = side(_PASSAGES), side(_QUERIES)
    spreads = {
        (pair.partition(".")[0], pair.partition(".")[2]): float(value[0]) for pair, value in side(_SPREAD).items()
    }
    return Space(passages, queries, spreads) if passages and queries else PLAIN
