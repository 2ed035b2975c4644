"""The log of loads and what each changed, and an index of the firms' names."""

from __future__ import annotations

from alembic import op

from app.catalogue.tables import LOAD_FORMER, LOAD_RANGES, LOADS

revision = "v0003"
down_revision = "v0002"
branch_labels = None
depends_on = None

_INDEX = "ix_firms_name"
_TABLES = (LOADS, LOAD_RANGES, LOAD_FORMER)


def upgrade() -> None:
    """Make what is missing; nothing is known of loads before this version."""
    for table in _TABLES:
        table.create(op.get_bind(), checkfirst=True)
    op.create_index(_INDEX, "firms", ["name"], postgresql_using="hash", if_not_exists=True)


def downgrade() -> None:
    """Remove it: loads can no longer be taken back then."""
    op.drop_index(_INDEX, "firms", if_exists=True)
    for table in reversed(_TABLES):
        table.drop(op.get_bind(), checkfirst=True)
