"""SQLite in WAL mode: the embedded default.

Readers never wait, for WAL gives each its own snapshot. Writers queue: threads of this process on a lock, processes on
``BEGIN IMMEDIATE`` with a long busy timeout, so that none fails half-way for having read before it wrote.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC
from itertools import chain
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.catalogue.backend import IDS, Backend, Finding, StoredRow, finding, problem, upsert_sql
from app.catalogue.tables import Table

BUSY_TIMEOUT_S = 120.0
"""How long a writer waits for another process. A transaction takes well under a second; SQLite's waiting is not fair,
so that one of many writers can lose its turn for a while."""

_RETRY_S = 0.01

_PRAGMAS = (
    "foreign_keys = ON",
    # FULL syncs the log at each commit: what was acknowledged survives a power cut, not only a killed process. It
    # costs one sync a call. Larger caches, pages or checkpoint intervals gained nothing in a load of 450,000.
    "synchronous = FULL",
)
_WRITES = "patmatch_writes"


class SqliteBackend(Backend):
    """A catalogue in one SQLite file."""

    name = "sqlite"

    def __init__(self, url: sa.URL) -> None:
        if not url.database or url.database == ":memory:" or url.query:
            raise problem(
                "catalogue_url",
                "a SQLite catalogue needs a file: sqlite:///FILE",
                "SQLite 目录库需要文件路径:sqlite:///文件",
            )
        self._path = Path(url.database)
        self._turn = Lock()
        super().__init__(url, {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False})
        sa.event.listen(self.engine, "connect", _on_connect)
        sa.event.listen(self.engine, "begin", _on_begin)

    def prepare(self) -> None:
        """Make the folder and the file, and switch it to WAL."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise problem(
                "catalogue_read_only", "the database's folder cannot be made", "无法创建数据库文件夹"
            ) from error
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            if not isinstance(driver, sqlite3.Connection):
                raise TypeError(f"not a connection of sqlite3: {driver!r}")
            _switch_to_wal(driver)

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """A transaction: all its statements see one moment."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A transaction that holds SQLite's write lock from its begin."""
        with self._turn, self.engine.connect() as connection:
            connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def migrating(self) -> AbstractContextManager[sa.Connection]:
        """The same: SQLite has one writer at a time."""
        return self._writing()

    def is_one_of(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """``id IN (SELECT value FROM json_each(?))``."""
        each = sa.func.json_each(sa.bindparam(IDS, type_=sa.Text)).table_valued("value")
        return column.in_(sa.select(each.c.value))

    def ids_parameter(self, ids: Sequence[str]) -> str:
        """A JSON array, escaped: a caller may ask for an id that UTF-8 cannot write, and will not find it."""
        return json.dumps(list(ids))

    def write_rows(
        self, connection: sa.Connection, table: Table, added: list[StoredRow], changed: list[StoredRow]
    ) -> None:
        """Insert or replace, a statement a row: an embedded database has no round trips to save."""
        sql = upsert_sql(insert(table), table, self.engine.dialect)
        connection.exec_driver_sql(sql, [_bound(row) for row in chain(added, changed)])

    def check(self, connection: sa.Connection) -> list[Finding]:
        """SQLite's own check of the file, and its journal mode."""
        # The quick check leaves out whether the indexes say what the tables say; that takes twice as long, not longer.
        said = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        return [
            finding(
                "sqlite_integrity_check",
                said == "ok",
                ("SQLite finds the file in order", "SQLite 检查文件正常"),
                ("SQLite finds the file damaged; restore it from a backup", "SQLite 发现文件损坏,请从备份恢复"),
            ),
            finding(
                "sqlite_journal_mode",
                mode == "wal",
                ("the file is in WAL mode", "文件处于 WAL 模式"),
                ("the file is not in WAL mode; start the service once", "文件不在 WAL 模式,请启动一次服务"),
            ),
        ]


def _bound(row: StoredRow) -> tuple[Any, ...]:
    """A row as the driver binds it: the last column's time as SQLAlchemy's own type for SQLite writes it, in UTC."""
    *values, updated_at = row
    return (*values, updated_at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds"))


def _on_connect(driver: sqlite3.Connection, _record: object) -> None:
    # None leaves transactions to us: the driver's own begin comes too late to keep a reader and a writer apart.
    driver.isolation_level = None
    for pragma in _PRAGMAS:
        driver.execute(f"PRAGMA {pragma}")


def _on_begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _switch_to_wal(driver: sqlite3.Connection) -> None:
    """Set the file's journal mode, which lasts; waits here, because SQLite does not wait for this lock of itself."""
    deadline = monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            if driver.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                return
            driver.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > deadline:
                raise
            sleep(_RETRY_S)
