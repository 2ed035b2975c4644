"""Alerts of new patents and how far these were looked at, which move at once; and needs with a level of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

import sqlalchemy as sa

from app.catalogue.backend import IDS
from app.catalogue.outbox import NewMessage, put
from app.catalogue.statements import READ_COUNTER, next_number
from app.catalogue.tables import ALERT_CURSOR, ALERT_WAITING, ALERTS, ARRIVED, PATENTS, TABLES, WATCHES
from app.catalogue.writing import Part, steps
from app.domain import Alert, Kind, Watch, WatchLevel

NEED_ALERT = "need.alert"
"""The kind of a message about alerts of one need: ``need_id``, and the numbers ``first`` to ``last``."""

_C = ALERTS.c
_CURSOR = sa.select(ALERT_CURSOR.c.arrived)
_LIVE = sa.not_(PATENTS.c.deleted)
_WAITS = ALERT_WAITING.c.patent_id
_WAIT_PAGE = 5_000


class Arrival(NamedTuple):
    """A record, the number of the change by which it came, and that of its last."""

    id: str
    arrived: int
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What became of some new patents.

    Attributes:
        before: the cursor that they were read behind.
        after: the cursor behind them; as ``before`` where they had been waiting.
        alerts: of them, without numbers.
        waits: ids of those that cannot be searched yet.
        done: ids of those that had been waiting and need not any more.
        announce: whether messages for a webhook are put beside the alerts.
    """

    before: int
    after: int
    alerts: Sequence[Alert]
    waits: Sequence[str] = ()
    done: Sequence[str] = ()
    announce: bool = False


class AlertLog(Part):
    """The alerts of one catalogue: none is lost or made twice."""

    # Watching

    def cursor(self) -> int | None:
        """Patents that arrived up to this number were looked at, or wait; ``None`` before watching has begun."""
        cursor: int | None = self._backend.value(_CURSOR)
        return cursor

    def begin(self, revision: int) -> int:
        """Begin to watch behind a revision, where nobody has begun before; the cursor that stands."""
        with self._writer.transaction() as connection:
            stands: int | None = connection.execute(_CURSOR).scalar_one_or_none()
            if stands is None:
                connection.execute(sa.insert(ALERT_CURSOR).values(id=1, arrived=revision))
            return revision if stands is None else stands

    def arrived(self, after: int, to: int, size: int) -> list[Arrival]:
        """Patents that came behind a number, up to and with another, in their order; deleted ones are left out."""
        asked = sa.select(PATENTS.c.id, PATENTS.c.arrived, PATENTS.c.revision)
        asked = asked.where(PATENTS.c.arrived > after, PATENTS.c.arrived <= to, _LIVE)
        return list(map(Arrival._make, self._backend.read(asked.order_by(PATENTS.c.arrived).limit(size))))

    def arrivals(self, kind: Kind, ids: Sequence[str]) -> dict[str, Arrival]:
        """Those of the records that are there, by id."""
        columns = TABLES[kind].c
        asked = sa.select(columns.id, columns[ARRIVED], columns.revision).where(sa.not_(columns.deleted))
        return {row[0]: Arrival._make(row) for row in self._backend.read_of(asked, columns.id, ids)}

    def waiting(self) -> Iterator[list[str]]:
        """Ids of patents that could not be searched when they were looked at, some thousands at a time."""
        for rows in self._backend.pages(sa.select(_WAITS), _WAITS, _WAIT_PAGE):
            yield [row[0] for row in rows]

    def behind(self) -> int:
        """How many patents came that nobody has looked at, or that wait; 0 before watching has begun."""
        later = sa.select(sa.func.count()).select_from(PATENTS).where(PATENTS.c.arrived > _CURSOR.scalar_subquery())
        waits = sa.select(sa.func.count()).select_from(ALERT_WAITING)
        return int(self._backend.value(later.where(_LIVE))) + int(self._backend.value(waits))

    def record(self, looked: Looked) -> int | None:
        """Write alerts and move the cursor, in one transaction; how many alerts are new.

        ``None``, and nothing is written, where another process has moved the cursor meanwhile.
        """
        with self._writer.transaction() as connection:
            if connection.execute(_CURSOR).scalar_one_or_none() != looked.before:
                return None
            new = self._new(connection, looked.alerts)
            if new:
                connection.execute(sa.insert(ALERTS), [asdict(alert) for alert in new])
            if looked.announce:
                put(connection, _messages(new))
            self._wait(connection, looked)
            if looked.after != looked.before:
                connection.execute(sa.update(ALERT_CURSOR).values(arrived=looked.after))
            steps.debug("alerts.written")
        steps.debug("alerts.committed")
        return len(new)

    # Reading

    def of_need(self, need_id: str, *, after: int, size: int, since: datetime | None = None) -> list[Alert]:
        """A need's alerts in the order of their numbers, behind one, found at ``since`` or later."""
        return self._read(after, size, since, _C.need_id == need_id)

    def page(self, *, after: int, size: int, since: datetime | None = None) -> list[Alert]:
        """The same for all needs."""
        return self._read(after, size, since)

    def last(self) -> int:
        """The number of the last alert; 0 where there is none."""
        return self._backend.value(sa.select(sa.func.max(_C.number))) or 0

    def _read(self, after: int, size: int, since: datetime | None, *which: sa.ColumnElement[bool]) -> list[Alert]:
        asked = sa.select(ALERTS).where(_C.number > after, *which).order_by(_C.number).limit(size)
        return [
            Alert(**row._mapping) for row in self._backend.read(asked if since is None else asked.where(_C.at >= since))
        ]

    def _new(self, connection: sa.Connection, alerts: Sequence[Alert]) -> list[Alert]:
        """Those that are not there, need by need, with their numbers."""
        if not alerts:
            return []
        asked = sa.select(_C.need_id, _C.patent_id).where(self._backend.is_one_of(_C.patent_id))
        rows = self._backend.rows_of(connection, asked, sorted({alert.patent_id for alert in alerts}))
        known = {(row[0], row[1]) for row in rows}
        first = next_number(connection, ALERTS)
        new = [alert for alert in alerts if (alert.need_id, alert.patent_id) not in known]
        new.sort(key=lambda alert: alert.need_id)
        return [replace(alert, number=number) for number, alert in enumerate(new, first)]

    def _wait(self, connection: sa.Connection, looked: Looked) -> None:
        ids = [*looked.waits, *looked.done]
        if ids:  # what waits again is written once
            among = self._backend.is_one_of(_WAITS)
            connection.execute(sa.delete(ALERT_WAITING).where(among), {IDS: self._backend.ids_parameter(ids)})
        if looked.waits:
            connection.execute(sa.insert(ALERT_WAITING), [{"patent_id": key} for key in looked.waits])


