"""What tests of several rooms share."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import ModelSource, prepare

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default model's folder: the checkout's own under var/ where there is one, else one made for this session."""
    return _prepared("package", tmp_path_factory)


@pytest.fixture(scope="session")
def base_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of the model which the default one was adapted from."""
    return _prepared("package:base", tmp_path_factory)


def _prepared(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = ModelSource.parse(name)
    models_dir = ROOT / "var" / "models"
    if not source.folder_for(models_dir).is_dir():
        models_dir = tmp_path_factory.mktemp("models")
    return prepare(source, models_dir).folder
