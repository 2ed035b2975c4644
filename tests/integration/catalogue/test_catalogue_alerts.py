"""Arrivals, watches and alerts, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from app.catalogue import NEED_ALERT, Catalogue, Looked
from app.domain import Alert, Kind, Level, Need, Patent, WatchLevel

FOUND = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
OFF, STRONG, WEAK = WatchLevel.OFF, WatchLevel.STRONG, WatchLevel.WEAK


def patents(*ids: str, title: str = "电解液") -> list[Patent]:
    """Patents of one title."""
    return [Patent(id=key, title=title) for key in ids]


def alert(need: str, patent: str, *, at: datetime = FOUND) -> Alert:
    """An alert before it is recorded."""
    return Alert(
        need_id=need, patent_id=patent, at=at, score=0.75, level=Level.FAIRLY_STRONG, reason="电解液", patent_revision=3
    )


def recorded(catalogue: Catalogue, alerts: Sequence[Alert], **said: object) -> int | None:
    """Record alerts of patents that had been waiting."""
    cursor = catalogue.alerts.begin(0)
    return catalogue.alerts.record(Looked(**{"before": cursor, "after": cursor, "alerts": alerts, **said}))  # type: ignore[arg-type]


def arrived(catalogue: Catalogue, after: int = 0) -> list[tuple[str, int]]:
    """Ids and numbers of what arrived behind a number."""
    return [(one.id, one.arrived) for one in catalogue.alerts.arrived(after, catalogue.revision(), 100)]


def test_catalogue_arrival_stays_when_a_record_changes(catalogue: Catalogue) -> None:
    """A change leaves the number by which a patent came; after a deletion it comes anew; other kinds count as well."""
    catalogue.upsert(patents("A", "B"))
    catalogue.upsert([Need(id="N", title="需求")])
    assert arrived(catalogue) == [("A", 1), ("B", 2)]
    catalogue.upsert(patents("A", title="另一种电解液"))
    catalogue.upsert(patents("C"))
    assert arrived(catalogue) == [("A", 1), ("B", 2), ("C", 5)]
    assert catalogue.alerts.arrivals(Kind.PATENTS, ["A", "X"])["A"].revision == 4
    catalogue.delete(Kind.PATENTS, ["B"])
    assert arrived(catalogue) == [("A", 1), ("C", 5)]
    catalogue.upsert(patents("B"))
    assert arrived(catalogue, 1) == [("C", 5), ("B", 7)]
    assert catalogue.alerts.arrivals(Kind.NEEDS, ["N"]) == {"N": ("N", 3, 3)}


def test_catalogue_arrivals_are_read_in_parts(catalogue: Catalogue) -> None:
    """Between two numbers, in their order, and no more than asked for."""
    catalogue.upsert(patents(*"EDCBA"))
    log = catalogue.alerts
    assert [one.id for one in log.arrived(0, 5, 2)] == ["E", "D"]
    assert [one.id for one in log.arrived(2, 4, 9)] == ["C", "B"]


def test_catalogue_alerts_move_with_their_cursor(catalogue: Catalogue) -> None:
    """Alerts have numbers and are there once; whoever looked behind another cursor writes nothing at all."""
    log = catalogue.alerts
    assert (log.cursor(), log.behind()) == (None, 0)
    assert (log.begin(1), log.begin(9), log.cursor()) == (1, 1, 1)
    looked = Looked(before=1, after=4, alerts=[alert("N", "A"), alert("N", "B")], waits=["W"])
    assert log.record(looked) == 2
    assert (log.cursor(), log.last(), list(log.waiting())) == (4, 2, [["W"]])
    assert log.record(Looked(before=1, after=4, alerts=[alert("N", "C")], done=["W"])) is None
    assert log.record(Looked(before=4, after=4, alerts=[alert("N", "A"), alert("M", "A")], done=["W"])) == 1
    assert [(one.number, one.need_id, one.patent_id) for one in log.page(after=0, size=9)] == [
        (1, "N", "A"), (2, "N", "B"), (3, "M", "A"),
    ]  # fmt: skip
    assert list(log.waiting()) == []


def test_catalogue_alerts_that_wait_again_wait_once(catalogue: Catalogue) -> None:
    """A patent that was deleted while it waited, and came back, is in the list once."""
    recorded(catalogue, [], waits=["A", "B"])
    recorded(catalogue, [], waits=["B", "C"], done=["A"])
    assert list(catalogue.alerts.waiting()) == [["B", "C"]]


def test_catalogue_alerts_count_what_is_behind(catalogue: Catalogue) -> None:
    """Patents behind the cursor and those that wait, without deleted ones."""
    catalogue.alerts.begin(0)
    catalogue.upsert(patents("A", "B", "C"))
    catalogue.delete(Kind.PATENTS, ["C"])
    assert catalogue.alerts.behind() == 2
    catalogue.alerts.record(Looked(before=0, after=3, alerts=[], waits=["B"]))
    assert catalogue.alerts.behind() == 1


def test_catalogue_alerts_are_read_by_need_number_and_time(catalogue: Catalogue) -> None:
    """Each need's own, in parts, from a moment on; times keep their zone."""
    later = FOUND + timedelta(hours=2)
    recorded(catalogue, [alert("N", "A"), alert("M", "A"), alert("N", "B", at=later)])
    log = catalogue.alerts
    first, second = log.of_need("N", after=0, size=9)
    assert (first.patent_id, first.at, first.level, first.score) == ("A", FOUND, Level.FAIRLY_STRONG, 0.75)
    assert log.of_need("N", after=0, size=1) == [first]
    assert log.of_need("N", after=first.number, size=9) == [second]
    assert log.of_need("N", after=0, size=9, since=FOUND + timedelta(hours=1)) == [second]
    assert [one.need_id for one in log.page(after=1, size=9)] == ["N", "N"]
    assert log.page(after=0, size=9, since=later) == [second]


def test_catalogue_alerts_are_announced_in_their_transaction(catalogue: Catalogue) -> None:
    """One message a need, of those alerts alone that are new; none where nobody wants any."""
    recorded(catalogue, [alert("N", "A")])
    assert list(catalogue.outbox.iterate()) == []
    recorded(catalogue, [alert("M", "A"), alert("N", "A"), alert("N", "B"), alert("N", "C")], announce=True)
    messages = [(message.kind, dict(message.reference)) for message in catalogue.outbox.iterate()]
    assert messages[::-1] == [
        (NEED_ALERT, {"need_id": "M", "first": 2, "last": 2}),
        (NEED_ALERT, {"need_id": "N", "first": 3, "last": 4}),
    ]


def test_catalogue_watch_begins_when_a_need_was_not_watched(catalogue: Catalogue) -> None:
    """Only from off to a level does a watch begin anew; another level of a watched need leaves its beginning."""
    watches = catalogue.watches
    assert watches.put("N", STRONG, OFF) is None
    catalogue.upsert([Need(id="N", title="需求"), Need(id="M", title="需求")])
    catalogue.upsert(patents("A"))
    watched = watches.put("N", STRONG, OFF)
    assert watched is not None
    assert (watched.level, watched.since) == (STRONG, 3)
    catalogue.upsert(patents("B"))
    other = watches.put("N", WEAK, OFF)
    assert other is not None
    assert (other.level, other.since) == (WEAK, 3)
    own = watches.put("M", WEAK, STRONG)
    assert own is not None
    assert own.since == 0
    assert watches.get("N") == other
    assert watches.all() == {"N": other, "M": own}
    assert (watches.remove("N"), watches.remove("N"), watches.get("N")) == (True, False, None)
