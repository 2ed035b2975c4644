"""Every table, and the counter of changes at 0.

The tables are those of `app.catalogue.tables` as they are today, so a new catalogue has at once what later versions
add. Those add what is missing and pass over what is there; one that changes what was there before needs the tables
written out here first. A golden test fails as soon as a table differs.
"""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

from app.catalogue.tables import COUNTER, METADATA

revision = "v0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and draw the catalogue's own name: revisions alone do not tell two catalogues apart."""
    METADATA.create_all(op.get_bind(), checkfirst=False)
    op.execute(sa.insert(COUNTER).values(id=1, value=0, identity=uuid4().hex))


def downgrade() -> None:
    """Remove everything: there is nothing before this version."""
    METADATA.drop_all(op.get_bind())
