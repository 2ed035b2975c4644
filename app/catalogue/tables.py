"""Every table: records, feedback, gradings, pools, push lists, watches, alerts and messages to a webhook.

Records have one table a kind, with one typed column a domain field. Columns stand in the order of the domain's fields,
so that a record and its row are zipped, not looked up. A change here needs a migration in ``migrations/versions``; a
golden test holds what was released.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from app.domain import Event, Kind, Level, WatchLevel

Table = sa.Table
"""A table of records."""

ID_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Ids sort by code point on both databases: a locale's order would differ between servers, and is slower."""

ARRIVED = "arrived"
"""The column with the number of the change by which a record came, or came back after it was deleted. What changes it
later leaves that number."""

_TEXT = sa.Text()
_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
"""SQLite's own row number is an INTEGER, as wide as PostgreSQL's BIGINT."""

METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


class Moment(sa.TypeDecorator[datetime]):
    """A moment, in UTC on both databases: SQLite itself stores no zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Moments of any zone go in."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ANN401, ARG002
        """Moments in UTC come out."""
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


class Word(sa.TypeDecorator[StrEnum]):
    """A member of an enum, stored as its text."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        """The member's text."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> StrEnum | None:  # noqa: ANN401, ARG002
        """The member of that text."""
        return None if value is None else self.words(value)


def _required(name: str, kind: sa.types.TypeEngine[Any] = _TEXT) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _optional(name: str, kind: sa.types.TypeEngine[Any] = _TEXT) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _key(name: str, kind: sa.types.TypeEngine[Any] = ID_TEXT) -> sa.Column[Any]:
    """A column of the primary key; the database never draws its value."""
    return sa.Column(name, kind, primary_key=True, nullable=False, autoincrement=False)


def _record_table(kind: Kind, *own: sa.Column[Any]) -> Table:
    """A kind's table: what all records have, then its own fields, then what the catalogue adds.

    The index serves the change log (by revision) and, because ``deleted`` is in it, counting without reading the rows.
    """
    return sa.Table(
        kind.value,
        METADATA,
        _key("id"),
        _optional("lang"),
        _optional("region"),
        _required("industry"),
        _optional("status"),
        _required("original"),
        _required("extra"),
        *own,
        _required("content_hash", sa.LargeBinary(16)),
        _required("revision", sa.BigInteger()),
        sa.Column(ARRIVED, sa.BigInteger, nullable=False, server_default="0"),
        _required("deleted", sa.Boolean()),
        _required("updated_at", Moment()),
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
    _optional("agreed", sa.Boolean()),
    _optional("dormant", sa.Boolean()),
    _optional("maturity", sa.Integer()),
    _optional("filed_on", sa.Date()),
    _optional("published_on", sa.Date()),
    _optional("application_number"),
    _optional("family"),
    _optional("document_kind"),
    sa.Column("industry_derived", sa.Boolean, nullable=False, server_default=sa.false()),
)

sa.Index(None, PATENTS.c[ARRIVED])
"""Serves those who look at new patents."""

sa.Index(None, PATENTS.c.application_number)
"""Serves those who ask by an application number."""

NEEDS = _record_table(
    Kind.NEEDS,
    _required("title"),
    _required("text"),
    _optional("firm_id"),
    _optional("filed_on", sa.Date()),
)

FIRMS = _record_table(
    Kind.FIRMS,
    _required("name"),
    _required("business_scope"),
    _optional("province"),
    _optional("city"),
    _optional("firm_type"),
    _optional("filed_on", sa.Date()),
)

sa.Index(None, FIRMS.c.name, postgresql_using="hash")
"""Serves those who ask for a firm by its name. A tree of PostgreSQL takes no name of more than 2,704 bytes."""

TABLES: dict[Kind, Table] = {Kind.PATENTS: PATENTS, Kind.NEEDS: NEEDS, Kind.FIRMS: FIRMS}

