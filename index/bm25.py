"""BM25 over term counts in memory, to the same figures that the inverted index of a snapshot gives.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009. A text's length is kept in one
byte, as tantivy and Lucene keep it: exact up to 40 terms, then with three bits of mantissa. Changed records are scored
with the snapshot's statistics and the same rounding, so a text has one score wherever it lies.

A term in memory, and in the terms that a snapshot keeps text by text, is the CRC-32 of its UTF-8. Two terms of a query
and a text of the same CRC are taken for one; with 48 terms in a query and 150 in a text that is one text in 600,000.

An inverted index finds texts; to score a few hundred that vectors found, it walks every text that holds one of the
terms. The same counts stored text by text give these scores in a pass over the given texts alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import numpy as np
import numpy.typing as npt

from index.arrays import Array, ArrayWriter, Doubles, Floats, Hashes, Ints, Mask, Positions, read_array

K1, B = 1.2, 0.75
"""Saturation and length normalisation, the usual values, which tantivy has built in."""
LONGEST_TERM = 16_000
"""Characters: tantivy leaves out terms over 65,530 bytes, and a character takes up to four."""

_EXACT_LENGTHS = 24  # lengths below this have a code each, beside the codes of a four-bit float
_MANTISSA = 8


class TermWeights(Protocol):
    """What scoring has to know of a corpus."""

    @property
    def mean_length(self) -> float:
        """Mean number of terms of a text."""
        ...

    def weight(self, term: str) -> float:
        """The inverse document frequency of a term."""
        ...


def _decoded(code: int) -> int:
    """The length that a byte stands for."""
    if code < _EXACT_LENGTHS:
        return code
    rest = code - _EXACT_LENGTHS
    if rest < _MANTISSA:
        return _EXACT_LENGTHS + rest
    return _EXACT_LENGTHS + ((rest % _MANTISSA + _MANTISSA) << (rest // _MANTISSA - 1))


_LENGTHS: Positions = np.array([_decoded(code) for code in range(256)], dtype=np.int64)


def rounded_lengths(lengths: Positions) -> Positions:
    """The lengths int64 ``[n]`` as a byte keeps them: the largest that it can stand for and that is no longer."""
    return _LENGTHS[np.searchsorted(_LENGTHS, lengths, side="right") - 1]


def inverse_frequency(frequency: int, texts: int) -> float:
    """``log(1 + (n - f + 0.5) / (f + 0.5))``; a term that no text holds counts as held by one, the query's own."""
    held = max(1, frequency)
    return log(1 + max(0.0, texts - held + 0.5) / (held + 0.5))


def saturated(counts: npt.NDArray[np.integer[Any]], lengths: Positions, mean_length: float) -> Doubles:
    """``tf (k1 + 1) / (tf + k1 (1 - b + b length / mean))``, float64, with lengths rounded as a byte keeps them."""
    norms = K1 * (1 - B + B * rounded_lengths(lengths) / max(mean_length, 1e-9))
    found: Doubles = counts * (K1 + 1) / (counts + norms)
    return found


def usable(counts: Mapping[str, int]) -> Mapping[str, int]:
    """The counts without terms that an index cannot hold: longer than `LONGEST_TERM`, empty, or not there at all."""
    if all(0 < len(term) <= LONGEST_TERM and count > 0 for term, count in counts.items()):
        return counts
    return {term: count for term, count in counts.items() if 0 < len(term) <= LONGEST_TERM and count > 0}


def hash_of(term: str) -> int:
    """What stands for a term: the CRC-32 of its UTF-8, the same in every process."""
    return crc32(term.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True, eq=False)
class TermCounts:
    """The terms of one text, 12 bytes each: a few thousand changed records are kept in memory.

    Attributes:
        hashes: of its terms, int64 ``[t]``; see `hash_of`.
        counts: how often each occurs, int32 ``[t]``.
    """

    hashes: Hashes
    counts: Ints

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> TermCounts:
        """Those of a text."""
        kept = usable(counts)
        hashes = np.fromiter(map(hash_of, kept), dtype=np.int64, count=len(kept))
        return cls(hashes, np.fromiter(kept.values(), dtype=np.int32, count=len(kept)))


