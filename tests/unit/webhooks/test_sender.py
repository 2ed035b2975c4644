"""Signatures, waits and settings of the webhook."""

from __future__ import annotations

import base64
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.push.messages import announcement
from app.settings import Settings
from app.webhooks.post import Endpoint, signature
from app.webhooks.sender import BACKOFF_S, backoff

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "https://example.org/hook"


def settings(**values: object) -> Settings:
    """Settings of these values alone."""
    return Settings.model_validate({"home": Path("nowhere"), **values})


def test_webhook_signature_is_the_one_of_the_specification() -> None:
    """The example that the Standard Webhooks libraries are tested with."""
    key = settings(webhook_url=URL, webhook_secret=SECRET).webhook_key
    made = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_webhook_signature_changes_with_all_that_is_signed() -> None:
    """Another id, time, body or key is another signature: none can be put under another."""
    made = {
        signature(*changed)
        for changed in (
            (b"k" * 24, "msg_a", 1, b"{}"),
            (b"l" * 24, "msg_a", 1, b"{}"),
            (b"k" * 24, "msg_b", 1, b"{}"),
            (b"k" * 24, "msg_a", 2, b"{}"),
            (b"k" * 24, "msg_a", 1, b"[]"),
        )
    }
    assert len(made) == 5


def test_webhook_signature_is_verified_by_what_the_documentation_says() -> None:
    """The receiver's lines in docs/webhooks.md take what we send, and nothing that was changed or is old."""
    page = (Path(__file__).parents[3] / "docs/webhooks.md").read_text(encoding="utf8")
    start = page.index("    import base64, hashlib")
    said: dict[str, Any] = {}
    exec(textwrap.dedent(page[start : page.index("\n`body` is", start)]), said)  # noqa: S102 - our own page
    body, now = '{"名称": 1}'.encode(), int(time.time())

    def headers(at: int) -> dict[str, str]:
        key = settings(webhook_secret=SECRET).webhook_key
        made = signature(key, "msg_a", at, body)
        return {"webhook-id": "msg_a", "webhook-timestamp": str(at), "webhook-signature": made}

    assert said["verified"](SECRET, headers(now), body)
    assert not said["verified"](SECRET, headers(now), body + b" ")
    assert not said["verified"](SECRET, headers(now) | {"webhook-id": "msg_b"}, body)
    assert not said["verified"](SECRET, headers(now - 3600), body)


def test_webhook_waits_grow_from_seconds_to_a_day_and_differ() -> None:
    """Ten attempts take three days; further ones are a day apart; chance adds up to a tenth."""
    assert [backoff(attempt, lambda: 0.0) for attempt in range(1, 10)] == list(BACKOFF_S)
    assert backoff(40, lambda: 0.0) == BACKOFF_S[-1]
    assert backoff(2, lambda: 1.0) == pytest.approx(330)
    assert 3 * 86_400 <= sum(BACKOFF_S) < 4 * 86_400
    assert len({backoff(5) for _ in range(20)}) > 1


def test_webhook_is_off_by_default() -> None:
    """No URL, no key."""
    assert settings().webhook_url is None
    assert settings().webhook_key == b""


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"webhook_url": URL}, "webhook_secret"),
        ({"webhook_url": URL, "webhook_secret": "hunter2"}, "webhook_secret"),
        ({"webhook_url": URL, "webhook_secret": "whsec_***"}, "webhook_secret"),
        ({"webhook_url": URL, "webhook_secret": "whsec_" + base64.b64encode(b"short").decode()}, "webhook_secret"),
        ({"webhook_url": URL, "webhook_secret": "x" + SECRET}, "webhook_secret"),
        ({"webhook_url": "example.org/hook", "webhook_secret": SECRET}, "webhook_url"),
        ({"webhook_url": "ftp://example.org", "webhook_secret": SECRET}, "webhook_url"),
        ({"webhook_url": "https://me:word@example.org", "webhook_secret": SECRET}, "webhook_url"),
        ({"webhook_url": URL, "webhook_secret": SECRET, "webhook_lists": 0}, "webhook_lists"),
    ],
)
def test_webhook_settings_that_cannot_work_are_refused_by_name(values: dict[str, object], field: str) -> None:
    """At the start, not at the first message; and what was given is not repeated, since it may be the secret."""
    with pytest.raises(ValidationError) as caught:
        settings(**values)
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]
    given = str(values.get(field, "nothing was given"))
    assert given not in str(caught.value)


def test_webhook_secret_is_not_shown() -> None:
    """Neither by settings nor by what they are made into."""
    made = settings(webhook_url=URL, webhook_secret=SECRET)
    endpoint = Endpoint(url=URL, key=made.webhook_key, timeout_s=1.0)
    for shown in (repr(made), str(made.webhook_secret), repr(endpoint)):
        assert "MfKQ9r8" not in shown
        assert repr(made.webhook_key)[2:12] not in shown


def test_webhook_messages_of_a_run_cover_every_firm_once() -> None:
    """Ranges that follow each other, the last one shorter, and the end said with their number."""
    made = announcement("十一月", iter("ABCDE"), 2)
    assert [(message.kind, dict(message.reference)) for message in made] == [
        ("push.lists", {"run": "十一月", "after": "", "to": "B"}),
        ("push.lists", {"run": "十一月", "after": "B", "to": "D"}),
        ("push.lists", {"run": "十一月", "after": "D", "to": "E"}),
        ("push.finished", {"run": "十一月", "messages": 3}),
    ]
    assert [message.kind for message in announcement("none", [], 2)] == ["push.finished"]
