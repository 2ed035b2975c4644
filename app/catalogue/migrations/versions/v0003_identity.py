"""A name of its own for each catalogue, so that a snapshot of another one is told apart: revisions alone are not."""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Draw the name."""
    op.add_column("catalogue_revision", sa.Column("identity", sa.Text(), nullable=False, server_default=""))
    counter = sa.table("catalogue_revision", sa.column("identity", sa.Text()))
    op.execute(counter.update().values(identity=uuid4().hex))


def downgrade() -> None:
    """Forget the name; the next upgrade draws another."""
    op.drop_column("catalogue_revision", "identity")
