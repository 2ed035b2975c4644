"""Industries by IPC codes: derived at every write, and anew when the mapping changes, on both databases."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from app.catalogue import Catalogue, Derived, UpsertCounts
from app.domain import Firm, Kind, Patent

MAPPING = [("H01M", "C3841"), ("H01M10/00", "C3849"), ("H01M10/00", "C3985")]
BARE = Patent(id="P1", title="电解液", ipc=("H01M10/0567",))
OWN = Patent(id="P2", title="隔膜", ipc=("H01M10/0567",), industry=("C26",))


def stored(catalogue: Catalogue, key: str = "P1") -> tuple[tuple[str, ...], bool]:
    """A patent's industries, and whether they come from the mapping."""
    patent = catalogue.get(Kind.PATENTS, key)
    assert isinstance(patent, Patent)
    return patent.industry, patent.industry_derived


def patents(count: int) -> list[Patent]:
    """Patents without industries."""
    return [replace(BARE, id=f"P{number:04d}") for number in range(count)]


def test_catalogue_derives_industries_when_it_writes(catalogue: Catalogue) -> None:
    """A patent without industries gets them, one with its own keeps those, and the same again is unchanged."""
    assert catalogue.industries.replace(MAPPING)
    assert catalogue.industries.rows() == [("H01M", "C3841"), ("H01M10", "C3849"), ("H01M10", "C3985")]
    assert catalogue.upsert([BARE, OWN]) == UpsertCounts(added=2)
    assert stored(catalogue, "P1") == (("C3849", "C3985"), True)
    assert stored(catalogue, "P2") == (("C26",), False)
    assert catalogue.upsert([BARE, OWN]) == UpsertCounts(unchanged=2)
    derived = catalogue.get(Kind.PATENTS, "P1")
    assert derived is not None
    assert catalogue.upsert([derived]) == UpsertCounts(unchanged=1)


def test_catalogue_an_industry_of_its_own_replaces_a_derived_one(catalogue: Catalogue) -> None:
    """And when the source takes it back, the mapping counts again."""
    catalogue.industries.replace(MAPPING)
    catalogue.upsert([BARE])
    assert catalogue.upsert([replace(BARE, industry=("C3849", "C3985"))]) == UpsertCounts(changed=1)
    assert stored(catalogue) == (("C3849", "C3985"), False)
    assert catalogue.upsert([BARE]) == UpsertCounts(changed=1)
    assert stored(catalogue) == (("C3849", "C3985"), True)


def test_catalogue_mapping_put_in_again_is_no_change(catalogue: Catalogue) -> None:
    """The same rows take no number; others do, and are used by every open catalogue at its next write."""
    catalogue.industries.replace(MAPPING)
    before = catalogue.revision()
    assert not catalogue.industries.replace([*MAPPING, MAPPING[0]])
    assert catalogue.revision() == before
    assert [finding for finding in catalogue.check() if not finding.ok] == []


def test_catalogue_writers_use_the_mapping_that_stands(catalogue: Catalogue, url: str) -> None:
    """A service that runs while a command replaces the mapping writes by the new one."""
    other = Catalogue.open(url)
    catalogue.upsert([BARE])
    other.industries.replace([("H01M", "C3841")])
    assert catalogue.upsert([BARE]) == UpsertCounts(changed=1)
    assert stored(catalogue) == (("C3841",), True)
    other.industries.replace([])
    assert catalogue.upsert([BARE]) == UpsertCounts(changed=1)
    assert stored(catalogue) == ((), False)
    other.close()


def test_catalogue_derives_all_industries_anew_in_batches(catalogue: Catalogue) -> None:
    """Stopped anywhere and run again, every patent without its own ends with what the mapping says, changed once."""
    catalogue.upsert([*patents(10), OWN])
    catalogue.upsert([Firm(id="F", name="f")])
    catalogue.delete(Kind.PATENTS, ["P0003"])
    catalogue.industries.replace(MAPPING)
    before = catalogue.revision()
    first = list(islice(catalogue.industries.apply(batch_size=4), 1))
    assert first == [Derived(looked=4, changed=4)]
    rest = list(catalogue.industries.apply(batch_size=4))
    assert rest == [Derived(4, 0), Derived(4, 4), Derived(1, 1)]
    assert catalogue.revision() == before + 9
    assert list(catalogue.industries.apply(batch_size=4)) == [Derived(4, 0), Derived(4, 0), Derived(1, 0)]
    assert stored(catalogue, "P0009") == (("C3849", "C3985"), True)
    assert stored(catalogue, "P2") == (("C26",), False)
    assert catalogue.get(Kind.PATENTS, "P0003") is None
    assert catalogue.upsert(patents(3)) == UpsertCounts(unchanged=3)


def test_catalogue_forgets_derived_industries_with_their_mapping(catalogue: Catalogue) -> None:
    """An empty mapping takes back what came from the last one, and nothing else."""
    catalogue.industries.replace(MAPPING)
    catalogue.upsert([BARE, OWN])
    catalogue.industries.replace([])
    assert sum(batch.changed for batch in catalogue.industries.apply()) == 1
    assert stored(catalogue, "P1") == ((), False)
    assert stored(catalogue, "P2") == (("C26",), False)
