"""Sends what waits in the outbox to the webhook: at least once, with patience, by as many processes as there are."""

from __future__ import annotations

import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from time import monotonic
from typing import Any, Literal

from app.catalogue import Message as Message
from app.catalogue import Outbox
from app.catalogue.outbox import STATUSES as STATUSES
from app.catalogue.outbox import new_id
from app.domain import Renderer
from app.errors import PatmatchError, UsageError
from app.metrics import Metrics
from app.webhooks.post import Answer, Endpoint, Poster

log = logging.getLogger("patmatch.webhooks")
steps = logging.getLogger("patmatch.failpoints")

BACKOFF_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""From one attempt to the next: the schedule that Standard Webhooks recommends, three days in all, then day by day."""
_JITTER = 0.1
"""A wait is up to so much longer, so that what failed together is not sent together again."""
_PATIENCE = 3
"""Failures in a row after which the fault is the receiver's, not the message's: then all wait, and use up no tries."""
HOLD = timedelta(seconds=30)
"""How long all wait then; one message at a time finds out whether the receiver is back."""
_RENDER_S = 60.0
"""Time that a payload may take on a busy machine, beside that of sending, before another sender takes the message."""
_LOOK_S = 1.0
"""How often a service looks for messages: other processes put them there, and one look reads one row."""
_COUNT_S = 15.0
"""How often the gauges of what waits are renewed where nothing is sent; as often as Prometheus usually reads them."""
_TIDY_S = 3_600.0
KEPT = timedelta(days=30)
"""For how long a message that arrived can be looked up."""
_STOP_S = 30.0

TEST = "webhook.test"
Outcome = Literal["delivered", "dropped", "retried", "failed"]


def backoff(attempt: int, draw: Callable[[], float] = random.random) -> float:
    """Seconds from an attempt that failed, the first being 1, to the next."""
    return BACKOFF_S[min(attempt, len(BACKOFF_S)) - 1] * (1 + _JITTER * draw())


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Where messages go, and how often and when each is tried.

    Attributes:
        attempts: after so many a message has failed.
        wait_s: seconds from an attempt that failed, the first being 1, to the next.
        hold: how long all messages wait where the receiver takes none.
    """

    endpoint: Endpoint
    attempts: int
    wait_s: Callable[[int], float] = backoff
    hold: timedelta = HOLD


