"""Workbooks as the programs of those who open them read them."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from app.ingest.headings.headers import plan_columns
from app.ingest.headings.synonyms import REQUIRED
from app.sheets import LEVELS, About, Column, Fact, Words, open_book, write_table
from app.sheets import books as books_module

COLUMNS = (
    Column(key="id", header=Words("专利编号", "Patent id"), about=Words("公开号。", "Publication number.")),
    Column(key="title", header=Words("专利名称", "Title")),
    Column(key="rank", header=Words("名次", "Rank"), kind="number"),
    Column(key="score", header=Words("匹配度", "Score"), kind="score"),
    Column(key="filed", header=Words("申请日", "Filed on"), kind="date"),
    Column(key="at", header=Words("时间", "Time"), kind="moment"),
    Column(key="link", header=Words("链接", "Link"), kind="link"),
    Column(key="level", header=Words("推荐级别", "Recommended level"), kind="word", words=LEVELS),
    Column(
        key="judged",
        header=Words("相关级别", "Level"),
        choices=tuple(LEVELS.values()),
        hint=Words("请选择", "Choose"),
    ),
    Column(key="note", header=Words("备注", "Note"), fill=True),
)
ROW = {
    "id": "914101007440687000",
    "title": "一种电解液",
    "rank": 1,
    "score": 0.53,
    "filed": date(2013, 3, 27),
    "at": datetime(2026, 11, 3, 9, 30, tzinfo=UTC),
    "link": "https://example.com/CN1A",
    "level": "fairly_strong",
}
ABOUT = About(
    title=Words("清单说明", "About the list"),
    facts=(
        Fact(Words("匹配模型", "Model"), "e5"),
        Fact(Words("专利池", "Pool"), ""),
        Fact(Words("规则", "Rules"), Words("每家企业件数 = 20", "k = 20")),
    ),
    notes=(Words("请选择相关级别。", "Choose a level."),),
)
NAME = Words("清单", "List")


def test_books_open_with_the_values_that_were_written(tmp_path: Path) -> None:
    """Ids are text and keep every digit, numbers and dates are such, codes are words, links lead on."""
    out = tmp_path / "folder" / "清单.xlsx"
    assert write_table(out, NAME, COLUMNS, [ROW], ABOUT) == 1
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["清单", "说明"]
    sheet = book["清单"]
    header, row = sheet.iter_rows()
    assert [cell.value for cell in header] == [column.header.zh for column in COLUMNS]
    assert [cell.value for cell in row] == [
        "914101007440687000", "一种电解液", 1, 0.53,
        datetime.fromisoformat("2013-03-27"), datetime.fromisoformat("2026-11-03 09:30"),
        "https://example.com/CN1A", "较强相关", None, None,
    ]  # fmt: skip
    assert [cell.data_type for cell in row] == ["s", "s", "n", "n", "d", "d", "s", "s", "n", "n"]
    assert row[0].number_format == "@"
    assert row[6].hyperlink.target == "https://example.com/CN1A"
    assert sheet.column_dimensions["A"].width > 18
    assert CalamineWorkbook.from_path(str(out)).get_sheet_by_name("清单").to_python()[1][0] == "914101007440687000"


def test_books_have_what_readers_of_a_table_expect(tmp_path: Path) -> None:
    """The header stays in sight and on each page, columns can be filtered, A4 lies on its side, lists offer levels."""
    out = tmp_path / "x.xlsx"
    write_table(out, NAME, COLUMNS, [ROW, ROW, ROW], ABOUT)
    sheet = openpyxl.load_workbook(out)["清单"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:J4"
    assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9)
    assert sheet.print_title_rows == "$1:$1"
    assert (sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight) == (True, 0)
    [choice] = sheet.data_validations.dataValidation
    assert (str(choice.sqref), choice.formula1, choice.prompt) == (
        "I2:I4", '"强相关,较强相关,弱相关,无相关"', "请选择",
    )  # fmt: skip
    assert choice.allow_blank


def test_books_print_what_people_read(tmp_path: Path) -> None:
    """Rows are as high as their wrapped texts, up to the highest that Excel has; columns not for paper are left out."""
    columns = (
        Column(key="title", header=Words("专利名称", "Title"), width=20),
        Column(key="id", header=Words("专利编号", "Patent id"), printed=False),
    )
    rows = [{"title": title, "id": "CN1A"} for title in ("电解液", "电解液" * 10, "电" * 40_000)]
    write_table(tmp_path / "x.xlsx", NAME, columns, rows, ABOUT)
    sheet, about = openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets
    assert [sheet.row_dimensions[number].height for number in (1, 2, 3, 4)] == [None, None, 60, 405]
    assert sheet.print_area == "'清单'!$A$1:$A$4"
    assert about.row_dimensions[1].height == 24


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ('=HYPERLINK("http://x","y")', '=HYPERLINK("http://x","y")'),
        ("{=SUM(A1)}", "{=SUM(A1)}"),
        ("+1", "+1"),
        ("-1+2", "-1+2"),
        ("@x", "@x"),
        ("007", "007"),
        ("9.14101E+17", "9.14101E+17"),
        ("_x0041_", "_x0041_"),
        ("a\x0bb\x00", "ab"),
        ("<b>&amp;\"'", "<b>&amp;\"'"),
        (" 两端 ", " 两端 "),
        ("😀" * 3, "😀😀😀"),
        ("字" * 40_000, "字" * 32_766 + "…"),
        (("甲", "乙"), "甲; 乙"),
        (123, "123"),
    ],
)
def test_books_never_compute_what_records_hold(tmp_path: Path, value: object, shown: str) -> None:
    """Whatever a text looks like, it is a text in both readers."""
    out = tmp_path / "x.xlsx"
    write_table(out, NAME, COLUMNS, [{"id": "x", "title": value, "level": shown, "link": shown}], ABOUT)
    row = list(openpyxl.load_workbook(out)["清单"].iter_rows())[1]
    for cell in (row[1], row[6], row[7]):
        if "_x0041_" not in shown:  # openpyxl undoes no escapes
            assert cell.value == shown
        assert cell.data_type == "s"
        assert cell.hyperlink is None
    assert CalamineWorkbook.from_path(str(out)).get_sheet_by_index(0).to_python()[1][1] == shown
    assert "<f>" not in zipfile.ZipFile(out).read("xl/worksheets/sheet1.xml").decode()


def test_books_write_what_is_no_number_or_day_of_excels_as_text(tmp_path: Path) -> None:
    """Infinity, a day before Excel's calendar, and a text in a column of numbers do not break a book."""
    out = tmp_path / "x.xlsx"
    rows: list[dict[str, Any]] = [
        {"rank": float("inf"), "score": float("nan"), "filed": date(1898, 1, 2)},
        {"rank": "首位", "filed": "去年"},
    ]
    write_table(out, NAME, COLUMNS, rows, ABOUT)
    read = list(openpyxl.load_workbook(out)["清单"].iter_rows(min_row=2, values_only=True))
    assert [row[2:5] for row in read] == [("inf", "nan", "1898-01-02"), ("首位", None, "去年")]


