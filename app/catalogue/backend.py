"""The database: what all statements are run with, what differs between SQLite and PostgreSQL, and their errors."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import sqlalchemy as sa

from app.catalogue.tables import ARRIVED, Table
from app.errors import CatalogueProblem

IDS = "ids"
"""The parameter that hands a statement its ids."""

IDS_AT_ONCE = 10_000
"""Ids in one execution: bounds the parameter's size without costing round trips for the batches that callers use."""

_CONNECTIONS, _MORE_CONNECTIONS = 8, 56
"""Stay open, and opened for a moment: more than a server's worker threads, so that a thread waits for the disk and not
for a connection."""

AnyRow = sa.Row[*tuple[Any, ...]]
"""A row of any columns."""

StoredRow = list[Any]
"""The values of all columns of a table, in their order and as `RowCodec.encode` writes them; the time is aware."""

_KNOWN: dict[str, tuple[tuple[str, ...], ...]] = {
    "catalogue_busy": (
        ("another process has been writing for too long; try again", "其他进程写入时间过长,请稍后重试", "locked"),
        ("the server has too many connections", "服务器连接数已满", "too many clients"),
        ("too many callers at once; try again", "同时访问过多,请稍后重试", "queuepool limit"),
    ),
    "catalogue_disk_full": (
        ("the disk is full", "磁盘已满", "database or disk is full", "no space left", "could not extend file"),
    ),
    "catalogue_disk": (
        # SQLite's word also for a full disk, where it cannot make the file that its readers share
        (
            "the disk is full or fails; make room, then look at its state",
            "磁盘已满或发生故障,请先释放空间,再检查磁盘状态",
            "disk i/o error",
        ),
    ),
    "catalogue_read_only": (
        ("the database file or its folder cannot be written", "数据库文件或其文件夹不可写", "readonly"),
        ("the database accepts no changes", "数据库不接受写入", "read-only"),
    ),
    "catalogue_damaged": (
        ("the file is no SQLite database", "该文件不是 SQLite 数据库", "not a database"),
        ("the database file is damaged; restore it from a backup", "数据库文件已损坏,请从备份恢复", "malformed"),
    ),
    "catalogue_schema": (
        (
            "a table is missing; the schema is not up to date",
            "缺少数据表,数据库结构不是最新版本",
            "no such table",
            "undefinedtable",
        ),
        (
            "a column is missing; the schema is not up to date",
            "缺少字段,数据库结构不是最新版本",
            "no such column",
            "undefinedcolumn",
        ),
    ),
    "catalogue_refused": (
        ("the database refused the user name or the password", "数据库拒绝了用户名或密码", "authentication failed"),
        ("the database asks for a password", "数据库要求提供密码", "no password supplied"),
        ("the database user may not do this", "数据库用户没有所需权限", "permission denied", "insufficientprivilege"),
    ),
    "catalogue_unreachable": (
        ("the database file cannot be opened", "无法打开数据库文件", "unable to open"),
        ("the server has no such database or user", "服务器上没有该数据库或用户", "does not exist"),
        ("the database server cannot be reached", "无法连接数据库服务器", "connection"),
        ("the database server's name cannot be resolved", "无法解析数据库服务器的名称", "resolve host"),
    ),
}
"""Code -> what an error is called, in English and Chinese, then how the drivers word it; the first that fits counts."""


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


def problem(code: str, english: str, chinese: str) -> CatalogueProblem:
    """A problem that names the catalogue in both languages."""
    return CatalogueProblem(f"Catalogue: {english}.", f"目录库:{chinese}。", code=code)


def damaged_record(record_id: object) -> CatalogueProblem:
    """The problem of a row that is not as it was written."""
    shown = ascii(record_id)[:60]
    return problem(
        "catalogue_damaged",
        f"the record {shown} is damaged; delete it and load it again, or restore a backup",
        f"记录 {shown} 已损坏,请删除后重新导入,或从备份恢复",
    )


def problem_of(error: Exception) -> CatalogueProblem:
    """The problem that a database's error stands for. The driver's own words stay in the cause, for the log."""
    origin = getattr(error, "orig", None) or error
    said = f"{type(origin).__name__} {origin}".lower()
    for code, rows in _KNOWN.items():
        for english, chinese, *words in rows:
            if any(word in said for word in words):
                return problem(code, english, chinese)
    name = type(origin).__name__
    return problem(
        "catalogue", f"the database reported an error ({name}); the log has its words", f"数据库报错({name}),详见日志"
    )


