"""Errors of the database and its driver as `CatalogueProblem`: what is wrong and what to do, no password, no path."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from app.errors import CatalogueProblem

_KNOWN: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    # parts of the driver's message, the first that is found counts; code, English, Chinese
    (
        ("locked",),
        "catalogue_busy",
        "another process has been writing for too long; try again",
        "其他进程写入时间过长,请稍后重试",
    ),
    (("too many clients",), "catalogue_busy", "the server has too many connections", "服务器连接数已满"),
    (("queuepool limit",), "catalogue_busy", "too many callers at once; try again", "同时访问过多,请稍后重试"),
    (
        ("database or disk is full", "no space left", "could not extend file"),
        "catalogue_disk_full",
        "the disk is full",
        "磁盘已满",
    ),
    (
        ("disk i/o error",),  # SQLite's word also for a full disk, where it cannot make the file that its readers share
        "catalogue_disk",
        "the disk is full or fails; make room, then look at its state",
        "磁盘已满或发生故障,请先释放空间,再检查磁盘状态",
    ),
    (
        ("readonly",),
        "catalogue_read_only",
        "the database file or its folder cannot be written",
        "数据库文件或其文件夹不可写",
    ),
    (("read-only",), "catalogue_read_only", "the database accepts no changes", "数据库不接受写入"),
    (("unable to open",), "catalogue_unreachable", "the database file cannot be opened", "无法打开数据库文件"),
    (("not a database",), "catalogue_damaged", "the file is no SQLite database", "该文件不是 SQLite 数据库"),
    (
        ("malformed",),
        "catalogue_damaged",
        "the database file is damaged; restore it from a backup",
        "数据库文件已损坏,请从备份恢复",
    ),
    (
        ("no such table", "undefinedtable"),
        "catalogue_schema",
        "a table is missing; the schema is not up to date",
        "缺少数据表,数据库结构不是最新版本",
    ),
    (
        ("no such column", "undefinedcolumn"),
        "catalogue_schema",
        "a column is missing; the schema is not up to date",
        "缺少字段,数据库结构不是最新版本",
    ),
    (
        ("authentication failed",),
        "catalogue_refused",
        "the database refused the user name or the password",
        "数据库拒绝了用户名或密码",
    ),
    (("no password supplied",), "catalogue_refused", "the database asks for a password", "数据库要求提供密码"),
    (
        ("permission denied", "insufficientprivilege"),
        "catalogue_refused",
        "the database user may not do this",
        "数据库用户没有所需权限",
    ),
    (
        ("does not exist",),
        "catalogue_unreachable",
        "the server has no such database or user",
        "服务器上没有该数据库或用户",
    ),
    (("connection",), "catalogue_unreachable", "the database server cannot be reached", "无法连接数据库服务器"),
    (
        ("resolve host",),
        "catalogue_unreachable",
        "the database server's name cannot be resolved",
        "无法解析数据库服务器的名称",
    ),
)


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
    for parts, code, english, chinese in _KNOWN:
        if any(part in said for part in parts):
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
    except (exc.SQLAlchemyError, sqlite3.Error) as error:
        raise problem_of(error) from error
    except ValueError as error:
        raise problem(
            "catalogue_damaged",
            "a stored value cannot be read; `patmatch doctor` names the record",
            "有存储值无法读取,请运行 `patmatch doctor` 查看是哪条记录",
        ) from error
