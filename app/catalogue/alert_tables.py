"""The tables of watched needs: their levels, the alerts, and how far new patents were looked at."""

from __future__ import annotations

import sqlalchemy as sa

from app.catalogue.tables import ARRIVED, ID_TEXT, METADATA

WATCHES = sa.Table(
    "watches",
    METADATA,
    sa.Column("need_id", ID_TEXT, primary_key=True, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)
"""Needs with a level of their own. ``since`` is the revision from which on patents count where the need was not watched
before, else 0: its arrival counts then."""

ALERTS = sa.Table(
    "alerts",
    METADATA,
    sa.Column("need_id", ID_TEXT, primary_key=True, nullable=False),
    sa.Column("patent_id", ID_TEXT, primary_key=True, nullable=False),
    sa.Column("number", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False, autoincrement=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("score", sa.Float(53), nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("patent_revision", sa.BigInteger, nullable=False),
    sa.Index(None, "number", unique=True),
    sa.Index(None, "need_id", "number"),
    sa.Index(None, "patent_id"),
)
"""The primary key holds that a need is alerted of a patent once, whoever watches."""

ALERT_CURSOR = sa.Table(
    "alert_cursor",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column(ARRIVED, sa.BigInteger, nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)
"""One row once watching has begun: patents that arrived up to this number were looked at, or wait."""

ALERT_WAITING = sa.Table(
    "alert_waiting",
    METADATA,
    sa.Column("patent_id", ID_TEXT, primary_key=True, nullable=False),
)
"""Patents behind the cursor that no search could find yet: without a vector, or over the delta's limit."""
