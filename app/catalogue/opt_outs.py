"""Firms that want no lists, with the time and the reason; one that was taken back stays on record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from app.catalogue.backend import IDS, Backend
from app.catalogue.failures import translated
from app.catalogue.logs import in_utc, next_number, pages_of_ids
from app.catalogue.statements import Statements
from app.catalogue.tables import OPT_OUTS
from app.catalogue.writing import Writer
from app.domain import OptOut

_COLUMNS = OPT_OUTS.c
_STANDS = _COLUMNS.undone_at.is_(None)
_READ = sa.select(_COLUMNS.firm_id, _COLUMNS.at, _COLUMNS.reason, _COLUMNS.by, _COLUMNS.undone_at)


class OptOutList:
    """The opt-outs of one catalogue. Safe to call from many threads."""

    def __init__(self, backend: Backend, writer: Writer, firms: Statements) -> None:
        self._backend = backend
        self._writer = writer
        self._firms = firms

    def add(self, wanted: OptOut) -> bool | None:
        """Opt a firm out.

        Returns:
            Whether it is new; a firm that is out already keeps the time and the reason of its first word. ``None``
            where there is no such firm.
        """
        with self._writer.transaction() as connection:
            asked = {IDS: self._backend.ids_parameter([wanted.firm_id])}
            if connection.execute(self._firms.live_ids, asked).first() is None:
                return None
            if self._current(connection, wanted.firm_id) is not None:
                return False
            row = {
                "number": next_number(connection, OPT_OUTS),
                "firm_id": wanted.firm_id,
                "at": wanted.at.astimezone(UTC),
                "reason": wanted.reason,
                "by": wanted.by,
            }
            connection.execute(sa.insert(OPT_OUTS), [row])
        return True

    def undo(self, firm_id: str) -> bool:
        """Take a firm's opt-out back; whether there was one."""
        undone = sa.update(OPT_OUTS).where(_COLUMNS.firm_id == firm_id, _STANDS).values(undone_at=datetime.now(UTC))
        with self._writer.transaction() as connection:
            return bool(connection.execute(undone).rowcount)

    def current(self, firm_id: str) -> OptOut | None:
        """A firm's opt-out that stands."""
        with translated(), self._backend.reading() as connection:
            return self._current(connection, firm_id)

    def history(self, firm_id: str) -> list[OptOut]:
        """Every opt-out of a firm, the latest first."""
        with translated(), self._backend.reading() as connection:
            rows = connection.execute(_READ.where(_COLUMNS.firm_id == firm_id).order_by(_COLUMNS.number.desc())).all()
        return [_opt_out(row) for row in rows]

    def opted_out(self, firm_ids: Sequence[str] | None = None) -> frozenset[str]:
        """Those of the firms that are out; of all firms where none are named."""
        with translated(), self._backend.reading() as connection:
            return frozenset(
                row[0]
                for statement, parameters in pages_of_ids(
                    self._backend, sa.select(_COLUMNS.firm_id).where(_STANDS), _COLUMNS.firm_id, firm_ids
                )
                for row in connection.execute(statement, parameters)
            )

    @staticmethod
    def _current(connection: sa.Connection, firm_id: str) -> OptOut | None:
        row = connection.execute(_READ.where(_COLUMNS.firm_id == firm_id, _STANDS)).first()
        return None if row is None else _opt_out(row)


def _opt_out(row: Any) -> OptOut:  # noqa: ANN401 - a row of _READ
    return OptOut(
        firm_id=row.firm_id,
        at=in_utc(row.at),
        reason=row.reason,
        by=row.by,
        undone_at=None if row.undone_at is None else in_utc(row.undone_at),
    )
