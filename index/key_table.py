"""Which record of a vector store holds a key: sorted arrays, 24 bytes a record."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from index.arrays import Positions

KEY_BYTES = 16
# Recent keys live in a dict until there are this many; merging into 940,000 takes 0.7 s, so not at every append.
MERGE_AT = 65_536

_Words = npt.NDArray[np.uint64]


def as_words(keys: npt.NDArray[np.void] | bytes) -> _Words:
    """Packed 16-byte keys as uint64 ``[n, 2]``."""
    raw = keys if isinstance(keys, bytes) else np.ascontiguousarray(keys).tobytes()
    return np.frombuffer(raw, dtype="<u8").reshape(-1, 2)


class KeyTable:
    """Key to record number; of a key that was written twice, the later record."""

    def __init__(self) -> None:
        self._first: _Words = np.empty(0, dtype=np.uint64)
        self._second: _Words = np.empty(0, dtype=np.uint64)
        self._rows: Positions = np.empty(0, dtype=np.int64)
        self._recent: dict[bytes, int] = {}
        self._recent_new = 0

    def __len__(self) -> int:
        """How many distinct keys there are."""
        return len(self._rows) + self._recent_new

    def add(self, words: _Words, first_row: int) -> None:
        """Enter keys, uint64 ``[n, 2]``, of the records ``first_row``, ``first_row + 1``, ...; later ones win."""
        if len(words) >= MERGE_AT:
            self._merge_recent()
            self._merge(words, np.arange(first_row, first_row + len(words), dtype=np.int64))
            return
        known = self._search_sorted(words) >= 0
        raw = words.tobytes()
        for number, in_sorted in enumerate(known.tolist()):
            key = raw[number * KEY_BYTES : (number + 1) * KEY_BYTES]
            self._recent_new += key not in self._recent and not in_sorted
            self._recent[key] = first_row + number
        if len(self._recent) >= MERGE_AT:
            self._merge_recent()

    def find(self, words: _Words) -> Positions:
        """Record numbers int64 ``[n]`` of keys uint64 ``[n, 2]``; -1 where a key is not known."""
        rows = self._search_sorted(words)
        if self._recent:
            raw = words.tobytes()
            recent = self._recent
            for number in range(len(words)):
                row = recent.get(raw[number * KEY_BYTES : (number + 1) * KEY_BYTES])
                if row is not None:
                    rows[number] = row
        return rows

    def _search_sorted(self, words: _Words) -> Positions:
        found = np.full(len(words), -1, dtype=np.int64)
        if not len(self._rows) or not len(words):
            return found
        at = np.searchsorted(self._first, words[:, 0])
        open_ = np.arange(len(words))
        # The second word decides among keys that share the first; with 64 random bits that is hardly ever a second
        # step.
        while len(open_):
            inside = at[open_] < len(self._first)
            open_ = open_[inside]
            open_ = open_[self._first[at[open_]] == words[open_, 0]]
            hit = self._second[at[open_]] == words[open_, 1]
            found[open_[hit]] = self._rows[at[open_[hit]]]
            open_ = open_[~hit]
            at[open_] += 1
        return found

    def _merge_recent(self) -> None:
        if self._recent:
            rows = np.fromiter(self._recent.values(), dtype=np.int64, count=len(self._recent))
            self._merge(as_words(b"".join(self._recent)), rows)
            self._recent = {}
            self._recent_new = 0

    def _merge(self, words: _Words, rows: Positions) -> None:
        first = np.concatenate([self._first, words[:, 0]])
        second = np.concatenate([self._second, words[:, 1]])
        both = np.concatenate([self._rows, rows])
        order = np.lexsort((both, second, first))
        first, second, both = first[order], second[order], both[order]
        last = np.ones(len(both), dtype=np.bool_)
        last[:-1] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
        self._first, self._second, self._rows = first[last], second[last], both[last]
