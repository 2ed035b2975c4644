"""The statements that every write and look-up needs, built once: building one costs more than running it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.catalogue.backend import Backend
from app.catalogue.rows import CODECS
from app.catalogue.tables import COUNTER, INDUSTRIES, TABLES, Table
from app.domain import Kind

READ_COUNTER = sa.select(COUNTER.c.value)
READ_MAPPING_REVISION = sa.select(COUNTER.c.industries)
TAKE_COUNTER = sa.select(COUNTER.c.value, COUNTER.c.industries).with_for_update()
"""Holds the counter's row where rows are locked, so that revisions become visible in their order."""
PUT_COUNTER = sa.update(COUNTER).values(value=sa.bindparam("revision"))
READ_MAPPING = sa.select(INDUSTRIES.c.ipc, INDUSTRIES.c.industry).order_by(INDUSTRIES.c.position)


@dataclass(frozen=True, slots=True)
class Statements:
    """What is asked of one kind's table; the parameters are in brackets.

    Attributes:
        records: live records.
        by_ids: live records [ids].
        digests: id, digest and mark of stored rows [ids].
        live_ids: ids of live records [ids].
        mark_deleted: of one row [row_id, row_revision, now].
        count: live records.
        changes: id, revision and mark of all rows.
    """

    records: sa.Select[Any]
    by_ids: sa.Select[Any]
    digests: sa.Select[Any]
    live_ids: sa.Select[Any]
    mark_deleted: sa.Update
    count: sa.Select[Any]
    changes: sa.Select[Any]


def statements_of(kind: Kind, backend: Backend) -> Statements:
    """The statements of a kind's table."""
    table = TABLES[kind]
    columns, wanted = table.c, backend.is_one_of(table.c.id)
    live = sa.not_(columns.deleted)
    records = sa.select(*(columns[name] for name in CODECS[kind].names)).where(live)
    deletion = {"deleted": True, "revision": sa.bindparam("row_revision"), "updated_at": sa.bindparam("now")}
    return Statements(
        records=records,
        by_ids=records.where(wanted),
        digests=sa.select(columns.id, columns.content_hash, columns.deleted).where(wanted),
        live_ids=sa.select(columns.id).where(wanted, live),
        mark_deleted=sa.update(table).where(columns.id == sa.bindparam("row_id")).values(deletion),
        count=sa.select(sa.func.count()).select_from(table).where(live),
        changes=sa.select(columns.id, columns.revision, columns.deleted),
    )


def next_number(connection: sa.Connection, table: Table) -> int:
    """The number of a log's next row. Whoever asks holds the counter, so that numbers become visible in their order."""
    last: int | None = connection.execute(sa.select(sa.func.max(table.c.number))).scalar_one()
    return (last or 0) + 1
