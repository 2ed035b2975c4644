"""Each text is embedded once per fingerprint: an append-only file of vectors, found by the text's key.

The file is a header of 256 bytes and records of one size, little-endian:

    crc u32 | tokens u32 | windows u16 | flags u16 | reserved u32 | key 16 bytes | vector float32[dimension]

The CRC-32 covers the record behind it. An append is durable when it returns; what a killed writer left half-written
at the end is cut by the next writer. Of a key written twice the later record counts, so a damaged record is repaired
by writing it again.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from index.checks import Floats, Mask, Positions, check_vectors
from index.durable import replace_file
from index.errors import StoreLockedError, VectorInputError, VectorMissingError, VectorStoreDamagedError
from index.key_table import KEY_BYTES, KeyTable, as_words
from index.lock import FileLock

FILE_NAME = "vectors.bin"
LOCK_NAME = "writer.lock"
MAGIC = b"PMVECTOR"
VERSION = 1
HEADER_BYTES = 256
_HEADER = struct.Struct("<8sIIH200sI")
_MOST_WINDOWS = 0xFFFF
_TRUNCATED = 1
READ_BLOCK = 8_192  # records read, checked and copied at once: 13 MB at 384 dimensions


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
    """What a full read of a store found: ``damaged`` are the numbers of records whose checksum differs."""

    records: int
    distinct: int
    damaged: tuple[int, ...]
    partial_tail_bytes: int


class VectorSource(Protocol):
    """Vectors of a snapshot by position, so that a build needs not hold them all."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def __len__(self) -> int:
        """How many vectors there are."""
        ...

    def take(self, positions: Positions) -> Floats:
        """The unit vectors float32 ``[n, dimension]`` at ``positions`` int64 ``[n]``."""
        ...


class ArrayVectors:
    """An array float32 ``[n, dimension]`` as a source."""

    def __init__(self, array: Floats) -> None:
        if not isinstance(array, np.ndarray) or array.ndim != 2:
            raise VectorInputError("vectors must be an array of the shape [n, dimension]")
        self._array = array

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._array.shape[1])

    def __len__(self) -> int:
        return len(self._array)

    def take(self, positions: Positions) -> Floats:
        """The vectors at ``positions``."""
        return np.ascontiguousarray(self._array[positions])


