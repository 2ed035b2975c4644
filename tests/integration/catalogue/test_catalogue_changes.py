"""The numbers of changes, deletions and the change log, on both databases."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest
from catalogue_databases import firms

from app.catalogue import Catalogue, Change, UpsertCounts, repository
from app.domain import Kind, Need


def test_catalogue_numbers_each_change(catalogue: Catalogue) -> None:
    """Revisions count changes over all kinds from 0, one each; what did not change gets none."""
    assert catalogue.revision() == 0
    catalogue.upsert(firms(3))
    assert catalogue.revision() == 3
    catalogue.upsert([Need(id="N", title="需求")])
    assert catalogue.revision() == 4
    catalogue.upsert(firms(3))
    assert catalogue.revision() == 4
    catalogue.upsert([*firms(2), replace(firms(3)[2], city="兰州")])
    assert catalogue.revision() == 5
    log = list(catalogue.changed_since(Kind.FIRMS, 0))
    assert log == [Change("F000000", 1, False), Change("F000001", 2, False), Change("F000002", 5, False)]
    assert list(catalogue.changed_since(Kind.FIRMS, 2)) == log[2:]
    assert list(catalogue.changed_since(Kind.NEEDS, 0)) == [Change("N", 4, False)]
    assert list(catalogue.changed_since(Kind.PATENTS, 0)) == []


def test_catalogue_deletes_logically(catalogue: Catalogue) -> None:
    """A deleted record is gone for every reader, and the change log says so."""
    catalogue.upsert(firms(4))
    assert catalogue.delete(Kind.FIRMS, ["F000001", "F000003", "F000001", "unknown"]) == 2
    assert catalogue.get(Kind.FIRMS, "F000001") is None
    assert catalogue.count(Kind.FIRMS) == 2
    assert [record.id for batch in catalogue.iterate(Kind.FIRMS) for record in batch] == ["F000000", "F000002"]
    log = list(catalogue.changed_since(Kind.FIRMS, 4))
    assert {(change.id, change.deleted) for change in log} == {("F000001", True), ("F000003", True)}
    assert [change.revision for change in log] == [5, 6]


def test_catalogue_deletes_once(catalogue: Catalogue) -> None:
    """Deleting what is deleted or was never there changes nothing."""
    catalogue.upsert(firms(2))
    catalogue.delete(Kind.FIRMS, ["F000000"])
    before = catalogue.revision()
    assert catalogue.delete(Kind.FIRMS, ["F000000", "unknown"]) == 0
    assert catalogue.revision() == before


def test_catalogue_takes_a_deleted_record_again(catalogue: Catalogue) -> None:
    """What comes back counts as added, even with its old content, and is read again."""
    catalogue.upsert(firms(2))
    catalogue.delete(Kind.FIRMS, ["F000000"])
    assert catalogue.upsert(firms(2)) == UpsertCounts(added=1, unchanged=1)
    assert catalogue.get(Kind.FIRMS, "F000000") == firms(1)[0]
    assert list(catalogue.changed_since(Kind.FIRMS, 3)) == [Change("F000000", 4, False)]


def test_catalogue_change_log_can_be_resumed_anywhere(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in pages and stopped at any line, it goes on with the next; no line twice, none left out."""
    monkeypatch.setattr(repository, "_CHANGES_A_PAGE", 4)
    catalogue.upsert(firms(10))
    catalogue.delete(Kind.FIRMS, ["F000002"])
    whole = list(catalogue.changed_since(Kind.FIRMS, 0))
    assert [change.revision for change in whole] == [1, 2, 4, 5, 6, 7, 8, 9, 10, 11]
    for stop in range(10):
        head = list(islice(catalogue.changed_since(Kind.FIRMS, 0), stop))
        rest = list(catalogue.changed_since(Kind.FIRMS, head[-1].revision if head else 0))
        assert head + rest == whole


def test_catalogue_status_says_what_stands(catalogue: Catalogue) -> None:
    """Counts are without deleted records."""
    catalogue.upsert(firms(2000))
    catalogue.delete(Kind.FIRMS, ["F000000"])
    status = catalogue.status()
    assert status.counts == {Kind.PATENTS: 0, Kind.NEEDS: 0, Kind.FIRMS: 1999}
    assert status.revision == 2001
    assert status.backend in ("sqlite", "postgresql")
