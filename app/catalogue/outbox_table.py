"""The table of messages to a webhook: one row a message, which its event wrote in its own transaction."""

from __future__ import annotations

import sqlalchemy as sa

from app.catalogue.tables import ID_TEXT, METADATA

OUTBOX = sa.Table(
    "outbox",
    METADATA,
    sa.Column("id", ID_TEXT, primary_key=True, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("delivered_at", sa.DateTime(timezone=True)),
    sa.Column("last_error", sa.Text),
    sa.Index(None, "status", "next_at"),
)
"""``reference`` is JSON: what the message is about, not what it says. That is read when it is sent, so that what was
withdrawn meanwhile is not in it. ``next_at`` is when it may be sent, or until when a sender has it to itself."""
