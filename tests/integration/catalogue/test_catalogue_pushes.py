"""Push runs and their lists, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.catalogue import Catalogue, PushEntry, PushRun, pushes

STARTED = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def entry(firm: str, rank: int, *, run: str = "one", patent: str | None = None) -> PushEntry:
    """One place of a list."""
    return PushEntry(
        run=run,
        firm_id=firm,
        rank=rank,
        patent_id=patent or f"P{firm}-{rank}",
        score=0.5,
        level="weak",
        reason="电解液 添加剂",
        need_id=None,
        firm_rank=rank,
        placed="choice",
        arm="a",
        patent_revision=7,
    )


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
    catalogue.pushes.write("one", ["A", "B"], [entry("A", 1), entry("A", 2), entry("B", 1)])
    catalogue.pushes.write("two", ["A"], [entry("A", 1, run="two")])
    catalogue.pushes.write("one", ["A"], [entry("A", 1, patent="other")])
    assert [one.patent_id for one in catalogue.pushes.of_firm("one", "A")] == ["other"]
    assert catalogue.pushes.of_firm("one", "B") == [entry("B", 1)]
    assert catalogue.pushes.of_firm("two", "A") == [entry("A", 1, run="two")]
    catalogue.pushes.write("one", ["A"], [])
    assert catalogue.pushes.of_firm("one", "A") == []


def test_catalogue_push_entries_are_walked_in_order(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """By firm, in the order of code points, and rank, whatever the size of a page; parts of a list by rank."""
    monkeypatch.setattr(pushes, "_A_PAGE", 3)
    begun(catalogue)
    made = [entry(firm, rank) for firm in ("B", "a", "Ä", "A") for rank in (2, 1)]
    catalogue.pushes.write("one", [], made)
    pages = list(catalogue.pushes.iterate("one"))
    assert [len(page) for page in pages] == [3, 3, 2]
    walked = [(one.firm_id, one.rank) for page in pages for one in page]
    assert walked == sorted(walked)
    assert catalogue.pushes.of_firm("one", "A", after=1) == [entry("A", 2)]
    assert catalogue.pushes.of_firm("one", "A", size=1) == [entry("A", 1)]


def test_catalogue_push_run_begun_again_is_begun(catalogue: Catalogue) -> None:
    """One that was stopped begins with a new plan and keeps its name."""
    run = begun(catalogue)
    catalogue.pushes.begin(replace(run, manifest='{"new": true}'))
    assert [one.manifest for one in catalogue.pushes.runs()] == ['{"new": true}']
