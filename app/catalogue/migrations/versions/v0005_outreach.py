"""What is remembered of reaching out: feedback, opt-outs, gradings, pools."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def _id(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=nullable)


def _number() -> sa.Column[int]:
    kind = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    return sa.Column("number", kind, autoincrement=False, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column:  # type: ignore[type-arg]
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text()) for name in names]


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "feedback",
        _number(),
        _id("key", nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        _moment("at"),
        *(_id(name) for name in ("firm_id", "need_id", "new_need_id", "patent_id", "query_id")),
        *_texts("query_text", "level"),
        _id("run"),
        *_texts("ranking"),
        sa.Column("rank", sa.Integer()),
        sa.Column("score", sa.Float(53)),
        *_texts("reason", "note", "by"),
        sa.Column("content_hash", sa.LargeBinary(16), nullable=False),
        _moment("received_at"),
        sa.PrimaryKeyConstraint("number", name="pk_feedback"),
    )
    op.create_index("ix_feedback_key", "feedback", ["key"], unique=True)
    for name in ("firm_id", "patent_id", "run", "query_id", "event"):
        op.create_index(f"ix_feedback_{name}", "feedback", [name])
    op.create_table(
        "opt_outs",
        _number(),
        _id("firm_id", nullable=False),
        _moment("at"),
        *_texts("reason", "by"),
        _moment("undone_at", nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_opt_outs"),
    )
    op.create_index("ix_opt_outs_firm_id", "opt_outs", ["firm_id"])
    op.create_table(
        "patent_grades",
        _number(),
        _id("patent_id", nullable=False),
        _moment("at"),
        *_texts("by", "note", "from_grade", "to_grade"),
        *(sa.Column(name, sa.Integer()) for name in ("from_maturity", "to_maturity")),
        *(sa.Column(name, sa.Boolean()) for name in ("from_agreed", "to_agreed")),
        sa.PrimaryKeyConstraint("number", name="pk_patent_grades"),
    )
    op.create_index("ix_patent_grades_patent_id", "patent_grades", ["patent_id"])
    op.create_table(
        "pools",
        _id("name", nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("changed_from", sa.Date()),
        *_texts("note"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("name", name="pk_pools"),
    )


def downgrade() -> None:
    """Remove the tables, and with them what was remembered."""
    for name in ("feedback", "opt_outs", "patent_grades", "pools"):
        op.drop_table(name)
