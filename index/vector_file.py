"""The file of a vector store: a header of 256 bytes and records of one size, little-endian.

    crc u32 | tokens u32 | windows u16 | flags u16 | reserved u32 | key 16 bytes | vector float32[dimension]

The CRC-32 covers the record behind it.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.durable import replace_file
from index.errors import VectorInputError, VectorStoreDamagedError
from index.key_table import KEY_BYTES
from index.steps import step

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
            step("vectors.written")
            os.fsync(descriptor)
            step("vectors.synced")
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
