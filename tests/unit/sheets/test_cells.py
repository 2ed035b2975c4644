"""What a cell may hold, what a sheet may be called, and where a link may lead."""

from __future__ import annotations

import pytest

from app.ingest.tables.wrapping import unwrapped
from app.sheets.cells import (
    MOST_CELL_UNITS,
    address_of,
    display_width,
    fitting,
    inert,
    lines_of,
    link_of,
    sheet_name,
    web_address,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ("a\x00b\x07c\x1fd\x7fe\x85f", "abcdef"),
        ("一\r\n二\r三\t四", "一\n二\n三\t四"),
        ("\ud800x\uffff", "\ufffdx\ufffd"),
        ("😀", "😀"),
        ("", ""),
    ],
)
def test_cells_keep_what_can_be_seen(text: str, shown: str) -> None:
    """Control characters go, broken ones are marked, everything else stays as it is."""
    assert fitting(text) == shown


def test_cells_are_cut_by_the_units_that_excel_counts() -> None:
    """An emoji counts twice, none is halved, and the last character says that there was more."""
    assert fitting("字" * 32_767) == "字" * 32_767
    assert fitting("字" * 40_000) == "字" * 32_766 + "…"
    cut = fitting("😀" * 20_000)
    assert cut == "😀" * 16_383 + "…"
    assert len(cut.encode("utf-16-le")) // 2 <= MOST_CELL_UNITS


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＠", " =", "\u3000+"])
def test_cells_of_csv_are_never_formulas(start: str) -> None:
    """A CSV file has no types: what would be computed is quoted."""
    assert inert(f"{start}1") == f"'{start}1"
    assert inert("甲=乙") == "甲=乙"


@pytest.mark.parametrize("text", ["=1+1", "-5℃下的电解液", "＝SUM(1)", " =1", "@甲", "＋甲公司"])
def test_cells_of_csv_come_back_as_they_were(text: str) -> None:
    """Whoever reads our file takes the apostrophe away again."""
    assert unwrapped(inert(text)) == text


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, 1),
        ("电解液", 10, 1),
        ("一种电解液及其制备方法", 10, 3),
        ("甲\n乙\n\n丙", 10, 4),
        ("a" * 100, 20, 6),
    ],
)
def test_cells_wrapped_lines_are_counted(text: str, width: float, lines: int) -> None:
    """Each line takes at least one; a Chinese character takes two columns."""
    assert lines_of(text, width) == lines


@pytest.mark.parametrize(
    ("text", "width"), [("", 0), ("abc", 3), ("电解液", 6), ("ab\n电解液", 6), ("ＡＢ", 4), ("a电", 3)]
)
def test_cells_chinese_characters_take_two_columns(text: str, width: int) -> None:
    """The longest line counts."""
    assert display_width(text) == width


@pytest.mark.parametrize(
    ("wanted", "taken", "name"),
    [
        ("甘肃[兰州]:*?/\\公司", [], "甘肃 兰州 公司"),
        ("有限公司" * 10, [], ("有限公司" * 8)[:30] + "…"),
        ("ACME", ["acme"], "ACME (2)"),
        ("acme", ["ACME", "Acme (2)"], "acme (3)"),
        ("x" * 31, ["x" * 31], "x" * 26 + "… (2)"),
        ("'quoted'", [], "quoted"),
        ("", [], "Sheet"),
        ("///", ["sheet"], "Sheet (2)"),
        ("History", [], "History 1"),
        ("😀" * 20, [], "😀" * 15 + "…"),
    ],
)
def test_cells_names_of_sheets_are_those_that_excel_opens(wanted: str, taken: list[str], name: str) -> None:
    """31 units, no forbidden character, no two alike."""
    assert sheet_name(wanted, taken) == name


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://patents.google.com/patent/CN1A/zh", True),
        ("http://10.0.0.1:8000/?q=CN1A#x", True),
        ("javascript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("internal:Sheet1!A1", False),
        ("external:\\\\host\\share", False),
        ("https://", False),
        ("https://[bad", False),
        ("https://a b", False),
        ("https://a/" + "x" * 2_000, False),
        (5, False),
        (None, False),
    ],
)
def test_cells_links_lead_to_the_web_alone(text: object, is_one: bool) -> None:
    """Neither to files nor to programs, and no further than Excel follows."""
    assert (web_address(text) is not None) == is_one


def test_cells_link_of_a_record_is_the_deployments_or_its_sources() -> None:
    """An id goes into an address as one part of it; without a template the source's own link serves."""
    assert address_of("https://x.cn/p/{id}?lang=zh", "CN1/2A") == "https://x.cn/p/CN1%2F2A?lang=zh"
    assert address_of("https://x.cn/?q=", "CN 1A") == "https://x.cn/?q=CN%201A"
    extra = {"摘要(英文)": "x", "专利 链接": "https://a.cn/1", "URL": "https://b.cn/2"}
    assert link_of("CN1A", extra, None) == "https://a.cn/1"
    assert link_of("CN1A", extra, "https://x.cn/{id}") == "https://x.cn/CN1A"
    assert link_of("CN1A", {"url": "javascript:alert(1)"}, None) is None
    assert link_of("CN1A", {}, None) is None
