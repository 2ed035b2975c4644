"""What the logs beside the records share: their numbers, moments in UTC, and walks in pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from app.catalogue.backend import IDS, Backend
from app.catalogue.failures import translated
from app.catalogue.tables import Table

PAGE = 10_000
"""Rows, or ids, of one statement."""


def next_number(connection: sa.Connection, table: Table) -> int:
    """The number of a log's next row. Whoever asks holds the counter, so that numbers become visible in their order."""
    last: int | None = connection.execute(sa.select(sa.func.max(table.c.number))).scalar_one()
    return (last or 0) + 1


def in_utc(moment: datetime) -> datetime:
    """A stored moment with its zone, which SQLite does not keep."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def walk(backend: Backend, asked: sa.Select[Any], number: sa.Column[int]) -> Iterator[sa.Row[Any]]:
    """All rows of a statement whose first column is ``number``, in its order, each page a short transaction."""
    after, full = 0, True
    while full:
        with translated(), backend.reading() as connection:
            rows = connection.execute(asked.where(number > after).order_by(number).limit(PAGE)).all()
        yield from rows
        after = rows[-1][0] if rows else after
        full = len(rows) == PAGE


def pages_of_ids(
    backend: Backend, asked: sa.Select[Any], column: sa.Column[str], ids: Sequence[str] | None
) -> Iterator[tuple[sa.Select[Any], dict[str, Any]]]:
    """A statement with its parameters for all ids where none are named, else one for each page of them."""
    if ids is None:
        yield asked, {}
        return
    narrowed = asked.where(backend.is_one_of(column))
    for start in range(0, len(ids), PAGE):
        yield narrowed, {IDS: backend.ids_parameter(ids[start : start + PAGE])}
