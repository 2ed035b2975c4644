"""Workbooks, web pages and archives as people make them: which sheets are read, and what is said of the others."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from ingest_monsters import ODS_CELL, compound, ods, sheet_of_2003

from app.domain import Kind, Patent
from app.errors import InputError
from app.ingest import FEEDBACK, RowFile, RowOutcome, SourceFile, feedback_in, read_records, read_rows

HEADERS = ["公开号", "名称", "摘要", "申请人"]


def _read(path: Path, content: bytes, kind: Kind = Kind.PATENTS) -> tuple[SourceFile, list[RowOutcome]]:
    path.write_bytes(content)
    rows: RowFile = read_records(path, kind)
    outcomes = list(rows)
    return rows.source, outcomes


def _book(sheets: dict[str, list[list[Any]]]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return book


def _saved(book: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _ids(outcomes: list[RowOutcome]) -> list[str]:
    return [outcome.record.id for outcome in outcomes if outcome.record]


def _zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_ingest_sheets_that_are_left_are_named(tmp_path: Path) -> None:
    """With their rows and why; hidden rows of those that are read are counted, a failed formula is no value."""
    book = _book(
        {
            "封面": [["某市专利清单"]],
            "专利": [HEADERS, ["CN1A", "一种甲", None, "甲公司"], ["CN2A", "一种乙", "#REF!", "乙"], ["合计", "2项"]],
            "填写说明": [["编号", "名称"], ["公开号", "文献号"]],
            "隐藏": [HEADERS, ["CN9A", "x", "y", "z"]],
            "空": [],
        }
    )
    book["隐藏"].sheet_state = "hidden"
    book["专利"].row_dimensions[3].hidden = True
    source, outcomes = _read(tmp_path / "a.xlsx", _saved(book))
    assert _ids(outcomes) == ["CN1A", "CN2A"]
    assert outcomes[1].record.abstract == ""
    told = {sheet.name: (sheet.read, sheet.rows, sheet.hidden_rows) for sheet in source.sheets}
    assert told == {
        "封面": (False, 1, 0), "专利": (True, 2, 1), "填写说明": (False, 1, 0), "隐藏": (False, 1, 0),
        "空": (False, 0, 0),
    }  # fmt: skip
    assert [sheet.why for sheet in source.sheets if not sheet.read] == [
        "it has no known headers", "by its name it explains the others",
        "it is hidden; unhide it to have it read", "it is empty",
    ]  # fmt: skip
    assert all(sheet.why_zh for sheet in source.sheets if not sheet.read)
    assert [(column.field, column.filled) for column in source.sheets[1].columns] == [
        ("id", 2), ("title", 2), ("abstract", 0), ("holders", 2),
    ]  # fmt: skip


def test_ingest_sheets_that_are_all_hidden_are_refused(tmp_path: Path) -> None:
    """What to do is said."""
    book = _book({"说明": [["无"]], "数据": [HEADERS, ["CN1A", "甲", "乙", "丙"]]})
    book["数据"].sheet_state = "veryHidden"
    with pytest.raises(InputError) as caught:
        _read(tmp_path / "a.xlsx", _saved(book))
    assert caught.value.error_code == "hidden_sheet"
    assert "数据" in caught.value.message


def test_ingest_sheets_rows_that_are_no_records(tmp_path: Path) -> None:
    """Units, column numbers, repeated headers, sections, totals and notes around real records of odd titles."""
    rows = [
        ["附件1"], ["清单"], [], ["*1. 公开号", "（2）名称（必填）", "摘要", "金额"], [None, None, None, "(万元)"],
        [1, 2, 3, 4],
        ["CN1A", "注塑机", "y", 5.0], ["CN2A", "一、二次电池", "z", datetime(2020, 1, 2)],  # noqa: DTZ001
        ["公开号", "名称", "摘要", "金额"], ["*1. 公开号", "（2）名称（必填）", "摘要", "金额"],
        ["CN3A", "合计数显示装置", "w", True], ["一、新材料"], ["小计", None, None, 3],
        ["填表人：张三", None, "审核人：李四"], ["注：以上来自网络"], ["本表由某局汇总"],
    ]  # fmt: skip
    source, outcomes = _read(tmp_path / "a.xlsx", _saved(_book({"s": rows})))
    assert [(outcome.row, outcome.record.title) for outcome in outcomes] == [
        (7, "注塑机"), (8, "一、二次电池"), (11, "合计数显示装置"),
    ]  # fmt: skip
    assert source.sheets[0].skipped == Counter(unit=2, header=2, section=1, total=1, note=3)


def test_ingest_sheets_numbers_of_workbooks(tmp_path: Path) -> None:
    """Whole numbers are their digits; what a spreadsheet has rounded stays recognisable."""
    rows = [
        ["统一社会信用代码", "企业名称"],
        [913100006074259000, "甲公司"],
        [310000400000001.0, "乙公司"],
        ["0123", "丙公司"],
    ]
    _, outcomes = _read(tmp_path / "a.xlsx", _saved(_book({"s": rows})), Kind.FIRMS)
    assert [found.code for found in outcomes[0].rejected] == ["id_destroyed"]
    assert _ids(outcomes) == ["310000400000001", "0123"]


def test_ingest_sheets_web_page_in_gbk(tmp_path: Path) -> None:
    """Two header rows, tags and entities in cells, a cell over two rows, a total over all columns."""
    page = (
        '<html><head><meta http-equiv=Content-Type content="text/html; charset=gb2312"></head><table>'
        "<tr><td colspan=4>专利清单</td></tr>"
        "<tr><th rowspan=2>公开号</th><th colspan=2>专利信息</th><th rowspan=2>申请人</th></tr>"
        "<tr><th>名称</th><th>摘要</th></tr><tr><td>CN1A</td><td>一种<b>膜</b>&nbsp;分离<br>装置</td><td>a</td>"
        '<td rowspan=2>某大学</td></tr><tr style="display:none"><td>="CN2A"</td><td>乙</td><td></td></tr>'
        "<tr><td colspan=4>合计：2件</td></tr></table></html>"
    )
    source, outcomes = _read(tmp_path / "a.xls", page.encode("gbk"))
    assert [(outcome.row, outcome.record.id, outcome.record.holders) for outcome in outcomes] == [
        (4, "CN1A", ("某大学",)), (5, "CN2A", ("某大学",)),
    ]  # fmt: skip
    assert outcomes[0].record.title == "一种膜 分离 装置"
    sheet = source.sheets[0]
    assert (source.encoding, sheet.header_rows, sheet.skipped, sheet.hidden_rows) == (
        "gb18030", (2, 3), Counter(total=1), 1,
    )  # fmt: skip


def test_ingest_sheets_other_spreadsheets(tmp_path: Path) -> None:
    """OpenDocument and the XML of Excel 2003: merged cells, hidden rows, rows that are not there."""
    rows = "".join(
        f"<table:table-row{more}>{cells}</table:table-row>"
        for more, cells in (
            ("", "".join(ODS_CELL.format(more="", text=text) for text in ("企业名称", "需求名称", "需求内容"))),
            ("", ODS_CELL.format(more=' table:number-rows-spanned="2"', text="甲公司")
                 + ODS_CELL.format(more="", text="膜") + ODS_CELL.format(more="", text="要膜")),
            (' table:visibility="filter"', "<table:covered-table-cell/>" + ODS_CELL.format(more="", text="胶")
                 + ODS_CELL.format(more="", text="要胶")),
            (' table:number-rows-repeated="1048573"', '<table:table-cell table:number-columns-repeated="1024"/>'),
        )
    )  # fmt: skip
    source, outcomes = _read(tmp_path / "a.ods", ods(rows), Kind.NEEDS)
    assert [outcome.raw["企业名称"] for outcome in outcomes] == ["甲公司", "甲公司"]
    assert (source.format, source.sheets[0].hidden_rows) == ("ods", 1)
    table = (
        '<Row><Cell><Data ss:Type="String">公开号</Data></Cell><Cell ss:Index="3"><Data>名称</Data></Cell></Row>'
        '<Row ss:Index="4" ss:Hidden="1"><Cell><Data>CN1A</Data></Cell><Cell ss:Index="3"><Data>甲</Data></Cell></Row>'
    )
    source, outcomes = _read(tmp_path / "a.xls", sheet_of_2003(table))
    assert [(outcome.row, outcome.record.title) for outcome in outcomes] == [(4, "甲")]
    assert (source.format, source.sheets[0].hidden_rows, bool(source.notes)) == ("xml", 1, True)


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.csv", _saved(_book({"s": [HEADERS, ["CN1A", "甲", "乙", "丙"]]})), "xlsx"),
        ("noname", _saved(_book({"s": [HEADERS, ["CN1A", "甲", "乙", "丙"]]})), "xlsx"),
        ("a.xlsx", "公开号,名称\nCN1A,一种膜\n".encode(), "csv"),
        ("a.xls", "公开号\t名称\nCN1A\t一种锂离子电池的制备方法\n".encode("gbk"), "csv"),
        ("a.xlsx", b"<table><tr><td>id</td><td>title</td></tr><tr><td>CN1A</td><td>x</td></tr></table>", "html"),
        ("a.json", b'{"id": "CN1A", "title": "x"}\n{"id": "CN2A", "title": ""}\n', "jsonl"),
    ],
)
def test_ingest_sheets_a_wrong_name_is_said(tmp_path: Path, name: str, content: bytes, form: str) -> None:
    """Content is read as what it is."""
    source, outcomes = _read(tmp_path / name, content)
    assert _ids(outcomes)[0] == "CN1A"
    assert source.format == form
    assert source.notes


def test_ingest_sheets_archive_of_one_table(tmp_path: Path) -> None:
    """Its name in GBK, a text and macOS's own files beside it; of two tables neither is guessed."""
    name = "数据/专利.csv".encode("gbk").decode("cp437")
    table = "公开号,名称\nCN1A,一种膜\n".encode()
    files = {name: table, "readme.txt": b"x", "__MACOSX/._a.csv": b"x", "scan.pdf": b"x"}
    source, outcomes = _read(tmp_path / "a.zip", _zipped(files))
    assert _ids(outcomes) == ["CN1A"]
    assert (source.format, source.compressed) == ("csv", True)
    assert source.notes == (
        ("left unread in the archive: readme.txt, scan.pdf", "压缩包内未读取的文件：readme.txt, scan.pdf"),
    )
    with pytest.raises(InputError) as caught:
        _read(tmp_path / "two.zip", _zipped({"a.csv": table, "b.xlsx": b""}))
    assert caught.value.error_code == "several_files"


