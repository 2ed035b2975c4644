"""Messages on their way: a receiver that fails, is slow, asks for patience or is gone, and senders that die."""

from __future__ import annotations

import base64
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from webhook_receiver import SECRET, Receiver, Reply, receiving

from app.catalogue import Catalogue, Message, NewMessage, outbox
from app.domain import Renderer
from app.errors import UsageError
from app.metrics import Metrics
from app.webhooks.post import Endpoint
from app.webhooks.sender import WebhookService, WebhookSettings

VICTIM = Path(__file__).with_name("webhook_victim.py")
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))


def said(about: Mapping[str, Any]) -> dict[str, Any]:
    """A payload that says what it is about."""
    return {"about": dict(about)}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on a socket."""
    with receiving() as made:
        yield made


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """An empty catalogue."""
    opened = Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
    yield opened
    opened.close()


def put(catalogue: Catalogue, count: int = 1, kind: str = "test") -> list[str]:
    """Put messages into the outbox; their ids, in order."""
    with catalogue._backend.writing() as connection:
        outbox.put(connection, [NewMessage(kind, {"number": number}) for number in range(count)])
    return [message.id for message in catalogue.outbox.iterate()][::-1]


def sender(
    catalogue: Catalogue,
    url: str,
    *,
    attempts: int = 10,
    timeout_s: float = 30.0,
    wait_s: float = 0.0,
    renderers: Mapping[str, Renderer] | None = None,
) -> WebhookService:
    """A service that sends the messages of a catalogue."""
    settings = WebhookSettings(
        endpoint=Endpoint(url=url, key=KEY, timeout_s=timeout_s),
        attempts=attempts,
        wait_s=lambda _attempt: wait_s,
        hold=timedelta(0),
    )
    return WebhookService(catalogue.outbox, settings, renderers or {"test": said}, Metrics())


def stands(catalogue: Catalogue, message_id: str) -> Message:
    """A message as it is now."""
    found = catalogue.outbox.get(message_id)
    assert found is not None
    return found


def minutes_left(message: Message) -> float:
    """Until a message is due."""
    return (message.next_at - datetime.now(UTC)).total_seconds() / 60


def test_webhook_delivers_signed_messages_in_order(catalogue: Catalogue, receiver: Receiver) -> None:
    """Each once, with a signature that holds, the time of its event and what it is about."""
    ids = put(catalogue, 3)
    service = sender(catalogue, receiver.url)
    assert service.send_due() == Counter(delivered=3)
    assert receiver.ids() == ids
    assert all(one.verified for one in receiver.received)
    assert [one.body["data"]["about"]["number"] for one in receiver.received] == [0, 1, 2]
    assert [one.body["type"] for one in receiver.received] == ["test"] * 3
    happened = [datetime.fromisoformat(one.body["timestamp"]) for one in receiver.received]
    assert happened == [stands(catalogue, key).created_at for key in ids]
    assert service.send_due() == Counter()
    assert stands(catalogue, ids[0]).delivered_at is not None
    service.stop()


def test_webhook_tries_again_with_the_same_id_until_it_arrives(catalogue: Catalogue, receiver: Receiver) -> None:
    """Errors of the server, of the client and a redirect are no delivery; nothing is sent to another place."""
    (key,) = put(catalogue)
    elsewhere = {"location": receiver.url.replace("/hook", "/elsewhere")}
    receiver.replies.extend([Reply(500), Reply(404), Reply(307, elsewhere), Reply(200)])
    service = sender(catalogue, receiver.url)
    assert service.send_due() == Counter(retried=3, delivered=1)
    assert receiver.ids() == [key] * 4
    assert {one.path for one in receiver.received} == {"/hook"}
    assert stands(catalogue, key).attempts == 4
    service.stop()


def test_webhook_says_how_large_a_message_was_that_is_too_large(catalogue: Catalogue, receiver: Receiver) -> None:
    """413 is for the operator of either side to settle; both need to know the size."""
    (key,) = put(catalogue)
    receiver.replies.append(Reply(413))
    service = sender(catalogue, receiver.url, wait_s=60, renderers={"test": lambda _about: {"text": "x" * 20_000}})
    assert service.send_due() == Counter(retried=1)
    size = re.search(r"HTTP 413: ([\d,]+) bytes", stands(catalogue, key).last_error or "")
    assert size is not None
    assert 20_000 < int(size[1].replace(",", "")) < 20_200
    service.stop()


def test_webhook_gives_up_after_the_last_attempt_and_says_why(catalogue: Catalogue, receiver: Receiver) -> None:
    """Then the message is kept as failed, and can be tried from the start."""
    (key,) = put(catalogue)
    receiver.replies.extend([Reply(500), Reply(502), Reply(500)])
    service = sender(catalogue, receiver.url, attempts=3)
    assert service.send_due() == Counter(retried=2, failed=1)
    assert (stands(catalogue, key).status, stands(catalogue, key).last_error) == ("failed", "HTTP 500")
    assert service.send_due() == Counter()
    assert catalogue.outbox.again([key]) == 1
    assert service.send_due() == Counter(delivered=1)
    assert receiver.ids() == [key] * 4
    service.stop()


def test_webhook_gives_up_at_once_where_the_receiver_is_gone(catalogue: Catalogue, receiver: Receiver) -> None:
    """410 means never again."""
    (key,) = put(catalogue)
    receiver.replies.append(Reply(410))
    service = sender(catalogue, receiver.url)
    assert service.send_due() == Counter(failed=1)
    assert stands(catalogue, key).status == "failed"
    assert "410" in (stands(catalogue, key).last_error or "")
    service.stop()


def test_webhook_does_not_wait_for_a_slow_receiver(catalogue: Catalogue, receiver: Receiver) -> None:
    """What is not answered in time is sent again, with the id by which the receiver can drop the repeat."""
    (key,) = put(catalogue)
    never = Event()
    receiver.replies.append(Reply(after=never))
    service = sender(catalogue, receiver.url, timeout_s=0.2)
    try:
        assert service.send_due() == Counter(retried=1, delivered=1)
    finally:
        never.set()
    assert receiver.ids() == [key, key]
    service.stop()


def test_webhook_survives_a_receiver_that_is_not_there(catalogue: Catalogue) -> None:
    """Nobody listens: the message waits, its error says that there was no answer, and not where it was sent to."""
    with receiving() as gone:
        url = gone.url + "?token=hidden"
    (key,) = put(catalogue)
    service = sender(catalogue, url, wait_s=60)
    assert service.send_due() == Counter(retried=1)
    assert stands(catalogue, key).last_error == "no answer: ConnectError"
    service.stop()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_webhook_waits_as_long_as_it_is_asked_to(
    catalogue: Catalogue, receiver: Receiver, status: int, as_date: bool
) -> None:
    """A receiver that names its time gets nothing before, no other message either, and no tries are used up."""
    first, second = put(catalogue, 2)
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=3600), usegmt=True)
    receiver.replies.append(Reply(status, {"retry-after": at if as_date else "3600"}))
    service = sender(catalogue, receiver.url)
    assert service.send_due() == Counter(retried=1)
    for key, attempts in ((first, 1), (second, 0)):
        assert 58 < minutes_left(stands(catalogue, key)) <= 60
        assert stands(catalogue, key).attempts == attempts
    service.stop()


@pytest.mark.parametrize(("asked", "minutes"), [("soon", 1), ("-5", 1), ("nan", 1), ("1e300", 24 * 60), ("0.5", 1)])
def test_webhook_is_not_misled_by_a_mistyped_retry_after(
    catalogue: Catalogue, receiver: Receiver, asked: str, minutes: float
) -> None:
    """What cannot be read counts for nothing, and nobody can ask for more than a day."""
    (key,) = put(catalogue)
    receiver.replies.append(Reply(503, {"retry-after": asked}))
    service = sender(catalogue, receiver.url, wait_s=60)
    service.send_due()
    assert minutes - 1 < minutes_left(stands(catalogue, key)) <= minutes
    service.stop()


def test_webhook_leaves_a_receiver_alone_that_takes_nothing(catalogue: Catalogue, receiver: Receiver) -> None:
    """After three failures in a row the other messages wait with their tries unspent."""
    ids = put(catalogue, 10)
    receiver.replies.extend([Reply(500)] * 10)
    settings = WebhookSettings(endpoint=Endpoint(url=receiver.url, key=KEY, timeout_s=30), attempts=10)
    service = WebhookService(catalogue.outbox, settings, {"test": said}, Metrics())
    assert service.send_due() == Counter(retried=3)
    assert [stands(catalogue, key).attempts for key in ids] == [1] * 3 + [0] * 7
    assert 0 < minutes_left(stands(catalogue, ids[-1])) <= 0.5
    service.stop()


def test_webhook_drops_what_has_nothing_left_to_say(catalogue: Catalogue, receiver: Receiver) -> None:
    """Nothing is sent, and the outbox says so."""
    (key,) = put(catalogue)
    service = sender(catalogue, receiver.url, renderers={"test": lambda _about: None})
    assert service.send_due() == Counter(dropped=1)
    assert receiver.received == []
    assert stands(catalogue, key).status == "dropped"
    service.stop()


def test_webhook_is_not_stopped_by_a_message_that_cannot_be_made(catalogue: Catalogue, receiver: Receiver) -> None:
    """The others arrive; the broken one is tried like any other, one of an unknown kind has failed."""

    def broken(about: Mapping[str, Any]) -> dict[str, Any]:
        return {"about": 1 / about["number"]}

    put(catalogue, 2)
    unknown = put(catalogue, kind="of.tomorrow")[-1]
    service = sender(catalogue, receiver.url, attempts=1, renderers={"test": broken})
    assert service.send_due() == Counter(failed=2, delivered=1)
    assert [one.body["data"] for one in receiver.received] == [{"about": 1.0}]
    assert "of.tomorrow" in (stands(catalogue, unknown).last_error or "")
    errors = {message.last_error for message in catalogue.outbox.iterate("failed")}
    assert "cannot be made: ZeroDivisionError" in errors
    service.stop()


def test_webhook_is_shared_by_two_senders(catalogue: Catalogue, receiver: Receiver) -> None:
    """Each message goes once, whoever takes it."""
    ids = put(catalogue, 40)
    senders = [sender(catalogue, receiver.url) for _ in range(2)]
    with ThreadPoolExecutor(2) as both:
        sent = list(both.map(WebhookService.send_due, senders))
    assert sum(sent, Counter[str]()) == Counter(delivered=40)
    assert Counter(receiver.ids()) == Counter(ids)
    for service in senders:
        service.stop()


def test_webhook_message_in_flight_is_not_sent_by_another(catalogue: Catalogue, receiver: Receiver) -> None:
    """While one sender waits for the answer the other finds nothing to do."""
    put(catalogue)
    answer = Event()
    receiver.replies.append(Reply(after=answer))
    one, other = (sender(catalogue, receiver.url) for _ in range(2))
    with ThreadPoolExecutor(1) as thread:
        sending = thread.submit(one.send_due)
        assert receiver.arrived.wait(30)
        assert other.send_due() == Counter()
        answer.set()
        assert sending.result() == Counter(delivered=1)
    assert len(receiver.received) == 1
    one.stop()
    other.stop()


def test_webhook_sender_killed_before_it_notes_the_delivery_sends_again(
    catalogue: Catalogue, receiver: Receiver, tmp_path: Path
) -> None:
    """At least once: when the dead sender's claim ends, the message goes again, with the same id."""
    (key,) = put(catalogue)
    arguments = [str(tmp_path / "catalogue.sqlite3"), receiver.url]
    killed = subprocess.run([sys.executable, str(VICTIM), *arguments], check=False, capture_output=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert receiver.ids() == [key]
    service = sender(catalogue, receiver.url)
    assert service.send_due() == Counter(), "the claim of the dead one stands"
    lease = stands(catalogue, key).next_at
    assert 1 <= minutes_left(stands(catalogue, key)) < 3
    assert catalogue.outbox.claim(lease - timedelta(seconds=1), timedelta(0)) == []
    assert [message.id for message in catalogue.outbox.claim(lease, timedelta(0))] == [key]
    catalogue.outbox.retry(key, "its sender died", datetime.now(UTC))
    assert service.send_due() == Counter(delivered=1)
    assert receiver.ids() == [key, key]
    service.stop()


def test_webhook_service_sends_by_itself_until_it_is_stopped(catalogue: Catalogue, receiver: Receiver) -> None:
    """A running service sends what other processes put into the outbox, and counts it."""
    metrics = Metrics()
    settings = WebhookSettings(endpoint=Endpoint(url=receiver.url, key=KEY, timeout_s=30), attempts=10)
    service = WebhookService(catalogue.outbox, settings, {"test": said}, metrics)
    service.start()
    put(catalogue, 2)
    end = time.monotonic() + 30
    wanted = ('patmatch_webhook_messages_total{outcome="delivered"} 2.0', 'outbox{status="delivered"} 2.0')
    while not all(line in metrics.exposition().decode() for line in wanted):
        assert time.monotonic() < end, metrics.exposition().decode()
        time.sleep(0.05)
    service.stop()
    put(catalogue)
    assert service.send_due() == Counter(), "stopped is stopped"
    assert len(receiver.received) == 2


def test_webhook_that_is_off_sends_nothing_and_says_so(catalogue: Catalogue) -> None:
    """No thread, and a call names the two settings."""
    service = WebhookService(catalogue.outbox, None, {"test": said}, Metrics())
    service.start()
    assert service._thread is None
    with pytest.raises(UsageError, match="PATMATCH_WEBHOOK_URL"):
        service.send_due()
    with pytest.raises(UsageError, match="PATMATCH_WEBHOOK_SECRET"):
        service.test()
    service.stop()