COUNTER = sa.Table(
    "catalogue_revision",
    METADATA,
    _key("id", sa.Integer()),
    _required("value", sa.BigInteger()),
    sa.Column("industries", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("identity", sa.Text, nullable=False, server_default=""),
    sa.CheckConstraint("id = 1", name="one_row"),
)
"""One row: the number of the last change over all kinds, and that of the last change of the mapping of industries. A
writer holds it from its first look to its commit."""

INDUSTRIES = sa.Table(
    "industry_mapping",
    METADATA,
    _key("ipc"),
    _key("industry", _TEXT),
    _required("position", sa.Integer()),
)
"""Which industries an IPC symbol stands for, in the order of the file that they came from."""

FEEDBACK = sa.Table(
    "feedback",
    METADATA,
    _key("number", _NUMBER),
    _required("key", ID_TEXT),
    _required("event", Word(Event)),
    _required("at", Moment()),
    _optional("firm_id", ID_TEXT),
    _optional("need_id", ID_TEXT),
    _optional("new_need_id", ID_TEXT),
    _optional("patent_id", ID_TEXT),
    _optional("query_id", ID_TEXT),
    _optional("query_text"),
    _optional("level", Word(Level)),
    _optional("run", ID_TEXT),
    _optional("ranking"),
    _optional("rank", sa.Integer()),
    _optional("score", sa.Float(53)),
    _optional("reason"),
    _optional("note"),
    _optional("by"),
    _required("content_hash", sa.LargeBinary(16)),
    _required("received_at", Moment()),
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
    _key("number", _NUMBER),
    _required("firm_id", ID_TEXT),
    _required("at", Moment()),
    _optional("reason"),
    _optional("by"),
    _optional("undone_at", Moment()),
    sa.Index(None, "firm_id"),
)
"""Who opted out and when; one that was taken back stays, with the time."""

PATENT_GRADES = sa.Table(
    "patent_grades",
    METADATA,
    _key("number", _NUMBER),
    _required("patent_id", ID_TEXT),
    _required("at", Moment()),
    _optional("by"),
    _optional("note"),
    _optional("from_grade"),
    _optional("to_grade"),
    _optional("from_maturity", sa.Integer()),
    _optional("to_maturity", sa.Integer()),
    _optional("from_agreed", sa.Boolean()),
    _optional("to_agreed", sa.Boolean()),
    sa.Index(None, "patent_id"),
)
"""Every re-grading that changed something."""

POOLS = sa.Table(
    "pools",
    METADATA,
    _key("name"),
    _required("filter"),
    _optional("changed_from", sa.Date()),
    _optional("note"),
    _required("updated_at", Moment()),
)
"""Named selections of patents; the filter is a JSON object as HTTP takes it."""

PUSH_RUNS = sa.Table(
    "push_runs",
    METADATA,
    _key("name"),
    _required("status"),
    _required("inputs"),
    _required("manifest"),
    _required("started_at", Moment()),
    _optional("finished_at", Moment()),
    _required("firms", sa.BigInteger()),
    _required("entries", sa.BigInteger()),
)
"""``inputs`` is the digest of what a run was asked for: the same name with other inputs is refused."""

PUSH_LISTS = sa.Table(
    "push_lists",
    METADATA,
    _key("run"),
    _key("firm_id"),
    _required("arm"),
    _required("entries"),
    sa.Index(None, "firm_id", "run"),
)
"""``entries`` is JSON, one array a field and in each the places of the list in their order: a run of 450,000 lists has
nine million places, which as rows of their own take ten times as long to write, and three times the disk."""

WATCHES = sa.Table(
    "watches",
    METADATA,
    _key("need_id"),
    _required("level", Word(WatchLevel)),
    _required("since", sa.BigInteger()),
    _required("at", Moment()),
)
"""Needs with a level of their own. ``since`` is the revision from which on patents count where the need was not watched
before, else 0: its arrival counts then."""

ALERTS = sa.Table(
    "alerts",
    METADATA,
    _key("need_id"),
    _key("patent_id"),
    _required("number", _NUMBER),
    _required("at", Moment()),
    _required("score", sa.Float(53)),
    _required("level", Word(Level)),
    _required("reason"),
    _required("patent_revision", sa.BigInteger()),
    sa.Index(None, "number", unique=True),
    sa.Index(None, "need_id", "number"),
    sa.Index(None, "patent_id"),
)
"""By the primary key a need is alerted of a patent once, whoever watches."""

ALERT_CURSOR = sa.Table(
    "alert_cursor",
    METADATA,
    _key("id", sa.Integer()),
    _required(ARRIVED, sa.BigInteger()),
    sa.CheckConstraint("id = 1", name="one_row"),
)
"""One row once watching has begun: patents that arrived up to this number were looked at, or wait."""

ALERT_WAITING = sa.Table("alert_waiting", METADATA, _key("patent_id"))
"""Patents behind the cursor that no search could find yet: without a vector, or over the delta's limit."""

OUTBOX = sa.Table(
    "outbox",
    METADATA,
    _key("id"),
    _required("kind"),
    _required("reference"),
    _required("created_at", Moment()),
    _required("attempts", sa.Integer()),
    _required("next_at", Moment()),
    _required("status"),
    _optional("delivered_at", Moment()),
    _optional("last_error"),
    sa.Index(None, "status", "next_at"),
)
"""One row a message to a webhook, which its event wrote in its own transaction. ``reference`` is JSON: what the message
is about, not what it says. That is read when it is sent, so that what was withdrawn meanwhile is not in it. ``next_at``
is when it may be sent, or until when a sender has it to itself."""

LOADS = sa.Table(
    "loads",
    METADATA,
    _key("number", _NUMBER),
    _required("kind"),
    _required("file"),
    _required("state"),
    _required("started_at", Moment()),
    _required("seen_at", Moment()),
    _optional("finished_at", Moment()),
    _required("by"),
    _required("host"),
    _optional("pid", sa.BigInteger()),
    _required("rows", sa.BigInteger()),
    _required("options"),
    _optional("report"),
    _optional("undone"),
)
"""Every load of a file. ``options``, ``report`` and ``undone`` are JSON objects; ``seen_at`` moves while it runs."""

LOAD_RANGES = sa.Table(
    "load_ranges",
    METADATA,
    _key("first", _NUMBER),
    _required("last", sa.BigInteger()),
    _required("load", sa.BigInteger()),
    sa.Index(None, "load"),
)
"""Revisions that a load gave. A record that has one of them still is as that load left it."""

LOAD_FORMER = sa.Table(
    "load_former",
    METADATA,
    _key("load", _NUMBER),
    _key("kind", _TEXT),
    _key("id"),
    _required("revision", sa.BigInteger()),
    _required("deleted", sa.Boolean()),
    _required("content"),
)
"""Records as they were before a load changed them: ``content`` is a JSON array of the values of a row's fields."""
