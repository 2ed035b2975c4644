"""The catalogue on both databases: SQLite always, PostgreSQL where a server answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from catalogue_databases import postgres_schema

from app.catalogue import Catalogue
from app.catalogue.tables import COUNTER, METADATA

BOTH = ("sqlite", "postgresql")


@pytest.fixture(params=BOTH)
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that has nothing yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'home' / 'catalogue.sqlite3'}"
    else:
        with postgres_schema() as url:
            yield url


@pytest.fixture(scope="session", params=BOTH)
def migrated_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database with the schema; one for all tests, because a migration takes longer than most of them."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('catalogue') / 'catalogue.sqlite3'}"
        Catalogue.open(url).close()
        yield url
    else:
        with postgres_schema() as url:
            Catalogue.open(url).close()
            yield url


@pytest.fixture
def url(migrated_url: str, tmp_path: Path) -> str:
    """The URL of an empty catalogue with its schema."""
    parsed = sa.make_url(migrated_url)
    if parsed.get_backend_name() == "sqlite":
        copy = tmp_path / "catalogue.sqlite3"
        shutil.copy(str(parsed.database), copy)
        return f"sqlite:///{copy}"
    engine = sa.create_engine(parsed)
    with engine.begin() as connection:
        for table in METADATA.sorted_tables:
            if table is not COUNTER:
                connection.execute(sa.delete(table))
        connection.execute(sa.update(COUNTER).values(value=0, industries=0))
    engine.dispose()
    return migrated_url


@pytest.fixture
def catalogue(url: str) -> Iterator[Catalogue]:
    """An empty catalogue."""
    opened = Catalogue.open(url)
    yield opened
    opened.close()
