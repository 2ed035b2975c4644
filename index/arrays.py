"""Named arrays in one file that is read by mapping it, in the safetensors layout.

A u64 length, a JSON header, the arrays' bytes; the layout is documented at https://huggingface.co/docs/safetensors.
It is read and written here because the safetensors library copies what it reads, and several processes should share
one mapping.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_DTYPES = {"F32": "<f4", "I64": "<i8", "I32": "<i4", "U32": "<u4", "U16": "<u2", "I8": "|i1", "U8": "|u1"}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}
_METADATA = "__metadata__"
_ALIGNMENT = 8


def write_arrays(path: Path, arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> None:
    """Write ``arrays`` and flush them to the disk.

    Raises:
        KeyError: an array's dtype has no name in the layout.
    """
    # Wide items first: every array then starts at a multiple of its item size, as the layout's readers expect.
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    header: dict[str, Any] = {_METADATA: dict(metadata or {})}
    end = 0
    for name, array in ordered:
        start, end = end, end + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [start, end]}
    with path.open("wb") as file:
        _write_header(file, header)
        for _, array in ordered:
            file.write(np.ascontiguousarray(array).data)
        file.flush()
        os.fsync(file.fileno())


_ROW_TYPES = {np.float32: "F32", np.int32: "I32"}
RowType = type[np.float32] | type[np.int32]


def write_rows(
    path: Path, name: str, shape: tuple[int, int], blocks: Iterable[Array], kind: RowType = np.float32
) -> None:
    """Write one array of ``shape`` from blocks of its rows, holding one at a time, and flush it to the disk."""
    size = shape[0] * shape[1] * 4
    header = {
        _METADATA: {},
        name: {"dtype": _ROW_TYPES[kind], "shape": list(shape), "data_offsets": [0, size]},
    }
    with path.open("wb") as file:
        _write_header(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block, dtype=np.dtype(kind).newbyteorder("<")).data)
        file.flush()
        os.fsync(file.fileno())


def write_streams(path: Path, streams: Mapping[str, tuple[np.dtype[Any], Path]]) -> None:
    """Write flat arrays from files of their little-endian bytes, without holding them, and flush them to the disk.

    Args:
        path: the file to write.
        streams: dtype and bytes of each array, by name.
    """
    ordered = sorted(streams.items(), key=lambda item: (-item[1][0].itemsize, item[0]))
    header: dict[str, Any] = {_METADATA: {}}
    end = 0
    for name, (kind, source) in ordered:
        start, end = end, end + source.stat().st_size
        header[name] = {
            "dtype": _NAMES[kind],
            "shape": [(end - start) // kind.itemsize],
            "data_offsets": [start, end],
        }
    with path.open("wb") as file:
        _write_header(file, header)
        for _, (_, source) in ordered:
            with source.open("rb") as stream:
                shutil.copyfileobj(stream, file, _COPIED_AT_ONCE)
        file.flush()
        os.fsync(file.fileno())


_COPIED_AT_ONCE = 1 << 20


def _write_header(file: BinaryIO, header: Mapping[str, Any]) -> None:
    text = json.dumps(header, ensure_ascii=False, sort_keys=True).encode("utf-8")
    text += b" " * (-len(text) % _ALIGNMENT)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)


def read_arrays(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays, read-only and mapped, and the metadata of a file that ``write_arrays`` or safetensors wrote.

    Raises:
        ValueError: the file does not follow the layout.
    """
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    length = int.from_bytes(mapped[:8], "little")
    if length > len(mapped) - 8:
        raise ValueError("the header is longer than the file")
    header = json.loads(mapped[8 : 8 + length])
    if not isinstance(header, dict):
        raise ValueError("the header is not a JSON object")
    metadata = header.pop(_METADATA, {})
    arrays: dict[str, Array] = {}
    try:
        for name, entry in header.items():
            dtype, shape, (start, end) = np.dtype(_DTYPES[entry["dtype"]]), entry["shape"], entry["data_offsets"]
            flat = np.frombuffer(mapped, dtype, count=(end - start) // dtype.itemsize, offset=8 + length + start)
            arrays[name] = flat.reshape(shape)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the header does not describe its arrays: {error}") from error
    return arrays, metadata
