"""Two rankings compared in one run: each firm gets its list by the rules of its own arm, and by no other's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from push_samples import push_services, request

from app.catalogue import PushEntry
from app.domain import Firm, Kind, Patent
from app.wiring import Services


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """One home for all runs of this file."""
    made = push_services(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


def arms(services: Services, name: str, first: dict[str, object], second: dict[str, object]) -> dict[str, set[str]]:
    """Make a run with the rules of both arms; the patents of each."""
    compared(services, name, first, second)
    found = entries(services, name)
    return {arm: {entry.patent_id for entry in found if entry.arm == arm} for arm in ("a", "b")}


def compared(services: Services, name: str, first: dict[str, object], second: dict[str, object]) -> None:
    """Make a run with the rules of both arms."""
    asked = request(name, **{"months": 0, **first})
    services.pushing.run(replace(asked, compare=request(**{"months": 0, **second}).rules))


def entries(services: Services, name: str) -> list[PushEntry]:
    """All of a run."""
    return [entry for page in services.catalogue.pushes.iterate(name) for entry in page]


def test_push_compared_excludes_statuses_of_patents_by_arm(services: Services) -> None:
    """Where only the second arm allows inactive patents, only its firms get some."""
    found = arms(services, "status", {"exclude_status": ("inactive",)}, {"exclude_status": ()})
    records = services.catalogue.get_many(Kind.PATENTS, list(found["a"] | found["b"]))
    assert all(records[key].status != "inactive" for key in found["a"])
    assert any(records[key].status == "inactive" for key in found["b"])


def test_push_compared_asks_for_licences_by_arm(services: Services) -> None:
    """Where only the second arm asks for an open licence, its firms get nothing else, and the others do."""
    found = arms(services, "licence", {}, {"licence": ("open_licence",)})
    records = services.catalogue.get_many(Kind.PATENTS, list(found["a"] | found["b"]))
    licences = {key: record.licence for key, record in records.items() if isinstance(record, Patent)}
    assert found["b"]
    assert all("open_licence" in licences[key] for key in found["b"])
    assert any("open_licence" not in licences[key] for key in found["a"])


def test_push_compared_repeats_by_the_months_of_the_arm(services: Services) -> None:
    """Where only the first arm remembers what was pushed, only its firms get nothing that they had before."""
    services.pushing.run(request("before", months=0))
    had = {(entry.firm_id, entry.patent_id) for entry in entries(services, "before")}
    compared(services, "months", {"months": 12}, {"months": 0})
    again = {"a": 0, "b": 0}
    for entry in entries(services, "months"):
        again[entry.arm] += (entry.firm_id, entry.patent_id) in had
    assert again["a"] == 0
    assert again["b"] > 100


def test_push_compared_excludes_statuses_of_firms_by_arm(services: Services) -> None:
    """Where only the second arm lists inactive firms, those of the first have no list."""
    for number in range(20):
        stands = Firm(id=f"gone-{number}", name=f"停业企业{number}", business_scope="电池 材料", status="inactive")
        services.catalogue.apply(Kind.FIRMS, [stands], ())
    compared(services, "firms", {"exclude_firm_status": ("inactive",)}, {"exclude_firm_status": ()})
    reached = {(entry.firm_id, entry.arm) for entry in entries(services, "firms") if entry.firm_id.startswith("gone-")}
    assert reached
    assert {arm for _, arm in reached} == {"b"}
    assert len(reached) < 20


def test_push_compared_assigns_firms_by_the_seed_alone(services: Services) -> None:
    """Other rules leave every firm in its arm, so that what is compared is the rules; another seed draws anew."""
    compared(services, "seed1", {}, {})
    compared(services, "seed2", {"licence": ("open_licence",), "months": 3}, {"exclude_status": ()})
    other = replace(request("seed3", months=0), compare=request(months=0).rules, seed=7)
    services.pushing.run(other)
    first, second, third = (
        {entry.firm_id: entry.arm for entry in entries(services, name)} for name in ("seed1", "seed2", "seed3")
    )
    both = first.keys() & second.keys()
    assert len(both) > 20
    assert all(first[key] == second[key] for key in both)
    assert any(first[key] != third[key] for key in first.keys() & third.keys())
