"""The file of a vector store: a header of 256 bytes and records of one size, little-endian.

    crc u32 | tokens u32 | windows u16 | flags u16 | reserved u32 | key 16 bytes | vector float32[dimension]

The CRC-32 covers the record behind it. Which record holds a key is known from sorted arrays, 24 bytes a record.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.arrays import Positions
from index.durable import failpoint, replace_file
from index.errors import VectorInputError, VectorStoreDamagedError

MAGIC = b"PMVECTOR"
VERSION = 1
HEADER_BYTES = 256
TRUNCATED_FLAG = 1

_HEADER = struct.Struct("<8sIIH200sI")
_CRC_BYTES = 4
_MOST_FINGERPRINT_BYTES = 200

Records = npt.NDArray[np.void]


def record_type(dimension: int) -> np.dtype[np.void]:
    """The layout of one record; 32 bytes more than its vector, so that every vector is aligned."""
    return np.dtype(
        [
            ("crc", "<u4"),
            ("tokens", "<u4"),
            ("windows", "<u2"),
            ("flags", "<u2"),
            ("reserved", "<u4"),
            ("key", f"V{KEY_BYTES}"),
            ("vector", "<f4", (dimension,)),
        ]
    )


def checksums(records: Records) -> npt.NDArray[np.uint32]:
    """The CRC-32 that each record should have, uint32 ``[n]``."""
    size = records.dtype.itemsize
    view = memoryview(records.tobytes())
    parts = (zlib.crc32(view[start + _CRC_BYTES : start + size]) for start in range(0, len(records) * size, size))
    return np.fromiter(parts, dtype=np.uint32, count=len(records))


class VectorFile:
    """One file of records.

    Args:
        path: the file.
        dimension: length of a vector.
        fingerprint: of the encoder that made the vectors, at most 200 bytes.
    """

    def __init__(self, path: Path, dimension: int, fingerprint: str) -> None:
        self.path = path
        self.type = record_type(dimension)
        self._dimension = dimension
        self._fingerprint = fingerprint
        self._expected_header = _header(dimension, fingerprint)

    def create(self) -> None:
        """Make the file, without records, where there is none."""
        if not self.path.exists():
            replace_file(self.path, self._expected_header)

    def size(self) -> int:
        """Bytes of the file; those of a header where there is no file."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return HEADER_BYTES

    def count(self) -> int:
        """How many whole records there are."""
        return max(0, self.size() - HEADER_BYTES) // self.type.itemsize

    def tail_bytes(self) -> int:
        """How many bytes follow the last whole record."""
        return max(0, self.size() - HEADER_BYTES) % self.type.itemsize

    def map(self, count: int) -> Records:
        """The first ``count`` records, mapped read-only."""
        return np.memmap(self.path, dtype=self.type, mode="r", offset=HEADER_BYTES, shape=(count,))

    def check_header(self) -> None:
        """Raise unless the file begins with this store's header.

        Raises:
            VectorStoreDamagedError: it does not; the message says in what.
        """
        with self.path.open("rb") as file:
            found = file.read(HEADER_BYTES)
        if found == self._expected_header:
            return
        dimension, fingerprint = read_header(self.path)
        raise VectorStoreDamagedError(
            self.path.name,
            f"it holds {dimension} dimensions of fingerprint {fingerprint}, "
            f"not {self._dimension} of {self._fingerprint}",
        )

    def sound_count(self, known: int = 0) -> int:
        """How many records there are up to the last intact one: what a power cut left unwritten at the end is none.

        Args:
            known: this many are known to be sound.
        """
        count, record = self.count(), self.type.itemsize
        if count <= known:
            return count
        with self.path.open("rb") as file:
            while count > known:
                file.seek(HEADER_BYTES + (count - 1) * record)
                last = np.frombuffer(file.read(record), dtype=self.type)
                if len(last) and checksums(last)[0] == last["crc"][0]:
                    break
                count -= 1
        return count

    def cut_tail(self) -> None:
        """Cut a partial record, and whole ones at the end that a power cut left unwritten; none was acknowledged."""
        keep = HEADER_BYTES + self.sound_count() * self.type.itemsize
        if keep < self.size():
            with self.path.open("r+b") as file:
                file.truncate(keep)
                os.fsync(file.fileno())

    def append(self, descriptor: int, records: Records) -> None:
        """Write ``records`` at the end, durably.

        Args:
            descriptor: the file, open for appending.
            records: of this file's type.

        Raises:
            OSError: the disk did not take them; the file still ends with a whole record.
        """
        try:
            view = memoryview(records.tobytes())
            while view:
                view = view[os.write(descriptor, view) :]
            failpoint("vectors.written")
            os.fsync(descriptor)
            failpoint("vectors.synced")
        except OSError:
            # A full disk. Whole records that were written stay, since readers may already have mapped them.
            os.ftruncate(descriptor, self.size() - self.tail_bytes())
            raise


def read_header(path: Path) -> tuple[int, str]:
    """Dimension and fingerprint of the store in a file.

    Raises:
        VectorStoreDamagedError: it does not begin with the header of a store that this program reads.
    """
    with path.open("rb") as file:
        found = file.read(HEADER_BYTES)
    if len(found) < HEADER_BYTES or found[: len(MAGIC)] != MAGIC:
        raise VectorStoreDamagedError(path.name, "it does not begin with a vector store's header")
    _, version, dimension, length, name, crc = _HEADER.unpack(found[: _HEADER.size])
    if zlib.crc32(found[: _HEADER.size - _CRC_BYTES]) != crc:
        raise VectorStoreDamagedError(path.name, "the checksum of its header differs")
    if version != VERSION:
        raise VectorStoreDamagedError(path.name, f"its format version is {version}, this program reads {VERSION}")
    return dimension, name[:length].decode("utf-8", "replace")


def _header(dimension: int, fingerprint: str) -> bytes:
    name = fingerprint.encode("utf-8")
    if len(name) > _MOST_FINGERPRINT_BYTES:
        raise VectorInputError(f"a fingerprint has at most {_MOST_FINGERPRINT_BYTES} bytes")
    body = _HEADER.pack(MAGIC, VERSION, dimension, len(name), name, 0)[:-_CRC_BYTES]
    return (body + struct.pack("<I", zlib.crc32(body))).ljust(HEADER_BYTES, b"\0")


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