class VectorStore:
    """The vectors of one fingerprint, in a directory of their own. Safe to use from several threads.

    Any number of processes read while one appends. The writer's lock is taken by the first ``append`` (or by
    ``lock``, to fail before the work) and held until ``close``.

    Args:
        path: ``home/vectors/<fingerprint>``; made by the first append.
        dimension: length of a vector.
        fingerprint: the encoder's; the directory's name when not given.

    Raises:
        VectorStoreDamagedError: the file's header is not that of such a store.
    """

    def __init__(self, path: Path, dimension: int, *, fingerprint: str | None = None) -> None:
        self.path = path
        self.dimension = dimension
        self.fingerprint = path.name if fingerprint is None else fingerprint
        self._file = path / FILE_NAME
        self._record = np.dtype(
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
        self._mutex = threading.RLock()
        self._lock = FileLock(path / LOCK_NAME, f"writing vectors of {self.fingerprint}", StoreLockedError)
        self._keys = KeyTable()
        self._records: npt.NDArray[np.void] = np.empty(0, dtype=self._record)
        self._writer: int | None = None
        self.refresh()

    def __len__(self) -> int:
        """How many distinct keys are stored."""
        return len(self._keys)

    def __enter__(self) -> VectorStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the writer's lock go; reading goes on to work."""
        with self._mutex:
            if self._writer is not None:
                os.close(self._writer)
                self._writer = None
            self._lock.release()

    def lock(self) -> None:
        """Become the writer: take the lock, create the file or cut what a killed writer left at its end.

        Raises:
            StoreLockedError: another process writes.
        """
        with self._mutex:
            if self._writer is not None:
                return
            self._lock.acquire()
            try:
                if not self._file.exists():
                    replace_file(self._file, self._header())
                self._check_header()
                self._cut_tail()
                self.refresh()
                self._writer = os.open(self._file, os.O_WRONLY | os.O_APPEND)
            except BaseException:
                self._lock.release()
                raise

    def refresh(self) -> None:
        """See what another process has appended since."""
        with self._mutex:
            if not self._file.exists():
                return
            if not len(self._records):
                self._check_header()
            known = len(self._records)
            count = (self._file.stat().st_size - HEADER_BYTES) // self._record.itemsize
            if count > known:
                # Not kept open: the mapping holds the file, and a longer one replaces it.
                self._records = np.memmap(self._file, dtype=self._record, mode="r", offset=HEADER_BYTES, shape=(count,))
                self._keys.add(as_words(self._records["key"][known:]), known)

    def missing(self, keys: Sequence[bytes]) -> Mask:
        """Bool ``[n]``: which of ``keys`` have no stored vector."""
        return self._find(_packed(keys)) < 0

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
            StoreLockedError: another process writes.
        """
        packed = _packed(keys)
        check_vectors(vectors, self.dimension)
        if windows is None:
            windows = np.ones(len(keys), dtype=np.int32)
        if not len(keys) == len(vectors) == len(tokens) == len(truncated) == len(windows):
            raise VectorInputError("keys, vectors, tokens, truncated and windows must be of one length")
        if not len(keys):
            return
        records = np.zeros(len(keys), dtype=self._record)
        records["tokens"], records["windows"] = tokens, np.minimum(windows, _MOST_WINDOWS)
        records["flags"] = np.where(truncated, _TRUNCATED, 0)
        records["key"] = np.frombuffer(packed, dtype=f"V{KEY_BYTES}")
        records["vector"] = vectors
        records["crc"] = _checksums(records)
        with self._mutex:
            self.lock()
            self._write(records.tobytes())
            self.refresh()

    def get(self, keys: Sequence[bytes]) -> Floats:
        """The vectors float32 ``[n, dimension]`` of ``keys``, in their order; only these are read.

        Raises:
            VectorMissingError: a key has no stored vector.
            VectorStoreDamagedError: the checksum of a record differs.
        """
        vectors = np.empty((len(keys), self.dimension), dtype=np.float32)
        for places, records in self._read(self._rows_of(keys)):
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
        for places, records in self._read(self._rows_of(keys)):
            tokens[places], windows[places] = records["tokens"], records["windows"]
            truncated[places] = (records["flags"] & _TRUNCATED) != 0
        return TextFacts(tokens, windows, truncated)

    def verify(self) -> StoreReport:
        """Read everything and compare every record with its checksum."""
        self.refresh()
        with self._mutex:
            records, distinct = self._records, len(self._keys)
        size = self._file.stat().st_size if self._file.exists() else HEADER_BYTES
        damaged: list[int] = []
        for start in range(0, len(records), READ_BLOCK):
            block = np.array(records[start : start + READ_BLOCK])
            damaged += (np.flatnonzero(_checksums(block) != block["crc"]) + start).tolist()
        tail = size - HEADER_BYTES - len(records) * self._record.itemsize
        return StoreReport(len(records), distinct, tuple(damaged), max(tail, 0) % self._record.itemsize)

    def _find(self, packed: bytes) -> Positions:
        with self._mutex:
            words = as_words(packed)
            rows = self._keys.find(words)
            if (rows < 0).any():
                self.refresh()
                rows = self._keys.find(words)
            return rows

    def _rows_of(self, keys: Sequence[bytes]) -> Positions:
        rows = self._find(_packed(keys))
        absent = np.flatnonzero(rows < 0)
        if len(absent):
            raise VectorMissingError(int(absent[0]), len(absent))
        return rows

    def _read(self, rows: Positions) -> Iterator[tuple[Positions, npt.NDArray[np.void]]]:
        with self._mutex:
            records = self._records
        # In the file's order: a build asks for nearly everything, and the disk then reads ahead.
        order = np.argsort(rows, kind="stable")
        for start in range(0, len(order), READ_BLOCK):
            places = order[start : start + READ_BLOCK]
            block = np.array(records[rows[places]])
            bad = rows[places][_checksums(block) != block["crc"]]
            if len(bad):
                raise VectorStoreDamagedError(FILE_NAME, f"the checksum of record {bad[0]} differs", bad.tolist())
            yield places, block

    def _write(self, data: bytes) -> None:
        if self._writer is None:
            raise RuntimeError("only the writer writes")
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._writer, view) :]
            os.fsync(self._writer)
        except OSError:
            # A full disk. The next append must begin at a record's edge; whole records stay, since readers may have
            # mapped them.
            end = os.fstat(self._writer).st_size
            os.ftruncate(self._writer, end - (end - HEADER_BYTES) % self._record.itemsize)
            raise

    def _header(self) -> bytes:
        name = self.fingerprint.encode("utf-8")
        if len(name) > 200:
            raise VectorInputError("a fingerprint has at most 200 bytes")
        body = _HEADER.pack(MAGIC, VERSION, self.dimension, len(name), name, 0)[:-4]
        return (body + struct.pack("<I", zlib.crc32(body))).ljust(HEADER_BYTES, b"\0")

    def _check_header(self) -> None:
        with self._file.open("rb") as file:
            found = file.read(HEADER_BYTES)
        if found == self._header():
            return
        if len(found) < HEADER_BYTES or found[:8] != MAGIC:
            raise VectorStoreDamagedError(FILE_NAME, "it does not begin with a vector store's header")
        _, version, dimension, length, name, crc = _HEADER.unpack(found[: _HEADER.size])
        if zlib.crc32(found[: _HEADER.size - 4]) != crc:
            raise VectorStoreDamagedError(FILE_NAME, "the checksum of its header differs")
        if version != VERSION:
            raise VectorStoreDamagedError(FILE_NAME, f"its format version is {version}, this program reads {VERSION}")
        raise VectorStoreDamagedError(
            FILE_NAME,
            f"it holds {dimension} dimensions of fingerprint {name[:length].decode('utf-8', 'replace')}, "
            f"not {self.dimension} of {self.fingerprint}",
        )

    def _cut_tail(self) -> None:
        """Cut a partial record, and whole ones at the end that a power cut left unwritten; neither was acknowledged."""
        size = self._file.stat().st_size
        count = (size - HEADER_BYTES) // self._record.itemsize
        with self._file.open("r+b") as file:
            while count:
                file.seek(HEADER_BYTES + (count - 1) * self._record.itemsize)
                last = np.frombuffer(file.read(self._record.itemsize), dtype=self._record)
                if _checksums(last)[0] == last["crc"][0]:
                    break
                count -= 1
            keep = HEADER_BYTES + count * self._record.itemsize
            if keep < size:
                file.truncate(keep)
                os.fsync(file.fileno())
                self._records, self._keys = np.empty(0, dtype=self._record), KeyTable()


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


def _checksums(records: npt.NDArray[np.void]) -> npt.NDArray[np.uint32]:
    size = records.dtype.itemsize
    view = memoryview(records.tobytes())
    parts = (zlib.crc32(view[start + 4 : start + size]) for start in range(0, len(records) * size, size))
    return np.fromiter(parts, dtype=np.uint32, count=len(records))
