"""Rows that are no records, and records that only look like them."""

from __future__ import annotations

from typing import Any

import pytest

from app.ingest.tables.leftovers import EXAMPLE, NOTE, SECTION, TOTAL, UNIT, Leftovers

HEADERS = ("需求名称", "需求内容", "企业名称", "预算", "联系人")


def _kind(*cells: Any, spread: bool = False, below: bool = False) -> str | None:
    table = Leftovers(HEADERS, frozenset((0, 1, 2)))
    table.near = 3 if below else 0
    return table.kind([*cells, *[""] * (5 - len(cells))], spread=spread)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("一、新材料领域", SECTION), ("（一）新能源", SECTION), ("(2) 装备", SECTION), ("第二部分 生物医药", SECTION),
        ("II. Chemistry", SECTION), ("★电子信息", SECTION), ("新一代信息技术产业", SECTION), ("A、农业", SECTION),
        ("3.装备类", SECTION),
        ("合计", TOTAL), ("合 计", TOTAL), ("总计：12", TOTAL), ("合计:2项", TOTAL), ("共计 35 家", TOTAL),
        ("共5条记录", TOTAL),
        ("小计（万元）", TOTAL), ("Total", TOTAL), ("Grand Total: 15 records", TOTAL), ("以上共三十项需求", TOTAL),
        ("注:本表由某市科技局汇总", NOTE), ("备注：以申报为准", NOTE), ("※ 排名不分先后", NOTE),
        ("填表人：张三", NOTE), ("数据来源：某平台", NOTE),
        ("声明：仅供参考", NOTE), ("本表由某局汇总", NOTE), ("Source: somewhere", NOTE), ("注1：保密", NOTE),
        ("【说明】：如下", NOTE),
        ("（以下空白）", NOTE), ("截至2024年5月", NOTE), ("© 2024 某公司", NOTE),
    ],
)  # fmt: skip
def test_ingest_leftovers_alone_in_their_row(text: str, kind: str) -> None:
    """A text in the first cell with nothing beside it."""
    assert _kind(text) == kind


@pytest.mark.parametrize(
    "title",
    [
        "一、二次电池回收",
        "注塑机节能改造",
        "合计数显示装置",
        "共轭聚合物",
        "总计量系统",
        "说明书自动生成",
        "新能源汽车行业",
        "第一类：耐蚀钢",
        "1.5兆瓦风机",
    ],
)
def test_ingest_leftovers_leave_records(title: str) -> None:
    """With a text and a firm beside it, a title that begins so is a need."""
    assert _kind(title, "需要开发", "甲公司") is None
    assert _kind(title, "需要开发", "甲公司", 30, "张三") is None


def test_ingest_leftovers_of_several_cells() -> None:
    """Totals with amounts, and the people of a form; a title with a budget is a record."""
    assert _kind("合计", "", "", 530.5) == TOTAL
    assert _kind("合计", "2项", "", "", "") == TOTAL
    assert _kind("填表人：张三", "", "审核人：李四") == NOTE
    assert _kind("注：", "本表数据截至五月") == NOTE
    assert _kind("耐蚀钢", "", "", 30) is None
    assert _kind("膜") is None
    assert _kind("", "", "", "", "仅此") == SECTION
    assert _kind("苏州市", spread=True) == SECTION


def test_ingest_leftovers_below_the_header() -> None:
    """Units, the columns' numbers and an example stand there and nowhere else."""
    assert _kind("", "", "", "(万元)", "", below=True) == UNIT
    assert _kind("文本", "文本", "文本", "万元", "必填", below=True) == UNIT
    assert _kind(1, 2, 3, 4, 5, below=True) == UNIT
    assert _kind("甲", "乙", 1, 2, 3, below=True) == UNIT
    assert _kind("示例", "需要开发耐温胶", "某公司", 30, "张三", below=True) == EXAMPLE
    assert _kind(1, 2, 3, 4, 5) is None
    assert _kind("耐温胶", "需要开发耐温胶", "某公司", 30, "张三", below=True) is None
