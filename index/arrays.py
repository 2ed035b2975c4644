"""Arrays in files, as numpy writes them: ``.npy`` for what is mapped, ``.npz`` for small ones that are read together.

Also the kinds of array that this package speaks of, what vectors must be before they are stored, indexed or searched
with, vectors by position as a build takes them, and the ids of a snapshot.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from index.errors import VectorInputError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


def write_array(path: Path, array: Array) -> None:
    """Write one array and flush it to the disk."""
    with ArrayWriter(path, array.dtype, *array.shape[1:]) as file:
        file.write(array)


def read_array(path: Path) -> Array:
    """The array that `write_array` wrote, mapped and read-only.

    Raises:
        ValueError: the file is no such array.
    """
    # A view without memmap's own attributes, which each slice of it would copy. Objects are refused, never unpickled.
    return np.lib.format.open_memmap(path, mode="r").view(np.ndarray)


class ArrayWriter:
    """An array written row by row, holding none; the file is whole, and on the disk, when the block is left.

    Args:
        path: the ``.npy`` file.
        dtype: of its values.
        row: the shape of a row; nothing for an array of one dimension.
    """

    def __init__(self, path: Path, dtype: npt.DTypeLike, *row: int) -> None:
        self._dtype, self._row, self._count = np.dtype(dtype).newbyteorder("<"), row, 0
        self._file = path.open("wb")
        self._write_header()

    def write(self, rows: npt.ArrayLike) -> None:
        """Add rows."""
        block = np.ascontiguousarray(rows, dtype=self._dtype)
        self._count += len(block)
        if block.size:
            self._file.write(block.data)

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.seek(0)
                self._write_header()
                self._file.flush()
                os.fsync(self._file.fileno())

    def _write_header(self) -> None:
        # numpy leaves room in a header for its first dimension to grow, so that it can be written again.
        described = np.lib.format.dtype_to_descr(self._dtype)
        shape = (self._count, *self._row)
        header = {"descr": described, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)


def write_bundle(path: Path, arrays: Mapping[str, npt.ArrayLike]) -> None:
    """Write named arrays to one file and flush it to the disk."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())


def read_bundle(path: Path, names: Iterable[str] | None = None) -> dict[str, Array]:
    """The arrays that `write_bundle` wrote, or those of them that are named; read, not mapped.

    Raises:
        ValueError: the file is no such bundle.
        KeyError: it has no array of a name.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as bundle:
            return {name: bundle[name] for name in (bundle.files if names is None else names)}
    except (BadZipFile, EOFError, AttributeError, TypeError) as error:
        raise ValueError(f"it is no bundle of arrays: {error}") from error


# float32 unit vectors of a few hundred dimensions are within 1e-6 of length 1; a vector that was never normalised is
# not.
UNIT_TOLERANCE = 1e-3


def check_vectors(array: npt.NDArray[Any], dimension: int, *, unit: bool = False) -> Floats:
    """``array`` itself, once it is known to be float32 ``[n, dimension]``, C-contiguous and finite.

    Args:
        array: what a caller handed in.
        dimension: the length that each row must have.
        unit: whether rows must also be of length 1, within ``UNIT_TOLERANCE``.

    Raises:
        VectorInputError: it is not; the message says what it is.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        raise VectorInputError(f"vectors must be a float32 array, not {getattr(array, 'dtype', type(array).__name__)}")
    if array.ndim != 2 or array.shape[1] != dimension:
        raise VectorInputError(f"vectors must have the shape [n, {dimension}], not {list(array.shape)}")
    if not array.flags.c_contiguous:
        raise VectorInputError("vectors must be C-contiguous")
    squares = np.einsum("nd,nd->n", array, array, dtype=np.float64)
    if not np.isfinite(squares).all():
        raise VectorInputError(f"vector {int(np.argmin(np.isfinite(squares)))} has a value that is not a finite number")
    if unit:
        off = np.flatnonzero(np.abs(np.sqrt(squares) - 1.0) > UNIT_TOLERANCE)
        if len(off):
            raise VectorInputError(f"vector {off[0]} has the length {np.sqrt(squares[off[0]]):.4f}, not 1")
    return array


