"""A PostgreSQL database of a test's own, so that its connections can be ended without anybody else's."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import sqlalchemy as sa
from catalogue_databases import SERVER


class Database:
    """One database.

    Attributes:
        url: for `PATMATCH_DATABASE_URL`.
    """

    def __init__(self, server: sa.Engine, name: str) -> None:
        self._server = server
        self._name = name
        self.url = server.url.set(database=name).render_as_string(hide_password=False)

    def empty(self) -> None:
        """Take everything out; what a killed process had open may still hold on, so that is ended first."""
        self.end_connections()
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")

    def end_connections(self) -> int:
        """End every connection to this database, as an administrator or a restart would; how many there were."""
        ended = sa.text("SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = :name")
        with self._server.connect() as connection:
            count: int = connection.execute(ended, {"name": self._name}).scalar_one()
        return count


@contextmanager
def database() -> Iterator[Database]:
    """A new database on the test server, gone at the end."""
    url = sa.make_url(SERVER).set(drivername="postgresql+psycopg")
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    name = f"patmatch_faults_{uuid4().hex[:12]}"
    try:
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except (sa.exc.DBAPIError, ImportError) as error:
        pytest.skip(f"no database can be made at {url.host}:{url.port} (PATMATCH_TEST_POSTGRES_URL): {error}")
    try:
        yield Database(server, name)
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
