"""What `Catalogue.check` looks at, for ``patmatch doctor``."""

from __future__ import annotations

import sqlalchemy as sa

from app.catalogue import schema
from app.catalogue.backend import Backend, Finding, finding
from app.catalogue.failures import translated
from app.catalogue.statements import READ_COUNTER
from app.catalogue.tables import TABLES
from app.errors import CatalogueProblem


def check(backend: Backend) -> list[Finding]:
    """Look at the database itself, at its schema and, where that is up to date, at the counter of changes."""
    found: list[Finding] = []
    try:
        with translated(), backend.reading() as connection:
            found += backend.check(connection)
            up_to_date = _schema(connection)
            found.append(up_to_date)
            if up_to_date.ok:
                found.append(_revisions(connection))
    except CatalogueProblem as error:
        found.append(Finding("catalogue_readable", False, error.message, error.message_zh))
    return found


def _schema(connection: sa.Connection) -> Finding:
    stands = schema.current(connection)
    return finding(
        "catalogue_schema",
        stands == schema.HEAD,
        (f"the schema is up to date ({schema.HEAD})", f"数据库结构为最新版本({schema.HEAD})"),
        (
            f"the schema is {stands or 'missing'}, not {schema.HEAD}; `patmatch serve` migrates it at its start",
            f"数据库结构为 {stands or '空'},不是 {schema.HEAD};运行 `patmatch serve` 时会自动迁移",
        ),
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