def test_books_go_on_on_another_sheet_where_one_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sheet has its header, filter and lists; links beyond what Excel keeps are text."""
    monkeypatch.setattr(books_module, "MOST_ROWS", 4)
    monkeypatch.setattr(books_module, "MOST_LINKS", 2)
    out = tmp_path / "x.xlsx"
    assert write_table(out, NAME, COLUMNS, [{**ROW, "rank": rank} for rank in range(1, 8)], ABOUT) == 7
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["清单", "清单 (2)", "清单 (3)", "说明"]
    assert [[row[2] for row in sheet.values] for sheet in book.worksheets[:3]] == [
        ["名次", 1, 2, 3], ["名次", 4, 5, 6], ["名次", 7],
    ]  # fmt: skip
    assert [sheet.auto_filter.ref for sheet in book.worksheets[:3]] == ["A1:J4", "A1:J4", "A1:J2"]
    links = [row[6] for row in book.worksheets[0].iter_rows(min_row=2)]
    assert [cell.hyperlink is not None for cell in links] == [True, True, False]
    assert links[2].value == "https://example.com/CN1A"


def test_books_explain_themselves_in_both_languages(tmp_path: Path) -> None:
    """The last sheet says what it is, how to use it, how it was made and what columns mean; the empty is left out."""
    out = tmp_path / "x.xlsx"
    write_table(out, NAME, COLUMNS, [], ABOUT)
    assert list(openpyxl.load_workbook(out)["说明"].values) == [
        ("清单说明", None, "About the list", None),
        ("填写与阅读", "请选择相关级别。", "How to use it", "Choose a level."),
        ("匹配模型", "e5", "Model", "e5"),
        ("规则", "每家企业件数 = 20", "Rules", "k = 20"),
        ("列：专利编号", "公开号。", "column: Patent id", "Publication number."),
    ]


def test_books_last_sheet_looks_like_no_table() -> None:
    """None of its rows could be taken for the header of a file of any kind."""
    every = [Column(key=one.key, header=one.header, about=Words("x", "y")) for one in COLUMNS]
    for cells in ABOUT.rows(every):
        for kind, groups in REQUIRED.items():
            fields = plan_columns(cells, kind, {}).fields
            assert not all(any(name in fields for name in group) for group in groups), (kind, cells)


def test_books_in_english(tmp_path: Path) -> None:
    """Headers, words and lists of choices follow the language asked for."""
    out = tmp_path / "x.xlsx"
    write_table(out, NAME, COLUMNS, [ROW], ABOUT, "en")
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["List", "About"]
    header, row = book["List"].values
    assert header[:2] == ("Patent id", "Title")
    assert row[7] == "Fairly strong"
    assert book["List"].data_validations.dataValidation[0].formula1 == '"Strong,Fairly strong,Weak,None"'


def test_books_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """An error leaves what was there, and nothing beside it."""
    out = tmp_path / "x.xlsx"
    write_table(out, NAME, COLUMNS, [ROW], ABOUT)
    before = out.read_bytes()

    def interrupted() -> None:
        with open_book(out) as book:
            book.table("清单", COLUMNS).add(ROW)
            raise RuntimeError("gone")

    with pytest.raises(RuntimeError, match="gone"):
        interrupted()
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.xlsx"]
