"""Alembic runs this: migrate the connection that `app.catalogue.schema` hands in, in its open transaction."""

from __future__ import annotations

from alembic import context

from app.catalogue.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
