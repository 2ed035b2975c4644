"""What a snapshot keeps for ranking beside its vectors: the space they were moved to, and how common its terms are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from app.ranking.lexical import TermStatistics
from app.ranking.space import PLAIN, Means, Space
from app.services.embedding import Embedder
from index import VectorSource
from models import Role

Floats = npt.NDArray[np.float32]

HEADINGS_A_LANGUAGE = 96
"""Headings that are embedded as queries to tell where a language's queries lie: 96 give the mean to a tenth."""
_BLOCK = 65_536
_PASSAGES, _QUERIES = "passages.", "queries."
_TERMS, _FREQUENCIES, _TEXTS, _LENGTH = "terms.hashes", "terms.frequencies", "terms.texts", "terms.length"


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

    def take(self, positions: npt.NDArray[np.int64]) -> Floats:
        """The unit vectors float32 ``[n, dimension]`` at ``positions`` int64 ``[n]``."""
        languages = [self._languages[position] for position in positions.tolist()]
        return self._space.of_passages(self._source.take(positions), languages)


def measured_space(
    source: VectorSource,
    languages: Sequence[str | None],
    headings: Mapping[str | None, Sequence[str]],
    embedder: Embedder,
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
    for start in range(0, len(source), _BLOCK):
        end = min(start + _BLOCK, len(source))
        passages.add(source.take(np.arange(start, end, dtype=np.int64)), languages[start:end])
    for language, texts in headings.items():
        vectors = embedder.vectors(texts, Role.QUERY)
        queries.add(vectors, [language] * len(vectors))
    return Space(passages.result(), queries.result())


def arrays_of(space: Space) -> dict[str, npt.NDArray[Any]]:
    """A space as named arrays of a snapshot."""
    return {
        **{_PASSAGES + language: mean for language, mean in space.passages.items()},
        **{_QUERIES + language: mean for language, mean in space.queries.items()},
    }


def space_of(arrays: Mapping[str, npt.NDArray[Any]]) -> Space:
    """The space that `arrays_of` wrote; that of the encoder where a snapshot holds none."""

    def side(prefix: str) -> dict[str, Floats]:
        return {name.removeprefix(prefix): mean for name, mean in arrays.items() if name.startswith(prefix)}

    passages, queries = side(_PASSAGES), side(_QUERIES)
    return Space(passages, queries) if passages and queries else PLAIN


def term_arrays(statistics: TermStatistics) -> dict[str, npt.NDArray[Any]]:
    """Term statistics as named arrays of a snapshot."""
    return {
        _TERMS: statistics.hashes,
        _FREQUENCIES: statistics.frequencies,
        _TEXTS: np.array([statistics.texts], dtype=np.int64),
        _LENGTH: np.array([statistics.length], dtype=np.float32),
    }


def term_statistics_of(arrays: Mapping[str, npt.NDArray[Any]]) -> TermStatistics | None:
    """The statistics that `term_arrays` wrote; ``None`` where a snapshot holds none."""
    if _TERMS not in arrays:
        return None
    return TermStatistics(int(arrays[_TEXTS][0]), float(arrays[_LENGTH][0]), arrays[_TERMS], arrays[_FREQUENCIES])
