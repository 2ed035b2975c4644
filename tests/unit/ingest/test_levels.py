"""Headers of several rows, and marks around headers."""

from __future__ import annotations

import pytest

from app.domain import Kind
from app.ingest.headings.heading import HeaderSearch


def _best(kind: Kind, *rows: tuple[object, ...]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    heading = HeaderSearch("a.xlsx", kind, {}).best(rows)
    return heading.all_rows, heading.headers


@pytest.mark.parametrize(
    ("group", "name", "header"),
    [
        ("专利信息", "名称", "专利名称"), ("申请人", "名称", "申请人 名称"),
        ("专利权人信息", "名称", "专利权人信息 名称"),
        ("发明人", "姓名", "发明人 姓名"),
        ("代理机构", "名称", "代理机构 名称"), ("同族信息", "公开号", "同族信息 公开号"),
        ("法律信息", "法律状态", "法律状态"),
    ],
)  # fmt: skip
def test_ingest_levels_name_what_a_column_is(group: str, name: str, header: str) -> None:
    """A name below a group is known by both, and never taken for the record's own where the group is of others."""
    rows, headers = _best(
        Kind.PATENTS,
        ("专利列表", "", group, "", "说明"),
        ("公开号", "发明名称", name, "地址", ""),
        ("CN1A", "一种膜", "某某", "某地", ""),
    )
    if header == name:
        assert headers[2] in (name, f"{group} {name}")
    else:
        assert (rows, headers[2]) == ((1, 2), header)


def test_ingest_levels_names_below_a_header() -> None:
    """The row below the best one belongs to it where it holds nothing but names."""
    rows, headers = _best(
        Kind.PATENTS,
        ("发明名称", "公开号", "发明人", "", "申请人", ""),
        ("", "", "姓名", "地址", "名称", "地址"),
        ("一种膜", "CN1A", "张三", "a", "某公司", "b"),
    )
    assert rows == (1, 2)
    assert headers == ("发明名称", "公开号", "发明人 姓名", "发明人 地址", "申请人 名称", "申请人 地址")


def test_ingest_levels_leave_the_first_record_alone() -> None:
    """A title above and a record below are no levels."""
    rows, headers = _best(
        Kind.PATENTS,
        ("某市专利清单", "", "", ""),
        ("公开号", "名称", "申请人", "备注"),
        ("CN1A", "一种膜", "某公司", ""),
    )
    assert (rows, headers) == ((2,), ("公开号", "名称", "申请人", "备注"))


def test_ingest_levels_line_of_a_form_is_no_group() -> None:
    """Who filled the form in and when stands above the table, not over its columns."""
    rows, headers = _best(
        Kind.NEEDS,
        ("2024年度企业技术需求征集表", "", "", ""),
        ("填报单位：（盖章）", "", "填报日期：2024年5月1日", ""),
        ("需求名称", "技术需求描述", "需求类别", "预期成效"),
        ("水泵降噪", "降低噪声", "技术难题", "安静"),
    )
    assert (rows, headers) == ((3,), ("需求名称", "技术需求描述", "需求类别", "预期成效"))


def test_ingest_levels_marks_and_numbers_before_headers() -> None:
    """Forms mark what must be filled in, and number their columns; headers may stand as deep as row 40."""
    title = [("说明",)] * 38
    rows, headers = _best(
        Kind.FIRMS, *title, ("*1、企业名称", '="统一社会信用代码"', "（3）经营范围", "★ 省份", "*其他")
    )
    assert rows == (39,)
    assert headers == ("企业名称", "统一社会信用代码", "（3）经营范围", "★ 省份", "*其他")


def test_ingest_levels_a_filled_in_line_of_a_form_is_no_group() -> None:
    """Who fills in the list and in which unit stands above the header, and says nothing of its columns."""
    rows, headers = _best(
        Kind.PATENTS,
        ("填报单位:某大学", "", "", "", "单位:件"),
        ("序号", "专利信息", "", "权利人信息", ""),
        ("", "专利号", "名称", "名称", "类型"),
    )
    assert rows == (2, 3)
    assert headers == ("序号", "专利号", "专利名称", "权利人信息 名称", "权利人类型")