def check_mask(mask: npt.NDArray[Any], count: int) -> Mask:
    """``mask`` itself, once it is known to be bool ``[count]``.

    Raises:
        VectorInputError: it is not.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (count,):
        found = f"{mask.dtype} {list(mask.shape)}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise VectorInputError(f"allowed must be a bool array of shape [{count}], not {found}")
    return mask


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
    """An array float32 ``[n, dimension]`` as a source.

    Raises:
        VectorInputError: it is not a two-dimensional array.
    """

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


IDS_FILES = ("ids.text.npy", "ids.offsets.npy", "ids.order.npy")


class IdList:
    """The ids of a snapshot: position to id and back, without a Python string for each.

    Built by ``IdList.of``, or read from a file. At 940,000 ids a list and a dict take 117 MB in every process; a mapped
    blob with offsets and a sorting permutation takes the text plus 12 bytes an id (21 MB), shared between processes.
    """

    def __init__(
        self, text: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], order: npt.NDArray[np.int32]
    ) -> None:
        if len(offsets) != len(order) + 1 or offsets[-1] != len(text):
            raise ValueError("text, offsets and order do not fit each other")
        self._text = text
        self._offsets = offsets
        self._order = order

    @classmethod
    def of(cls, ids: Sequence[str]) -> IdList:
        """The list of ``ids``.

        Raises:
            VectorInputError: an id is empty or occurs twice.
        """
        encoded = [text.encode("utf-8") for text in ids]
        order = sorted(range(len(encoded)), key=encoded.__getitem__)
        for left, right in pairwise(order):
            if encoded[left] == encoded[right]:
                raise VectorInputError(f"the id {ids[left]!r} occurs twice, at positions {left} and {right}")
        if order and not encoded[order[0]]:
            raise VectorInputError(f"the id at position {order[0]} is empty")
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(text) for text in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets, np.array(order, dtype=np.int32))

    @classmethod
    def read(cls, directory: Path) -> IdList:
        """The list that ``write`` wrote, mapped.

        Raises:
            ValueError: the files are not those of such a list.
        """
        return cls(*(read_array(directory / name) for name in IDS_FILES))

    def write(self, directory: Path) -> None:
        """Write the list and flush it to the disk."""
        arrays: tuple[Array, ...] = (self._text, self._offsets, self._order)
        for name, array in zip(IDS_FILES, arrays, strict=True):
            write_array(directory / name, array)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, position: int) -> str:
        if not 0 <= position < len(self._order):
            raise IndexError(f"there is no position {position} among {len(self._order)} ids")
        return self._raw(position).decode("utf-8")

    def __iter__(self) -> Iterator[str]:
        return (self._raw(position).decode("utf-8") for position in range(len(self._order)))

    def take(self, positions: Positions) -> list[str]:
        """The ids at ``positions`` int64 ``[n]``.

        Raises:
            IndexError: a position is not in the list.
        """
        return [self[position] for position in positions.tolist()]

    def position_of(self, text: str) -> int | None:
        """Where an id is, or ``None``."""
        wanted = text.encode("utf-8", "surrogatepass")
        low, high = 0, len(self._order)
        while low < high:
            middle = (low + high) // 2
            if self._raw(int(self._order[middle])) < wanted:
                low = middle + 1
            else:
                high = middle
        if low == len(self._order):
            return None
        position = int(self._order[low])
        return position if self._raw(position) == wanted else None

    def positions_of(self, ids: Iterable[str]) -> Positions:
        """Where those of ``ids`` are that the list has, int64, in the order given."""
        found = (self.position_of(text) for text in ids)
        return np.array([position for position in found if position is not None], dtype=np.int64)

    def _raw(self, position: int) -> bytes:
        return self._text[self._offsets[position] : self._offsets[position + 1]].tobytes()