NO_TERMS = TermCounts.of({})


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """An inverted index in memory: entry e says that text ``places[e]`` holds a term ``counts[e]`` times.

    Attributes:
        hashes: int64 ``[e]``, ascending.
        places: int32 ``[e]``, ascending within a term.
        counts: int32 ``[e]``.
        lengths: of the texts, int64 ``[n]``.
    """

    hashes: Hashes
    places: Ints
    counts: Ints
    lengths: Positions

    @classmethod
    def of(cls, texts: Sequence[TermCounts]) -> Postings:
        """The index of these texts, by position."""
        hashes, places, order = _by_term([text.hashes for text in texts])
        counts = np.concatenate([NO_TERMS.counts, *(text.counts for text in texts)])
        lengths = np.array([int(text.counts.sum()) for text in texts], dtype=np.int64)
        return cls(hashes, places, counts[order], lengths)

    def scores(self, terms: Mapping[str, float], corpus: TermWeights) -> Floats:
        """BM25 of every text for a query's terms, float32 ``[n]``; 0 where nothing is shared.

        Summed in float64, so that the order of the terms does not change what is left after rounding.

        Args:
            terms: what each counts, beside its rarity.
            corpus: whose statistics hold.
        """
        scores = np.zeros(len(self.lengths), dtype=np.float64)
        for term, weight in terms.items():
            low, high = np.searchsorted(self.hashes, ((wanted := hash_of(term)), wanted + 1)).tolist()
            if high > low:
                places = self.places[low:high]
                found = saturated(self.counts[low:high], self.lengths[places], corpus.mean_length)
                scores[places] += weight * corpus.weight(term) * found
        return scores.astype(np.float32)

    def holding(self, terms: Sequence[str]) -> Mask:
        """Bool ``[n]``: the texts that have all of some terms."""
        found = np.ones(len(self.lengths), dtype=np.bool_)
        for term in terms:
            low, high = np.searchsorted(self.hashes, ((wanted := hash_of(term)), wanted + 1)).tolist()
            own = np.zeros_like(found)
            own[self.places[low:high]] = True
            found &= own
        return found


def best(scores: Floats, k: int) -> Positions:
    """Where the ``k`` best positive scores lie, best first and equal ones by position, int64 ``[m]``."""
    found = np.flatnonzero(scores > 0)
    if len(found) > k:
        last = np.partition(scores[found], len(found) - k)[len(found) - k]
        found = found[scores[found] >= last]
    return found[np.lexsort((found, -scores[found]))][:k]


@dataclass(frozen=True, slots=True, eq=False)
class WeighedTerms:
    """The terms of one query, 12 bytes each.

    Attributes:
        hashes: int64 ``[t]``; see `hash_of`.
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
    """BM25 the other way round, of one text for very many queries: which of them a new text answers.

    It is an inverted index of the queries: entry e says that query ``places[e]`` has a term that counts ``weights[e]``.

    Attributes:
        hashes: int64 ``[e]``, ascending.
        places: int32 ``[e]``.
        weights: float32 ``[e]``.
        count: how many queries there are.
    """

    hashes: Hashes
    places: Ints
    weights: Floats
    count: int

    @classmethod
    def of(cls, queries: Sequence[WeighedTerms]) -> QueryPostings:
        """The index of these queries, by position."""
        hashes, places, order = _by_term([query.hashes for query in queries])
        weights = np.concatenate([np.empty(0, dtype=np.float32), *(query.weights for query in queries)])
        return cls(hashes, places, weights[order], len(queries))

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


def _by_term(hashes: Sequence[Hashes]) -> tuple[Hashes, Ints, Positions]:
    """All of ``hashes`` in ascending order, from which list each comes, and the order that was made of them."""
    every = np.concatenate([NO_TERMS.hashes, *hashes])
    places = np.repeat(np.arange(len(hashes), dtype=np.int32), [len(some) for some in hashes])
    order = np.argsort(every, kind="stable")
    return every[order], places[order], order


STARTS, LENGTHS, TERMS, COUNTS = "starts", "lengths", "terms", "counts"
_KINDS = {STARTS: "<i8", LENGTHS: "<i4", TERMS: "<u4", COUNTS: "<u2"}
FORWARD_FILES = tuple(f"forward.{name}.npy" for name in _KINDS)

_MOST_COUNT = 65_535
_FLUSHED_TEXTS = 10_000
_SLOTS = 1 << 16
"""Size of the table that tells at once that a term is none of the query's; it stays in the cache."""


