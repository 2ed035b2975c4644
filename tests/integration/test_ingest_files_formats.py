"""The same rows through every format: CSV, TSV, JSON Lines, XLSX and Parquet, plain and gzipped, in every encoding."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from app.domain import AnyRecord, Kind
from app.ingest import RowFile, read_records

HEADERS = ("公开号", "专利名称", "摘要", "IPC分类号", "申请人", "公开日", "备注")
Rows = Sequence[Sequence[str]]

# Text that every format can hold: XML has no controls, GB18030 all of Unicode.
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Co", "Cn"]), max_size=20)
LINE = st.builds(lambda head, tail: f"题{head}{tail}", TEXT, TEXT)
ROWS = st.lists(
    st.tuples(
        LINE, TEXT.map(lambda text: f"摘要{text}"), st.sampled_from(["H01M10/0567", "H01M 4/36; G06F3/048"]), TEXT
    ),
    min_size=1,
    max_size=4,
)


def _delimited(separator: str, encoding: str) -> Callable[[Rows], bytes]:
    def write(rows: Rows) -> bytes:
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, delimiter=separator)
        writer.writerow(HEADERS)
        writer.writerows(rows)
        return buffer.getvalue().encode(encoding)

    return write


def _json_lines(encoding: str) -> Callable[[Rows], bytes]:
    def write(rows: Rows) -> bytes:
        lines = (json.dumps(dict(zip(HEADERS, row, strict=True)), ensure_ascii=False) for row in rows)
        return ("\n".join(lines) + "\n").encode(encoding)

    return write


def _xlsx(rows: Rows) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("专利")
    for row in (HEADERS, *rows):
        # An apostrophe-free way to keep texts such as "=1" from becoming formulas.
        cells = [openpyxl.cell.WriteOnlyCell(sheet, value=value) for value in row]
        for cell in cells:
            cell.data_type = "s"
        sheet.append(cells)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _parquet(rows: Rows) -> bytes:
    buffer = io.BytesIO()
    columns = {header: [row[place] for row in rows] for place, header in enumerate(HEADERS)}
    parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


WRITERS: dict[str, tuple[str, Callable[[Rows], bytes], str | None]] = {
    "csv": (".csv", _delimited(",", "utf-8"), "utf-8"),
    "csv of a European Excel": (".csv", _delimited(";", "utf-8-sig"), "utf-8-sig"),
    "csv in GB18030": (".csv", _delimited(",", "gb18030"), "gb18030"),
    "csv in UTF-16": (".csv", _delimited("\t", "utf-16"), "utf-16"),
    "tsv": (".tsv", _delimited("\t", "utf-8"), "utf-8"),
    "tsv in GB18030": (".tsv", _delimited("\t", "gb18030"), "gb18030"),
    "jsonl": (".jsonl", _json_lines("utf-8"), "utf-8"),
    "jsonl in GB18030": (".jsonl", _json_lines("gb18030"), "gb18030"),
    "xlsx": (".xlsx", _xlsx, None),
    "parquet": (".parquet", _parquet, None),
}


def _rows(texts: Sequence[tuple[str, str, str, str]]) -> Rows:
    # The last column gives every file enough plain Chinese for its encoding to be told.
    return [
        (
            f"CN{number}A",
            title,
            abstract,
            ipc,
            "清华大学；北京电池有限公司",
            "2015年1月2日",
            f"本发明公开了一种电池的制备方法，其{note}用",
        )
        for number, (title, abstract, ipc, note) in enumerate(texts)
    ]


def _read(path: Path) -> tuple[RowFile, list[AnyRecord]]:
    source = read_records(path, Kind.PATENTS)
    outcomes = list(source)
    assert [outcome.rejected for outcome in outcomes] == [()] * len(outcomes)
    return source, [outcome.record for outcome in outcomes if outcome.record is not None]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("form", WRITERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(texts=ROWS)
def test_ingest_files_formats_give_the_same_records(
    tmp_path: Path, form: str, packed: bool, texts: list[tuple[str, str, str, str]]
) -> None:
    """Whatever the rows hold and whatever file they come in, the records are those of the plain JSON Lines file."""
    rows = _rows(texts)
    suffix, write, encoding = WRITERS[form]
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(_json_lines("utf-8")(rows))
    path = tmp_path / (f"文件{suffix}.gz" if packed else f"文件{suffix}")
    data = write(rows)
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    source, records = _read(path)
    assert records == _read(plain)[1]
    assert len(records) == len(rows)
    assert source.source.encoding == encoding
    assert source.source.compressed == packed
    assert source.source.columns == {
        "公开号": "id", "专利名称": "title", "摘要": "abstract", "IPC分类号": "ipc", "申请人": "holders",
        "公开日": "published_on",
    }  # fmt: skip
    assert source.source.ignored == ("备注",)


def test_ingest_files_formats_row_numbers_are_those_that_people_see(tmp_path: Path) -> None:
    """Tables count their header as row 1; JSON Lines count lines; Parquet counts records."""
    rows = _rows([("题", "摘", "H01M4/36", "x")] * 2)
    numbers = {}
    for form, (suffix, write, _) in WRITERS.items():
        path = tmp_path / f"a{suffix}"
        path.write_bytes(write(rows))
        numbers[form] = [outcome.row for outcome in read_records(path, Kind.PATENTS)]
    assert {form for form, found in numbers.items() if found == [1, 2]} == {"jsonl", "jsonl in GB18030", "parquet"}
    assert all(found in ([1, 2], [2, 3]) for found in numbers.values())


def test_ingest_files_formats_workbook_as_people_make_them(tmp_path: Path) -> None:
    """The right sheet, a merged title, typed and numbered dates, numbers for codes, empty rows, escaped characters."""
    book = openpyxl.Workbook()
    book.active.title = "说明"
    book.active.append(["请填写“企业”工作表"])
    sheet = book.create_sheet("企业")
    sheet.append(["2024年企业名录"])
    sheet.merge_cells("A1:D1")
    sheet.append([])
    sheet.append(["统一社会信用代码", "企业名称", "成立日期", "省份"])
    sheet.append(["12130400688212131X", "甲_x000D_公司", datetime(1990, 10, 22), "河北"])  # noqa: DTZ001
    sheet.append([])
    sheet.append([913100006074259000, "乙公司", "2001-02-03", None])
    sheet.append([9.1310e17, "丙公司", 36926, None])
    sheet.append([310000400000001, "丁公司", 36926, "上海"])
    path = tmp_path / "企业.xlsx"
    book.save(path)
    source = read_records(path, Kind.FIRMS)
    assert (source.source.sheets[1].name, source.source.sheets[1].header_rows) == ("企业", (3,))
    outcomes = list(source)
    assert [(o.row, o.record.id if o.record else o.rejected[0].code) for o in outcomes] == [
        (4, "12130400688212131X"), (6, "id_destroyed"), (7, "id_destroyed"), (8, "310000400000001"),
    ]  # fmt: skip
    assert outcomes[0].record.name == "甲 公司"
    assert str(outcomes[0].record.filed_on) == "1990-10-22"
    assert str(outcomes[3].record.filed_on) == "2001-02-04"


def test_ingest_files_formats_parquet_with_typed_columns(tmp_path: Path) -> None:
    """Lists, dates, numbers, structures and a data frame's index are read as what they are."""
    table = pa.table(
        {
            "id": pa.array([900009922, 2]),
            "title": ["热风炉", None],
            "ipc": [["F24H3/08", "F24H 9/00"], None],
            "applicant": [["辽东大学", None], []],
            "date": pa.array([datetime(2019, 7, 18), None], pa.timestamp("ms")),  # noqa: DTZ001
            "dormant": [True, None],
            "claims": [[{"no": 1, "text": "一种"}], None],
            "__index_level_0__": [0, 1],
        }
    )
    path = tmp_path / "a.parquet"
    parquet.write_table(table, path)
    source = read_records(path, Kind.PATENTS)
    first, second = list(source)
    assert (first.record.id, first.record.ipc, first.record.holders, first.record.dormant) == (
        "900009922", ("F24H3/08", "F24H9/00"), ("辽东大学",), True,
    )  # fmt: skip
    assert str(first.record.published_on) == "2019-07-18"
    assert first.record.extra == {"claims": [{"no": 1, "text": "一种"}]}
    assert [found.code for found in second.rejected] == ["missing_title"]
    assert source.source.ignored == ("claims",)
