"""SQLite in WAL mode: the embedded default.

Readers never wait, for WAL gives each its own snapshot. Writers queue: threads of this process on a lock, processes on
``BEGIN IMMEDIATE`` with a long busy timeout, so that none fails half-way for having read before it wrote.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.catalogue.backend import Finding, upsert_statement
from app.catalogue.failures import problem
from app.catalogue.tables import Table

BUSY_TIMEOUT_S = 120.0
"""How long a writer waits for another process. A transaction takes well under a second; SQLite's waiting is not fair,
so that one of many writers can lose its turn for a while."""

_CONNECTIONS, _MORE_CONNECTIONS = 8, 56
"""Kept open, and opened for a moment: more than a server's worker threads, so that a thread waits for the disk and not
for a connection."""

_PRAGMAS = {
    "foreign_keys": "ON",
    # FULL syncs the log at each commit: what was acknowledged survives a power cut, not only a killed process.
    "synchronous": "FULL",
    "temp_store": "MEMORY",
    # Negative is KiB. A bulk load touches index pages all over; with the default of 2 MiB it reads them again and
    # again.
    "cache_size": "-32768",
    # Pages. A load of random ids dirties the same pages often; a rarer checkpoint writes each fewer times.
    "wal_autocheckpoint": "8192",
    "journal_size_limit": str(64 * 2**20),
}
_WRITES = "patmatch_writes"


class SqliteBackend:
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
        self.engine = sa.create_engine(
            url,
            connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
            pool_size=_CONNECTIONS,
            max_overflow=_MORE_CONNECTIONS,
            hide_parameters=True,
        )
        sa.event.listen(self.engine, "connect", _on_connect)
        sa.event.listen(self.engine, "begin", _on_begin)

    def exists(self) -> bool:
        """Whether the file is there."""
        return self._path.is_file()

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
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that holds SQLite's write lock from its begin."""
        with self._turn, self.engine.connect() as connection:
            connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    migrating = writing

    def id_in(self, column: sa.ColumnElement[str], ids: Sequence[str]) -> sa.ColumnElement[bool]:
        """``id IN (SELECT value FROM json_each(?))``."""
        each = sa.func.json_each(json.dumps(list(ids), ensure_ascii=False)).table_valued("value", joins_implicitly=True)
        return column.in_(sa.select(each.c.value))

    def write_rows(
        self, connection: sa.Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert or replace, a statement a row: an embedded database has no round trips to save."""
        statement = upsert_statement(insert(table), table, names)
        connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])

    def size_bytes(self, connection: sa.Connection) -> int:  # noqa: ARG002 - the files tell
        """The file and its log."""
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def check(self, connection: sa.Connection) -> list[Finding]:
        """SQLite's own check of the file."""
        said = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check")]
        if said == ["ok"]:
            return [Finding("sqlite_quick_check", True, "SQLite finds the file in order", "SQLite 检查文件正常")]
        return [
            Finding(
                "sqlite_quick_check",
                False,
                f"SQLite finds the file damaged ({said[0]}); restore it from a backup",
                f"SQLite 发现文件损坏({said[0]}),请从备份恢复",
            )
        ]


def _on_connect(driver: sqlite3.Connection, _record: object) -> None:
    # None leaves transactions to us: the driver's own begin comes too late to keep a reader and a writer apart.
    driver.isolation_level = None
    for name, value in _PRAGMAS.items():
        driver.execute(f"PRAGMA {name} = {value}")


def _on_begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _switch_to_wal(driver: sqlite3.Connection) -> None:
    """Set the file's journal mode, which lasts; waits here, because SQLite does not wait for this lock of itself."""
    deadline = monotonic() + BUSY_TIMEOUT_S
    while driver.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            driver.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > deadline:
                raise
            sleep(0.01)
