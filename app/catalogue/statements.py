"""The statements that every write and look-up needs, built once: building one costs more than running it."""

from __future__ import annotations

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


class Statements:
    """What is asked of one kind's table; the parameters are in brackets."""

    def __init__(self, kind: Kind, backend: Backend) -> None:
        table = TABLES[kind]
        columns, wanted, live = table.c, backend.is_one_of(table.c.id), sa.not_(table.c.deleted)
        deletion = {"deleted": True, "revision": sa.bindparam("row_revision"), "updated_at": sa.bindparam("now")}
        self.records = sa.select(*(columns[name] for name in CODECS[kind].names)).where(live)
        """Live records."""
        self.by_ids = self.records.where(wanted)
        """Live records [ids]."""
        self.with_digests = self.by_ids.add_columns(columns.content_hash)
        """Live records with their digests [ids]."""
        self.revisions = sa.select(columns.id, columns.revision).where(wanted)
        """Id and revision of stored rows [ids]."""
        self.digests = sa.select(columns.id, columns.content_hash, columns.deleted).where(wanted)
        """Id, digest and mark of stored rows [ids]."""
        self.live_ids = sa.select(columns.id).where(wanted, live)
        """Ids of live records [ids]."""
        self.mark_deleted = sa.update(table).where(columns.id == sa.bindparam("row_id")).values(deletion)
        """Of one row [row_id, row_revision, now]."""
        self.count = sa.select(sa.func.count()).select_from(table).where(live)
        """Live records."""
        self.changes = sa.select(columns.id, columns.revision, columns.deleted)
        """Id, revision and mark of all rows."""


def next_number(connection: sa.Connection, table: Table) -> int:
    """The number of a log's next row. Whoever asks holds the counter, so that numbers become visible in their order."""
    last: int | None = connection.execute(sa.select(sa.func.max(table.c.number))).scalar_one()
    return (last or 0) + 1
