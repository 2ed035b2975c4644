"""The schema: migrations, what happens when several start at once, and what `check` finds, on both databases."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from catalogue_databases import ROOT, firms, writer

from app.catalogue import Catalogue, UpsertCounts, schema
from app.catalogue.tables import METADATA
from app.domain import Kind
from app.errors import CatalogueProblem

GOLDEN = ROOT / "tests" / "golden" / "catalogue"


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    """A connection past the catalogue; commits at the end."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def failed(catalogue: Catalogue) -> set[str]:
    """The names of what `check` finds wrong."""
    return {finding.name for finding in catalogue.check() if not finding.ok}


def test_catalogue_migrates_an_empty_database_once(fresh_url: str) -> None:
    """A new database gets the whole schema and its parent folder; opened again, it has lost nothing."""
    first = Catalogue.open(fresh_url)
    first.upsert(firms(3))
    first.close()
    second = Catalogue.open(fresh_url)
    assert second.upsert(firms(3)) == UpsertCounts(unchanged=3)
    assert failed(second) == set()
    second.close()


def described(connection: sa.Connection) -> Iterator[str]:
    """A database's tables as lines of text, columns and indexes in the order of their names."""
    look = sa.inspect(connection)
    for table in sorted(look.get_table_names()):
        yield f"{table}"
        for column in sorted(look.get_columns(table), key=lambda column: column["name"]):
            default = (column["default"] or "").partition("::")[0]
            required, default = "" if column["nullable"] else " NOT NULL", f" DEFAULT {default}" if default else ""
            yield f"  {column['name']} {column['type'].compile(connection.dialect)}{required}{default}"
        key = look.get_pk_constraint(table)
        yield f"  PRIMARY KEY {key['name']} ({', '.join(key['constrained_columns'])})"
        for index in sorted(look.get_indexes(table), key=lambda index: str(index["name"])):
            unique = "UNIQUE " if index["unique"] else ""
            yield f"  {unique}INDEX {index['name']} ({', '.join(map(str, index['column_names']))})"
        for check in look.get_check_constraints(table):
            yield f"  CHECK {check['name']} ({check['sqltext']})"


