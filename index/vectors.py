"""Each text is embedded once per fingerprint: an append-only file of vectors, found by the text's key.

An append is durable when it returns; what a killed writer left half-written at the end is cut by the next writer. Any
number of processes read and append side by side. Of a key written twice the later record counts, so a damaged record
is repaired by writing it again.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.arrays import Floats, Mask, Positions, check_vectors
from index.durable import FileLock, disk_errors, failpoint
from index.errors import (
    StoreLockedError,
    VectorInputError,
    VectorMissingError,
    VectorStoreDamagedError,
    VectorStoreWriteError,
)
from index.vector_file import KEY_BYTES, TRUNCATED_FLAG, KeyTable, Records, VectorFile, as_words, checksums, read_header

FILE_NAME = "vectors.bin"
LOCK_NAME = "writer.lock"
READ_BLOCK = 8_192  # records read, checked and copied at once: 13 MB at 384 dimensions
WAIT_SECONDS = 30.0  # for another writer: an append of 512 records takes 0.1 s, a busy disk may flush for seconds

_MOST_WINDOWS = 0xFFFF


def text_key(role: str, text: str) -> bytes:
    """The 16-byte key of a text in a role: BLAKE2b over role, a zero byte and the text in UTF-8.

    A lone surrogate, which UTF-8 has no bytes for, is keyed by its code point.
    """
    return hashlib.blake2b(f"{role}\0{text}".encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What the encoder said about stored texts: int32 ``[n]`` tokens and windows, bool ``[n]`` truncated."""

    tokens: npt.NDArray[np.int32]
    windows: npt.NDArray[np.int32]
    truncated: Mask


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What a full read of a store found.

    ``damaged`` are the numbers of records whose checksum differs, without those that were stored anew since.
    """

    records: int
    distinct: int
    damaged: tuple[int, ...]
    partial_tail_bytes: int


class VectorStore:
    """The vectors of one fingerprint, in a directory of their own. Safe to use from several threads.

    Any number of processes read and append: each append takes the writer's lock, waits for it if need be, and lets it
    go. What others appended is seen when a key is not found, or by ``refresh``.

    Args:
        path: ``home/vectors/<fingerprint>``; made by the first append.
        dimension: length of a vector.
        fingerprint: the encoder's; the directory's name when not given.
        wait_seconds: how long an append waits for another writer.

    Raises:
        VectorStoreDamagedError: the file's header is not that of such a store.
    """

    def __init__(
        self, path: Path, dimension: int, *, fingerprint: str | None = None, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self.path = path
        self.dimension = dimension
        self.fingerprint = path.name if fingerprint is None else fingerprint
        self._file = VectorFile(path / FILE_NAME, dimension, self.fingerprint)
        self._mutex = threading.RLock()
        # Threads queue here and not at the mutex, so that none who reads waits for another process or for the disk.
        self._appending = threading.Lock()
        self._lock = FileLock(path / LOCK_NAME, f"writing vectors of {self.fingerprint}", StoreLockedError)
        self._wait_seconds = wait_seconds
        self._sound_bytes = 0
        self._forgotten: set[int] = set()
        self._keys = KeyTable()
        self._records: Records = np.empty(0, dtype=self._file.type)
        self.refresh()

    @classmethod
    def existing(cls, path: Path) -> VectorStore:
        """The store in a directory, whatever its dimension and fingerprint.

        Raises:
            VectorStoreDamagedError: the file's header is not that of a store.
            FileNotFoundError: there is no such file.
        """
        dimension, fingerprint = read_header(path / FILE_NAME)
        return cls(path, dimension, fingerprint=fingerprint)

    def __len__(self) -> int:
        """How many distinct keys are stored."""
        return len(self._keys)

    def __enter__(self) -> VectorStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the mapped file and the table of keys go; a later use reads them again."""
        with self._mutex:
            self._records, self._keys = self._records[:0], KeyTable()

    def refresh(self) -> None:
        """See what another process has appended since."""
        with self._mutex:
            known = len(self._records)
            count = self._file.sound_count(known)
            if count < known:  # a writer cut records that a power cut had left damaged
                self._records, self._keys, known = self._records[:0], KeyTable(), 0
                self._forgotten.clear()
            if not known and self._file.path.exists():
                self._file.check_header()
            if count > known:
                self._records = self._file.map(count)
                self._keys.add(as_words(self._records["key"][known:]), known)

    def missing(self, keys: Sequence[bytes]) -> Mask:
        """Bool ``[n]``: which of ``keys`` have no stored vector, or one in a record that was forgotten."""
        with self._mutex:
            rows = self._find(_packed(keys))
            forgotten = np.fromiter(self._forgotten, dtype=np.int64)
        absent: Mask = (rows < 0) | np.isin(rows, forgotten)
        return absent

    def forget(self, records: Iterable[int]) -> None:
        """Say of these records, by number, that their keys are missing, so that they are stored anew.

        It is for damaged ones, lasts as long as this object, and changes nothing in the file.
        """
        with self._mutex:
            self._forgotten.update(records)

    def append(
        self,
        keys: Sequence[bytes],
        vectors: Floats,
        tokens: npt.NDArray[np.integer[Any]],
        truncated: Mask,
        windows: npt.NDArray[np.integer[Any]] | None = None,
    ) -> None:
        """Store vectors durably: they are on the disk when this returns.

        Args:
            keys: n keys of ``text_key``.
            vectors: float32 ``[n, dimension]``.
            tokens: ``[n]``, tokens of each text.
            truncated: bool ``[n]``, whether a part of the text had no influence.
            windows: ``[n]``, how many windows each text was read in; 1 when not given.

        Raises:
            VectorInputError: the arrays do not fit each other or the store.
            StoreLockedError: other processes wrote for as long as this one waits.
            VectorStoreDamagedError: the file's header is not that of such a store.
            VectorStoreWriteError: the disk did not take them.
        """
        packed = _packed(keys)
        check_vectors(vectors, self.dimension)
        if windows is None:
            windows = np.ones(len(keys), dtype=np.int32)
        if not len(keys) == len(vectors) == len(tokens) == len(truncated) == len(windows):
            raise VectorInputError("keys, vectors, tokens, truncated and windows must be of one length")
        records = np.zeros(len(keys), dtype=self._file.type)
        records["tokens"], records["windows"] = tokens, np.minimum(windows, _MOST_WINDOWS)
        records["flags"] = np.where(truncated, TRUNCATED_FLAG, 0)
        records["key"] = np.frombuffer(packed, dtype=f"V{KEY_BYTES}")
        records["vector"] = vectors
        records["crc"] = checksums(records)
        with self._appending, disk_errors(VectorStoreWriteError, "the vectors could not be stored"):
            self._lock.acquire(self._wait_seconds)
            try:
                failpoint("vectors.locked")
                self._append_locked(records)
            finally:
                self._lock.release()
        self.refresh()

    def get(self, keys: Sequence[bytes]) -> Floats:
        """The vectors float32 ``[n, dimension]`` of ``keys``, in their order; only these are read.

        Raises:
            VectorMissingError: a key has no stored vector.
            VectorStoreDamagedError: the checksum of a record differs.
        """
        vectors = np.empty((len(keys), self.dimension), dtype=np.float32)
        for places, records in self._read(keys):
            vectors[places] = records["vector"]
        return vectors

    def facts(self, keys: Sequence[bytes]) -> TextFacts:
        """What the encoder said about the texts of ``keys``.

        Raises:
            VectorMissingError: a key has no stored vector.
            VectorStoreDamagedError: the checksum of a record differs.
        """
        tokens, windows = np.empty(len(keys), dtype=np.int32), np.empty(len(keys), dtype=np.int32)
        truncated = np.empty(len(keys), dtype=np.bool_)
        for places, records in self._read(keys):
            tokens[places], windows[places] = records["tokens"], records["windows"]
            truncated[places] = (records["flags"] & TRUNCATED_FLAG) != 0
        return TextFacts(tokens, windows, truncated)

    def verify(self) -> StoreReport:
        """Read everything and compare every record with its checksum.

        Raises:
            VectorStoreDamagedError: the file's header is not that of such a store.
        """
        with self._mutex:
            self.refresh()
            records, distinct = self._records, len(self._keys)
        damaged: list[int] = []
        for start in range(0, len(records), READ_BLOCK):
            block = np.array(records[start : start + READ_BLOCK])
            bad = np.flatnonzero(checksums(block) != block["crc"])
            # One that was stored anew is read no more.
            replaced = self._find(block["key"][bad].tobytes()) > bad + start
            damaged += (bad[~replaced] + start).tolist()
        damaged += range(len(records), self._file.count())  # not intact, so never mapped
        return StoreReport(len(records), distinct, tuple(damaged), self._file.tail_bytes())

    def _append_locked(self, records: Records) -> None:
        """Append under the writer's lock, after whatever a killed writer left at the end was cut."""
        self._file.create()
        if self._file.size() != self._sound_bytes:  # another process appended, or died while it did
            self._file.check_header()
            self._file.cut_tail()
        descriptor = os.open(self._file.path, os.O_WRONLY | os.O_APPEND)
        try:
            self._file.append(descriptor, records)
        finally:
            os.close(descriptor)
        self._sound_bytes = self._file.size()

    def _find(self, packed: bytes) -> Positions:
        with self._mutex:
            words = as_words(packed)
            rows = self._keys.find(words)
            if (rows < 0).any():
                self.refresh()
                rows = self._keys.find(words)
            return rows

    def _read(self, keys: Sequence[bytes]) -> Iterator[tuple[Positions, Records]]:
        """Blocks of checked records, each with the places in ``keys`` that it is for."""
        with self._mutex:
            rows = self._find(_packed(keys))
            records = self._records
        absent = np.flatnonzero(rows < 0)
        if len(absent):
            raise VectorMissingError(int(absent[0]), len(absent))
        # In the file's order: a build reads nearly everything, and the disk then reads ahead.
        order = np.argsort(rows, kind="stable")
        for start in range(0, len(order), READ_BLOCK):
            places = order[start : start + READ_BLOCK]
            block = np.array(records[rows[places]])
            bad = rows[places][checksums(block) != block["crc"]]
            if len(bad):
                problem = f"the checksum of record {bad[0]} differs"
                raise VectorStoreDamagedError(FILE_NAME, problem, bad.tolist())
            yield places, block


class StoredVectors:
    """The stored vectors of a list of keys as a source: position i is the vector of ``keys[i]``."""

    def __init__(self, store: VectorStore, keys: Sequence[bytes]) -> None:
        self._store = store
        self._keys = np.frombuffer(_packed(keys), dtype=f"V{KEY_BYTES}")

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._store.dimension

    def __len__(self) -> int:
        return len(self._keys)

    def take(self, positions: Positions) -> Floats:
        """The vectors at ``positions``.

        Raises:
            VectorMissingError: a key has no stored vector.
            VectorStoreDamagedError: the checksum of a record differs.
        """
        return self._store.get([bytes(key) for key in self._keys[positions]])


def _packed(keys: Sequence[bytes]) -> bytes:
    if any(len(key) != KEY_BYTES for key in keys):
        raise VectorInputError(f"a key has {KEY_BYTES} bytes")
    return b"".join(keys)