@pytest.mark.parametrize(
    ("name", "content", "code", "word"),
    [
        ("a.pdf", b"%PDF-1.4", "unknown_format", "PDF"),
        ("a.xls", b"%PDF-1.4", "unknown_format", "PDF"),
        ("a.docx", _zipped({"[Content_Types].xml": b"", "word/document.xml": b""}), "unknown_format", "Word"),
        ("a.doc", compound("WordDocument", b"x" * 5_000), "unknown_format", "Word"),
        ("a.et", compound("EncryptedPackage", b"x" * 5_000), "password", "密码"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0", "unknown_format", "图片"),
        ("a.xls", b"MIME-Version: 1.0\nContent-Type: multipart/related\n\n", "unknown_format", "网页存档"),
        ("a.json", b'[{"id": 1}]', "unknown_format", "每行一个 JSON"),
        ("a.zip", _zipped({"a.pdf": b"x"}), "unknown_format", "a.pdf"),
    ],
)
def test_ingest_sheets_what_is_no_table_is_refused(
    tmp_path: Path, name: str, content: bytes, code: str, word: str
) -> None:
    """With what it is by its content, and what to do."""
    with pytest.raises(InputError) as caught:
        _read(tmp_path / name, content)
    assert caught.value.error_code == code
    assert word in caught.value.message_zh


def test_ingest_sheets_western_letters(tmp_path: Path) -> None:
    """Windows-1252 below English headers is read; two-byte encodings below such headers are not taken for it."""
    head = "Publication Number,Title,Applicants\n"
    rows = "US1A,Vorrichtung für Öfen,MÜLLER GMBH\nUS2A,Procédé d’une cellule,SOCIÉTÉ GÉNÉRALE\n"
    source, outcomes = _read(tmp_path / "a.csv", (head + rows).encode("cp1252"))
    assert source.encoding == "cp1252"
    assert [outcome.record.title for outcome in outcomes] == ["Vorrichtung für Öfen", "Procédé d’une cellule"]
    for text, encoding in (
        ("고니켈 양극 전해액 및 그 제조 방법에 관한 것이다", "euc-kr"),
        ("本発明はカーボンブラシを備える回転電機", "shift-jis"),
        ("本發明公開一種鋰離子電池之電解液", "big5"),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            _read(tmp_path / "b.csv", (head + f"KR1A,{text},x\n" * 20).encode(encoding))
        assert caught.value.error_code == "unknown_encoding"
    assert _read(tmp_path / "c.csv", (head + "CN1A,一种锂离子电池,某公司\n").encode("gb18030"))[0].encoding == "gb18030"


def test_ingest_sheets_wrapped_cells_cut_by_commas(tmp_path: Path) -> None:
    """A naive export quotes nothing: the pieces of a wrapped text are put together, a link is its text."""
    content = '="公开号",="名称",="申请人"\n="CN1A",="甲,乙装置",="丙"\n=HYPERLINK("http://x","CN2A"),"丁",=""\n'
    _, outcomes = _read(tmp_path / "a.csv", content.encode())
    assert [(outcome.record.id, outcome.record.title, outcome.warnings) for outcome in outcomes] == [
        ("CN1A", "甲,乙装置", ()), ("CN2A", "丁", ()),
    ]  # fmt: skip


def test_ingest_sheets_formulas_that_no_program_has_calculated(tmp_path: Path) -> None:
    """Libraries write ``="CN1A"`` as a formula without its value: its text is told; of what calculates it is said."""
    rows: list[list[Any]] = [
        ['="公开号"', '="名称"', '="申请人"'],
        ['="CN109999907B"', '="一种膜"', '=HYPERLINK("https://x.example","某大学")'],
        ["CN109999908B", "一种轴承", '=B2&"有限公司"'],
        ['="CN109999909B"', '=T("一种泵")', None],
    ]
    source, outcomes = _read(tmp_path / "a.xlsx", _saved(_book({"专利": rows})))
    records = [one.record for one in outcomes]
    assert [(one.id, one.title, one.holders) for one in records if isinstance(one, Patent)] == [
        ("CN109999907B", "一种膜", ("某大学",)),
        ("CN109999908B", "一种轴承", ()),
        ("CN109999909B", "一种泵", ()),
    ]
    assert [note.partition(";")[0] for note, _ in source.notes] == [
        "1 formulas have no stored value and count as empty"
    ]


def test_ingest_sheets_powers_stay_powers(tmp_path: Path) -> None:
    """A raised 5 behind 10 is no 105, in workbooks and in web pages; letters and indices keep their place alone."""
    book = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    small, low = book.add_format({"font_script": 1}), book.add_format({"font_script": 2})
    sheet = book.add_worksheet("专利")
    for place, cells in enumerate((("公开号", "名称"), ("CN1A", ""), ("CN2A", "105"), ("CN3A", ""))):
        sheet.write_row(place, 0, cells)
    sheet.write_rich_string(1, 1, "CO", low, "2", ",压力10", small, "5", "Pa,宽105mm")
    sheet.write_rich_string(3, 1, "10", small, "5")
    book.close()
    outcomes = list(read_records(tmp_path / "a.xlsx", Kind.PATENTS))
    titles = [one.record.title for one in outcomes if isinstance(one.record, Patent)]
    assert titles == ["CO2,压力10⁵Pa,宽105mm", "105", "105"]
    page = "<table><tr><th>公开号<th>名称<tr><td>CN1A<td>CO<sub>2</sub>10<sup>-5</sup>Pa<sup>注</sup></table>"
    _, outcomes = _read(tmp_path / "a.xls", page.encode())
    assert [one.record.title for one in outcomes if isinstance(one.record, Patent)] == ["CO210⁻⁵Pa注"]


def test_ingest_sheets_totals_of_a_narrow_table(tmp_path: Path) -> None:
    """A total with an amount under nearly every header is no record; a title that begins with its word is one."""
    rows: list[list[Any]] = [
        ["专利号", "专利名称", "专利权人", "转让价格"],
        ["ZL201910012366.3", "一种膜", "甲大学", 5],
        ["合计", "1件", None, 5],
        ["合计", "一种计算装置", "乙大学", 5],
    ]
    source, outcomes = _read(tmp_path / "a.xlsx", _saved(_book({"专利": rows})))
    assert [one.row for one in outcomes] == [2, 4]
    assert source.sheets[0].skipped == Counter(total=1)


def test_sheets_a_word_that_is_in_every_row_is_a_value(tmp_path: Path) -> None:
    """A firm may be called as a header is; its list is read all the same."""
    path = tmp_path / "list.csv"
    rows = [f"说明,说明,CN{number:09}B,感兴趣\n" for number in range(900000100, 900000110)]
    path.write_text("企业名称,企业编号,专利编号,反馈\n" + "".join(rows), encoding="utf8")
    assert len(list(read_rows(path, FEEDBACK, feedback_in))) == 10
