"""One message to a webhook, signed as the Standard Webhooks specification has it, and what the answer means.

The specification: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Literal

import httpx

Verdict = Literal["delivered", "gone", "retry"]

_MOST_WAIT_S = 86_400.0
"""The longest that a receiver is believed when it asks for patience: a mistyped date would stop deliveries for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where messages go.

    Attributes:
        url: of the receiver; it is not said in logs and errors, since it may hold a token.
        key: bytes of the secret that both sides have.
        timeout_s: how long it may take to connect, to take a part of the body, and to answer.
    """

    url: str
    key: bytes = field(repr=False)
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt.

    Attributes:
        text: the status, or why there is none.
        wait_s: for how long the receiver asks to be left alone; 0 where it does not ask.
    """

    verdict: Verdict
    text: str
    wait_s: float = 0.0


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The header ``webhook-signature``: version and Base64 of the HMAC-SHA256 of ``id.timestamp.body``.

    Args:
        key: bytes of the secret.
        message_id: as in the header ``webhook-id``.
        timestamp: Unix seconds of this attempt, as in ``webhook-timestamp``.
        body: as it is sent, to the byte.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Poster:
    """Sends messages to one endpoint. Safe to call from many threads.

    Args:
        endpoint: where to.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        # A redirect is not followed: it would hand a signed body to a place that nobody named.
        self._client = httpx.Client(timeout=endpoint.timeout_s, follow_redirects=False)
        self._agent = f"patmatch/{version('patmatch')}"

    def close(self) -> None:
        """Close what is open."""
        self._client.close()

    def post(self, message_id: str, body: bytes) -> Answer:
        """Send one message, once. Whatever goes wrong is in the answer."""
        timestamp = int(datetime.now(UTC).timestamp())  # of this attempt: receivers refuse what is minutes old
        headers = {
            "content-type": "application/json",
            "user-agent": self._agent,
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._endpoint.key, message_id, timestamp, body),
        }
        try:
            # The status says it all: a body of any length is left unread.
            with self._client.stream("POST", self._endpoint.url, content=body, headers=headers) as response:
                return _answer(response)
        except httpx.HTTPError as error:
            return Answer("retry", f"no answer: {type(error).__name__}")


def _answer(response: httpx.Response) -> Answer:
    status = response.status_code
    text = f"HTTP {status}"
    if response.is_success:
        return Answer("delivered", text)
    if status == httpx.codes.GONE:
        return Answer("gone", f"{text}: the receiver wants no more")
    if response.is_redirect:
        return Answer("retry", f"{text}: redirects are not followed; set PATMATCH_WEBHOOK_URL to the new place")
    if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        return Answer("retry", f"{text}: {len(response.request.content):,} bytes are too many for the receiver")
    asks = status in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
    return Answer("retry", text, _wait(response.headers.get("retry-after", "")) if asks else 0.0)


def _wait(said: str) -> float:
    """Seconds that a header ``Retry-After`` asks for, as a number or a date (RFC 9110, 10.2.3); 0 if it is neither."""
    try:
        seconds = float(said)
    except ValueError:
        try:
            at = parsedate_to_datetime(said)
        except ValueError:
            return 0.0
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), _MOST_WAIT_S) if math.isfinite(seconds) else 0.0
