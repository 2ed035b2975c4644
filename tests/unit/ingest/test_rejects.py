"""The rejects file and the mapping file: what people read and write around an import."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from app.errors import InputError
from app.ingest import Problem, RejectsFile, RowOutcome, load_mapping
from app.ingest.rejects import COLUMNS


def _problem(value: str = "", field: str | None = "id") -> Problem:
    return Problem(field, value, "missing_id", "the row has no id", "该行缺少编号", "fill in the id", "请补填编号")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_ingest_rejects_are_written_for_people(tmp_path: Path) -> None:
    """One line a problem, with place, value, reason and fix in both languages, and the row as JSON."""
    path = tmp_path / "rejects" / "a.csv"
    outcome = RowOutcome(7, None, (_problem("甲,\n乙"),), (_problem(field=None),), {"编号": "", "名称": "甲"})
    with RejectsFile(path) as rejects:
        rejects.add("企业.csv", outcome)
        assert not path.exists()
    first, second = _rows(path)
    assert list(first) == list(COLUMNS)
    assert (first["severity"], first["file"], first["row"], first["field"], first["value"]) == (
        "rejected",
        "企业.csv",
        "7",
        "id",
        "甲,\n乙",
    )
    assert (first["reason_zh"], first["fix_en"]) == ("该行缺少编号", "fill in the id")
    assert json.loads(first["record"]) == {"编号": "", "名称": "甲"}
    assert (second["severity"], second["field"]) == ("warning", "")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert (rejects.path, rejects.rejected, rejects.warned) == (path, 1, 0)
    assert list(path.parent.iterdir()) == [path]


def test_ingest_rejects_without_problems_leave_no_file(tmp_path: Path) -> None:
    """A clean import leaves nothing behind, not even a folder."""
    with RejectsFile(tmp_path / "rejects" / "a.csv") as rejects:
        rejects.add("a.csv", RowOutcome(2, None, (), (), {}))
    assert rejects.path is None
    assert list(tmp_path.iterdir()) == []


def test_ingest_rejects_outlive_an_error(tmp_path: Path) -> None:
    """What was rejected before a later file failed is still told."""
    path = tmp_path / "a.csv"

    def fail() -> None:
        with RejectsFile(path) as rejects:
            rejects.add("a.csv", RowOutcome(2, None, (_problem(),), (), {}))
            raise InputError("b.csv: damaged", "b.csv：已损坏")

    with pytest.raises(InputError):
        fail()
    assert len(_rows(path)) == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_ingest_rejects_are_no_formulas(tmp_path: Path, start: str) -> None:
    """A value made to run as a formula in a spreadsheet program is shown as text."""
    path = tmp_path / "a.csv"
    with RejectsFile(path) as rejects:
        rejects.add(f"{start}x.csv", RowOutcome(2, None, (_problem(f"{start}HYPERLINK(1)"),), (), {}))
    (row,) = _rows(path)
    assert row["value"].startswith("'")
    assert row["file"].startswith("'")


def test_ingest_rejects_stand_odd_values(tmp_path: Path) -> None:
    """Half characters, bytes, NaN and very long values do not stop the writing."""
    path = tmp_path / "a.csv"
    raw = {"a": "\ud800", "b": float("nan"), "c": "x" * 100_000, "d": b"\xff", "e": [1, {"f": None}]}
    with RejectsFile(path) as rejects:
        rejects.add("a.csv", RowOutcome(2, None, (_problem("\ud800"),), (), raw))
    record = json.loads(_rows(path)[0]["record"])
    assert (record["a"], record["b"], len(record["c"]), record["e"]) == ("\ufffd", None, 2_000, [1, {"f": None}])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.json", '{"成果名": "title", "k": "ignore"}'),
        ("m.toml", '"成果名" = "title"\nk = "ignore"\n'),
        ("m.json", '\ufeff{"成果名": "title", "k": "ignore"}'),
    ],
)
def test_ingest_rejects_mapping_is_read(tmp_path: Path, name: str, content: str) -> None:
    """JSON, also with a byte order mark, and TOML."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert load_mapping(tmp_path / name) == {"成果名": "title", "k": "ignore"}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ('{"成果名": "titel"}', "'titel'"),
        ('{"成果名": 1}', "their header"),
        ('["title"]', "their header"),
        ('{"成果名": ', "neither JSON nor TOML"),
        (None, "cannot be read"),
    ],
)
def test_ingest_rejects_mapping_that_cannot_be_used(tmp_path: Path, content: str | None, part: str) -> None:
    """The message says what is wrong, and for a wrong field which fields there are."""
    path = tmp_path / "m.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_mapping(path)
    assert part in caught.value.message
    assert "m.json" in caught.value.message_zh
    assert str(tmp_path) not in caught.value.message
    if part == "'titel'":
        assert "business_scope" in caught.value.message
