"""Messages to a webhook, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.catalogue import Catalogue, NewMessage, outbox

LEASE = timedelta(minutes=1)


def put(catalogue: Catalogue, *messages: NewMessage) -> list[str]:
    """Put messages by a transaction of their own; the ids of all that wait, in their order."""
    with catalogue._backend.writing() as connection:
        outbox.put(connection, messages)
    return [message.id for message in catalogue.outbox.iterate("pending")][::-1]


def some(count: int) -> list[NewMessage]:
    """Messages that can be told apart."""
    return [NewMessage("push.lists", {"run": "十一月", "number": number}) for number in range(count)]


def soon() -> datetime:
    """A moment at which all that was put is due."""
    return datetime.now(UTC) + timedelta(seconds=1)


def test_catalogue_outbox_gives_back_what_was_put(catalogue: Catalogue) -> None:
    """In the order of putting, each with an id of its own that a receiver can know it by; times keep their zone."""
    ids = put(catalogue, *some(3))
    found = catalogue.outbox.claim(soon(), LEASE, 10)
    assert [message.id for message in found] == ids
    assert [message.reference for message in found] == [{"run": "十一月", "number": number} for number in range(3)]
    assert {(message.kind, message.status, message.attempts) for message in found} == {("push.lists", "pending", 1)}
    assert len(set(ids)) == 3
    assert all(key.startswith("msg_") and len(key) >= 30 for key in ids)
    assert all(message.created_at.tzinfo is not None for message in found)


def test_catalogue_outbox_keeps_nothing_of_an_event_that_was_undone(catalogue: Catalogue) -> None:
    """A message goes with the transaction that put it."""

    def undone() -> None:
        with catalogue._backend.writing() as connection:
            outbox.put(connection, some(1))
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        undone()
    assert catalogue.outbox.counts() == {"pending": 0, "delivered": 0, "failed": 0, "dropped": 0}


def test_catalogue_outbox_lends_a_message_to_one_sender_at_a_time(catalogue: Catalogue) -> None:
    """While the lease lasts nobody else gets it; when it ends without a word the same message is given again."""
    (key,) = put(catalogue, *some(1))
    now = soon()
    assert [message.id for message in catalogue.outbox.claim(now, LEASE)] == [key]
    assert catalogue.outbox.claim(now + LEASE / 2, LEASE) == []
    (again,) = catalogue.outbox.claim(now + LEASE, LEASE)
    assert (again.id, again.attempts) == (key, 2)


def test_catalogue_outbox_gives_no_message_to_two_of_many_senders(catalogue: Catalogue) -> None:
    """Eight threads that claim one at a time take each of a hundred messages once."""
    ids = put(catalogue, *some(100))
    now = soon()

    def taken(_sender: int) -> list[str]:
        mine: list[str] = []
        while found := catalogue.outbox.claim(now, LEASE):
            mine += [message.id for message in found]
        return mine

    with ThreadPoolExecutor(8) as senders:
        claimed = [key for mine in senders.map(taken, range(8)) for key in mine]
    # A sender may end while another's claim hides the last ones, but none is given twice.
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == set(ids)


def test_catalogue_outbox_knows_what_became_of_each(catalogue: Catalogue) -> None:
    """Delivered, dropped, failed and waiting for another try are told apart, counted and listed the newest first."""
    arrived, gone, failed, later = put(catalogue, *some(4))
    box, now = catalogue.outbox, soon()
    box.claim(now, LEASE, 10)
    box.delivered(arrived)
    box.dropped(gone)
    box.failed(failed, "410 Gone")
    box.retry(later, "x" * 9000, now + timedelta(hours=1))
    assert box.counts() == {"pending": 1, "delivered": 1, "failed": 1, "dropped": 1}
    assert [message.id for message in box.iterate()] == [later, failed, gone, arrived]
    assert [message.last_error for message in box.iterate("failed")] == ["410 Gone"]
    kept = box.get(later)
    assert kept is not None
    assert kept.last_error == "x" * 500
    assert box.claim(now + timedelta(minutes=59), LEASE) == []
    assert [message.id for message in box.claim(now + timedelta(minutes=61), LEASE)] == [later]


def test_catalogue_outbox_does_not_send_again_what_another_sender_delivered(catalogue: Catalogue) -> None:
    """A sender that was slow and then failed does not undo the delivery of the one that took over."""
    (key,) = put(catalogue, *some(1))
    box = catalogue.outbox
    box.delivered(key)
    box.retry(key, "too late", soon())
    box.failed(key, "too late")
    box.dropped(key)
    stands = box.get(key)
    assert stands is not None
    assert (stands.status, stands.last_error) == ("delivered", None)
    assert stands.delivered_at is not None


def test_catalogue_outbox_tries_again_what_is_asked_for(catalogue: Catalogue) -> None:
    """What failed starts from the beginning, named or all of it; what arrived is not sent again."""
    arrived, one, other = put(catalogue, *some(3))
    box = catalogue.outbox
    box.claim(soon(), LEASE, 3)
    box.delivered(arrived)
    box.failed(one, "no")
    box.failed(other, "no")
    assert box.again([one, arrived, "msg_unknown"]) == 1
    assert [(message.id, message.attempts) for message in box.claim(soon(), LEASE, 3)] == [(one, 1)]
    assert box.again() == 2
    assert box.counts()["pending"] == 2


def test_catalogue_outbox_holds_all_until_a_moment(catalogue: Catalogue) -> None:
    """A receiver that asked for patience gets nothing sooner; what waits for longer anyway is not sent sooner."""
    first, second = put(catalogue, *some(2))
    box, now = catalogue.outbox, soon()
    box.retry(second, "later", now + timedelta(hours=2))
    box.hold(now + timedelta(hours=1))
    assert box.claim(now + timedelta(minutes=59), LEASE, 5) == []
    assert [message.id for message in box.claim(now + timedelta(hours=1), LEASE, 5)] == [first]


def test_catalogue_outbox_is_held_by_many_at_once(catalogue: Catalogue) -> None:
    """Senders that are all told to wait do not wait for each other; every message is held."""
    put(catalogue, *some(300))
    now = soon()

    def held(hours: int) -> None:
        catalogue.outbox.hold(now + timedelta(hours=hours))

    with ThreadPoolExecutor(6) as senders:
        list(senders.map(held, range(1, 25)))
    assert catalogue.outbox.claim(now + timedelta(minutes=59), LEASE, 300) == []
    assert len(catalogue.outbox.claim(now + timedelta(hours=24), LEASE, 300)) == 300


def test_catalogue_outbox_forgets_only_what_is_over(catalogue: Catalogue) -> None:
    """Old messages that arrived are removed; one that still waits or failed is never lost."""
    arrived, failed, waiting = put(catalogue, *some(3))
    box = catalogue.outbox
    box.delivered(arrived)
    box.failed(failed, "no")
    assert box.forget(datetime.now(UTC) - timedelta(days=1)) == 0
    assert box.forget(soon()) == 1
    assert {message.id for message in box.iterate()} == {failed, waiting}


def test_catalogue_outbox_is_walked_in_pages(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message once, the newest first, whatever the size of a page."""
    ids = put(catalogue, *some(7))
    monkeypatch.setattr(outbox, "_A_PAGE", 3)
    assert [message.id for message in catalogue.outbox.iterate()] == ids[::-1]
