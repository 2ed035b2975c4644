"""The three kinds of record and the counter of changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _record_table(name: str, *own: sa.Column) -> None:  # type: ignore[type-arg]
    op.create_table(
        name,
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("lang", sa.Text()),
        sa.Column("region", sa.Text()),
        sa.Column("industry", sa.Text(), nullable=False),
        sa.Column("status", sa.Text()),
        sa.Column("original", sa.Text(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        *own,
        sa.Column("content_hash", sa.LargeBinary(16), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
    )
    op.create_index(f"ix_{name}_revision_deleted", name, ["revision", "deleted"])


def upgrade() -> None:
    """Make the tables, and the counter at 0."""
    _record_table(
        "patents",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("ipc", sa.Text(), nullable=False),
        sa.Column("holders", sa.Text(), nullable=False),
        sa.Column("holder_type", sa.Text()),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text()),
        sa.Column("agreed", sa.Boolean()),
        sa.Column("dormant", sa.Boolean()),
        sa.Column("maturity", sa.Integer()),
        sa.Column("filed_on", sa.Date()),
        sa.Column("published_on", sa.Date()),
        sa.Column("application_number", sa.Text()),
        sa.Column("family", sa.Text()),
        sa.Column("document_kind", sa.Text()),
    )
    _record_table(
        "needs",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("firm_id", sa.Text()),
        sa.Column("filed_on", sa.Date()),
    )
    _record_table(
        "firms",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("business_scope", sa.Text(), nullable=False),
        sa.Column("province", sa.Text()),
        sa.Column("city", sa.Text()),
        sa.Column("firm_type", sa.Text()),
        sa.Column("filed_on", sa.Date()),
    )
    counter = op.create_table(
        "catalogue_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalogue_revision"),
        sa.CheckConstraint("id = 1", name=op.f("ck_catalogue_revision_one_row")),
    )
    op.bulk_insert(counter, [{"id": 1, "value": 0}])


def downgrade() -> None:
    """Remove everything: there is nothing before this version."""
    for name in ("patents", "needs", "firms", "catalogue_revision"):
        op.drop_table(name)
