"""An index of the patents' application numbers, by which people ask."""

from __future__ import annotations

from alembic import op

revision = "v0002"
down_revision = "v0001"
branch_labels = None
depends_on = None

_INDEX = "ix_patents_application_number"


def upgrade() -> None:
    """Make the index where it is missing: some seconds for a million patents."""
    op.create_index(_INDEX, "patents", ["application_number"], if_not_exists=True)


def downgrade() -> None:
    """Remove it."""
    op.drop_index(_INDEX, "patents", if_exists=True)
