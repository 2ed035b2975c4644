"""What differs between the two databases, behind one protocol; everything else of the catalogue is the same SQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from app.catalogue.failures import problem
from app.catalogue.tables import Table


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

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that waits its turn to write; commits at the end, rolls back on an error."""
        ...

    def id_in(self, column: sa.ColumnElement[str], ids: Sequence[str]) -> sa.ColumnElement[bool]:
        """Whether a column is one of many ids, as one parameter, so that one statement serves every number of ids."""
        ...

    def write_rows(
        self, connection: sa.Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert rows, or replace those with the same id. ``names`` are the columns of the rows' values."""
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
        from app.catalogue.postgres import PostgresBackend

        return PostgresBackend(parsed)
    raise problem(
        "catalogue_url",
        f"databases of the kind {dialect!r} are not supported; use sqlite:/// or postgresql://",
        f"不支持 {dialect!r} 数据库,请使用 sqlite:/// 或 postgresql://",
    )


def upsert_statement(insert: Any, table: Table, names: Sequence[str]) -> Any:  # noqa: ANN401 - the dialects' own inserts
    """``INSERT ... ON CONFLICT (id) DO UPDATE`` of all columns; both databases write it alike.

    Args:
        insert: the dialect's insert into the table.
        table: where the rows go.
        names: the columns that a conflict replaces.
    """
    return insert.on_conflict_do_update(
        index_elements=[table.c.id], set_={name: insert.excluded[name] for name in names if name != "id"}
    )
