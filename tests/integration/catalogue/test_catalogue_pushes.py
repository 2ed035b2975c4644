"""Push runs and their lists, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from catalogue_databases import firm_list

from app.catalogue import Catalogue, PushRun, pushes

STARTED = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def begun(catalogue: Catalogue, name: str = "one", *, started: datetime = STARTED) -> PushRun:
    """A run that has just begun."""
    run = PushRun(name=name, status="running", inputs="digest", manifest="{}", started_at=started)
    catalogue.pushes.begin(run)
    return run


def test_catalogue_push_run_is_written_and_read_back(catalogue: Catalogue) -> None:
    """Times keep their zone, and what is done is done; the latest run comes first."""
    run = begun(catalogue)
    assert catalogue.pushes.get("one") == run
    catalogue.pushes.finish("one", '{"a": 1}', firms=2, entries=3)
    done = catalogue.pushes.get("one")
    assert done is not None
    assert (done.status, done.firms, done.entries, done.manifest) == ("done", 2, 3, '{"a": 1}')
    assert done.finished_at is not None
    assert done.finished_at.tzinfo is not None
    begun(catalogue, "two", started=STARTED.replace(day=2))
    assert [one.name for one in catalogue.pushes.runs()] == ["two", "one"]
    assert catalogue.pushes.get("three") is None


def test_catalogue_push_lists_are_replaced_by_firm(catalogue: Catalogue) -> None:
    """Written again, a firm's list is the new one alone; other firms and runs keep theirs."""
    begun(catalogue)
    catalogue.pushes.write("one", ["A", "B"], [firm_list("A", "P1", "P2"), firm_list("B", "P3")])
    catalogue.pushes.write("two", ["A"], [firm_list("A", "P4")])
    catalogue.pushes.write("one", ["A"], [firm_list("A", "other")])
    assert [one.patent_id for one in catalogue.pushes.of_firm("one", "A")] == ["other"]
    assert catalogue.pushes.of_firm("one", "B") == firm_list("B", "P3").entries("one")
    assert catalogue.pushes.of_firm("two", "A") == firm_list("A", "P4").entries("two")
    catalogue.pushes.write("one", ["A"], [])
    assert catalogue.pushes.of_firm("one", "A") == []


def test_catalogue_push_lists_are_walked_in_order(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """By firm, in the order of code points, whatever the size of a page; a part of a list begins behind a rank."""
    monkeypatch.setattr(pushes, "_A_PAGE", 3)
    begun(catalogue)
    made = [firm_list(firm, "P1", "P2") for firm in ("B", "a", "Ä", "A")]
    catalogue.pushes.write("one", [], made)
    pages = list(catalogue.pushes.lists("one"))
    assert [[one.firm_id for one in page] for page in pages] == [["A", "B", "a"], ["Ä"]]
    assert pages[0][0] == made[3]
    walked = [(one.firm_id, one.rank) for page in catalogue.pushes.iterate("one") for one in page]
    assert walked == [(firm, rank) for firm in ("A", "B", "a", "Ä") for rank in (1, 2)]
    assert [one.rank for one in catalogue.pushes.of_firm("one", "A", after=1)] == [2]
    assert [one.rank for one in catalogue.pushes.of_firm("one", "A", size=1)] == [1]


def test_catalogue_push_run_begun_again_is_begun(catalogue: Catalogue) -> None:
    """One that was stopped keeps its lists where it goes on, and begins with a new plan without them."""
    run = begun(catalogue)
    begun(catalogue, "two")
    for name in ("one", "two"):
        catalogue.pushes.write(name, ["A"], [firm_list("A", "P1")])
    catalogue.pushes.begin(run)
    assert len(catalogue.pushes.of_firm("one", "A")) == 1
    catalogue.pushes.begin(replace(run, manifest='{"new": true}'))
    assert [one.manifest for one in catalogue.pushes.runs() if one.name == "one"] == ['{"new": true}']
    assert catalogue.pushes.of_firm("one", "A") == []
    assert len(catalogue.pushes.of_firm("two", "A")) == 1
