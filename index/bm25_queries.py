"""BM25 the other way round: one text against very many queries, as when a new text looks for who asked for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from index.arrays import Floats
from index.bm25 import Counts, Hashes, TermCounts, TermWeights, hash_of, saturated, usable


@dataclass(frozen=True, slots=True, eq=False)
class WeighedTerms:
    """The terms of one query, 12 bytes each.

    Attributes:
        hashes: int64 ``[t]``, of this process alone, as in `TermCounts`.
        weights: what each counts times its inverse document frequency, float32 ``[t]``.
    """

    hashes: Hashes
    weights: Floats

    @classmethod
    def of(cls, terms: Mapping[str, float], corpus: TermWeights) -> WeighedTerms:
        """Those of a query.

        Args:
            terms: what each counts, beside its rarity.
            corpus: whose statistics hold.
        """
        kept = list(usable(dict.fromkeys(terms, 1)))
        hashes = np.fromiter(map(hash_of, kept), dtype=np.int64, count=len(kept))
        weights = np.array([terms[term] * corpus.weight(term) for term in kept], dtype=np.float32)
        return cls(hashes, weights)


@dataclass(frozen=True, slots=True, eq=False)
class QueryPostings:
    """An inverted index of queries: entry e says that query ``places[e]`` asks for a term that counts ``weights[e]``.

    Attributes:
        hashes: int64 ``[e]``, ascending.
        places: int32 ``[e]``.
        weights: float32 ``[e]``.
        count: how many queries there are.
    """

    hashes: Hashes
    places: Counts
    weights: Floats
    count: int

    @classmethod
    def of(cls, queries: Sequence[WeighedTerms]) -> QueryPostings:
        """The index of these queries, by position."""
        sizes = [len(query.hashes) for query in queries]
        hashes = np.concatenate([np.empty(0, dtype=np.int64), *(query.hashes for query in queries)])
        weights = np.concatenate([np.empty(0, dtype=np.float32), *(query.weights for query in queries)])
        places = np.repeat(np.arange(len(queries), dtype=np.int32), sizes)
        order = np.argsort(hashes, kind="stable")
        return cls(hashes[order], places[order], weights[order], len(queries))

    def scores(self, text: TermCounts, mean_length: float) -> Floats:
        """BM25 of a text for each query, float32 ``[count]``: what `Postings.scores` gives, up to rounding.

        Args:
            text: its terms.
            mean_length: of the texts of the corpus.
        """
        low = np.searchsorted(self.hashes, text.hashes, side="left")
        sizes = np.searchsorted(self.hashes, text.hashes, side="right") - low
        lengths = np.full(len(text.counts), int(text.counts.sum()), dtype=np.int64)
        found = np.repeat(saturated(text.counts, lengths, mean_length), sizes)
        # The entries of all terms, one range after the other.
        starts = np.repeat(low - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes) if len(sizes) else sizes
        entries = starts + np.arange(len(starts))
        summed = np.bincount(self.places[entries], weights=self.weights[entries] * found, minlength=self.count)
        return summed.astype(np.float32)
