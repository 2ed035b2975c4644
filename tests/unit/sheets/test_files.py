"""Tables as CSV and JSON Lines: the keys and codes that machines read."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.errors import InputError
from app.sheets import LEVELS, About, Column, Words, whole, write_table

NAME = Words("清单", "List")
ABOUT = About(title=NAME)
COLUMNS = (
    Column(key="id", header=Words("编号", "Id")),
    Column(key="holders", header=Words("权利人", "Holders")),
    Column(key="filed_on", header=Words("申请日", "Filed on"), kind="date"),
    Column(key="level", header=Words("推荐级别", "Level"), kind="word", words=LEVELS),
)
ROWS: list[dict[str, Any]] = [
    {"id": "=1+1", "holders": ("甲", "乙"), "filed_on": date(2013, 3, 27), "level": "strong"},
    {"id": "CN1A", "holders": ()},
]


def test_files_csv_has_keys_and_codes_and_no_formula(tmp_path: Path) -> None:
    """It begins with the mark that lets Excel read Chinese."""
    out = tmp_path / "x.csv"
    assert write_table(out, NAME, COLUMNS, ROWS, ABOUT) == 2
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["id", "holders", "filed_on", "level"], ["'=1+1", "甲;乙", "2013-03-27", "strong"], ["CN1A", "", "", ""],
        ]  # fmt: skip


def test_files_json_lines_leave_out_what_is_empty(tmp_path: Path) -> None:
    """Lists stay lists, and nothing is quoted."""
    out = tmp_path / "x.jsonl"
    write_table(out, NAME, COLUMNS, ROWS, ABOUT)
    assert [json.loads(line) for line in out.read_text(encoding="utf8").splitlines()] == [
        {"id": "=1+1", "holders": ["甲", "乙"], "filed_on": "2013-03-27", "level": "strong"}, {"id": "CN1A"},
    ]  # fmt: skip


def test_files_say_which_endings_there_are(tmp_path: Path) -> None:
    """Another ending is refused before anything is written."""
    with pytest.raises(InputError, match=r"\.xlsx, \.csv, \.jsonl"):
        write_table(tmp_path / "x.xls", NAME, COLUMNS, ROWS, ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_files_are_whole_or_not_there(tmp_path: Path) -> None:
    """What an error interrupts leaves nothing."""

    def interrupted() -> None:
        with whole(tmp_path / "x.csv") as beside:
            beside.write_text("half", encoding="utf8")
            raise RuntimeError("gone")

    with pytest.raises(RuntimeError, match="gone"):
        interrupted()
    assert list(tmp_path.iterdir()) == []
