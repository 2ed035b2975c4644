"""Files of another kind than the command asks for, and tables that hold no records at all."""

from __future__ import annotations

import pytest

from app.domain import Kind
from app.errors import InputError
from app.ingest.headings.heading import HeaderSearch
from app.ingest.headings.kinds import kind_of
from app.ingest.headings.synonyms import FEEDBACK, GRADES, INDUSTRIES

PATENTS = ("名称", "摘要", "公开号", "IPC分类号")
FIRMS = ("编号", "名称", "经营范围", "成立日期", "注册资本")
NEEDS = ("编号", "项目名称", "需求内容", "发布日期")
RETURNS = ("统一社会信用代码", "专利编号", "专利名称", "反馈结果", "原因")


@pytest.mark.parametrize(
    ("wanted", "headers", "other", "command"),
    [
        (Kind.NEEDS, PATENTS, "patents", "patmatch ingest patents"),
        (Kind.NEEDS, ("标题", "公开(公告)号", "摘要"), "patents", "patmatch ingest patents"),
        (
            Kind.NEEDS,
            ("id", "title", "abstract", "ipc", "holders", "published_on"),
            "patents",
            "patmatch ingest patents",
        ),
        (Kind.FIRMS, ("编号", "名称", "申请人", "IPC分类号", "摘要"), "patents", "patmatch ingest patents"),
        (Kind.PATENTS, FIRMS, "firms", "patmatch ingest firms"),
        (Kind.NEEDS, ("编号", "名称", "经营范围", "注册资本"), "firms", "patmatch ingest firms"),
        (Kind.PATENTS, NEEDS, "needs", "patmatch ingest needs"),
        (Kind.FIRMS, ("编号", "企业名称", "技术需求", "需求标题", "考核指标"), "needs", "patmatch ingest needs"),
        (Kind.PATENTS, RETURNS, "feedback", "patmatch feedback import"),
        (Kind.FIRMS, ("企业编号", "企业名称", "专利编号", "事件"), "feedback", "patmatch feedback import"),
        (INDUSTRIES, ("公开号", "名称", "IPC分类号", "国民经济行业代码"), "patents", "patmatch ingest patents"),
        (FEEDBACK, ("公开号", "专利名称", "摘要", "申请人", "状态"), "patents", "patmatch ingest patents"),
    ],
)
def test_ingest_kinds_another_kind_is_refused_by_name(
    wanted: str, headers: tuple[str, ...], other: str, command: str
) -> None:
    """Also where the columns that are needed happen to be there; the message names the kind and its command."""
    assert kind_of(headers, wanted) == other
    search = HeaderSearch("list.csv", wanted, {})
    with pytest.raises(InputError) as caught:
        search.require(search.best([headers]))
    assert caught.value.error_code in ("wrong_kind", "missing_column")
    assert f"file of {other}" in caught.value.message
    assert command in caught.value.message
    assert command in caught.value.message_zh


@pytest.mark.parametrize(
    ("wanted", "headers"),
    [
        (Kind.PATENTS, ("公开号", "名称", "摘要", "统一社会信用代码", "单位名称")),
        (Kind.PATENTS, ("专利号", "专利名称", "统一社会信用代码", "等级")),
        (Kind.PATENTS, ("公开（公告）号", "摘要", "申请日")),
        (Kind.PATENTS, ("Publication Number", "Abstract", "Applicants")),
        (Kind.NEEDS, ("需求名称", "需求内容", "企业名称", "统一社会信用代码", "经营范围", "成立日期")),
        (Kind.NEEDS, ("编号", "标题", "描述")),
        (Kind.NEEDS, ("id", "title", "text", "ipc")),
        (Kind.FIRMS, ("企业名称", "统一社会信用代码", "经营范围", "专利号", "技术需求")),
        (INDUSTRIES, ("序号", "IPC分类号", "名称", "国民经济行业代码", "类型")),
        (GRADES, ("公开号", "名称", "摘要", "等级")),
        (FEEDBACK, ("企业编号", "企业名称", "专利编号", "专利名称", "摘要", "相关级别", "备注")),
    ],
)
def test_ingest_kinds_additional_columns_make_no_other_kind(wanted: str, headers: tuple[str, ...]) -> None:
    """A list of needs may say what the firm does, one of patents whose they are."""
    assert kind_of(headers, wanted) is None


def test_ingest_kinds_a_mapping_overrules() -> None:
    """Who names the columns knows what the file is."""
    search = HeaderSearch("list.csv", Kind.NEEDS, {"名称": "title"})
    heading = search.best([PATENTS])
    search.require(heading)
    assert (heading.row, heading.headers) == (1, PATENTS)


@pytest.mark.parametrize(
    "headers", [("字段名称", "说明", "是否必填"), ("列名", "含义"), ("Field", "Description", "Type")]
)
def test_ingest_kinds_a_table_that_explains_columns_is_none_of_records(headers: tuple[str, ...]) -> None:
    """Templates come with a sheet that says what belongs into which column."""
    search = HeaderSearch("list.xlsx", Kind.NEEDS, {})
    with pytest.raises(InputError, match="explains columns") as caught:
        search.require(search.best([headers]))
    assert caught.value.error_code == "no_records"


def test_ingest_kinds_a_field_of_technology_is_no_explanation() -> None:
    """English lists of needs have a column Field beside the description."""
    search = HeaderSearch("list.xlsx", Kind.NEEDS, {})
    heading = search.best([("Title", "Field", "Description")])
    search.require(heading)
    assert (heading.row, heading.recognised) == (1, 2)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (
            Kind.PATENTS,
            [("名称", "说明"), ("公开号", "授权公告号"), ("专利名称", "与证书一致"), ("摘要", "300字"), ("其他", "")],
        ),
        (
            Kind.NEEDS,
            [("征集表", ""), ("企业名称", "甲公司"), ("需求名称", "膜"), ("需求内容", "纳滤膜"), ("截止日期", "x")],
        ),
    ],
)
def test_ingest_kinds_headers_below_one_another_are_no_table(kind: Kind, rows: list[tuple[str, str]]) -> None:
    """A list of columns and a form with labels at the side have no header row, whatever stands in their first row."""
    search = HeaderSearch("list.xlsx", kind, {})
    heading = search.best(rows)
    assert heading.row == 0
    with pytest.raises(InputError):
        search.require(heading)
