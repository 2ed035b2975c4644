"""A push run told to a webhook: every list once, as it may be shown when it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder
from push_samples import SAMPLE, push_services, request
from test_service_lifecycle import served, until
from webhook_receiver import SECRET, Receiver, receiving

from app.catalogue import NewMessage
from app.domain import Kind, Patent
from app.main import create_app
from app.settings import Settings
from app.wiring import Services

A_MESSAGE = 15


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on a socket."""
    with receiving() as made:
        yield made


@pytest.fixture
def services(tmp_path: Path, receiver: Receiver) -> Iterator[Services]:
    """Services over the sample with a webhook, one run done and told to nobody yet."""
    settings = Settings.model_validate(
        {"home": tmp_path, "webhook_url": receiver.url, "webhook_secret": SECRET, "webhook_lists": A_MESSAGE}
    )
    made = Services(settings, encoder=HashingEncoder)
    for kind in Kind:
        made.importing.load(SAMPLE / f"{kind.value}.jsonl", kind)
    made.indexing.build(Kind.PATENTS, publish=True)
    made.serving.open()
    made.pushing.run(request("one", months=0))
    yield made
    made.close()


def firms_of(services: Services) -> list[str]:
    """The ids of all firms with a list in the run."""
    return list(services.catalogue.pushes.firms("one"))


def lists_of(receiver: Receiver) -> dict[str, list[str]]:
    """The patents' ids of every list that came, by firm; no firm may come twice."""
    messages = [one.body["data"] for one in receiver.received if one.body["type"] == "push.lists"]
    sent = [found for data in messages for found in data["lists"]]
    told = {found["firm_id"]: [place["id"] for place in found["patents"]] for found in sent}
    assert len(told) == len(sent)
    return told


def test_push_run_is_told_with_every_list_once(services: Services, receiver: Receiver) -> None:
    """Messages of so many firms each, signed, then one that says how many these were; each list as the API gives it."""
    services.webhooks.send_due()
    firms = firms_of(services)
    assert len(firms) > 2 * A_MESSAGE
    assert all(one.verified for one in receiver.received)
    *lists, finished = receiver.received
    assert [len(one.body["data"]["lists"]) for one in lists[:-1]] == [A_MESSAGE] * (len(lists) - 1)
    assert finished.body["type"] == "push.finished"
    assert set(lists_of(receiver)) == set(firms)
    with TestClient(create_app(services=services)) as client:
        (run,) = client.get("/v1/push-runs").json()["runs"]
        assert finished.body["data"] == {**run, "messages": len(lists)}
        for one in lists:
            for told in one.body["data"]["lists"]:
                assert told == client.get(f"/v1/firms/{told['firm_id']}/push-list").json()


def test_push_run_is_told_once(services: Services, receiver: Receiver) -> None:
    """The same run asked for again puts nothing more into the outbox."""
    before = services.catalogue.outbox.counts()
    assert services.pushing.run(request("one", months=0)).already
    assert services.catalogue.outbox.counts() == before
    assert receiver.received == [], "and nothing is sent before a sender runs"


def test_push_run_that_does_not_finish_is_not_told(services: Services) -> None:
    """Status and messages are one transaction: where the messages cannot be written the run is not done."""
    before = services.catalogue.outbox.counts()
    services.catalogue.pushes.begin(replace(services.push_delivery.get("one"), name="two", status="running"))
    unwritable = NewMessage("push.finished", {"run": {1, 2}})
    with pytest.raises(TypeError):
        services.catalogue.pushes.finish("two", "{}", firms=0, entries=0, messages=[unwritable])
    assert services.push_delivery.get("two").status == "running"
    assert services.catalogue.outbox.counts() == before


def test_push_lists_leave_out_what_was_withdrawn_before_they_were_sent(services: Services, receiver: Receiver) -> None:
    """A patent withdrawn, another deleted and a firm that opted out after the run are in no message."""
    entries = services.catalogue.pushes.between("one", "", "~")
    withdrawn, deleted = list(dict.fromkeys(entry.patent_id for entry in entries))[:2]
    patent = services.catalogue.get(Kind.PATENTS, withdrawn)
    assert isinstance(patent, Patent)
    fields = {"title": patent.title, "abstract": patent.abstract, "status": "inactive"}
    services.writing.put(Kind.PATENTS, withdrawn, fields)
    services.catalogue.delete(Kind.PATENTS, [deleted])
    firms = firms_of(services)
    services.outreach.opt_out(firms[0])
    services.webhooks.send_due()
    told = lists_of(receiver)
    assert set(told) == set(firms[1:])
    sent = {patent_id for patents in told.values() for patent_id in patents}
    assert {withdrawn, deleted} & sent == set()
    assert sent == {entry.patent_id for entry in entries if entry.firm_id != firms[0]} - {withdrawn, deleted}
    assert all(withdrawn not in str(one.body) for one in receiver.received)


def test_push_message_with_no_list_left_is_dropped(services: Services, receiver: Receiver) -> None:
    """Where all firms of a message opted out nothing is sent of it; the run's end still is."""
    for firm in firms_of(services):
        services.outreach.opt_out(firm)
    services.webhooks.send_due()
    assert [one.body["type"] for one in receiver.received] == ["push.finished"]
    counts = services.catalogue.outbox.counts()
    assert counts["dropped"] == receiver.received[0].body["data"]["messages"]


def test_push_run_with_no_webhook_puts_nothing(tmp_path: Path) -> None:
    """Off by default: the outbox stays empty."""
    services = push_services(tmp_path)
    services.pushing.run(request("one"))
    assert services.push_delivery.get("one").status == "done"
    assert list(services.catalogue.outbox.iterate()) == []
    services.close()


def test_push_run_is_told_by_a_running_service(services: Services, receiver: Receiver) -> None:
    """Nobody has to call anything, and `/metrics` says what went out."""
    with served(create_app(services=services)) as client:
        until(lambda: services.catalogue.outbox.counts()["pending"] == 0)
        until(lambda: 'patmatch_webhook_outbox{status="pending"} 0.0' in client.get("/metrics").text)
        delivered = services.catalogue.outbox.counts()["delivered"]
        assert f'patmatch_webhook_messages_total{{outcome="delivered"}} {delivered}.0' in client.get("/metrics").text
    assert len(receiver.received) == delivered
    assert set(lists_of(receiver)) == set(firms_of(services))
