"""Alerts told to a webhook: with the alert or not at all, and as they stand when they are sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alert_samples import alert_services, new_patent, put, settle
from fastapi.testclient import TestClient
from webhook_receiver import SECRET, Receiver, receiving

from app.domain import Kind
from app.main import create_app
from app.wiring import Services


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on a socket."""
    with receiving() as made:
        yield made


@pytest.fixture
def services(tmp_path: Path, receiver: Receiver) -> Iterator[Services]:
    """Watched needs with a webhook."""
    made = alert_services(tmp_path, webhook_url=receiver.url, webhook_secret=SECRET)
    yield made
    made.close()


def test_alerts_are_told_to_a_webhook_as_the_api_gives_them(services: Services, receiver: Receiver) -> None:
    """One signed message a need, with its alerts in full; a change of the patent sends nothing more."""
    put(services, new_patent(0, "A"), new_patent(0, "B"), new_patent(1, "C"))
    settle(services)
    put(services, new_patent(0, "A", maturity=7))
    settle(services)
    assert services.webhooks.send_due()["delivered"] == 2
    assert all(one.verified and one.body["type"] == "need.alert" for one in receiver.received)
    told = {one.body["data"]["need_id"]: one.body["data"]["alerts"] for one in receiver.received}
    with TestClient(create_app(services=services)) as client:
        for need_id, ids in (("N0", ["A", "B"]), ("N1", ["C"])):
            assert [one["id"] for one in told[need_id]] == ids
            assert told[need_id] == client.get(f"/v1/needs/{need_id}/alerts").json()["alerts"]


def test_alerts_that_stand_no_more_are_not_told(services: Services, receiver: Receiver) -> None:
    """What was withdrawn before it was sent is left out; where nothing is left, or the firm is out, none is sent."""
    put(services, new_patent(0, "A"), new_patent(0, "B"), new_patent(1, "C"), new_patent(2, "D"))
    settle(services)
    services.catalogue.delete(Kind.PATENTS, ["A", "C"])
    services.outreach.opt_out("F2")
    assert services.webhooks.send_due() == {"delivered": 1, "dropped": 2}
    (message,) = receiver.received
    assert [one["id"] for one in message.body["data"]["alerts"]] == ["B"]
