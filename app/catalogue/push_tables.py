"""The tables of push runs: one row a run, and one for each patent in a firm's list."""

from __future__ import annotations

import sqlalchemy as sa

from app.catalogue.tables import ID_TEXT, METADATA

PUSH_RUNS = sa.Table(
    "push_runs",
    METADATA,
    sa.Column("name", ID_TEXT, primary_key=True, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("inputs", sa.Text, nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("firms", sa.BigInteger, nullable=False),
    sa.Column("entries", sa.BigInteger, nullable=False),
)
"""``inputs`` is the digest of what a run was asked for: the same name with other inputs is refused."""

PUSH_ENTRIES = sa.Table(
    "push_entries",
    METADATA,
    sa.Column("run", ID_TEXT, primary_key=True, nullable=False),
    sa.Column("firm_id", ID_TEXT, primary_key=True, nullable=False),
    sa.Column("rank", sa.Integer, primary_key=True, nullable=False, autoincrement=False),
    sa.Column("patent_id", ID_TEXT, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("need_id", sa.Text, nullable=True),
    sa.Column("firm_rank", sa.Integer, nullable=True),
    sa.Column("placed", sa.Text, nullable=False),
    sa.Column("arm", sa.Text, nullable=False),
    sa.Column("patent_revision", sa.BigInteger, nullable=False),
    sa.Index(None, "firm_id", "run"),
    sa.Index(None, "run", "patent_id"),
)
"""``patent_revision`` tells whether a patent changed since it was pushed."""