@contextmanager
def translated() -> Iterator[None]:
    """Raise `CatalogueProblem` for whatever the database raises inside, also for a value that cannot be read."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        raise problem_of(error) from error
    except ValueError as error:
        raise problem(
            "catalogue_damaged",
            "a stored value cannot be read; `patmatch doctor` names the record",
            "有存储值无法读取,请运行 `patmatch doctor` 查看是哪条记录",
        ) from error


class Backend(ABC):
    """One database. Safe to call from many threads. Whatever the database raises is a `CatalogueProblem`.

    Args:
        url: of the database.
        connect_args: for the driver.
    """

    name: ClassVar[str]

    def __init__(self, url: sa.URL, connect_args: Mapping[str, Any]) -> None:
        self.engine = sa.create_engine(
            url,
            connect_args=dict(connect_args),
            pool_size=_CONNECTIONS,
            max_overflow=_MORE_CONNECTIONS,
            pool_pre_ping=url.get_backend_name() != "sqlite",  # a file does not hang up
            hide_parameters=True,
        )

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read with; nobody waits for it."""
        with translated(), self._reading() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that waits its turn to write; commits at the end, rolls back on an error."""
        with translated(), self._writing() as connection:
            yield connection

    def read(self, asked: sa.Select[Any], parameters: Mapping[str, Any] | None = None) -> Sequence[AnyRow]:
        """All rows of a statement, in a short transaction of its own."""
        with self.reading() as connection:
            return connection.execute(asked, parameters).all()

    def value(self, asked: sa.Select[Any], parameters: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        """The only value of a statement's first row; ``None`` where there is no row."""
        with self.reading() as connection:
            return connection.execute(asked, parameters).scalar()

    def pages(
        self, asked: sa.Select[Any], key: sa.Column[Any], size: int, *, after: str | int | None = None
    ) -> Iterator[Sequence[AnyRow]]:
        """All rows of a statement in the order of a unique column that it selects, a page at a time.

        Each page is a short transaction of its own: memory stays flat and no writer waits.

        Args:
            asked: the statement, without order and limit.
            key: the column.
            size: rows of a page; the last may have fewer.
            after: begin behind this value of the column.
        """
        page = asked.order_by(key).limit(size)
        full = True
        while full:
            rows = self.read(page if after is None else page.where(key > after))
            if rows:
                yield rows
                after = rows[-1]._mapping[key]
            full = len(rows) == size

    def rows_of(self, connection: sa.Connection, asked: sa.Select[Any], ids: Sequence[str]) -> Iterator[AnyRow]:
        """The rows of a statement with `IDS` for these ids, some thousands of them in one execution."""
        for start in range(0, len(ids), IDS_AT_ONCE):
            yield from connection.execute(asked, {IDS: self.ids_parameter(ids[start : start + IDS_AT_ONCE])})

    def for_ids(self, connection: sa.Connection, done: sa.Delete, ids: Sequence[str]) -> None:
        """Run a deletion with `IDS` for these ids."""
        for start in range(0, len(ids), IDS_AT_ONCE):
            connection.execute(done, {IDS: self.ids_parameter(ids[start : start + IDS_AT_ONCE])})

    def read_of(
        self, asked: sa.Select[Any], column: sa.ColumnElement[str], ids: Sequence[str] | None
    ) -> Iterator[AnyRow]:
        """The rows of a statement whose column is one of these ids; all rows where no ids are named."""
        with self.reading() as connection:
            if ids is None:
                yield from connection.execute(asked)
            else:
                yield from self.rows_of(connection, asked.where(self.is_one_of(column)), ids)

    @abstractmethod
    def prepare(self) -> None:
        """Make what must stand before the schema: the folder, the file and its journal mode."""

    @abstractmethod
    def migrating(self) -> AbstractContextManager[sa.Connection]:
        """A transaction in which no other process migrates; commits at the end."""

    @abstractmethod
    def is_one_of(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """Whether a column is one of the ids of the parameter `IDS`: one statement for every number of ids."""

    @abstractmethod
    def ids_parameter(self, ids: Sequence[str]) -> Any:  # noqa: ANN401 - as the driver takes it
        """The value of the parameter `IDS`."""

    @abstractmethod
    def write_rows(
        self, connection: sa.Connection, table: Table, added: list[StoredRow], changed: list[StoredRow]
    ) -> None:
        """Insert rows whose ids are not in the table, and replace those that are."""

    @abstractmethod
    def check(self, connection: sa.Connection) -> list[Finding]:
        """What this database can say about its own state."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[sa.Connection]: ...

    @abstractmethod
    def _writing(self) -> AbstractContextManager[sa.Connection]: ...


def upsert_sql(insert: Any, table: Table, dialect: sa.Dialect) -> str:  # noqa: ANN401
    """``INSERT ... ON CONFLICT (id) DO UPDATE`` of all columns, with parameters by position.

    For the driver as it is: to bind the values of every row by name would cost more than to store them. A record's
    arrival stays what it is, unless it had been deleted.

    Args:
        insert: the dialect's insert into the table.
        table: where the rows go.
        dialect: of the database, with a parameter style by position.
    """
    replaced = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
    replaced[ARRIVED] = sa.case((table.c.deleted, insert.excluded[ARRIVED]), else_=table.c[ARRIVED])
    return str(insert.on_conflict_do_update(index_elements=[table.c.id], set_=replaced).compile(dialect=dialect))
