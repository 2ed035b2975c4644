"""A catalogue, what loads files into it, and what takes loads back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.catalogue import Catalogue
from app.records.imports import ImportService
from app.records.loads import LoadHistory


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """An empty catalogue."""
    made = Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
    yield made
    made.close()


@pytest.fixture
def importing(catalogue: Catalogue, tmp_path: Path) -> ImportService:
    """What loads files."""
    return ImportService(catalogue, tmp_path / "rejects")


@pytest.fixture
def history(catalogue: Catalogue) -> LoadHistory:
    """What takes loads back."""
    return LoadHistory(catalogue)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of lines."""

    def made(name: str, *lines: str) -> Path:
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path / name

    return made
