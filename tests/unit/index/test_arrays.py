"""Arrays in the safetensors layout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from safetensors.numpy import load_file, save_file

from index.arrays import read_arrays, write_arrays

DTYPES = st.sampled_from([np.float32, np.int64, np.int32, np.uint32, np.int8, np.uint8])
SHAPES = npst.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=5)
ARRAYS = st.dictionaries(
    st.text("abc.", min_size=1, max_size=5), DTYPES.flatmap(lambda d: npst.arrays(d, SHAPES)), max_size=5
)


@settings(deadline=None)
@given(arrays=ARRAYS, metadata=st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3))
def test_index_arrays_survive_a_file_that_safetensors_reads(tmp_path_factory, arrays, metadata):
    """Names, dtypes, shapes, values and metadata come back, here and with the safetensors library."""
    path = tmp_path_factory.mktemp("arrays") / "a.safetensors"
    write_arrays(path, arrays, metadata)
    ours, ours_metadata = read_arrays(path)
    theirs = load_file(path)
    assert ours_metadata == metadata
    assert set(ours) == set(theirs) == set(arrays)
    for name, array in arrays.items():
        for read in (ours[name], theirs[name]):
            assert read.dtype == array.dtype
            assert np.array_equal(read, array, equal_nan=array.dtype == np.float32)


def test_index_arrays_read_what_safetensors_wrote(tmp_path):
    """A file of the library can be read, so the layout is the public one."""
    arrays = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "y": np.arange(3, dtype=np.int64)}
    save_file(arrays, tmp_path / "a", metadata={"k": "v"})
    read, metadata = read_arrays(tmp_path / "a")
    assert metadata == {"k": "v"}
    assert all(np.array_equal(read[name], array) for name, array in arrays.items())


def test_index_arrays_are_mapped_read_only(tmp_path):
    """What was read cannot be changed by accident: several processes share it."""
    write_arrays(tmp_path / "a", {"x": np.zeros(3, dtype=np.float32)})
    array = read_arrays(tmp_path / "a")[0]["x"]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b"\x02\0\0\0\0\0\0\0[]", b'\x0d\0\0\0\0\0\0\0{"x":{"a":1}}'])
def test_index_arrays_refuse_other_files(tmp_path, content):
    """A file of another layout is a ValueError, not a crash."""
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - json, mmap and numpy each word it their way
        read_arrays(tmp_path / "a")
