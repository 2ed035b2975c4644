"""What stands in a column of ids: several numbers, placeholders, a count of the rows."""

from __future__ import annotations

from typing import Any

import pytest

from app.ingest.fields.numbers import is_counter, is_placeholder, numbers_of_cell


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("CN109999902A \nUS2020999902A1", ("CN109999902A", 0, 2)),
        ("US2020999902A1;CN109999902A", ("CN109999902A", 1, 2)),
        ("US 11,999,901 B2; CN109999902A", ("CN109999902A", 1, 2)),
        ("CN109999902-A; WO2020123456-A1", ("CN109999902A", 0, 2)),
        ("ZL201910123499.7、ZL201910123500.6", ("CN201910123499.7", 0, 2)),
        ("WO2019/199901 / CN109999902A", ("CN109999902A", 1, 2)),
        ("CN109999907B 已授权", ("CN109999907B", 0, 1)),
        ("ACH-CN109999907B", None),
        ("成果 1", None),
    ],
)
def test_ingest_numbers_of_a_cell_are_never_glued(cell: str, found: tuple[str, int, int] | None) -> None:
    """The first Chinese publication counts, else the first; an id of another form that holds a number stays."""
    assert numbers_of_cell(cell) == found


@pytest.mark.parametrize(
    "cell",
    ["申请中", "待核实", "待定", "暂无", "办理中", "受理中", "未公开", "N/A", "无", "—", "已申请（待批）", "正在申请",
     "专利申请中", "实质审查中", "暂未取得", "无专利", "pending", "TBD", "Patent pending", "/", "0", "保密",
     "申请中。", "ZL", "CN"],
)  # fmt: skip
def test_ingest_numbers_placeholders_are_none(cell: str) -> None:
    """Words that say that there is no number yet."""
    assert is_placeholder(cell)


@pytest.mark.parametrize("cell", ["CN109999907B", "成果甲", "无锡云杉", "不锈钢管", "未来科技", "A-1", "F1", "甲", "1"])
def test_ingest_numbers_ids_are_no_placeholders(cell: str) -> None:
    """A short name that begins as a placeholder does is an id."""
    assert not is_placeholder(cell)


@pytest.mark.parametrize(
    "values",
    [[1, 2, 3], ["1.0", "2.0"], ["101", "102", "103"], [1], ["001", "002"], [3, 2, 1], [1, 2, 3, 1, 2, 3],
     [1, None, 2, "", 3], [1, 2, 4, 5, 6, 7, 8], ["1、", "2、"], [0, 1, 2], ["１", "２"]],
)  # fmt: skip
def test_ingest_numbers_a_count_of_rows_is_known(values: list[Any]) -> None:
    """From any start, up or down, over empty cells, anew in each section."""
    assert is_counter(values)


@pytest.mark.parametrize(
    "values",
    [["CN1"], [1, 5, 9], [17, 35, 2], ["F1", "F2"], ["102932380", "102932381"], ["310000400000001"], [], [True, True],
     ["7"], [1, 1, 1], [1.5, 2.5]],
)  # fmt: skip
def test_ingest_numbers_ids_are_no_count(values: list[Any]) -> None:
    """Numbers of registries may follow one another, and a bank's own may rise."""
    assert not is_counter(values)
