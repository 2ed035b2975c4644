"""What the catalogue's tests write, and where: records, other processes, and PostgreSQL schemas of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.catalogue import PushList
from app.domain import Firm

SERVER = os.environ.get("PATMATCH_TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
ROOT = Path(__file__).resolve().parents[3]
WRITER = Path(__file__).with_name("catalogue_writer.py")


def firms(count: int, *, start: int = 0, scope: str = "锂离子电池电解液的研发") -> list[Firm]:
    """Firms with ids that count up, so that their order is known."""
    return [
        Firm(
            id=f"F{number:06d}",
            lang="zh",
            region="620102",
            industry=("C3841",),
            status="active",
            name=f"兰州第{number}新材料有限公司",
            business_scope=scope,
            filed_on=date(1998, 5, 17),
            extra={"资本": "100万"},
        )
        for number in range(start, start + count)
    ]


def writer(url: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process that writes to a catalogue; `catalogue_writer.py` says what it does."""
    return subprocess.Popen(
        [sys.executable, str(WRITER), url, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


@contextmanager
def postgres_schema() -> Iterator[str]:
    """The URL of a new schema in the test server's database, gone at the end."""
    url = sa.make_url(SERVER).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, connect_args={"connect_timeout": 3}, isolation_level="AUTOCOMMIT")
    name = f"catalogue_test_{uuid4().hex[:12]}"
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    except (sa.exc.OperationalError, ImportError) as error:
        pytest.skip(f"no PostgreSQL at {url.host}:{url.port} (PATMATCH_TEST_POSTGRES_URL): {type(error).__name__}")
    try:
        yield url.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
        engine.dispose()


def firm_list(firm: str, *patents: str, arm: str = "a") -> PushList:
    """A firm's list."""
    count = len(patents)
    return PushList(
        firm_id=firm,
        arm=arm,
        patent_ids=list(patents),
        scores=[0.5 - place / 100 for place in range(count)],
        levels=["weak"] * count,
        reasons=["电解液 添加剂"] * count,
        need_ids=[None] * count,
        firm_ranks=list(range(1, count + 1)),
        placed=["choice"] * count,
        patent_revisions=[7] * count,
    )
