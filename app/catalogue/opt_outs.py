"""Firms that want no lists, with the time and the reason; one that was taken back stays on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from app.catalogue.statements import next_number
from app.catalogue.tables import OPT_OUTS
from app.catalogue.writing import Part
from app.domain import Kind, OptOut

_COLUMNS = OPT_OUTS.c
_CURRENT = _COLUMNS.undone_at.is_(None)
_READ = sa.select(_COLUMNS.firm_id, _COLUMNS.at, _COLUMNS.reason, _COLUMNS.by, _COLUMNS.undone_at)


class OptOutList(Part):
    """The opt-outs of one catalogue."""

    def add(self, wanted: OptOut) -> bool | None:
        """Opt a firm out.

        Returns:
            Whether it is new; of a firm that is out already, the time and the reason of its first word stay. ``None``
            where there is no such firm.
        """
        with self._writer.transaction() as connection:
            if not self._writer.is_live(connection, Kind.FIRMS, wanted.firm_id):
                return None
            if connection.execute(_of(wanted.firm_id).where(_CURRENT)).first() is not None:
                return False
            row = asdict(wanted) | {"number": next_number(connection, OPT_OUTS), "undone_at": None}
            connection.execute(sa.insert(OPT_OUTS), [row])
        return True

    def undo(self, firm_id: str) -> bool:
        """Take a firm's opt-out back; whether there was one."""
        undone = sa.update(OPT_OUTS).where(_COLUMNS.firm_id == firm_id, _CURRENT).values(undone_at=datetime.now(UTC))
        with self._writer.transaction() as connection:
            return bool(connection.execute(undone).rowcount)

    def current(self, firm_id: str) -> OptOut | None:
        """A firm's current opt-out."""
        rows = self._backend.read(_of(firm_id).where(_CURRENT))
        return OptOut(**rows[0]._mapping) if rows else None

    def history(self, firm_id: str) -> list[OptOut]:
        """Every opt-out of a firm, the latest first."""
        return [OptOut(**row._mapping) for row in self._backend.read(_of(firm_id).order_by(_COLUMNS.number.desc()))]

    def opted_out(self, firm_ids: Sequence[str] | None = None) -> frozenset[str]:
        """Those of the firms that are out; of all firms where none are named."""
        asked = sa.select(_COLUMNS.firm_id).where(_CURRENT)
        return frozenset(row[0] for row in self._backend.read_of(asked, _COLUMNS.firm_id, firm_ids))


def _of(firm_id: str) -> sa.Select[Any]:
    return _READ.where(_COLUMNS.firm_id == firm_id)
