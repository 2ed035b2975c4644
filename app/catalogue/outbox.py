"""Messages that wait to be sent to a webhook, and what became of each.

A message is put here by the transaction of its event, so that there is neither an event without its message nor the
other way round. A sender claims it, sends it and says how that went; one that says nothing loses it when its claim
ends. So each message is sent at least once, and its id stays the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

import sqlalchemy as sa

from app.catalogue.backend import AnyRow
from app.catalogue.tables import OUTBOX
from app.catalogue.writing import Part

PENDING, DELIVERED, FAILED, DROPPED = "pending", "delivered", "failed", "dropped"
STATUSES = (PENDING, DELIVERED, FAILED, DROPPED)
"""``dropped``: nothing was left to say when it was to be sent."""

_RANDOM_BYTES = 20
"""Of an id: 160 bits, so that no two are alike without anybody asking."""
_MOST_ERROR = 500
"""Characters of an error that are stored."""
_A_PAGE = 1_000

_C = OUTBOX.c
_WAITS = _C.status == PENDING


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that an event puts here.

    Attributes:
        kind: what happened, as ``push.lists``; who reads the message knows it by this.
        reference: what it is about, in values that JSON has.
    """

    kind: str
    reference: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it stands.

    Attributes:
        id: ``msg_`` and random characters; the same however often it is sent.
        created_at: when its event happened.
        attempts: how often a sender has claimed it.
        next_at: when it may be sent, or until when a sender has it to itself.
        status: one of `STATUSES`.
        last_error: why the last attempt failed.
    """

    id: str
    kind: str
    reference: Mapping[str, Any]
    created_at: datetime
    attempts: int
    next_at: datetime
    status: str
    delivered_at: datetime | None
    last_error: str | None


def new_id() -> str:
    """An id that no other message has."""
    return f"msg_{token_urlsafe(_RANDOM_BYTES)}"


def put(connection: sa.Connection, messages: Sequence[NewMessage]) -> None:
    """Put messages into the outbox inside the transaction of their event.

    Args:
        connection: of that transaction, which can write.
        messages: in the order in which they are best read; each is made a microsecond after the one before, to keep it.
    """
    now = datetime.now(UTC)
    rows = [
        {
            "id": new_id(),
            "kind": message.kind,
            "reference": json.dumps(dict(message.reference), ensure_ascii=False),
            "created_at": (moment := now + timedelta(microseconds=place)),
            "attempts": 0,
            "next_at": moment,
            "status": PENDING,
        }
        for place, message in enumerate(messages)
    ]
    if rows:
        connection.execute(sa.insert(OUTBOX), rows)


class Outbox(Part):
    """The messages of one catalogue."""

    def claim(self, now: datetime, lease: timedelta, size: int = 1) -> list[Message]:
        """Take messages that are due, those that are due longest first; until the lease ends nobody else gets them.

        Nothing is locked where nothing is due. What another sender is just taking is passed over.
        """
        asked = sa.select(OUTBOX).where(_WAITS, _C.next_at <= now)
        asked = asked.order_by(_C.next_at, _C.created_at, _C.id).limit(size)
        if not self._backend.read(asked.limit(1)):
            return []
        until = now + lease
        with self._backend.writing() as connection:
            found = list(map(_message, connection.execute(asked.with_for_update(skip_locked=True))))
            mine = _C.id.in_([message.id for message in found])
            connection.execute(sa.update(OUTBOX).where(mine).values(next_at=until, attempts=_C.attempts + 1))
        return [replace(message, attempts=message.attempts + 1, next_at=until) for message in found]

    def delivered(self, message_id: str) -> None:
        """Say that a message has arrived, whatever another sender said of it meanwhile."""
        self._set(sa.true(), message_id, status=DELIVERED, delivered_at=datetime.now(UTC), last_error=None)

    def dropped(self, message_id: str) -> None:
        """Say that there is nothing left to send."""
        self._set(_WAITS, message_id, status=DROPPED, last_error=None)

    def retry(self, message_id: str, error: str, next_at: datetime) -> None:
        """Say why a message did not arrive, and when to try again; one that another sender delivered stays so."""
        self._set(_WAITS, message_id, last_error=error[:_MOST_ERROR], next_at=next_at)

    def failed(self, message_id: str, error: str) -> None:
        """Say that a message is not tried again; one that another sender delivered stays so."""
        self._set(_WAITS, message_id, status=FAILED, last_error=error[:_MOST_ERROR])

    def hold(self, until: datetime) -> None:
        """Let nothing be due before a moment; what waits for longer waits for longer."""
        # Two that hold at once would wait for each other's rows; what another has in hand is held by it, or claimed.
        free = sa.select(_C.id).where(_WAITS, _C.next_at < until).with_for_update(skip_locked=True)
        with self._backend.writing() as connection:
            connection.execute(sa.update(OUTBOX).where(_C.id.in_(free)).values(next_at=until))

    def again(self, message_ids: Sequence[str] | None = None) -> int:
        """Let messages be tried at once and from the start: those named, else all that failed or wait.

        Returns:
            How many; one that has arrived or was dropped is not among them.
        """
        asked = sa.update(OUTBOX).where(_C.status.in_((PENDING, FAILED)))
        values = {"status": PENDING, "attempts": 0, "next_at": datetime.now(UTC)}
        with self._backend.writing() as connection:
            if message_ids is None:
                return connection.execute(asked.values(values)).rowcount
            return sum(connection.execute(asked.where(_C.id == key).values(values)).rowcount for key in message_ids)

    def get(self, message_id: str) -> Message | None:
        """The message with this id."""
        return next(iter(self._read(sa.select(OUTBOX).where(_C.id == message_id))), None)

    def counts(self) -> dict[str, int]:
        """How many messages there are of each status, zeros included."""
        asked = sa.select(_C.status, sa.func.count()).group_by(_C.status)
        return dict.fromkeys(STATUSES, 0) | {row[0]: row[1] for row in self._backend.read(asked)}

    def iterate(self, status: str | None = None) -> Iterator[Message]:
        """All messages, or those of a status, the newest first; each page is a short transaction."""
        asked = sa.select(OUTBOX).where(sa.true() if status is None else _C.status == status)
        asked = asked.order_by(_C.created_at.desc(), _C.id.desc()).limit(_A_PAGE)
        page = self._read(asked)
        while page:
            yield from page
            last = page[-1]
            before = sa.tuple_(sa.literal(last.created_at, _C.created_at.type), sa.literal(last.id))
            page = self._read(asked.where(sa.tuple_(_C.created_at, _C.id) < before))

    def forget(self, before: datetime) -> int:
        """Remove what arrived, or was dropped, of events before a moment; how many."""
        done = _C.status.in_((DELIVERED, DROPPED)) & (_C.created_at < before)
        with self._backend.writing() as connection:
            return connection.execute(sa.delete(OUTBOX).where(done)).rowcount

    def _set(self, condition: sa.ColumnElement[bool], message_id: str, **values: Any) -> None:  # noqa: ANN401 - columns
        with self._backend.writing() as connection:
            connection.execute(sa.update(OUTBOX).where(_C.id == message_id, condition).values(values))

    def _read(self, asked: sa.Select[Any]) -> list[Message]:
        return list(map(_message, self._backend.read(asked)))


def _message(row: AnyRow) -> Message:
    return Message(**{**row._mapping, "reference": json.loads(row.reference)})
