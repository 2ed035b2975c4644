"""`patmatch webhook` as ops run it, on sites with and without a running service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from webhook_receiver import SECRET, Receiver, Reply, receiving

from app.catalogue import Catalogue, NewMessage, outbox
from scripts.cli import run as patmatch

STATUSES = ("pending", "delivered", "failed", "dropped")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on a socket."""
    with receiving() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose webhook is the receiver; each message is tried once."""
    for name, value in (("URL", receiver.url), ("SECRET", SECRET), ("ATTEMPTS", "1")):
        monkeypatch.setenv(f"PATMATCH_WEBHOOK_{name}", value)
    monkeypatch.setenv("PATMATCH_HOME", str(tmp_path))
    return tmp_path


def put(home: Path, count: int) -> None:
    """Put messages about a run that is not there: they cannot be made, as after a restore of an older catalogue."""
    catalogue = Catalogue.open(f"sqlite:///{home / 'catalogue.sqlite3'}")
    with catalogue._backend.writing() as connection:
        outbox.put(connection, [NewMessage("push.finished", {"run": "gone", "messages": 0})] * count)
    catalogue.close()


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The last line, read."""
    told: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return told


@pytest.mark.usefixtures("home")
def test_webhook_test_says_what_the_receiver_answered(receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    """0 where the message was taken, 1 where not; it is signed like every other, and leaves nothing in the outbox."""
    assert patmatch(["webhook", "test", "--json"]) == 0
    assert said(capsys) == {"delivered": True, "answer": "HTTP 204"}
    receiver.replies.append(Reply(401))
    assert patmatch(["webhook", "test"]) == 1
    assert capsys.readouterr().out == "retry: HTTP 401\n"
    assert [(one.verified, one.body["type"]) for one in receiver.received] == [(True, "webhook.test")] * 2
    assert patmatch(["webhook", "list", "--json"]) == 0
    assert said(capsys) == {"counts": dict.fromkeys(STATUSES, 0), "messages": []}


def test_webhook_send_retry_and_list_from_failure_to_delivery(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What fails is named with its reason and can be tried again, by its id or all at once."""
    put(home, 2)
    assert patmatch(["webhook", "send", "--json"]) == 1
    assert said(capsys) == {"now": {"failed": 2}, "counts": dict.fromkeys(STATUSES, 0) | {"failed": 2}}
    assert patmatch(["webhook", "list", "--status", "failed", "--limit", "1", "--json"]) == 0
    (shown,) = said(capsys)["messages"]
    assert (shown["kind"], shown["attempts"], shown["about"]["run"]) == ("push.finished", 1, "gone")
    assert "There is no push run" in shown["last_error"]
    assert patmatch(["webhook", "retry", shown["id"], "--json"]) == 0
    assert said(capsys) == {"retried": 1}
    assert patmatch(["webhook", "retry", "msg_unknown"]) == 3
    assert patmatch(["webhook", "retry"]) == 0
    assert "2 messages are due now" in capsys.readouterr().out
    assert patmatch(["webhook", "list"]) == 0
    assert "pending 2, delivered 0, failed 0, dropped 0" in capsys.readouterr().out


def test_webhook_failures_are_found_by_doctor(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was given up is named with the commands that help, and only then."""
    for failed in (0, 3):
        put(home, failed)
        patmatch(["webhook", "send"])
        patmatch(["doctor", "--json"])
        told = [finding for finding in said(capsys)["findings"] if finding["part"] == "webhook"]
        assert [finding["text"] for finding in told] == ["3 messages were given up"] * bool(failed)
        assert all("patmatch webhook retry" in finding["advice"] for finding in told)


@pytest.mark.usefixtures("home")
def test_webhook_send_with_nothing_due_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty outbox is no failure."""
    assert patmatch(["webhook", "send"]) == 0
    assert "nothing was due" in capsys.readouterr().out


@pytest.mark.usefixtures("home")
def test_webhook_commands_name_what_is_not_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A URL without a secret stops every command and names the setting; without a URL there is nothing to send to."""
    monkeypatch.delenv("PATMATCH_WEBHOOK_SECRET")
    assert patmatch(["webhook", "test"]) == 2
    assert "PATMATCH_WEBHOOK_SECRET" in capsys.readouterr().err
    monkeypatch.delenv("PATMATCH_WEBHOOK_URL")
    assert patmatch(["webhook", "send"]) == 2
    told = capsys.readouterr().err
    assert "There is no webhook" in told
    assert "未配置 webhook" in told


@pytest.mark.usefixtures("home")
def test_webhook_secret_is_in_no_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Settings, their JSON, and an error about a bad one keep it to themselves."""
    for arguments in (["settings"], ["settings", "--json"], ["webhook", "test"]):
        assert patmatch(arguments) == 0
    told = capsys.readouterr()
    assert SECRET[6:] not in told.out + told.err
    assert "PATMATCH_WEBHOOK_SECRET" in told.out
