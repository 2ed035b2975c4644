"""The mapping of IPC codes to industries, and which patents have theirs from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the mapping, empty; no patent has an industry from it yet."""
    op.create_table(
        "industry_mapping",
        sa.Column("ipc", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("industry", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("ipc", "industry", name="pk_industry_mapping"),
    )
    op.add_column("patents", sa.Column("industry_derived", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("catalogue_revision", sa.Column("industries", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Remove the mapping; industries that came from it stay, as if their source had given them."""
    op.drop_column("catalogue_revision", "industries")
    op.drop_column("patents", "industry_derived")
    op.drop_table("industry_mapping")