def _messages(alerts: Sequence[Alert]) -> list[NewMessage]:
    """One for each need: a load of thousands of patents is not as many messages to one reader."""
    return [
        NewMessage(NEED_ALERT, {"need_id": need_id, "first": mine[0].number, "last": mine[-1].number})
        for need_id, mine in ((key, list(group)) for key, group in groupby(alerts, lambda alert: alert.need_id))
    ]


class WatchList(Part):
    """The levels of one catalogue's needs."""

    def put(self, need_id: str, level: WatchLevel, default: WatchLevel) -> Watch | None:
        """Give a need a level of its own; a need that was not watched is from now on.

        Args:
            need_id: which.
            level: its own.
            default: what held without one.

        Returns:
            The need's watch; ``None`` where there is no such need.
        """
        with self._writer.transaction() as connection:
            if not self._writer.is_live(connection, Kind.NEEDS, need_id):
                return None
            before = connection.execute(sa.select(WATCHES).where(WATCHES.c.need_id == need_id)).first()
            since = 0 if before is None else before.since
            if (default if before is None else before.level) is WatchLevel.OFF:
                since = connection.execute(READ_COUNTER).scalar_one()
            watch = Watch(need_id=need_id, level=level, since=since, at=datetime.now(UTC))
            connection.execute(sa.delete(WATCHES).where(WATCHES.c.need_id == need_id))
            connection.execute(sa.insert(WATCHES), [asdict(watch)])
        return watch

    def remove(self, need_id: str) -> bool:
        """Take a need's own level away; whether it had one."""
        with self._writer.transaction() as connection:
            return bool(connection.execute(sa.delete(WATCHES).where(WATCHES.c.need_id == need_id)).rowcount)

    def get(self, need_id: str) -> Watch | None:
        """A need's own level, where it has one."""
        rows = self._backend.read(sa.select(WATCHES).where(WATCHES.c.need_id == need_id))
        return Watch(**rows[0]._mapping) if rows else None

    def all(self) -> dict[str, Watch]:
        """The levels of all needs that have one of their own."""
        return {row.need_id: Watch(**row._mapping) for row in self._backend.read(sa.select(WATCHES))}
