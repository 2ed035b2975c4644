"""Push runs, and the lists that they made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make both tables, empty."""
    op.create_table(
        "push_runs",
        sa.Column("name", _ID_TEXT, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("firms", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_push_runs"),
    )
    op.create_table(
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
    op.create_index("ix_push_entries_firm_id_run", "push_entries", ["firm_id", "run"])
    op.create_index("ix_push_entries_run_patent_id", "push_entries", ["run", "patent_id"])


def downgrade() -> None:
    """Remove both; what was pushed is forgotten."""
    op.drop_table("push_entries")
    op.drop_table("push_runs")
