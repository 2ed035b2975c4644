"""Which database a URL names."""

from __future__ import annotations

import sqlalchemy as sa

from app.catalogue.backend import Backend
from app.catalogue.failures import problem
from app.catalogue.sqlite import SqliteBackend


def backend_of(url: str) -> Backend:
    """The backend that a URL names; nothing is connected yet.

    Raises:
        CatalogueProblem: the URL cannot be read, names another database, or its driver is not installed.
    """
    try:
        parsed = sa.make_url(url)
        dialect = parsed.get_backend_name()
    except (sa.exc.ArgumentError, ValueError):
        # Without the cause: it may quote the URL, and with it a password.
        raise problem("catalogue_url", "the database URL cannot be read", "无法识别数据库 URL") from None
    if dialect == "sqlite":
        return SqliteBackend(parsed)
    if dialect in ("postgresql", "postgres"):
        try:
            from app.catalogue.postgres import PostgresBackend
        except ImportError as error:
            raise problem(
                "catalogue_driver",
                "the PostgreSQL driver is not installed: pip install 'patmatch[postgres]'",
                "未安装 PostgreSQL 驱动:pip install 'patmatch[postgres]'",
            ) from error
        return PostgresBackend(parsed)
    raise problem(
        "catalogue_url",
        f"databases of the kind {dialect!r} are not supported; use sqlite:/// or postgresql://",
        f"不支持 {dialect!r} 数据库,请使用 sqlite:/// 或 postgresql://",
    )
