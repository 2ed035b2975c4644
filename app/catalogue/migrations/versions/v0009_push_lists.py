"""A firm's list in a run becomes one row, where each of its places was one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ROWS_AT_ONCE = 1_000
_FIELDS = {
    "patent_ids": "patent_id",
    "scores": "score",
    "levels": "level",
    "reasons": "reason",
    "need_ids": "need_id",
    "firm_ranks": "firm_rank",
    "placed": "placed",
    "patent_revisions": "patent_revision",
}
"""The arrays of a list, and the columns that they were."""


def _lists() -> sa.Table:
    return op.create_table(
        "push_lists",
        sa.Column("run", _ID_TEXT, nullable=False),
        sa.Column("firm_id", _ID_TEXT, nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("entries", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run", "firm_id", name="pk_push_lists"),
    )


def _entries() -> sa.Table:
    return op.create_table(
        "push_entries",
        sa.Column("run", _ID_TEXT, nullable=False),
        sa.Column("firm_id", _ID_TEXT, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("patent_id", _ID_TEXT, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("need_id", sa.Text()),
        sa.Column("firm_rank", sa.Integer()),
        sa.Column("placed", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("patent_revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run", "firm_id", "rank", name="pk_push_entries"),
    )


def upgrade() -> None:
    """Gather the places of each list."""
    into, old = (
        _lists(),
        sa.table("push_entries", *map(sa.column, ("run", "firm_id", "rank", "arm", *_FIELDS.values()))),
    )
    rows = op.get_bind().execute(sa.select(old).order_by(old.c.run, old.c.firm_id, old.c.rank))
    _insert(into, (_gathered(list(places)) for _, places in groupby(rows, key=lambda row: (row.run, row.firm_id))))
    op.create_index("ix_push_lists_firm_id_run", "push_lists", ["firm_id", "run"])
    op.drop_table("push_entries")


def downgrade() -> None:
    """Give each place its row again."""
    into, old = _entries(), sa.table("push_lists", *map(sa.column, ("run", "firm_id", "arm", "entries")))
    _insert(into, (place for row in op.get_bind().execute(sa.select(old)) for place in _places(row)))
    op.create_index("ix_push_entries_firm_id_run", "push_entries", ["firm_id", "run"])
    op.create_index("ix_push_entries_run_patent_id", "push_entries", ["run", "patent_id"])
    op.drop_table("push_lists")


def _gathered(places: list[Any]) -> Mapping[str, Any]:
    entries = {name: [getattr(place, column) for place in places] for name, column in _FIELDS.items()}
    first = places[0]
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    return {"run": first.run, "firm_id": first.firm_id, "arm": first.arm, "entries": text}


def _places(row: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - a row of push_lists
    entries = json.loads(row.entries)
    for rank, values in enumerate(zip(*(entries[name] for name in _FIELDS), strict=True), 1):
        place = dict(zip(_FIELDS.values(), values, strict=True))
        yield {"run": row.run, "firm_id": row.firm_id, "arm": row.arm, "rank": rank, **place}


def _insert(table: sa.Table, rows: Iterator[Mapping[str, Any]]) -> None:
    while block := list(islice(rows, _ROWS_AT_ONCE)):
        op.get_bind().execute(sa.insert(table), block)
