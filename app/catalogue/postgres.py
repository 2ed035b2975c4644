"""PostgreSQL by psycopg 3: for a service of several machines.

Writers take their turn on the counter's row, so that revisions become visible in order; readers never wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from app.catalogue.backend import IDS, Backend, Finding, StoredRow, finding, problem_of, upsert_sql
from app.catalogue.tables import Table

CONNECT_TIMEOUT_S = 10
"""A server that does not answer is reported within the patience of a person, not of TCP."""

_MIGRATION_LOCK = 0x7061746D  # "patm": an advisory lock is a number that all processes agree on


class PostgresBackend(Backend):
    """A catalogue in one PostgreSQL database, in the first schema of the connection's search path."""

    name = "postgresql"

    def __init__(self, url: sa.URL) -> None:
        super().__init__(url.set(drivername="postgresql+psycopg"), {"connect_timeout": CONNECT_TIMEOUT_S})
        # Shares the pool. A single statement needs no transaction, and each begin and end is a round trip.
        self._readers = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._by_position = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]

    def prepare(self) -> None:
        """Nothing: an operator makes the database."""

    @contextmanager
    def migrating(self) -> Iterator[sa.Connection]:
        """A transaction that holds the advisory lock of migrations."""
        with self.engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """A connection without a transaction: each statement sees its own moment."""
        with self._readers.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A transaction; it waits its turn where it locks the counter's row."""
        with self.engine.begin() as connection:
            yield connection

    def is_one_of(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """``id = ANY(array)``."""
        return column == sa.any_(sa.bindparam(IDS, type_=ARRAY(sa.Text)))

    def ids_parameter(self, ids: Sequence[str]) -> list[str]:
        """A list, without ids that PostgreSQL cannot write and so does not hold."""
        return [key for key in ids if _storable(key)]

    def write_rows(
        self, connection: sa.Connection, table: Table, added: list[StoredRow], changed: list[StoredRow]
    ) -> None:
        """New rows by ``COPY``, the fastest way in; the others by a statement each, in one go."""
        driver = connection.connection.driver_connection
        if not isinstance(driver, psycopg.Connection):
            raise TypeError(f"not a connection of psycopg: {driver!r}")
        try:
            with driver.cursor() as cursor:
                if added:
                    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.c)
                    into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
                    with cursor.copy(into) as copy:
                        for row in added:
                            copy.write_row(row)
                if changed:
                    cursor.executemany(upsert_sql(insert(table), table, self._by_position), changed)
        except psycopg.Error as error:
            raise problem_of(error) from error

    def check(self, connection: sa.Connection) -> list[Finding]:
        """The database's encoding: any other than UTF-8 lacks characters that records have."""
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        return [
            finding(
                "postgres_encoding",
                encoding == "UTF8",
                ("the database is in UTF-8", "数据库编码为 UTF-8"),
                (
                    "the database is not in UTF-8; make a new one with ENCODING 'UTF8'",
                    "数据库编码不是 UTF-8,请用 ENCODING 'UTF8' 重建",
                ),
            )
        ]


def _storable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
