"""The statements that every table is read and marked with, built once: building one costs more than running it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.catalogue.backend import Backend
from app.catalogue.rows import CODECS
from app.catalogue.tables import COUNTER, INDUSTRIES, PATENTS, TABLES
from app.domain import Kind

READ_COUNTER = sa.select(COUNTER.c.value)
READ_IDENTITY = sa.select(COUNTER.c.identity)
READ_MAPPING_REVISION = sa.select(COUNTER.c.industries)
TAKE_COUNTER = sa.select(COUNTER.c.value, COUNTER.c.industries).with_for_update()
"""Holds the counter's row where rows are locked, so that revisions become visible in their order."""
PUT_COUNTER = sa.update(COUNTER).values(value=sa.bindparam("revision"))
PUT_MAPPING_REVISION = sa.update(COUNTER).values(value=sa.bindparam("revision"), industries=sa.bindparam("revision"))

READ_MAPPING = sa.select(INDUSTRIES.c.ipc, INDUSTRIES.c.industry).order_by(INDUSTRIES.c.position)
CLEAR_MAPPING = sa.delete(INDUSTRIES)
ADD_TO_MAPPING = sa.insert(INDUSTRIES)

_TOLD = sa.select(PATENTS.c.id, PATENTS.c.ipc, PATENTS.c.industry, PATENTS.c.industry_derived)
_TOLD = _TOLD.where(sa.not_(PATENTS.c.deleted), sa.or_(PATENTS.c.industry_derived, PATENTS.c.industry == "[]"))
_TOLD = _TOLD.order_by(PATENTS.c.id).limit(sa.bindparam("size", type_=sa.Integer))
FIRST_WITHOUT_INDUSTRY = _TOLD
"""Patents without an industry of their own, in the order of their ids [size]."""
NEXT_WITHOUT_INDUSTRY = _TOLD.where(PATENTS.c.id > sa.bindparam("after"))
"""The same behind an id [after, size]."""


@dataclass(frozen=True, slots=True)
class Statements:
    """What is asked of one kind's table; the parameters are in brackets.

    Attributes:
        by_ids: live records [ids].
        first_page: live records in the order of their ids [size].
        next_page: the same behind an id [after, size].
        digests: id, digest and mark of stored rows [ids].
        live_ids: ids of live records [ids].
        mark_deleted: of one row [row_id, row_revision, now].
        count: live records.
        changes: id, revision and mark in the order of revisions [revision, size].
        count_changes: rows whose last change is behind a revision [revision].
        first_ids: id and revision of live records in the order of their ids [size].
        next_ids: the same behind an id [after, size].
    """

    by_ids: sa.Select[Any]
    first_page: sa.Select[Any]
    next_page: sa.Select[Any]
    digests: sa.Select[Any]
    live_ids: sa.Select[Any]
    mark_deleted: sa.Update
    count: sa.Select[Any]
    changes: sa.Select[Any]
    count_changes: sa.Select[Any]
    first_ids: sa.Select[Any]
    next_ids: sa.Select[Any]


def statements_of(kind: Kind, backend: Backend) -> Statements:
    """The statements of a kind's table."""
    table = TABLES[kind]
    columns, wanted, size = table.c, backend.is_one_of(table.c.id), sa.bindparam("size", type_=sa.Integer)
    live = sa.not_(columns.deleted)
    records = sa.select(*(columns[name] for name in CODECS[kind].names)).where(live)
    changes = sa.select(columns.id, columns.revision, columns.deleted)
    ids = sa.select(columns.id, columns.revision).where(live).order_by(columns.id).limit(size)
    deletion = {"deleted": True, "revision": sa.bindparam("row_revision"), "updated_at": sa.bindparam("now")}
    return Statements(
        by_ids=records.where(wanted),
        first_page=records.order_by(columns.id).limit(size),
        next_page=records.where(columns.id > sa.bindparam("after")).order_by(columns.id).limit(size),
        digests=sa.select(columns.id, columns.content_hash, columns.deleted).where(wanted),
        live_ids=sa.select(columns.id).where(wanted, live),
        mark_deleted=sa.update(table).where(columns.id == sa.bindparam("row_id")).values(deletion),
        count=sa.select(sa.func.count()).select_from(table).where(live),
        changes=changes.where(columns.revision > sa.bindparam("revision")).order_by(columns.revision).limit(size),
        count_changes=sa.select(sa.func.count()).select_from(table).where(columns.revision > sa.bindparam("revision")),
        first_ids=ids,
        next_ids=ids.where(columns.id > sa.bindparam("after")),
    )
