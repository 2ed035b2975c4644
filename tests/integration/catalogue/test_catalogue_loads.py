"""The log of loads, merging within the writer's transaction, and taking loads back, on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from catalogue_databases import firms

from app.catalogue import Asked, Catalogue, Merge
from app.domain import AnyRecord, Firm, Kind, Patent

ASKED = Asked("firms", "f.csv", "me", "here", 7, {"replace": False})


def names(catalogue: Catalogue) -> dict[str, str]:
    """The firms' names."""
    return {firm.id: firm.heading for page in catalogue.iterate(Kind.FIRMS) for firm in page}


def named(firm: Firm, name: str) -> Firm:
    """The same firm by another name."""
    return replace(firm, name=name)


def test_catalogue_loads_are_logged_in_order(catalogue: Catalogue) -> None:
    """A load has a number, what was asked, how far it is, and its report."""
    numbers = [catalogue.loads.begin(ASKED) for _ in range(3)]
    assert numbers == [1, 2, 3]
    catalogue.loads.note(2, rows=50)
    catalogue.loads.end(3, "done", rows=9, report={"added": 4, "名": "称"})
    last, middle = catalogue.loads.latest(2)
    assert (last.number, last.state, last.rows, last.report) == (3, "done", 9, {"added": 4, "名": "称"})
    assert last.finished_at is not None
    assert (middle.number, middle.state, middle.rows, middle.finished_at) == (2, "running", 50, None)
    assert (middle.by, middle.host, middle.pid, middle.options) == ("me", "here", 7, {"replace": False})
    assert [load.number for load in catalogue.loads.latest(5, before=3)] == [2, 1]
    assert catalogue.loads.get(4) is None


def test_catalogue_load_is_taken_back_exactly(catalogue: Catalogue) -> None:
    """Added, changed and returned records; those that somebody changed since are named."""
    old = firms(6)
    catalogue.upsert(old)
    catalogue.delete(Kind.FIRMS, [old[5].id])
    before = names(catalogue)
    number = catalogue.loads.begin(ASKED)
    changed = [named(firm, f"新{firm.name}") for firm in firms(9)]
    catalogue.apply(Kind.FIRMS, changed[:5], load=number)
    applied = catalogue.apply(Kind.FIRMS, changed[5:], deletes=[old[0].id], load=number)
    assert (applied.added, applied.deleted) == (4, 1)
    assert set(applied.added_ids) == {firm.id for firm in changed[5:]}
    catalogue.upsert([named(old[1], "手工"), named(changed[8], "手工")])
    load = catalogue.loads.get(number)
    assert load is not None
    assert catalogue.loads.take_back(load, Kind.FIRMS)
    assert not catalogue.loads.take_back(load, Kind.FIRMS)
    assert names(catalogue) == before | {old[1].id: "手工", changed[8].id: "手工"}
    assert catalogue.loads.left_over(load) == {
        "changed_since": 2,
        "changed_since_ids": {"firms": [old[1].id, changed[8].id]},
    }
    counted = catalogue.loads.get(number)
    assert counted is not None
    assert counted.undone == {"restored": 5, "deleted": 2}
    assert [finding.name for finding in catalogue.check() if not finding.ok] == []


def test_catalogue_loads_hand_records_back_to_each_other(catalogue: Catalogue) -> None:
    """A record that the second load had changed is the first one's again; the changes of derived industries keep it."""
    patent = Patent(id="CN1A", title="膜", ipc=("B01D61/00",), lang="zh")
    first, second = (catalogue.loads.begin(ASKED) for _ in range(2))
    catalogue.apply(Kind.PATENTS, [patent], load=first)
    catalogue.apply(Kind.PATENTS, [replace(patent, title="新膜")], load=second)
    catalogue.industries.replace([("B01D", "C3463")])
    assert [page.changed for page in catalogue.industries.apply()] == [1]
    loads = {load.number: load for load in catalogue.loads.latest(2)}
    assert catalogue.loads.take_back(loads[second], Kind.PATENTS)
    restored = catalogue.get(Kind.PATENTS, "CN1A")
    assert restored == replace(patent, industry=("C3463",), industry_derived=True)
    assert catalogue.loads.left_over(loads[second])["changed_since"] == 0
    assert catalogue.loads.take_back(loads[first], Kind.PATENTS)
    assert catalogue.count(Kind.PATENTS) == 0


def test_catalogue_merges_with_what_is_there_when_it_writes(catalogue: Catalogue, url: str) -> None:
    """A writer that was faster between the first look and the lock is merged with, not written over."""
    other = Catalogue.open(url)
    (firm,) = firms(1)
    catalogue.upsert([firm])
    calls: list[str] = []

    def complete(stored: Mapping[str, AnyRecord]) -> Sequence[AnyRecord]:
        known = stored[firm.id]
        assert isinstance(known, Firm)
        calls.append(known.name)
        if len(calls) == 1:
            other.upsert([named(firm, "更快的")])
        return [replace(known, status="inactive")]

    seen: list[AnyRecord] = []
    done = catalogue.apply(Kind.FIRMS, Merge([firm.id], complete, lambda records: seen.extend(records)))
    assert (done.changed, done.changed_ids, calls) == (1, (firm.id,), [firm.name, "更快的"])
    assert catalogue.get(Kind.FIRMS, firm.id) == replace(firm, name="更快的", status="inactive")
    assert len(seen) == 2
    calls.append("again")
    assert catalogue.apply(Kind.FIRMS, Merge([firm.id], complete)).unchanged == 1
    assert len(calls) == 4, "nothing differs, so nothing is locked and nothing looked at twice"
    assert catalogue.preview(Kind.FIRMS, [named(firm, "x")]).changed == 1
    assert names(catalogue) == {firm.id: "更快的"}
    other.close()