def test_catalogue_schema_is_the_one_that_was_released(url: str) -> None:
    """Whoever changes a table sees it here, and writes a new migration: a released one is never edited.

    `PATMATCH_WRITE_GOLDEN=1` writes the files anew.
    """
    with connected(url) as connection:
        text = "\n".join(described(connection)) + "\n"
        golden = GOLDEN / f"schema_{connection.dialect.name}.txt"
    if os.environ.get("PATMATCH_WRITE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_catalogue_migrations_make_the_tables_that_the_code_names(url: str) -> None:
    """What migrations build and what `tables.py` describes are one: Alembic would generate no further step."""
    with connected(url) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_catalogue_migrations_go_down_and_up_again(fresh_url: str) -> None:
    """A release can be taken back: every step has its reverse."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    Catalogue.open(fresh_url).close()
    with connected(fresh_url) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    opened = Catalogue.open(fresh_url)
    assert opened.upsert(firms(1)) == UpsertCounts(added=1)
    opened.close()


def test_catalogue_knows_its_newest_migration() -> None:
    """The number that lets a start do without Alembic is the one that Alembic would find."""
    assert ScriptDirectory(str(schema.MIGRATIONS)).get_heads() == [schema.HEAD]


def known(connection: sa.Connection) -> set[str | None]:
    """The names of tables and their indexes."""
    look = sa.inspect(connection)
    tables = look.get_table_names()
    return {*tables, *(index["name"] for table in tables for index in look.get_indexes(table))}


def test_catalogue_of_the_first_version_gets_what_it_lacks(fresh_url: str) -> None:
    """A home of an earlier build is brought up to date by being opened; its records stay."""
    opened = Catalogue.open(fresh_url)
    opened.upsert(firms(3))
    opened.close()
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with connected(fresh_url) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "v0001")
        before = known(connection)
    opened = Catalogue.open(fresh_url)
    assert opened.count(Kind.FIRMS) == 3
    opened.close()
    with connected(fresh_url) as connection:
        after = known(connection)
        assert schema.current(connection) == schema.HEAD
    assert after - before == {
        "ix_patents_application_number", "ix_firms_name", "loads", "load_ranges", "load_former", "ix_load_ranges_load",
    }  # fmt: skip


def test_catalogue_starts_without_alembic_when_up_to_date(url: str) -> None:
    """A service whose catalogue is up to date does not spend its start on loading the migrations."""
    code = f"import sys; from app.catalogue import Catalogue; Catalogue.open({url!r}); print('alembic' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_catalogue_is_made_once_when_several_start_at_the_same_moment(fresh_url: str) -> None:
    """Workers that start together on a new database all get a working catalogue."""
    workers = [writer(fresh_url, "open") for _ in range(3)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    assert [worker.communicate()[0] for worker in workers] == ["0\n"] * 3
    assert [worker.returncode for worker in workers] == [0] * 3


@pytest.mark.parametrize(
    ("version", "said", "said_zh"),
    [("v9999", "newer release of patmatch; install", "请安装该版本"), ("0009", "`patmatch ingest`", "重新导入")],
)
def test_catalogue_of_another_layout_is_refused(url: str, version: str, said: str, said_zh: str) -> None:
    """A schema of a newer release, or of before the first, is left as it is; the message says what to do."""
    with connected(url) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    try:
        with pytest.raises(CatalogueProblem, match=said) as caught:
            Catalogue.open(url)
        assert caught.value.error_code == "catalogue_schema"
        assert said_zh in caught.value.message_zh
        with connected(url) as connection:
            assert schema.current(connection) == version
    finally:
        with connected(url) as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :head"), {"head": schema.HEAD})


def test_catalogue_check_sees_a_schema_that_moved_on(catalogue: Catalogue, url: str) -> None:
    """A newer release may migrate while an older one runs: `doctor` says so, and reads no rows."""
    with connected(url) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v9999'")
    try:
        (found,) = (finding for finding in catalogue.check() if not finding.ok)
        assert (found.name, "newer release" in found.message) == ("catalogue_schema", True)
    finally:
        with connected(url) as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :head"), {"head": schema.HEAD})


def test_catalogue_check_sees_rows_ahead_of_the_counter(catalogue: Catalogue, url: str) -> None:
    """A counter that a restore put back would number changes twice: `doctor` must say so."""
    catalogue.upsert(firms(5))
    assert failed(catalogue) == set()
    with connected(url) as connection:
        connection.exec_driver_sql("UPDATE catalogue_revision SET value = 3")
    assert failed(catalogue) == {"catalogue_revisions"}


def test_catalogue_check_names_rows_that_are_not_as_they_were_written(catalogue: Catalogue, url: str) -> None:
    """SQLite keeps no checksums: one changed letter is found by the row's digest; one that cannot be read is named."""
    catalogue.upsert(firms(4500))
    catalogue.delete(Kind.FIRMS, ["F000003"])
    assert failed(catalogue) == set()
    with connected(url) as connection:
        connection.exec_driver_sql("UPDATE firms SET name = 'X' WHERE id = 'F004321'")
        connection.exec_driver_sql("UPDATE firms SET extra = '{oops' WHERE id = 'F000007'")
    (found,) = (finding for finding in catalogue.check() if not finding.ok)
    assert found.name == "catalogue_rows"
    assert "2 records are not as they were written: firms 'F000007', firms 'F004321'" in found.message
    assert "2 条记录" in found.message_zh
    with pytest.raises(CatalogueProblem, match="'F000007' is damaged") as caught:
        catalogue.get(Kind.FIRMS, "F000007")
    assert caught.value.error_code == "catalogue_damaged"
    for number in (7, 4321):
        catalogue.delete(Kind.FIRMS, [f"F{number:06d}"])
        assert catalogue.upsert(firms(1, start=number)).added == 1
    assert failed(catalogue) == set()


def test_catalogue_check_sees_a_damaged_file(tmp_path: Path) -> None:
    """Pages overwritten by something else are found, not served."""
    file = tmp_path / "catalogue.sqlite3"
    first = Catalogue.open(f"sqlite:///{file}")
    first.upsert(firms(2000))
    first.close()
    content = bytearray(file.read_bytes())
    content[len(content) // 2 :] = b"\xa5" * (len(content) - len(content) // 2)
    file.write_bytes(content)
    damaged = Catalogue.open(f"sqlite:///{file}")
    assert failed(damaged) & {"sqlite_integrity_check", "catalogue_readable"}
    with pytest.raises(CatalogueProblem) as caught:
        list(damaged.iterate(Kind.FIRMS))
    assert caught.value.error_code == "catalogue_damaged"
    damaged.close()


def test_catalogue_in_sqlite_is_durable_and_in_wal_mode(tmp_path: Path) -> None:
    """Every connection syncs at each commit: what was acknowledged survives a power cut."""
    opened = Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
    with opened._backend.reading() as one, opened._backend.reading() as other:
        for connection in (one, other):
            asked = [f"PRAGMA {name}" for name in ("journal_mode", "synchronous", "foreign_keys")]
            assert [connection.exec_driver_sql(pragma).scalar_one() for pragma in asked] == ["wal", 2, 1]
    opened.close()
