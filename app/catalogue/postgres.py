"""PostgreSQL by psycopg 3: for a service of several machines.

Writers take their turn on the counter's row, so that revisions become visible in order; readers never wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from app.catalogue.backend import Finding, upsert_statement
from app.catalogue.failures import problem
from app.catalogue.tables import TABLES, Table

CONNECT_TIMEOUT_S = 10
"""A server that does not answer is reported within the patience of a person, not of TCP."""

_CONNECTIONS, _MORE_CONNECTIONS = 8, 56
_MIGRATION_LOCK = 0x7061746D  # "patm": an advisory lock is a number that all processes agree on


class PostgresBackend:
    """A catalogue in one PostgreSQL database, in the first schema of the connection's search path."""

    name = "postgresql"

    def __init__(self, url: sa.URL) -> None:
        try:
            self.engine = sa.create_engine(
                url.set(drivername="postgresql+psycopg"),
                connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
                pool_size=_CONNECTIONS,
                max_overflow=_MORE_CONNECTIONS,
                pool_pre_ping=True,
                hide_parameters=True,
            )
        except ImportError as error:
            raise problem(
                "catalogue_driver",
                "the PostgreSQL driver is not installed: pip install 'patmatch[postgres]'",
                "未安装 PostgreSQL 驱动:pip install 'patmatch[postgres]'",
            ) from error

    def exists(self) -> bool:
        """Whether the catalogue's tables are there."""
        with self.engine.connect() as connection:
            return sa.inspect(connection).has_table("alembic_version")

    def prepare(self) -> None:
        """Nothing: an operator makes the database."""

    @contextmanager
    def migrating(self) -> Iterator[sa.Connection]:
        """A transaction that holds the advisory lock of migrations."""
        with self.engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction; it waits its turn where it locks the counter's row."""
        with self.engine.begin() as connection:
            yield connection

    def id_in(self, column: sa.ColumnElement[str], ids: Sequence[str]) -> sa.ColumnElement[bool]:
        """``id = ANY(array)``."""
        return column == sa.any_(sa.literal(list(ids), ARRAY(sa.Text)))

    def write_rows(
        self, connection: sa.Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert or replace."""
        statement = upsert_statement(insert(table), table, names)
        connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])

    def size_bytes(self, connection: sa.Connection) -> int:
        """The tables with their indexes."""
        sizes = [
            sa.func.pg_total_relation_size(sa.cast(table.name, sa.dialects.postgresql.REGCLASS))
            for table in TABLES.values()
        ]
        return sum(connection.execute(sa.select(*sizes)).one())

    def check(self, connection: sa.Connection) -> list[Finding]:
        """The server's version."""
        version = connection.exec_driver_sql("SHOW server_version").scalar_one()
        return [Finding("postgres_version", True, f"PostgreSQL {version} answers", f"PostgreSQL {version} 可以访问")]
