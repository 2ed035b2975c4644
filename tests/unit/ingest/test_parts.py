"""The text of a need that has its parts in columns of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.domain import Kind, Need
from app.ingest import IngestOptions, read_records
from app.text.wanted import wanted_parts

CASES = Path(__file__).parent / "cases"


def _need(folder: Path, **row: Any) -> Need:
    path = folder / "needs.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    (outcome,) = read_records(path, Kind.NEEDS)
    assert isinstance(outcome.record, Need), outcome.rejected
    return outcome.record


def test_ingest_parts_of_a_list_of_open_bidding() -> None:
    """The title is the task's; background, contents, figures and sum follow in this order."""
    records = [outcome.record for outcome in read_records(CASES / "20_jiebangguashuai.xlsx", Kind.NEEDS)]
    assert [record.title for record in records if isinstance(record, Need)] == ["耐溶剂纳滤膜", "高温压力芯片"]
    first = records[0]
    assert isinstance(first, Need)
    assert first.text.splitlines() == [
        "需求背景:现有膜易溶胀",
        "主要攻关内容:开发交联聚酰亚胺膜",
        "考核指标:截留率≥95%",
        "经费预算:300万元",
    ]
    assert first.extra == {"序号": 1, "榜额(万元)": 300, "发榜单位": "苏州云杉膜材料有限公司"}


def test_ingest_parts_the_sum_is_not_asked_for() -> None:
    """The reading of a question leaves the budget and the way of working together out."""
    text = "主要攻关内容:开发交联聚酰亚胺膜,用于有机溶剂体系\n经费预算:300万元\n合作方式:技术开发"
    assert "300" not in " ".join(wanted_parts("耐溶剂纳滤膜", text))
    assert "合作" not in " ".join(wanted_parts("耐溶剂纳滤膜", text))
    assert "交联聚酰亚胺膜" in " ".join(wanted_parts("耐溶剂纳滤膜", text))


@pytest.mark.parametrize(
    "row",
    [
        {"需求内容": "开发纳滤膜"},
        {"技术难题": "开发纳滤膜"},
        {"技术难题描述": "开发纳滤膜", "考核指标": ""},
        {"考核指标": "开发纳滤膜", "需求内容": "无"},
    ],
)
def test_ingest_parts_one_alone_is_the_text_as_it_stands(tmp_path: Path, row: dict[str, str]) -> None:
    """A label says nothing where there is nothing to tell it from."""
    assert _need(tmp_path, 需求名称="膜", **row).text == "开发纳滤膜"


def test_ingest_parts_of_all_columns_and_their_units(tmp_path: Path) -> None:
    """Two columns of one part are two lines; a number gets its header's unit, a date is written as one."""
    need = _need(
        tmp_path, **{
            "技术需求名称": "膜", "完成时限": "2026年6月", "截止日期": "2026/6/30", "技术指标": "通量50",
            "预期成果": "样机1台",
            "拟投入资金（万元）": 200, "研发周期(月)": "18", "需求内容": "开发纳滤膜", "需求企业": "甲公司",
        },
    )  # fmt: skip
    assert need.text.splitlines() == [
        "需求内容:开发纳滤膜",
        "技术指标:通量50",
        "预期成果:样机1台",
        "拟投入资金:200万元",
        "完成时限:2026年6月",
        "截止日期:2026-06-30",
        "研发周期:18月",
    ]
    assert need.extra == {
        "完成时限": "2026年6月",
        "截止日期": "2026/6/30",
        "拟投入资金（万元）": 200,
        "研发周期(月)": "18",
        "需求企业": "甲公司",
    }


def test_ingest_parts_in_english(tmp_path: Path) -> None:
    """Labels in English have a space behind the colon."""
    need = _need(tmp_path, **{"Topic Title": "Pumps", "Objective": "Less noise.", "Description": "Quiet pumps."})
    assert need.text == "Objective: Less noise.\nDescription: Quiet pumps."


def test_ingest_parts_the_id_does_not_hang_on_the_money(tmp_path: Path) -> None:
    """A need without an id stays the same need when its sum, its date and who asks with whom are written down later."""
    bare = _need(tmp_path, 需求名称="膜", 需求内容="开发纳滤膜")
    told = _need(
        tmp_path, 需求名称="膜", 需求内容="开发纳滤膜", 经费="30万元", 截止日期="2026-06-30", 企业名称="甲公司"
    )
    other = _need(tmp_path, 需求名称="膜", 需求内容="开发纳滤膜", 考核指标="通量50")
    assert told.id == bare.id
    assert other.id != bare.id


def test_ingest_parts_together_have_the_limit_of_a_text(tmp_path: Path) -> None:
    """Parts that are too long together are rejected as one text would be."""
    path = tmp_path / "needs.csv"
    path.write_text("需求名称,需求背景,考核指标\n膜,xxxxxxxx,yyyyyyyy\n", encoding="utf-8")
    (outcome,) = read_records(path, Kind.NEEDS, options=IngestOptions(max_text_chars=20))
    assert [found.code for found in outcome.rejected] == ["too_long"]
