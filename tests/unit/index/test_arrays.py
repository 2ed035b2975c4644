"""Arrays in numpy's files."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from index import arrays as module
from index.arrays import ArrayWriter, read_array, read_bundle, write_array, write_bundle

DTYPES = st.sampled_from([np.float32, np.int64, np.int32, np.uint32, np.uint16, np.int8, np.uint8])
SHAPES = npst.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=5)
ARRAYS = DTYPES.flatmap(lambda dtype: npst.arrays(dtype, SHAPES))


@settings(deadline=None)
@given(array=ARRAYS, cuts=st.lists(st.integers(0, 5), max_size=3))
def test_index_arrays_survive_a_file_however_they_are_written(tmp_path_factory, array, cuts):
    """Whole or by blocks of rows, dtype, shape and values come back, and numpy reads the file."""
    path = tmp_path_factory.mktemp("arrays") / "a.npy"
    with ArrayWriter(path, array.dtype, *array.shape[1:]) as file:
        for block in np.split(array, sorted(min(cut, len(array)) for cut in cuts)):
            file.write(block)
    whole = path.with_name("b.npy")
    write_array(whole, array)
    assert whole.read_bytes() == path.read_bytes()
    for read in (read_array(path), np.load(path)):
        assert (read.dtype, read.shape) == (array.dtype, array.shape)
        assert np.array_equal(read, array, equal_nan=array.dtype == np.float32)


@settings(deadline=None)
@given(arrays=st.dictionaries(st.text("abc.", min_size=1, max_size=5), ARRAYS, max_size=5), figure=st.floats())
def test_index_arrays_survive_in_a_bundle(tmp_path_factory, arrays, figure):
    """Names, values and single figures come back to the last bit."""
    path = tmp_path_factory.mktemp("arrays") / "a.npz"
    write_bundle(path, {**arrays, "figure": figure})
    read = read_bundle(path)
    assert set(read) == {*arrays, "figure"}
    assert np.array_equal(read["figure"], figure, equal_nan=True)
    for name, array in arrays.items():
        assert np.array_equal(read[name], array, equal_nan=array.dtype == np.float32)


def test_index_arrays_are_mapped_read_only(tmp_path):
    """What was read cannot be changed by accident: several processes share it."""
    write_array(tmp_path / "a", np.zeros(3, dtype=np.float32))
    array = read_array(tmp_path / "a")
    assert isinstance(array.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


@pytest.mark.parametrize("content", [b"", b"\xff" * 80, b"\x93NUMPY\x01\x00v\x00{}", b"PK\x03\x04"])
@pytest.mark.parametrize("read", [read_array, read_bundle])
def test_index_arrays_refuse_other_files(tmp_path, content, read):
    """A file of another layout is a ValueError, not a crash."""
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - zipfile and numpy each word it their way
        read(tmp_path / "a")


def test_index_arrays_never_unpickle(tmp_path):
    """A file of Python objects is refused: reading one could run anything."""
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object))
    with pytest.raises(ValueError):  # noqa: PT011 - numpy words it
        read_array(tmp_path / "a.npy")


def test_index_arrays_are_flushed_when_they_are_whole(tmp_path, monkeypatch):
    """Both kinds of file are on the disk when writing them returns, with all that was written."""
    flushed, real = [], os.fsync
    monkeypatch.setattr(module.os, "fsync", lambda number: (flushed.append(os.fstat(number).st_size), real(number)))
    write_array(tmp_path / "a.npy", np.zeros(1000, dtype=np.float32))
    write_bundle(tmp_path / "b.npz", {"x": np.zeros(1000, dtype=np.float32)})
    assert flushed == [(tmp_path / name).stat().st_size for name in ("a.npy", "b.npz")]
    with pytest.raises(RuntimeError), ArrayWriter(tmp_path / "c.npy", np.float32):
        raise RuntimeError
    assert len(flushed) == 2
