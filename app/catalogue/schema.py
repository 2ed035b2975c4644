"""Bringing a database's schema up to date, once, however many processes start at the same moment."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from app.catalogue.backend import Backend
from app.catalogue.failures import problem

HEAD = "0009"
"""The newest migration. Known here so that a catalogue that is up to date opens without loading Alembic; a test
compares it."""

MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32)))


def current(connection: sa.Connection) -> str | None:
    """The migration that a database is at; ``None`` for one that has none yet."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(sa.select(_VERSION.c.version_num)).scalar_one_or_none()


def migrate(backend: Backend) -> None:
    """Bring the schema to `HEAD`; nothing happens where it is there.

    Raises:
        CatalogueProblem: the schema is of a newer release.
    """
    with backend.engine.connect() as connection:
        if current(connection) == HEAD:
            return
    with backend.migrating() as connection:
        if current(connection) != HEAD:  # another process may have done it while this one waited
            _upgrade(connection)


def _upgrade(connection: sa.Connection) -> None:
    # Imported here: most starts find the schema up to date and need none of it.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise problem(
            "catalogue_schema",
            "its schema is of another release of patmatch; install the newer one",
            "数据库结构来自其他版本的 patmatch,请安装较新的版本",
        ) from error
