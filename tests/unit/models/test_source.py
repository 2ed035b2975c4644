"""Naming a source."""

from pathlib import Path

import pytest

from models import ModelSource, Origin, SourceError

MODELS = Path("models-dir")


@pytest.mark.parametrize(
    ("text", "origin", "place"),
    [
        ("package", Origin.PACKAGE, ""),
        (" package ", Origin.PACKAGE, ""),
        ("package:base", Origin.PACKAGE, "base"),
        ("hub:intfloat/multilingual-e5-base", Origin.HUB, "intfloat/multilingual-e5-base"),
        ("hub:BAAI/bge-m3@5617a9f", Origin.HUB, "BAAI/bge-m3@5617a9f"),
        ("hub:gpt2", Origin.HUB, "gpt2"),
        ("dir:/data/models/bge m3", Origin.DIR, "/data/models/bge m3"),
        ("dir:C:/models", Origin.DIR, "C:/models"),
    ],
)
def test_models_source_reads_every_form(text, origin, place):
    """The package's two models, hub:NAME with or without revision, and dir:PATH; blanks around do not count."""
    source = ModelSource.parse(text)
    assert (source.origin, source.place) == (origin, place)
    assert ModelSource.parse(str(source)) == source


@pytest.mark.parametrize(
    "text",
    ["", "pack", "package:x", "hub", "hub:", "hub:../etc", "hub:a/b/c", "hub:a b", "dir:", "dir: ", "/data", "HUB:a/b"],
)
def test_models_source_refuses_what_names_no_model(text):
    """Everything else is refused in both languages with the forms that there are."""
    with pytest.raises(SourceError, match="Write package, package:base, hub:NAME or dir:PATH") as caught:
        ModelSource.parse(text)
    assert "模型来源" in caught.value.message_zh


def test_models_source_keeps_folders_apart():
    """Each source has a folder of its own under the models directory; a directory is used where it lies."""
    texts = ["package", "package:base", "hub:a/b", "hub:a/b@v1", "hub:a/c", "hub:b", "hub:a@b"]
    folders = [ModelSource.parse(text).folder_for(MODELS) for text in texts]
    assert len(set(folders)) == len(folders)
    assert all(folder.parent == MODELS for folder in folders)
    # Homes of before the adaptation have the base there.
    assert ModelSource.parse("package:base").folder_for(MODELS).name == "multilingual-e5-small"
    assert ModelSource.parse("dir:/data/m").folder_for(MODELS) == Path("/data/m").resolve()
    assert ModelSource.parse("dir:/data/x/m").slug != ModelSource.parse("dir:/data/y/m").slug