def written_forward(directory: Path, texts: Iterable[Mapping[str, int]]) -> Iterator[Mapping[str, int]]:
    """The same texts, the terms of each written to a snapshot's ``directory`` on their way into the inverted index.

    The files are there when all were taken; memory holds some thousands of texts.
    """
    with ExitStack() as opened:
        files = {
            name: opened.enter_context(ArrayWriter(directory / f"forward.{name}.npy", kind))
            for name, kind in _KINDS.items()
        }
        end, held = 0, {STARTS: [0], LENGTHS: list[int](), TERMS: list[int](), COUNTS: list[int]()}

        def flush() -> None:
            for name, values in held.items():
                files[name].write(np.array(values, dtype=_KINDS[name]))
                values.clear()

        for number, text in enumerate(texts, 1):
            kept = usable(text)
            held[TERMS] += map(hash_of, kept)
            held[COUNTS] += (min(count, _MOST_COUNT) for count in kept.values())
            held[LENGTHS].append(sum(kept.values()))
            held[STARTS].append(end := end + len(kept))
            if number % _FLUSHED_TEXTS == 0:
                flush()
            yield text
        flush()


class ForwardIndex:
    """The terms of texts by position. Only read; safe to use from several threads at once.

    Args:
        starts: where the terms of each text begin, and where the last end, int64 ``[n + 1]``.
        lengths: how many terms each text has, repeated ones counted, int32 ``[n]``.
        terms: uint32 ``[t]``.
        counts: how often a text holds each, uint16 ``[t]``.
        mean_length: mean number of terms of a text, repeated ones counted.
    """

    def __init__(self, starts: Positions, lengths: Array, terms: Array, counts: Array, mean_length: float) -> None:
        self._starts, self._lengths, self._terms, self._counts = starts, lengths, terms, counts
        self._mean_length = mean_length

    @classmethod
    def open(cls, directory: Path, mean_length: float) -> ForwardIndex:
        """The one in ``directory``, mapped.

        Raises:
            OSError: it cannot be read.
            ValueError: a file is no such array.
        """
        starts, lengths, terms, counts = (read_array(directory / name) for name in FORWARD_FILES)
        return cls(starts, lengths, terms, counts, mean_length)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def scores(self, weights: Mapping[str, float], positions: Positions) -> Floats:
        """BM25 of the texts at ``positions`` int64 ``[n]``, float32 ``[n]``; see `index.bm25`.

        Args:
            weights: what each term of a query counts, its rarity in it.
            positions: in any order.
        """
        if not weights or not len(positions):
            return np.zeros(len(positions), dtype=np.float32)
        asked = np.fromiter(map(hash_of, weights), dtype=np.uint32, count=len(weights))
        order = np.argsort(asked)
        asked, worth = asked[order], np.fromiter(weights.values(), dtype=np.float64, count=len(weights))[order]
        starts, ends = self._starts[positions], self._starts[positions + 1]
        terms = np.concatenate([self._terms[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])
        slots = np.zeros(_SLOTS, dtype=np.bool_)
        slots[asked & (_SLOTS - 1)] = True
        maybe = np.flatnonzero(slots[terms & np.uint32(_SLOTS - 1)])
        found = terms[maybe]
        which = np.searchsorted(asked, found)
        which[which == len(asked)] = 0
        hits = asked[which] == found
        shared, which = maybe[hits], which[hits]
        behind = np.cumsum(ends - starts)  # of each text, where the next begins in ``terms``
        texts = np.searchsorted(behind, shared, side="right")
        counts = self._counts[shared + (ends - behind)[texts]]
        scores = worth[which] * saturated(counts, self._lengths[positions[texts]], self._mean_length)
        return np.bincount(texts, weights=scores, minlength=len(positions)).astype(np.float32)
