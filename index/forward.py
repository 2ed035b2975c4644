"""The terms of each text by position: what BM25 of given texts needs, read where it lies.

An inverted index finds texts; to score a few hundred that vectors found, it walks every text that holds one of the
terms. The same counts stored text by text give these scores in a pass over the given texts alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from index.arrays import Array, ArrayWriter, Floats, Positions, read_array
from index.bm25 import hash_of, saturated, usable

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
