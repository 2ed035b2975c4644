"""What `Catalogue.check` looks at, for ``patmatch doctor``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from app.catalogue import schema
from app.catalogue.backend import Backend, Finding, finding
from app.catalogue.rows import CODECS
from app.catalogue.statements import READ_COUNTER
from app.catalogue.tables import TABLES
from app.domain import Kind
from app.errors import CatalogueProblem

_ROWS_AT_ONCE = 2000
_SHOWN = 5
"""Damaged records that are named; there is no end to how many there may be."""


def check(backend: Backend) -> list[Finding]:
    """Look at the database itself, its schema and, where that is up to date, the counter of changes and every row."""
    found: list[Finding] = []
    try:
        with backend.reading() as connection:
            found += backend.check(connection)
            up_to_date = _schema(connection)
            found.append(up_to_date)
            if up_to_date.ok:
                found.append(_revisions(connection))
                found.append(_rows(connection))
    except CatalogueProblem as error:
        found.append(Finding("catalogue_readable", False, error.message, error.message_zh))
    return found


def _schema(connection: sa.Connection) -> Finding:
    stands = schema.current(connection) or "missing"
    wrong = schema.unknown(stands)
    return finding(
        "catalogue_schema",
        stands == schema.HEAD,
        (f"the schema is up to date ({schema.HEAD})", f"数据库结构为最新版本({schema.HEAD})"),
        (wrong.message, wrong.message_zh),
    )


def _revisions(connection: sa.Connection) -> Finding:
    """No row may be ahead of the counter: its numbers would be given again, and a reader of the log would miss one."""
    counter: int = connection.execute(READ_COUNTER).scalar_one()
    newest = [connection.execute(sa.select(sa.func.max(table.c.revision))).scalar_one() for table in TABLES.values()]
    return finding(
        "catalogue_revisions",
        all(revision is None or revision <= counter for revision in newest),
        (f"the last change is number {counter}", f"最近一次变更编号为 {counter}"),
        ("rows are ahead of the counter of changes; restore a backup", "数据行的变更编号超前于计数器,请从备份恢复"),
    )


def _rows(connection: sa.Connection) -> Finding:
    """Every row must still be what was written: SQLite keeps no checksums, but each row has its digest."""
    damaged = list(_damaged(connection))
    shown = ", ".join(damaged[:_SHOWN]) + (", ..." if len(damaged) > _SHOWN else "")
    return finding(
        "catalogue_rows",
        not damaged,
        ("every record is as it was written", "所有记录均与写入时一致"),
        (
            f"{len(damaged)} records are not as they were written: {shown}; "
            "delete them and load them again, or restore a backup",
            f"{len(damaged)} 条记录与写入时不一致:{shown};请删除后重新导入,或从备份恢复",
        ),
    )


def _damaged(connection: sa.Connection) -> Iterator[str]:
    """Kind and id of the rows whose digest is another."""
    for kind, codec in CODECS.items():
        for row in _stored(connection, kind):
            if codec.digest(row[:-1]) != row[-1]:
                yield f"{kind} {ascii(row[0])[:60]}"


def _stored(connection: sa.Connection, kind: Kind) -> Iterator[Sequence[Any]]:
    """Every row, deleted ones included, with its digest; dates as texts, since one that is damaged is none."""
    table = TABLES[kind]
    columns = [table.c[name] for name in CODECS[kind].names]
    plain = [sa.cast(column, sa.Text) if isinstance(column.type, sa.Date) else column for column in columns]
    asked = sa.select(*plain, table.c.content_hash).order_by(table.c.id).limit(_ROWS_AT_ONCE)
    rows = connection.execute(asked).all()
    while rows:
        yield from rows
        after = rows[-1][0]
        rows = connection.execute(asked.where(table.c.id > after)).all()
        if rows and rows[-1][0] <= after:  # the order itself is damaged: the walk would not end
            return
