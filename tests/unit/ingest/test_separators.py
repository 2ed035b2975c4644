"""What separates the cells of a text: told by the headers, and rarer marks by an even number of cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain import Kind, Patent
from app.errors import InputError
from app.ingest import read_records

LINES = [["公开号", "专利名称", "摘要"], ["CN101A", "一种电池", "用于汽车"], ["CN102A", "一种电机", "用于水泵"]]


def _patents(path: Path) -> list[Patent]:
    return [outcome.record for outcome in read_records(path, Kind.PATENTS) if isinstance(outcome.record, Patent)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "，", "；"])
@pytest.mark.parametrize("title", ["", "专利清单\n"])
def test_separators_are_told(tmp_path: Path, separator: str, title: str) -> None:
    """A title above the table has no separators."""
    path = tmp_path / "a.csv"
    path.write_text(title + "".join(separator.join(line) + "\n" for line in LINES), encoding="utf-8")
    assert [(one.id, one.title, one.abstract) for one in _patents(path)] == [tuple(line) for line in LINES[1:]]


def test_separators_of_full_width_are_text_in_a_table_with_others(tmp_path: Path) -> None:
    """A Chinese comma in a text separates nothing."""
    path = tmp_path / "a.csv"
    path.write_text("公开号,专利名称\nCN101A,一种电池，及其制备方法\nCN102A,阀|泵\n", encoding="utf-8")
    assert [one.title for one in _patents(path)] == ["一种电池,及其制备方法", "阀|泵"]


@pytest.mark.parametrize("separator", ["|", "，", "；"])
def test_separators_that_texts_have_too_are_refused_with_advice(tmp_path: Path, separator: str) -> None:
    """Nobody can tell which of them end a cell."""
    path = tmp_path / "a.csv"
    lines = [separator.join(line) for line in LINES]
    path.write_text("\n".join([*lines, separator.join(["CN103A", "阀门", "用于水", "和气"])]), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_records(path, Kind.PATENTS)
    assert caught.value.error_code == "no_header"
    assert separator in caught.value.message
    assert "加引号" in caught.value.message_zh
