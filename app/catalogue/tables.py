"""The tables: records, the counter of changes, the mapping of industries, and what is remembered of reaching out.

Records have one table a kind, with one typed column a domain field.

Columns stand in the order of the domain's fields, so that a record and its row are zipped, not looked up. A change here
needs a migration in ``migrations/versions``; a test compares the two.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from app.domain import Kind

Table = sa.Table
"""A table of records."""

ID_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Ids sort by code point on both databases: a locale's order would differ between servers, and is slower."""

ARRIVED = "arrived"
"""The column with the number of the change by which a record came, or came back after it was deleted. What changes it
later leaves that number. 0 for records that were there before such numbers were kept."""

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
        sa.Column(ARRIVED, sa.BigInteger, nullable=False, server_default="0"),
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

sa.Index(None, PATENTS.c[ARRIVED])
"""Serves those who look at new patents."""

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

_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
"""SQLite's own row number is an INTEGER, as wide as PostgreSQL's BIGINT."""


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _optional_id(name: str) -> sa.Column[str]:
    return sa.Column(name, ID_TEXT, nullable=True)


FEEDBACK = sa.Table(
    "feedback",
    METADATA,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=False, nullable=False),
    sa.Column("key", ID_TEXT, nullable=False),
    _required("event"),
    _moment("at"),
    _optional_id("firm_id"),
    _optional_id("need_id"),
    _optional_id("new_need_id"),
    _optional_id("patent_id"),
    _optional_id("query_id"),
    _optional("query_text"),
    _optional("level"),
    _optional_id("run"),
    _optional("ranking"),
    sa.Column("rank", sa.Integer),
    sa.Column("score", sa.Float(53)),
    _optional("reason"),
    _optional("note"),
    _optional("by"),
    sa.Column("content_hash", sa.LargeBinary(16), nullable=False),
    _moment("received_at"),
    sa.Index(None, "key", unique=True),
    sa.Index(None, "firm_id"),
    sa.Index(None, "patent_id"),
    sa.Index(None, "run"),
    sa.Index(None, "query_id"),
    sa.Index(None, "event"),
)
"""What came back, in the order in which it was written; no row is changed or removed."""

OPT_OUTS = sa.Table(
    "opt_outs",
    METADATA,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=False, nullable=False),
    sa.Column("firm_id", ID_TEXT, nullable=False),
    _moment("at"),
    _optional("reason"),
    _optional("by"),
    _moment("undone_at", nullable=True),
    sa.Index(None, "firm_id"),
)
"""Who opted out and when; one that was taken back stays, with the time."""

PATENT_GRADES = sa.Table(
    "patent_grades",
    METADATA,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=False, nullable=False),
    sa.Column("patent_id", ID_TEXT, nullable=False),
    _moment("at"),
    _optional("by"),
    _optional("note"),
    _optional("from_grade"),
    _optional("to_grade"),
    sa.Column("from_maturity", sa.Integer),
    sa.Column("to_maturity", sa.Integer),
    sa.Column("from_agreed", sa.Boolean),
    sa.Column("to_agreed", sa.Boolean),
    sa.Index(None, "patent_id"),
)
"""Every re-grading that changed something."""

POOLS = sa.Table(
    "pools",
    METADATA,
    sa.Column("name", ID_TEXT, primary_key=True, nullable=False),
    _required("filter"),
    sa.Column("changed_from", sa.Date),
    _optional("note"),
    _moment("updated_at"),
)
"""Named selections of patents; the filter is a JSON object as HTTP takes it."""
