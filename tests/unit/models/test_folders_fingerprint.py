"""The fingerprint's ingredients."""

import json
import shutil
from pathlib import Path

import pytest

from models import folders
from models.errors import SourceError
from models.folders import fingerprint

FACTS = {"query_prefix": "query: ", "max_tokens": 512}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that count and files that do not."""
    made = tmp_path / "model"
    (made / "1_Pooling").mkdir(parents=True)
    (made / "onnx").mkdir()
    modules = [{"idx": 0, "path": ""}, {"idx": 1, "path": "1_Pooling"}]
    (made / "modules.json").write_text(json.dumps(modules))
    for name in ("config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json"):
        (made / name).write_text(name)
    for name in ("README.md", "config_sentence_transformers.json", "patmatch-model.json", "onnx/config.json"):
        (made / name).write_text("{}")
    return made


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json", "modules.json"]
)
def test_models_fingerprint_changes_with_each_file(folder, name):
    """Weights, tokenizer, configuration, pooling and the list of modules all count."""
    before = fingerprint(folder, FACTS)
    with (folder / name).open("a") as file:
        file.write(" ")
    assert fingerprint(folder, FACTS) != before


@pytest.mark.parametrize(
    "name", ["README.md", "config_sentence_transformers.json", "patmatch-model.json", "onnx/config.json"]
)
def test_models_fingerprint_ignores_what_changes_no_vector(folder, name):
    """The model card, declared prompts (counted once applied), our manifest and other runtimes do not count."""
    before = fingerprint(folder, FACTS)
    (folder / name).write_text("something else")
    assert fingerprint(folder, FACTS) == before


def test_models_fingerprint_does_not_depend_on_the_place(folder, tmp_path):
    """A copy elsewhere has the same fingerprint; it is 64 hexadecimal digits."""
    before = fingerprint(folder, FACTS)
    assert fingerprint(shutil.copytree(folder, tmp_path / "elsewhere" / "copy"), FACTS) == before
    assert len(before) == 64
    assert int(before, 16) >= 0


def test_models_fingerprint_changes_with_facts_and_semantics(folder, monkeypatch):
    """What is set beside the folder counts, and so does the version of this package's own arithmetic."""
    before = fingerprint(folder, FACTS)
    assert fingerprint(folder, {**FACTS, "query_prefix": ""}) != before
    assert fingerprint(folder, {**FACTS, "max_tokens": 256}) != before
    monkeypatch.setattr(folders, "SEMANTICS", folders.SEMANTICS + 1)
    assert fingerprint(folder, FACTS) != before


def test_models_fingerprint_tells_a_moved_byte(folder):
    """The same bytes under other names are another model."""
    before = fingerprint(folder, FACTS)
    config, tokenizer = (folder / "config.json").read_text(), (folder / "tokenizer.json").read_text()
    (folder / "config.json").write_text(tokenizer)
    (folder / "tokenizer.json").write_text(config)
    assert fingerprint(folder, FACTS) != before


def test_models_fingerprint_refuses_damaged_modules(folder):
    """A modules.json that cannot be read is named."""
    (folder / "modules.json").write_text("[")
    with pytest.raises(SourceError, match=r"modules\.json"):
        fingerprint(folder, FACTS)
