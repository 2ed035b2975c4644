"""Industries told by IPC codes: at every write, and anew when the mapping changes, on both databases."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from app.catalogue import Catalogue, Told, UpsertCounts, schema
from app.domain import Firm, Kind, Patent

MAPPING = [("H01M", "C3841"), ("H01M10/00", "C3849"), ("H01M10/00", "C3985")]
BARE = Patent(id="P1", title="电解液", ipc=("H01M10/0567",))
OWN = Patent(id="P2", title="隔膜", ipc=("H01M10/0567",), industry=("C26",))


def stored(catalogue: Catalogue, key: str = "P1") -> tuple[tuple[str, ...], bool]:
    """A patent's industries, and whether they were told."""
    patent = catalogue.get(Kind.PATENTS, key)
    assert isinstance(patent, Patent)
    return patent.industry, patent.industry_derived


def patents(count: int) -> list[Patent]:
    """Patents without industries."""
    return [replace(BARE, id=f"P{number:04d}") for number in range(count)]


def test_catalogue_tells_industries_when_it_writes(catalogue: Catalogue) -> None:
    """A patent without industries gets them, one with its own keeps those, and the same again is unchanged."""
    assert catalogue.replace_industry_mapping(MAPPING)
    assert catalogue.industry_mapping() == [("H01M", "C3841"), ("H01M10", "C3849"), ("H01M10", "C3985")]
    assert catalogue.upsert([BARE, OWN]) == UpsertCounts(added=2)
    assert stored(catalogue, "P1") == (("C3849", "C3985"), True)
    assert stored(catalogue, "P2") == (("C26",), False)
    assert catalogue.upsert([BARE, OWN]) == UpsertCounts(unchanged=2)
    told = catalogue.get(Kind.PATENTS, "P1")
    assert told is not None
    assert catalogue.upsert([told]) == UpsertCounts(unchanged=1)


def test_catalogue_an_industry_of_its_own_replaces_a_told_one(catalogue: Catalogue) -> None:
    """And when the source takes it back, the mapping tells again."""
    catalogue.replace_industry_mapping(MAPPING)
    catalogue.upsert([BARE])
    assert catalogue.upsert([replace(BARE, industry=("C3849", "C3985"))]) == UpsertCounts(changed=1)
    assert stored(catalogue) == (("C3849", "C3985"), False)
    assert catalogue.upsert([BARE]) == UpsertCounts(changed=1)
    assert stored(catalogue) == (("C3849", "C3985"), True)


def test_catalogue_mapping_put_in_again_is_no_change(catalogue: Catalogue) -> None:
    """The same rows take no number; others do, and are used by every open catalogue at its next write."""
    catalogue.replace_industry_mapping(MAPPING)
    before = catalogue.revision()
    assert not catalogue.replace_industry_mapping([*MAPPING, MAPPING[0]])
    assert catalogue.revision() == before
    assert [finding for finding in catalogue.check() if not finding.ok] == []


def test_catalogue_writers_use_the_mapping_that_stands(catalogue: Catalogue, url: str) -> None:
    """A service that runs while a command replaces the mapping writes by the new one."""
    other = Catalogue.open(url)
    catalogue.upsert([BARE])
    other.replace_industry_mapping([("H01M", "C3841")])
    assert catalogue.upsert([BARE]) == UpsertCounts(changed=1)
    assert stored(catalogue) == (("C3841",), True)
    other.replace_industry_mapping([])
    assert catalogue.upsert([BARE]) == UpsertCounts(changed=1)
    assert stored(catalogue) == ((), False)
    other.close()


def test_catalogue_tells_all_industries_anew_in_batches(catalogue: Catalogue) -> None:
    """Stopped anywhere and run again, every patent without its own ends with what the mapping says, changed once."""
    catalogue.upsert([*patents(10), OWN])
    catalogue.upsert([Firm(id="F", name="f")])
    catalogue.delete(Kind.PATENTS, ["P0003"])
    catalogue.replace_industry_mapping(MAPPING)
    before = catalogue.revision()
    first = list(islice(catalogue.tell_industries(batch_size=4), 1))
    assert first == [Told(looked=4, changed=4)]
    rest = list(catalogue.tell_industries(batch_size=4))
    assert rest == [Told(4, 0), Told(4, 4), Told(1, 1)]
    assert catalogue.revision() == before + 9
    assert list(catalogue.tell_industries(batch_size=4)) == [Told(4, 0), Told(4, 0), Told(1, 0)]
    assert stored(catalogue, "P0009") == (("C3849", "C3985"), True)
    assert stored(catalogue, "P2") == (("C26",), False)
    assert catalogue.get(Kind.PATENTS, "P0003") is None
    assert catalogue.upsert(patents(3)) == UpsertCounts(unchanged=3)


def test_catalogue_forgets_told_industries_with_their_mapping(catalogue: Catalogue) -> None:
    """An empty mapping takes back what the last one told, and nothing else."""
    catalogue.replace_industry_mapping(MAPPING)
    catalogue.upsert([BARE, OWN])
    catalogue.replace_industry_mapping([])
    assert sum(told.changed for told in catalogue.tell_industries()) == 1
    assert stored(catalogue, "P1") == ((), False)
    assert stored(catalogue, "P2") == (("C26",), False)


def test_catalogue_of_the_release_before_is_migrated_without_changes(fresh_url: str) -> None:
    """Records that were there before industries could be told are unchanged when they come again."""
    opened = Catalogue.open(fresh_url)
    opened.upsert([BARE, OWN])
    opened.close()
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    engine = sa.create_engine(fresh_url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    engine.dispose()
    migrated = Catalogue.open(fresh_url)
    assert migrated.upsert([BARE, OWN]) == UpsertCounts(unchanged=2)
    assert stored(migrated, "P2") == (("C26",), False)
    assert migrated.revision() == 2
    migrated.close()
