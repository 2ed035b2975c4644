"""Arrays in files, as numpy writes them: ``.npy`` for what is mapped, ``.npz`` for small ones that are read together.

Also the kinds of array that this package speaks of, what vectors must be before they are stored, indexed or searched
with, and vectors by position as a build takes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
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
