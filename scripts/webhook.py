"""`patmatch webhook`: what is sent to the webhook, and what became of it."""

from __future__ import annotations

from itertools import islice
from typing import Any

import click

from app.webhooks.sender import STATUSES, Message
from scripts.console import AT_LEAST_ONE, Shell, listed, shell_command


@click.group(short_help="Messages to the webhook: list, send, retry, test.")
def command() -> None:
    """Messages to the webhook; docs/webhooks.md says what they are."""


@command.command("list", short_help="List messages, the newest first.")
@click.option("--status", type=click.Choice(STATUSES), help="Only these; all of them when left out.")
@click.option("--limit", default=50, show_default=True, type=AT_LEAST_ONE, help="Messages shown.")
@shell_command
def list_messages(shell: Shell, status: str | None, limit: int) -> None:
    r"""List messages, the newest first, and count them by status.

    \b
    Example:
      patmatch webhook list --status failed
    """
    with shell.services() as services:
        counts = services.catalogue.outbox.counts()
        shown = list(islice(services.catalogue.outbox.iterate(status), limit))
    rows = [(m.id, m.kind, m.status, m.attempts, _next(m), m.last_error) for m in shown]
    shell.table(("id", "kind", "status", "attempts", "next (UTC)", "last error"), rows)
    shell.line(f"in all: {listed(counts)}")
    shell.result({"counts": counts, "messages": [_as_json(message) for message in shown]})


@command.command("send", short_help="Send what is due, now.")
@shell_command
def send(shell: Shell) -> int:
    r"""Send all messages that are due and end: for sites where no service runs. A running service sends by itself.

    The exit status is 1 where messages still wait to be sent, or failed for good in this call.

    \b
    Example:
      patmatch webhook send
    """
    with shell.services() as services, shell.progress("webhook") as advance:
        waiting = services.catalogue.outbox.counts()["pending"]
        sent = services.webhooks.send_due(lambda tried: advance(tried, max(tried, waiting)))
        services.webhooks.tidy()
        counts = services.catalogue.outbox.counts()
    shell.line(f"now: {listed(sent) or 'nothing was due'}")
    shell.line(f"in all: {listed(counts)}")
    shell.result({"now": dict(sent), "counts": counts})
    return 1 if counts["pending"] or sent["failed"] else 0


@command.command("retry", short_help="Try messages again, from the start.")
@click.argument("message_ids", metavar="[ID]...", nargs=-1)
@shell_command
def retry(shell: Shell, message_ids: tuple[str, ...]) -> int:
    r"""Let the messages ID be sent again as if they were new; without ID all that failed or wait.

    A running service, or `patmatch webhook send`, sends them. The exit status is 3 where an ID is not known or its
    message has arrived.

    \b
    Example:
      patmatch webhook retry
      patmatch webhook retry msg_2KWPBgLlAfxdpx2AI54pPJ85f4W
    """
    with shell.services() as services:
        again = services.catalogue.outbox.again(message_ids or None)
    shell.line(f"{again} messages are due now · {again} 条消息待发送")
    shell.result({"retried": again})
    return 3 if again < len(set(message_ids)) else 0


@command.command("test", short_help="Send a test message.")
@shell_command
def test(shell: Shell) -> int:
    r"""Send a message of the type `webhook.test` once and print what the receiver answered.

    The exit status is 1 where it did not take it.

    \b
    Example:
      patmatch webhook test
    """
    with shell.services() as services:
        answer = services.webhooks.test()
    shell.line(f"{answer.verdict}: {answer.text}")
    shell.result({"delivered": answer.verdict == "delivered", "answer": answer.text})
    return 0 if answer.verdict == "delivered" else 1


def _next(message: Message) -> str:
    return f"{message.next_at:%Y-%m-%d %H:%M:%S}" if message.status == "pending" else ""


def _as_json(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "kind": message.kind,
        "about": dict(message.reference),
        "status": message.status,
        "attempts": message.attempts,
        "created_at": message.created_at.isoformat(),
        "next_at": message.next_at.isoformat(),
        "delivered_at": None if message.delivered_at is None else message.delivered_at.isoformat(),
        "last_error": message.last_error,
    }
