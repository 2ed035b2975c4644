"""Needs with a level of their own for alerts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from app.catalogue.alert_tables import WATCHES
from app.catalogue.backend import IDS, Backend
from app.catalogue.failures import translated
from app.catalogue.logs import in_utc
from app.catalogue.statements import READ_COUNTER, Statements
from app.catalogue.writing import Writer
from app.domain import Watch, WatchLevel

_READ = sa.select(WATCHES)


class WatchList:
    """The levels of one catalogue's needs. Safe to call from many threads."""

    def __init__(self, backend: Backend, writer: Writer, needs: Statements) -> None:
        self._backend = backend
        self._writer = writer
        self._needs = needs

    def put(self, need_id: str, level: WatchLevel, default: WatchLevel) -> Watch | None:
        """Give a need a level of its own; a need that was not watched is from now on.

        Args:
            need_id: which.
            level: its own.
            default: what held without one.

        Returns:
            What stands; ``None`` where there is no such need.
        """
        with self._writer.transaction() as connection:
            if connection.execute(self._needs.live_ids, {IDS: self._backend.ids_parameter([need_id])}).first() is None:
                return None
            before = self._get(connection, need_id)
            since = before.since if before is not None else 0
            if (default if before is None else before.level) is WatchLevel.OFF:
                since = connection.execute(READ_COUNTER).scalar_one()
            stands = Watch(need_id=need_id, level=level, since=since, at=datetime.now(UTC))
            row = {"need_id": need_id, "level": level.value, "since": since, "at": stands.at}
            connection.execute(sa.delete(WATCHES).where(WATCHES.c.need_id == need_id))
            connection.execute(sa.insert(WATCHES), [row])
        return stands

    def remove(self, need_id: str) -> bool:
        """Take a need's own level away; whether it had one."""
        with self._writer.transaction() as connection:
            return bool(connection.execute(sa.delete(WATCHES).where(WATCHES.c.need_id == need_id)).rowcount)

    def get(self, need_id: str) -> Watch | None:
        """A need's own level, where it has one."""
        with translated(), self._backend.reading() as connection:
            return self._get(connection, need_id)

    def all(self) -> dict[str, Watch]:
        """The levels of all needs that have one of their own."""
        with translated(), self._backend.reading() as connection:
            return {row.need_id: _watch(row) for row in connection.execute(_READ)}

    @staticmethod
    def _get(connection: sa.Connection, need_id: str) -> Watch | None:
        row = connection.execute(_READ.where(WATCHES.c.need_id == need_id)).first()
        return None if row is None else _watch(row)


def _watch(row: Any) -> Watch:  # noqa: ANN401 - a row of _READ
    return Watch(need_id=row.need_id, level=WatchLevel(row.level), since=row.since, at=in_utc(row.at))
