"""Bringing a database's schema up to date, once, however many processes start at the same moment."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from app.catalogue.backend import Backend, problem
from app.errors import CatalogueProblem

HEAD = "v0003"
"""The newest migration. Known here so that a catalogue that is up to date opens without loading Alembic; a test
compares it. Layouts before the first release were numbered without the ``v``, so none is taken for a later one."""

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
        CatalogueProblem: the schema is of a newer release, or of a layout before the first release.
    """
    with backend.engine.connect() as connection:
        if current(connection) == HEAD:
            return
    with backend.migrating() as connection:
        version = current(connection)
        if version != HEAD:  # another process may have done it while this one waited
            _upgrade(connection, version)


def unknown(version: str) -> CatalogueProblem:
    """The problem of a schema that this release has no migration for, with what mends it."""
    if version > HEAD:
        return problem(
            "catalogue_schema",
            f"its schema ({version}) is of a newer release of patmatch; install that one",
            f"数据库结构({version})来自较新版本的 patmatch,请安装该版本",
        )
    return problem(
        "catalogue_schema",
        f"its schema ({version}) is of before the first release and is not migrated; load the files into a new home or "
        "database: set PATMATCH_HOME or PATMATCH_DATABASE_URL, then run `patmatch ingest`",
        f"数据库结构({version})早于首个正式版本,无法迁移;请设置新的 PATMATCH_HOME 或 PATMATCH_DATABASE_URL,"
        "再运行 `patmatch ingest` 重新导入文件",
    )


def _upgrade(connection: sa.Connection, version: str | None) -> None:
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
        raise unknown(version or "") from error
