"""Differences as a file: small, exact about what it is of, and applied to nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from models_samples import model_file
from safetensors.numpy import load_file, save_file

from models import Role, SentenceTransformerEncoder
from models.adaptation import as_kept, read_adaptation, sha256_of, weights_file, write_adaptation, write_adapted
from models.errors import SourceError
from models.folders import ADAPTATION
from models.packaged import write_folder

MATRIX, VECTOR = "encoder.layer.0.output.dense.weight", "encoder.layer.0.output.dense.bias"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with a model of 32 dimensions."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    write_folder(model_file(), folder)
    return folder


def description(base: Path) -> dict[str, object]:
    """What a file says of its base."""
    return {
        "base": {"name": base.name, "weights_sha256": sha256_of(weights_file(base))},
        "recipe": {"seed": 7},
        "pairs": {"pairs": 12},
        "files": [{"name": "patents.jsonl", "sha256": "ab"}],
        "versions": {"torch": "2"},
    }


def differences(seed: int = 0) -> dict[str, np.ndarray]:
    """Small changes of a matrix and of a vector."""
    random = np.random.default_rng(seed)
    return {
        MATRIX: random.normal(0, 0.01, (32, 64)).astype(np.float32),
        VECTOR: random.normal(0, 0.01, 32).astype(np.float32),
    }


def test_adaptation_comes_back_as_it_was_written(tmp_path: Path, base: Path) -> None:
    """What is read is what `as_kept` said, and the description whole; the same differences give the same bytes."""
    changes = differences()
    for name in ("one", "two"):
        write_adaptation(tmp_path / name, changes, description(base))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    found = read_adaptation(tmp_path / "one")
    assert found.differences.keys() == changes.keys()
    for name, kept in as_kept(changes).items():
        assert np.array_equal(found.differences[name], kept)
        assert found.differences[name].dtype == np.float32
    assert {key: found.description[key] for key in description(base)} == description(base)


SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 9))


@given(arrays.arrays(np.float32, SHAPES, elements=st.floats(-1, 1, width=32, allow_subnormal=False)))
def test_adaptation_rounds_each_row_by_its_own_largest_value(rows: np.ndarray) -> None:
    """No value moves by more than half a step of its row; a row of zeros stays one; vectors are exact."""
    kept = as_kept({"matrix": rows, "vector": rows[0]})
    half = np.abs(rows).max(axis=1, keepdims=True) / 127 / 2
    assert (np.abs(kept["matrix"] - rows) <= half * 1.001).all()
    assert np.array_equal(kept["vector"], rows[0])


def test_adaptation_makes_a_folder_of_base_and_differences(tmp_path: Path, base: Path) -> None:
    """Weights are the sums, tokenizer and prompts the base's; the fingerprint is another, the base stays as it is."""
    before = sha256_of(weights_file(base))
    write_adaptation(tmp_path / "file", differences(), description(base))
    write_adapted(base, tmp_path / "file", tmp_path / "out")
    weights, whole = load_file(base / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    for name, kept in as_kept(differences()).items():
        assert np.array_equal(whole[name], weights[name] + kept)
    assert [name for name in weights if not np.array_equal(weights[name], whole[name])] == sorted([MATRIX, VECTOR])
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
    assert sha256_of(weights_file(base)) == before
    encoders = [SentenceTransformerEncoder(folder) for folder in (base, tmp_path / "out")]
    assert encoders[0].fingerprint != encoders[1].fingerprint
    vectors = [one.encode(["battery cell"], Role.QUERY).vectors for one in encoders]
    assert not np.allclose(*vectors, atol=1e-4)
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    for word in ("base_model: tiny", before, "- seed: 7", "- pairs: 12", "- patents.jsonl: sha256 `ab`", "- torch 2"):
        assert word in card


def test_adaptation_file_in_a_folder_changes_no_fingerprint(tmp_path: Path, base: Path) -> None:
    """It says how the weights came to be; they themselves count."""
    write_adaptation(tmp_path / "file", differences(), description(base))
    write_adapted(base, tmp_path / "file", tmp_path / "out")
    before = SentenceTransformerEncoder(tmp_path / "out").fingerprint
    assert (tmp_path / "out" / ADAPTATION).read_bytes() == (tmp_path / "file").read_bytes()
    (tmp_path / "out" / ADAPTATION).unlink()
    assert SentenceTransformerEncoder(tmp_path / "out").fingerprint == before


def test_adaptation_is_refused_on_another_base(tmp_path: Path, base: Path) -> None:
    """Nothing is left where the folder would have been."""
    write_adaptation(tmp_path / "file", differences(), description(base))
    (base / "model.safetensors").unlink()
    weights = tmp_path / "other"
    weights.mkdir()
    write_folder(model_file(seed=1), weights)
    with pytest.raises(SourceError, match="is of tiny and does not fit the weights of other") as caught:
        write_adapted(weights, tmp_path / "file", tmp_path / "out")
    assert "权重不符" in caught.value.message_zh
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", [5, 300, -1])
def test_adaptation_that_is_damaged_is_refused(tmp_path: Path, base: Path, place: int) -> None:
    """One changed byte, wherever it is: in the header's length, in the description, in a number."""
    file = tmp_path / "file"
    write_adaptation(file, differences(), description(base))
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(SourceError, match="missing or damaged"):
        read_adaptation(file)


@pytest.mark.parametrize("content", [b"", b"no safetensors at all", None])
def test_adaptation_that_is_none_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """An empty file, another one, none; and weights that say nothing of patmatch."""
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SourceError, match="missing or damaged"):
        read_adaptation(file)
    save_file({"a": np.zeros(1, np.float32)}, file)
    with pytest.raises(SourceError, match="missing or damaged"):
        read_adaptation(file)


def test_adaptation_of_a_later_form_says_so(tmp_path: Path, base: Path) -> None:
    """Not that it is damaged."""
    write_adaptation(tmp_path / "file", differences(), description(base) | {"format": 99})
    with pytest.raises(SourceError, match="newer patmatch"):
        read_adaptation(tmp_path / "file")


def test_adaptation_needs_weights_in_one_file(base: Path) -> None:
    """A model in shards is refused before anything is trained."""
    save_file({"a": np.zeros(1, np.float32)}, base / "model-2.safetensors")
    with pytest.raises(SourceError, match="there are 2"):
        weights_file(base)


def test_adaptation_metadata_is_one_json_object(tmp_path: Path, base: Path) -> None:
    """Any reader of safetensors can show how the file was made."""
    write_adaptation(tmp_path / "file", differences(), description(base))
    content = (tmp_path / "file").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["patmatch"])["base"]["name"] == "tiny"
