"""The tables: one a kind with one typed column a domain field, the counter of changes, the mapping of industries.

Columns stand in the order of the domain's fields, so that a record and its row are zipped, not looked up. A change here
needs a migration in ``migrations/versions``; a test compares the two.
"""

from __future__ import annotations

import sqlalchemy as sa

from app.domain import Kind

Table = sa.Table
"""A table of records."""

ID_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Ids sort by code point on both databases: a locale's order would differ between servers, and is slower."""

METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _optional(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=True)


def _required(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _record_table(kind: Kind, *own: sa.Column) -> Table:  # type: ignore[type-arg]
    """A kind's table: what all records have, then its own fields, then what the catalogue itself keeps.

    The index serves the change log (by revision) and, because ``deleted`` is in it, counting without reading the rows.
    """
    return sa.Table(
        kind.value,
        METADATA,
        sa.Column("id", ID_TEXT, primary_key=True, nullable=False),
        _optional("lang"),
        _optional("region"),
        _required("industry"),
        _optional("status"),
        _required("original"),
        _required("extra"),
        *own,
        sa.Column("content_hash", sa.LargeBinary(16), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Index(None, "revision", "deleted"),
    )


PATENTS = _record_table(
    Kind.PATENTS,
    _required("title"),
    _required("abstract"),
    _required("ipc"),
    _required("holders"),
    _optional("holder_type"),
    _required("licence"),
    _optional("grade"),
    sa.Column("agreed", sa.Boolean),
    sa.Column("dormant", sa.Boolean),
    sa.Column("maturity", sa.Integer),
    sa.Column("filed_on", sa.Date),
    sa.Column("published_on", sa.Date),
    _optional("application_number"),
    _optional("family"),
    _optional("document_kind"),
    sa.Column("industry_derived", sa.Boolean, nullable=False, server_default=sa.false()),
)

NEEDS = _record_table(
    Kind.NEEDS,
    _required("title"),
    _required("text"),
    _optional("firm_id"),
    sa.Column("filed_on", sa.Date),
)

FIRMS = _record_table(
    Kind.FIRMS,
    _required("name"),
    _required("business_scope"),
    _optional("province"),
    _optional("city"),
    _optional("firm_type"),
    sa.Column("filed_on", sa.Date),
)

TABLES: dict[Kind, Table] = {Kind.PATENTS: PATENTS, Kind.NEEDS: NEEDS, Kind.FIRMS: FIRMS}

COUNTER = sa.Table(
    "catalogue_revision",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("value", sa.BigInteger, nullable=False),
    sa.Column("industries", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("identity", sa.Text, nullable=False, server_default=""),
    sa.CheckConstraint("id = 1", name="one_row"),
)
"""One row: the number of the last change over all kinds, and that of the last change of the mapping of industries. A
writer holds it from its first look to its commit."""

INDUSTRIES = sa.Table(
    "industry_mapping",
    METADATA,
    sa.Column("ipc", ID_TEXT, primary_key=True, nullable=False),
    sa.Column("industry", sa.Text, primary_key=True, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
)
"""Which industries an IPC symbol stands for, in the order of the file that they came from."""
