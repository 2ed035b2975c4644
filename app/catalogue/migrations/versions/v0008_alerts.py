"""When records arrived, which needs are watched, and the alerts of new patents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_KINDS = ("patents", "needs", "firms")


def upgrade() -> None:
    """Add the column, 0 in what is there, which no need is alerted of; make the tables, empty.

    A constant default is kept in the table's description on both databases: no row is written.
    """
    for kind in _KINDS:
        op.add_column(kind, sa.Column("arrived", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_patents_arrived", "patents", ["arrived"])
    op.create_table(
        "watches",
        sa.Column("need_id", _ID_TEXT, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("need_id", name="pk_watches"),
    )
    op.create_table(
        "alerts",
        sa.Column("need_id", _ID_TEXT, nullable=False),
        sa.Column("patent_id", _ID_TEXT, nullable=False),
        sa.Column("number", _NUMBER, nullable=False, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.Float(53), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("patent_revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("need_id", "patent_id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_number", "alerts", ["number"], unique=True)
    op.create_index("ix_alerts_need_id_number", "alerts", ["need_id", "number"])
    op.create_index("ix_alerts_patent_id", "alerts", ["patent_id"])
    op.create_table(
        "alert_cursor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("arrived", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_cursor"),
        sa.CheckConstraint("id = 1", name=op.f("ck_alert_cursor_one_row")),
    )
    op.create_table(
        "alert_waiting",
        sa.Column("patent_id", _ID_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("patent_id", name="pk_alert_waiting"),
    )


def downgrade() -> None:
    """Remove them; what was alerted is forgotten."""
    for name in ("alert_waiting", "alert_cursor", "alerts", "watches"):
        op.drop_table(name)
    op.drop_index("ix_patents_arrived", "patents")
    for kind in _KINDS:
        op.drop_column(kind, "arrived")
