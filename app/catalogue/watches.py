"""Needs with a level of their own for alerts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import sqlalchemy as sa

from app.catalogue.statements import READ_COUNTER
from app.catalogue.tables import WATCHES
from app.catalogue.writing import Part
from app.domain import Kind, Watch, WatchLevel

_C = WATCHES.c


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
            before = connection.execute(sa.select(WATCHES).where(_C.need_id == need_id)).first()
            since = 0 if before is None else before.since
            if (default if before is None else before.level) is WatchLevel.OFF:
                since = connection.execute(READ_COUNTER).scalar_one()
            watch = Watch(need_id=need_id, level=level, since=since, at=datetime.now(UTC))
            connection.execute(sa.delete(WATCHES).where(_C.need_id == need_id))
            connection.execute(sa.insert(WATCHES), [asdict(watch)])
        return watch

    def remove(self, need_id: str) -> bool:
        """Take a need's own level away; whether it had one."""
        with self._writer.transaction() as connection:
            return bool(connection.execute(sa.delete(WATCHES).where(_C.need_id == need_id)).rowcount)

    def get(self, need_id: str) -> Watch | None:
        """A need's own level, where it has one."""
        rows = self._backend.read(sa.select(WATCHES).where(_C.need_id == need_id))
        return Watch(**rows[0]._mapping) if rows else None

    def all(self) -> dict[str, Watch]:
        """The levels of all needs that have one of their own."""
        return {row.need_id: Watch(**row._mapping) for row in self._backend.read(sa.select(WATCHES))}
