"""Files as people have them, with right values: wrapping, sheets, headers, merged cells, rows that are no records."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from app.domain import Kind
from app.ingest import RowFile, RowOutcome, read_records

CASES = Path(__file__).with_name("cases")


def _read(name: str, kind: Kind) -> tuple[RowFile, list[RowOutcome]]:
    source = read_records(CASES / name, kind)
    return source, list(source)


def test_ingest_case_01_wrapped_cells_in_gbk() -> None:
    """An export of 企查查: every cell and header is a formula, and a declaration stands on top."""
    source, outcomes = _read("01_qcc_wrapped_gbk.csv", Kind.FIRMS)
    first, second = (outcome.record for outcome in outcomes)
    assert (first.id, first.name, first.region) == ("91320594MA1XK7Q3PB", "苏州云杉膜材料有限公司", "320594")
    assert (second.id, second.name, second.region) == ("91330106MA2B1C8D4H", "杭州栈桥传感技术有限公司", "330106")
    assert first.business_scope == "膜材料研发、生产"
    assert second.original["status"] == "注销"
    assert source.source.encoding == "gb18030"
    assert source.source.sheets[0].header_rows == (2,)


def test_ingest_case_02_a_sheet_for_each_type() -> None:
    """All sheets are one stream of rows."""
    source, outcomes = _read("02_sheet_per_type.xlsx", Kind.PATENTS)
    assert [(outcome.sheet, outcome.row, outcome.record.id) for outcome in outcomes] == [
        ("发明", 2, "CN111000001A"), ("发明", 3, "CN111000002A"), ("实用新型", 2, "CN211000001U"),
        ("实用新型", 3, "CN211000002U"), ("外观设计", 2, "CN306000001S"),
    ]  # fmt: skip
    assert [(sheet.name, sheet.read, sheet.rows) for sheet in source.source.sheets] == [
        ("发明", True, 2), ("实用新型", True, 2), ("外观设计", True, 1),
    ]  # fmt: skip


def test_ingest_case_04_a_firm_merged_over_its_needs() -> None:
    """A cell merged downwards counts for each of its rows."""
    _, outcomes = _read("04_needs_merged_firm.xlsx", Kind.NEEDS)
    needs = [outcome.record for outcome in outcomes]
    assert [need.title for need in needs] == [
        "耐溶剂纳滤膜的规模化制备", "膜组件封装胶", "膜清洗剂", "高温压力传感器芯片",
    ]  # fmt: skip
    assert [need.firm_id for need in needs] == ["91320594MA1XK7Q3PB"] * 3 + ["91330106MA2B1C8D4H"]
    assert [need.region for need in needs] == ["32"] * 3 + ["33"]
    assert [outcome.raw["企业名称"] for outcome in outcomes[:3]] == ["苏州云杉膜材料有限公司"] * 3


def test_ingest_case_07_and_09_lines_above_the_header() -> None:
    """What a search said about itself is no header."""
    google, _ = _read("07_same_patent_google.csv", Kind.PATENTS)
    assert google.source.sheets[0].header_rows == (2,)
    patentscope, outcomes = _read("09_patentscope.csv", Kind.PATENTS)
    assert patentscope.source.sheets[0].header_rows == (7,)
    assert [outcome.record.title for outcome in outcomes] == ["MEMBRANE DEVICE"]


def test_ingest_case_10_a_header_of_two_rows() -> None:
    """名称 below 权利人信息 is the holder and not the title."""
    source, outcomes = _read("10_two_level_header.xlsx", Kind.PATENTS)
    patents = [outcome.record for outcome in outcomes]
    assert [(patent.id, patent.title, patent.holders) for patent in patents] == [
        ("CN910000001A", "一种膜分离装置", ("某大学",)), ("CN910000002A", "一种轴承", ("某公司",)),
    ]  # fmt: skip
    sheet = source.source.sheets[0]
    assert sheet.header_rows == (1, 2)
    assert [(column.header, column.field, column.filled) for column in sheet.columns[1:4]] == [
        ("权利人信息 名称", "holders", 2), ("权利人信息 地区", "region", 2), ("专利信息 专利名称", "title", 2),
    ]  # fmt: skip


def test_ingest_case_11_sections_totals_and_notes() -> None:
    """They are counted by what they are, and are no needs."""
    source, outcomes = _read("11_needs_section_rows.csv", Kind.NEEDS)
    assert [outcome.record.title for outcome in outcomes] == ["耐溶剂纳滤膜", "高速轴承"]
    sheet = source.source.sheets[0]
    assert sheet.skipped == Counter(section=2, total=1, note=1)
    assert sheet.rows == 2


def test_ingest_case_17_what_is_named_xls() -> None:
    """An old workbook, a web page and text in UTF-16 are read as what they are, and that is said."""
    for name, form, ids in (
        ("17_old_binary.xls", "xls", ["CN700000001A", "CN700000002A"]),
        ("17_html_named.xls", "html", ["CN900000001A"]),
        ("17_unicode_text_named.xls", "csv", ["CN700000001A", "CN700000002A"]),
    ):
        source, outcomes = _read(name, Kind.PATENTS)
        assert [outcome.record.id for outcome in outcomes] == ids
        assert outcomes[0].record.title.startswith("一种膜")
        assert source.source.format == form
        assert bool(source.source.notes) == (form != "xls")


def test_ingest_case_22_wrapped_ids() -> None:
    """A formula, a link and an apostrophe."""
    _, outcomes = _read("22_excel_wrapped_ids.csv", Kind.PATENTS)
    assert [outcome.record.id for outcome in outcomes] == ["CN110000021A", "CN110000022A", "CN110000023A"]
