"""Victims, homes to break, and where what was seen is noted."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "catalogue"))

from fault_database import Database, database
from fault_homes import Bases, Place
from fault_victims import Victims

from app.domain import Kind

REPORT = "PATMATCH_FAULTS_REPORT"
"""Names a file that gets the table of what was seen; with `pytest -s` it is printed."""


@pytest.fixture(scope="session")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    """What starts processes to be killed."""
    started = Victims(tmp_path_factory.mktemp("victims"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    """Homes to copy."""
    return Bases.make(tmp_path_factory.mktemp("bases"))


@pytest.fixture(scope="session")
def seen() -> Iterator[Callable[..., None]]:
    """Takes a row of the table of what was seen."""
    rows: list[tuple[str, ...]] = []
    yield lambda *cells: rows.append(tuple(str(cell) for cell in cells))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    if rows and (path := os.environ.get(REPORT)):
        Path(path).write_text(table + "\n", encoding="utf-8")
    print(f"\n{table}")  # noqa: T201 - with -s


@pytest.fixture
def place_of(tmp_path: Path) -> Callable[[Path], Place]:
    """Gives a copy of a home, a new one each time."""
    count = iter(range(10_000))

    def copied(base: Path) -> Place:
        return Place(shutil.copytree(base, tmp_path / f"home-{next(count)}"))

    return copied


@pytest.fixture(scope="session")
def postgres() -> Iterator[Database]:
    """A PostgreSQL database."""
    with database() as made:
        yield made


@pytest.fixture
def postgres_of(bases: Bases, place_of: Callable[[Path], Place], postgres: Database) -> Callable[[Path], Place]:
    """Gives a copy of a home with the records in PostgreSQL; there is one database, so only the last copy is whole."""

    def copied(base: Path) -> Place:
        place = Place(place_of(base).home, postgres.url)
        postgres.empty()
        # As the base was loaded, so that the numbers of its changes are those that its snapshots know.
        services, source = place.services(), Place(place.home).services()
        for path in bases.files if base == bases.changed else bases.files[:-1]:
            services.importing.load(path, Kind.PATENTS)
        assert services.catalogue.revision() == source.catalogue.revision()
        services.close()
        source.close()
        return place

    return copied
