"""Any sentence-transformers folder as an encoder, shown on a model of a few kilobytes."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from models_samples import POSITIONS, model_file
from sentence_transformers import SentenceTransformer

from models import (
    EmptyTextError,
    Encoder,
    ModelSource,
    Prefixes,
    Role,
    SentenceTransformerEncoder,
    SourceError,
    WindowPolicy,
    prepare,
)
from models.packaged import write_folder

SHORT = ["battery cell", "电池", "a b c", "battery 电池 a", "c", "battery  cell\u3000a"]
LONG = "battery cell 电池 a b c " * 9


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of 32 dimensions and 24 tokens."""
    folder = tmp_path_factory.mktemp("folders") / "tiny"
    folder.mkdir()
    write_folder(model_file(), folder)
    return folder


@pytest.fixture(scope="module")
def encoder(tiny: Path) -> Encoder:
    """The folder, loaded."""
    return SentenceTransformerEncoder(tiny)


@pytest.fixture(scope="module")
def plain(tiny: Path) -> SentenceTransformer:
    """The same folder as sentence-transformers runs it."""
    return SentenceTransformer(str(tiny), device="cpu", local_files_only=True)


@pytest.fixture
def copied(tiny: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(tiny, tmp_path / "copied")


def rewritten(folder: Path, name: str, **changes: object) -> None:
    """Change entries of a JSON file of the folder."""
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_models_folder_is_the_same_bytes_each_time(tiny, tmp_path):
    """Two conversions of a file do not differ in a byte, so the fingerprint is that of every other machine."""
    write_folder(model_file(), tmp_path)
    names = sorted(path.relative_to(tiny) for path in tiny.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert all((tiny / name).read_bytes() == (tmp_path / name).read_bytes() for name in names)


@pytest.mark.parametrize("role", Role)
def test_models_folder_gives_what_sentence_transformers_gives(encoder, plain, role):
    """Within the limit, ids and vectors are those of `SentenceTransformer.encode` with the folder's own prompt."""
    encoded = encoder.encode(SHORT, role)
    expected = plain.encode(SHORT, prompt_name=role.value)
    assert np.allclose(encoded.vectors, expected, atol=1e-5)
    ids = plain.tokenizer([plain.prompts[role.value] + text for text in SHORT])["input_ids"]
    assert encoded.tokens.tolist() == [len(one) for one in ids]
    assert encoded.windows.tolist() == [1] * len(SHORT)
    assert not encoded.truncated.any()
    assert (encoded.vectors.dtype, encoded.tokens.dtype, encoded.windows.dtype) == (np.float32, np.int32, np.int32)


def test_models_folder_reads_a_long_text_in_windows(encoder, plain):
    """The vector of a long text is the mean of its windows', each between special tokens, weighted by tokens."""
    ids = plain.tokenizer.backend_tokenizer.encode("query: " + LONG, add_special_tokens=False).ids
    parts = [ids[start : start + POSITIONS - 2] for start in range(0, len(ids), POSITIONS - 2)]
    assert len(parts) > 2
    with torch.inference_mode():
        rows = [
            plain({"input_ids": torch.tensor([[0, *part, 2]]), "attention_mask": torch.ones(1, len(part) + 2)})
            for part in parts
        ]
    mean = sum(len(part) * row["sentence_embedding"][0].numpy() for part, row in zip(parts, rows, strict=True))
    encoded = encoder.encode([LONG], Role.QUERY)
    assert np.allclose(encoded.vectors[0], mean / np.linalg.norm(mean), atol=1e-5)
    assert encoded.windows.tolist() == [len(parts)]
    assert encoded.tokens.tolist() == [len(ids) + 2]
    assert not encoded.truncated.any()


def test_models_folder_says_when_a_tail_has_no_influence(tiny):
    """Beyond the declared limit nothing counts, and that is reported together with the whole text's tokens."""
    encoder = SentenceTransformerEncoder(tiny, policy=WindowPolicy(max_tokens_per_text=50))
    encoded = encoder.encode([LONG, LONG + "电池 " * 50, "battery"], Role.PASSAGE)
    assert encoded.truncated.tolist() == [True, True, False]
    assert np.allclose(encoded.vectors[0], encoded.vectors[1], atol=1e-6)
    assert encoded.tokens[1] > encoded.tokens[0] > 50


def test_models_folder_cuts_an_enormous_text_before_it_is_tokenised(tiny):
    """A text of millions of characters is reported as truncated, with a number of tokens that is near the true one."""
    encoder = SentenceTransformerEncoder(tiny, policy=WindowPolicy(max_tokens_per_text=60))
    unit = "battery cell 电池 a b c "
    per_unit = (encoder.encode([unit * 20], Role.QUERY).tokens[0] - encoder.encode([unit], Role.QUERY).tokens[0]) / 19
    encoded = encoder.encode([unit * 250_000], Role.QUERY)
    assert encoded.truncated[0]
    assert encoded.tokens[0] == pytest.approx(per_unit * 250_000, rel=0.05)


@pytest.mark.parametrize("empty", ["", "   ", "\u3000\t\n", "\u200b\ufeff\u200d", "\x00\x01\x07", "\u00ad"])
def test_models_folder_refuses_empty_text(encoder, empty):
    """A text with nothing in it that can be seen is an error with its place, not a vector."""
    with pytest.raises(EmptyTextError) as caught:
        encoder.encode(["battery", empty], Role.QUERY)
    assert caught.value.position == 1


def test_models_folder_reads_any_string(encoder):
    """Lone surrogates, control characters inside, special tokens as text and unknown characters give unit vectors."""
    texts = ["a\ud83d b", "a\x00b", "battery </s> cell <pad> <s>", "🧬🧪", "a" * 1000]
    encoded = encoder.encode(texts, Role.PASSAGE)
    assert np.allclose(np.linalg.norm(encoded.vectors, axis=1), 1, atol=1e-5)


def test_models_folder_encodes_nothing(encoder):
    """No texts give no vectors, of the right shape."""
    encoded = encoder.encode([], Role.QUERY)
    assert (encoded.vectors.shape, encoded.tokens.shape, encoded.truncated.shape) == ((0, 32), (0,), (0,))


def test_models_folder_is_safe_from_several_threads(encoder):
    """Many threads at once get what one alone gets."""
    texts = [f"{' battery' * (place % 9)} 电池 {' a b c' * (place % 13)}" for place in range(60)]
    alone = encoder.encode(texts, Role.QUERY).vectors
    with ThreadPoolExecutor(6) as pool:
        rows = list(pool.map(lambda text: encoder.encode([text], Role.QUERY).vectors[0], texts, timeout=60))
    assert np.allclose(alone, rows, atol=1e-5)


def test_models_folder_takes_prefixes_from_the_folder_or_from_the_caller(tiny, copied, encoder):
    """Declared prompts are used, `document` counts as the passage's, and what the caller gives replaces either."""
    rewritten(copied, "config_sentence_transformers.json", prompts={"query": "a ", "document": "b "})
    declared = SentenceTransformerEncoder(copied)
    given = SentenceTransformerEncoder(tiny, prefixes=Prefixes(query="a ", passage="b "))
    none = SentenceTransformerEncoder(copied, prefixes=Prefixes(query="", passage=""))
    for role, word in ((Role.QUERY, "a"), (Role.PASSAGE, "b")):
        expected = none.encode([f"{word} 电池"], role).vectors
        assert np.allclose(declared.encode(["电池"], role).vectors, expected, atol=1e-6)
        assert np.allclose(given.encode(["电池"], role).vectors, expected, atol=1e-6)
    half = SentenceTransformerEncoder(tiny, prefixes=Prefixes(query="a "))
    assert np.array_equal(half.encode(["c"], Role.PASSAGE).vectors, encoder.encode(["c"], Role.PASSAGE).vectors)


def test_models_folder_refuses_a_prefix_that_leaves_no_room(tiny):
    """A prefix as long as the model's limit is refused at loading."""
    with pytest.raises(SourceError, match="no room"):
        SentenceTransformerEncoder(tiny, prefixes=Prefixes(query="battery cell " * 20))


def test_models_folder_fingerprint_follows_what_changes_vectors(tiny, copied, encoder):
    """Prefixes, policy, precision and pooling change it; threads, batches and the folder's place do not."""
    prints = [
        encoder.fingerprint,
        SentenceTransformerEncoder(tiny, prefixes=Prefixes(query="a ")).fingerprint,
        SentenceTransformerEncoder(tiny, prefixes=Prefixes(passage="a ")).fingerprint,
        SentenceTransformerEncoder(tiny, policy=WindowPolicy(max_tokens_per_text=100)).fingerprint,
        SentenceTransformerEncoder(tiny, policy=WindowPolicy(max_characters_per_token=4)).fingerprint,
        SentenceTransformerEncoder(tiny, precision="bfloat16").fingerprint,
    ]
    assert SentenceTransformerEncoder(copied).fingerprint == encoder.fingerprint
    rewritten(copied, "1_Pooling/config.json", pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)
    prints.append(SentenceTransformerEncoder(copied).fingerprint)
    assert len(set(prints)) == len(prints)
    same = SentenceTransformerEncoder(tiny, threads=torch.get_num_threads(), max_batch_tokens=64)
    assert same.fingerprint == encoder.fingerprint


def test_models_folder_in_bfloat16_stays_near(tiny, encoder):
    """bfloat16 gives float32 unit vectors near those of float32, in another fingerprint."""
    half = SentenceTransformerEncoder(tiny, precision="bfloat16").encode([*SHORT, LONG], Role.QUERY).vectors
    full = encoder.encode([*SHORT, LONG], Role.QUERY).vectors
    assert half.dtype == np.float32
    assert np.allclose(np.linalg.norm(half, axis=1), 1, atol=1e-5)
    assert (half * full).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json", "modules.json"])
def test_models_folder_that_is_damaged_is_refused(copied, name):
    """A file cut in half or missing is refused in both languages, without the folder's path."""
    os.truncate(copied / name, (copied / name).stat().st_size // 2)
    with pytest.raises(SourceError) as caught:
        SentenceTransformerEncoder(copied)
    assert "copied" in str(caught.value)
    assert "copied" in caught.value.message_zh
    assert str(copied.parent) not in str(caught.value)


def test_models_folder_without_pooling_or_with_a_partial_one_is_refused(copied):
    """A pipeline that gives no sentence vectors, or leaves the prompt out, is refused with the reason."""
    rewritten(copied, "1_Pooling/config.json", include_prompt=False)
    with pytest.raises(SourceError, match="its prompt included"):
        SentenceTransformerEncoder(copied)
    modules = json.loads((copied / "modules.json").read_text())
    (copied / "modules.json").write_text(json.dumps(modules[:1]))
    with pytest.raises(SourceError, match="must pool all tokens"):
        SentenceTransformerEncoder(copied)


def test_models_folder_of_transformers_alone_is_read_with_mean_pooling(copied, encoder):
    """A folder without sentence-transformers' files works: mean pooling, no prefixes, unit vectors."""
    for name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"):
        (copied / name).unlink()
    bare = SentenceTransformerEncoder(copied, prefixes=Prefixes(query="query: "))
    assert np.allclose(bare.encode(SHORT, Role.QUERY).vectors, encoder.encode(SHORT, Role.QUERY).vectors, atol=1e-5)
    assert bare.fingerprint != encoder.fingerprint


def test_models_folder_given_as_directory_is_checked_once(copied, tmp_path):
    """A directory is used where it lies; one call checks it, the next does nothing, a change is checked again."""
    source = ModelSource.parse(f"dir:{copied}")
    first = prepare(source, tmp_path / "models")
    second = prepare(source, tmp_path / "models")
    assert (first.folder, first.created) == (copied, True)
    assert (second.folder, second.created) == (copied, False)
    with (copied / "config.json").open("a") as file:
        file.write("\n")
    assert prepare(source, tmp_path / "models").created
    os.truncate(copied / "model.safetensors", 1000)
    with pytest.raises(SourceError, match="cannot be loaded"):
        prepare(source, tmp_path / "models")


def test_models_folder_says_nothing_while_it_works(encoder, capfd, caplog):
    """Encoding prints no warning and logs none, however long the text is."""
    encoder.encode([LONG * 20], Role.QUERY)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
