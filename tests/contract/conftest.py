"""A whole service over the bundled sample with the test encoder; only the model is replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder

from app.domain import Kind
from app.main import create_app
from app.settings import Settings
from app.wiring import Services

SAMPLE = Path(__file__).parents[2] / "sample"


def sample_services(home: Path, **settings: object) -> Services:
    """Services over a new home with the sample loaded and its indexes published."""
    services = Services(Settings(home=home, index_poll_seconds=0.05, **settings), encoder=HashingEncoder)
    for kind in Kind:
        services.importing.load(SAMPLE / f"{kind.value}.jsonl", kind)
        services.indexing.build(kind, publish=True)
    return services


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a ready service with small limits."""
    services = sample_services(
        tmp_path_factory.mktemp("home"),
        max_queries=5,
        max_k=50,
        max_text_chars=2000,
        max_body_bytes=100_000,
    )
    services.serving.open()
    with TestClient(create_app(services=services), raise_server_exceptions=False) as client:
        yield client
