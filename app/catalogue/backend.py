"""What differs between the two databases, behind one protocol; everything else of the catalogue is the same SQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from app.catalogue.failures import problem
from app.catalogue.tables import ARRIVED, Table

IDS = "ids"
"""The parameter that hands a statement its ids."""

StoredRow = list[Any]
"""The values of all columns of a table, in their order and as `RowCodec.encode` writes them; the time is aware."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `Catalogue.check` looked at.

    Attributes:
        name: what was looked at, for programs.
        ok: whether it is as it should be.
        message: what was found and, where it is not as it should be, what to do.
    """

    name: str
    ok: bool
    message: str
    message_zh: str


def finding(name: str, ok: bool, good: tuple[str, str], bad: tuple[str, str]) -> Finding:
    """A finding with the message, in English and Chinese, of how it turned out."""
    return Finding(name, ok, *(good if ok else bad))


class Backend(Protocol):
    """One database. Safe to call from many threads."""

    name: str
    engine: sa.Engine

    def exists(self) -> bool:
        """Whether there is a database to connect to, without making one."""
        ...

    def prepare(self) -> None:
        """Make what must stand before the schema: the folder, the file and its journal mode."""
        ...

    def migrating(self) -> AbstractContextManager[sa.Connection]:
        """A transaction in which no other process migrates; commits at the end."""
        ...

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """A connection to read with; nobody waits for it."""
        ...

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that waits its turn to write; commits at the end, rolls back on an error."""
        ...

    def is_one_of(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """Whether a column is one of the ids of the parameter `IDS`: one statement for every number of ids."""
        ...

    def ids_parameter(self, ids: Sequence[str]) -> Any:  # noqa: ANN401 - as the driver takes it
        """The value of the parameter `IDS`."""
        ...

    def write_rows(
        self, connection: sa.Connection, table: Table, added: list[StoredRow], changed: list[StoredRow]
    ) -> None:
        """Insert rows whose ids are not in the table, and replace those that are."""
        ...

    def size_bytes(self, connection: sa.Connection) -> int:
        """How much disk the catalogue takes."""
        ...

    def check(self, connection: sa.Connection) -> list[Finding]:
        """What this database can say about its own state."""
        ...


def backend_of(url: str) -> Backend:
    """The backend that a URL names; nothing is connected yet.

    Raises:
        CatalogueProblem: the URL cannot be read, names another database, or its driver is not installed.
    """
    try:
        parsed = sa.make_url(url)
        dialect = parsed.get_backend_name()
    except (sa.exc.ArgumentError, ValueError):
        # Without the cause: it may quote the URL, and with it a password.
        raise problem("catalogue_url", "the database URL cannot be read", "无法识别数据库 URL") from None
    if dialect == "sqlite":
        from app.catalogue.sqlite import SqliteBackend

        return SqliteBackend(parsed)
    if dialect in ("postgresql", "postgres"):
        try:
            from app.catalogue.postgres import PostgresBackend
        except ImportError as error:
            raise problem(
                "catalogue_driver",
                "the PostgreSQL driver is not installed: pip install 'patmatch[postgres]'",
                "未安装 PostgreSQL 驱动:pip install 'patmatch[postgres]'",
            ) from error
        return PostgresBackend(parsed)
    raise problem(
        "catalogue_url",
        f"databases of the kind {dialect!r} are not supported; use sqlite:/// or postgresql://",
        f"不支持 {dialect!r} 数据库,请使用 sqlite:/// 或 postgresql://",
    )


def upsert_sql(insert: Any, table: Table, dialect: sa.Dialect) -> str:  # noqa: ANN401
    """``INSERT ... ON CONFLICT (id) DO UPDATE`` of all columns, with parameters by position.

    For the driver as it is: to bind the values of every row by name would cost more than to store them. When a record
    arrived is kept, unless it had been deleted.

    Args:
        insert: the dialect's insert into the table.
        table: where the rows go.
        dialect: of the database, with a parameter style by position.
    """
    replaced = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
    replaced[ARRIVED] = sa.case((table.c.deleted, insert.excluded[ARRIVED]), else_=table.c[ARRIVED])
    return str(insert.on_conflict_do_update(index_elements=[table.c.id], set_=replaced).compile(dialect=dialect))
