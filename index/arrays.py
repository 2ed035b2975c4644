"""Arrays in files, as numpy writes them: ``.npy`` for what is mapped, ``.npz`` for small ones that are read together.

Also the names of the kinds of array that this package speaks of.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
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