class WebhookService:
    """Sends messages, from a thread of its own or when it is called. Does nothing where there is no webhook.

    Args:
        outbox: what waits.
        settings: of the webhook; ``None`` where there is none.
        renderers: what messages say, by their kinds.
        metrics: counts the outcomes.
    """

    def __init__(
        self,
        outbox: Outbox,
        settings: WebhookSettings | None,
        renderers: Mapping[str, Renderer],
        metrics: Metrics,
    ) -> None:
        self._outbox, self._settings, self._renderers, self._metrics = outbox, settings, renderers, metrics
        self._poster = None if settings is None else Poster(settings.endpoint)
        self._stop = Event()
        self._thread: Thread | None = None
        self._failures_in_a_row = 0
        self._said: str | None = None

    def start(self) -> None:
        """Send what is due until `stop`, in a thread; none is started where there is no webhook."""
        if self._settings is not None:
            self._thread = Thread(target=self._run, name="patmatch-webhooks", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the message that is under way and stop."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=_STOP_S)
        if self._poster is not None:
            self._poster.close()

    def send_due(self, report: Callable[[int], None] = lambda _tried: None) -> Counter[Outcome]:
        """Send what is due, one message after the other, until nothing is; how many came to what.

        Args:
            report: called with the number tried, after each.

        Raises:
            UsageError: there is no webhook.
            CatalogueProblem: the database failed; what was sent and not written down is sent again.
        """
        settings, poster = self._on()
        # Connecting, taking the body and answering may each take the timeout.
        lease = timedelta(seconds=3 * settings.endpoint.timeout_s + _RENDER_S)
        outcomes = Counter[Outcome]()
        while not self._stop.is_set() and (found := self._outbox.claim(datetime.now(UTC), lease)):
            for message in found:
                outcome = self._attempt(message, settings, poster)
                self._metrics.webhook_message(outcome)
                outcomes[outcome] += 1
                report(outcomes.total())
        return outcomes

    def test(self) -> Answer:
        """Send a message of the kind ``webhook.test`` now, past the outbox.

        Raises:
            UsageError: there is no webhook.
        """
        _, poster = self._on()
        return poster.post(new_id(), _body(TEST, datetime.now(UTC), {}))

    def tidy(self) -> int:
        """Remove what arrived long ago; how many."""
        return self._outbox.forget(datetime.now(UTC) - KEPT)

    def _on(self) -> tuple[WebhookSettings, Poster]:
        if self._settings is None or self._poster is None:
            raise UsageError(
                "There is no webhook: set PATMATCH_WEBHOOK_URL and PATMATCH_WEBHOOK_SECRET.",
                "未配置 webhook：请设置 PATMATCH_WEBHOOK_URL 和 PATMATCH_WEBHOOK_SECRET。",
                code="no_webhook",
            )
        return self._settings, self._poster

    def _attempt(self, message: Message, settings: WebhookSettings, poster: Poster) -> Outcome:
        """Send one message and write down what became of it."""
        render = self._renderers.get(message.kind)
        if render is None:
            self._outbox.failed(message.id, f"this release does not know messages of the kind {message.kind}")
            return "failed"
        try:
            data = render(message.reference)  # made now, so that what was withdrawn since is not in it
            body = b"" if data is None else _body(message.kind, message.created_at, data)
        except Exception as error:  # of any renderer: one message that cannot be read must not stop all others
            log.exception("webhook: message %s cannot be made", message.id)
            return self._failed(message, settings, Answer("retry", f"cannot be made: {_text(error)}"))
        if data is None:
            self._outbox.dropped(message.id)
            return "dropped"
        # Sent first, written down after: a kill in between sends it again under its id, which receivers drop, and loses
        # nothing.
        answer = poster.post(message.id, body)
        steps.debug("webhook.sent")
        if answer.verdict == "delivered":
            self._outbox.delivered(message.id)
            self._failures_in_a_row = 0
            return "delivered"
        outcome = self._failed(message, settings, answer)
        self._be_patient(settings.hold, answer)
        return outcome

    def _failed(self, message: Message, settings: WebhookSettings, answer: Answer) -> Outcome:
        """Plan the next attempt, or none."""
        log.warning("webhook: message %s, attempt %d: %s", message.id, message.attempts, answer.text)
        if answer.verdict == "gone" or message.attempts >= settings.attempts:
            self._outbox.failed(message.id, answer.text)
            return "failed"
        wait = timedelta(seconds=max(settings.wait_s(message.attempts), answer.wait_s))
        self._outbox.retry(message.id, answer.text, datetime.now(UTC) + wait)
        return "retried"

    def _be_patient(self, hold: timedelta, answer: Answer) -> None:
        """Let all messages wait where the receiver asks for it, or takes none of several."""
        self._failures_in_a_row += 1
        asked = timedelta(seconds=answer.wait_s)
        if asked or self._failures_in_a_row >= _PATIENCE:
            self._outbox.hold(datetime.now(UTC) + (asked or hold))

    def _run(self) -> None:
        counted = tidied = -_TIDY_S
        while not self._stop.is_set():
            try:
                sent = self.send_due()
                if sent or monotonic() - counted > _COUNT_S:
                    self._metrics.webhook(self._outbox.counts())
                    counted = monotonic()
                if monotonic() - tidied > _TIDY_S:
                    self.tidy()
                    tidied = monotonic()
                self._said = None
            except Exception as error:  # a thread that ends here would leave messages unsent for good
                self._say_once(_text(error))
            self._stop.wait(_LOOK_S)

    def _say_once(self, text: str) -> None:
        """What fails again in the next round is not said again."""
        if self._said != text:
            self._said = text
            log.error("webhook: the outbox cannot be worked on, trying again: %s", text)


def _body(kind: str, happened: datetime, data: Mapping[str, Any]) -> bytes:
    payload = {"type": kind, "timestamp": happened.isoformat(), "data": data}
    return json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _text(error: Exception) -> str:
    return error.message if isinstance(error, PatmatchError) else type(error).__name__
