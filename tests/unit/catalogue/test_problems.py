"""What a database's errors look like to people."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest
from sqlalchemy import exc

from app.catalogue import Catalogue
from app.catalogue.backend import problem_of, translated
from app.errors import CatalogueProblem


def chain(error: BaseException | None) -> str:
    """Everything that a log of the error and its causes would show."""
    words = []
    while error is not None:
        words.append(f"{error!r} {error}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return " ".join(words)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("database is locked", "catalogue_busy"),
        ("database or disk is full", "catalogue_disk_full"),
        ("disk I/O error", "catalogue_disk"),
        ("attempt to write a readonly database", "catalogue_read_only"),
        ("unable to open database file", "catalogue_unreachable"),
        ("file is not a database", "catalogue_damaged"),
        ("database disk image is malformed", "catalogue_damaged"),
        ("no such table: firms", "catalogue_schema"),
        ('connection failed: FATAL:  password authentication failed for user "u"', "catalogue_refused"),
        ('connection failed: FATAL:  database "x" does not exist', "catalogue_unreachable"),
        ("connection failed: FATAL:  sorry, too many clients already", "catalogue_busy"),
        ("server closed the connection unexpectedly", "catalogue_unreachable"),
        ("something that nobody has met", "catalogue"),
    ],
)
def test_catalogue_problem_has_a_code_and_two_languages(said: str, code: str) -> None:
    """Each known error has a code for programs; the driver's own words, which may quote data, are not shown."""
    error = problem_of(exc.OperationalError("SELECT 1", {}, sqlite3.OperationalError(said)))
    assert error.error_code == code
    assert said not in error.message
    assert error.message.startswith("Catalogue: ")
    assert error.message_zh.startswith("目录库:")


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.DatabaseError("x"),
        exc.TimeoutError("x"),
        exc.ResourceClosedError("x"),
        exc.IntegrityError("x", {}, Exception()),
    ],
)
def test_catalogue_translates_every_error_of_the_lower_libraries(error: Exception) -> None:
    """Whatever SQLAlchemy or the driver raises is a `CatalogueProblem`, with its cause for the log."""
    with pytest.raises(CatalogueProblem) as caught, translated():
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cret@127.0.0.1:port/x",
        "mysql://user:s3cret@127.0.0.1/x",
        "s3cret",
        "postgresql://user:s3cret@127.0.0.1:1/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////tmp/x?mode=s3cret",
    ],
)
def test_catalogue_never_shows_a_password(url: str) -> None:
    """A URL that does not work is refused in words of ours; neither they nor their causes hold the password."""
    with pytest.raises(CatalogueProblem) as caught:
        Catalogue.open(url)
    assert "s3cret" not in chain(caught.value) + caught.value.message_zh
    assert caught.value.error_code in ("catalogue_url", "catalogue_unreachable")


def test_catalogue_names_the_extra_that_a_missing_driver_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has PostgreSQL but not its driver reads which command installs it."""
    for name in [name for name in sys.modules if name.split(".")[0] == "psycopg" or name == "app.catalogue.postgres"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(CatalogueProblem, match=r"pip install 'patmatch\[postgres\]'") as caught:
        Catalogue.open("postgresql://127.0.0.1/x")
    assert "patmatch[postgres]" in caught.value.message_zh


def test_catalogue_says_that_a_file_is_no_database(tmp_path: Path) -> None:
    """A spreadsheet given as a database is told apart from a database that is damaged or absent."""
    file = tmp_path / "firms.csv"
    file.write_text("id,name\n" * 1000)
    with pytest.raises(CatalogueProblem) as caught:
        Catalogue.open(f"sqlite:///{file}")
    assert caught.value.error_code == "catalogue_damaged"
    assert file.read_text().startswith("id,name")


def test_catalogue_says_that_its_folder_cannot_be_made(tmp_path: Path) -> None:
    """A home that is a file is reported as what it is, without the path."""
    (tmp_path / "home").write_text("")
    with pytest.raises(CatalogueProblem) as caught:
        Catalogue.open(f"sqlite:///{tmp_path / 'home' / 'var' / 'catalogue.sqlite3'}")
    assert caught.value.error_code == "catalogue_read_only"
    assert str(tmp_path) not in caught.value.message
