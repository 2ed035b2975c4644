"""The tables of push runs: one row a run, and one for each firm's list."""

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

PUSH_LISTS = sa.Table(
    "push_lists",
    METADATA,
    sa.Column("run", ID_TEXT, primary_key=True, nullable=False),
    sa.Column("firm_id", ID_TEXT, primary_key=True, nullable=False),
    sa.Column("arm", sa.Text, nullable=False),
    sa.Column("entries", sa.Text, nullable=False),
    sa.Index(None, "firm_id", "run"),
)
"""``entries`` is JSON, one array a field and in each the places of the list in their order: a run of 450,000 lists has
nine million places, which as rows of their own take ten times as long to write, and three times the disk."""
