"""Several tables in one sheet, and headers in two languages: every record is read, and no header becomes one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from app.domain import Kind
from app.ingest import read_records
from app.ingest.outcomes import SourceFile

Rows = list[list[Any]]
FORMS = ("csv", "xlsx", "html")

GAPS: list[tuple[str, Rows]] = [(form, gap) for form in FORMS for gap in ([], [["二、失效专利"]], [["表2 失效专利"]])]
GAPS += [("csv", [[]]), ("xlsx", [[]])]  # an HTML table has no blank rows

UPPER = [["公开号", "专利名称", "申请人"], ["CN101A", "一种电池", "甲公司"], ["CN102A", "一种电机", "乙公司"]]
LOWER = [["专利名称", "公开号", "申请人", "法律状态"], ["一种水泵", "CN103A", "丙公司", "有效"]]


def _write(folder: Path, rows: Rows, form: str) -> Path:
    path = folder / f"a.{form}"
    if form == "csv":
        width = max(map(len, rows))
        lines = (",".join(map(str, row + [""] * (width - len(row)))) for row in rows)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif form == "html":
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        path.write_text(f'<html><meta charset="utf-8"><table>{body}</table></html>', encoding="utf-8")
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append([cell or None for cell in row])
        book.save(path)
    return path


def _read(
    folder: Path, rows: Rows, form: str, kind: Kind = Kind.PATENTS, **options: Any
) -> tuple[SourceFile, list[Any]]:
    file = read_records(_write(folder, rows, form), kind, **options)
    outcomes = list(file)
    return file.source, outcomes


def _ids(outcomes: list[Any]) -> list[tuple[int, str | None]]:
    return [(outcome.row, outcome.record and outcome.record.id) for outcome in outcomes]


@pytest.mark.parametrize(("form", "gap"), GAPS)
def test_further_tables_below_one_another_are_both_read(tmp_path: Path, form: str, gap: Rows) -> None:
    """The lower table has more known headers in another order; its rows are read by them, the upper's by its own."""
    source, outcomes = _read(tmp_path, [*UPPER, *gap, *LOWER], form)
    below = 4 + len(gap)
    assert _ids(outcomes) == [(2, "CN101A"), (3, "CN102A"), (below + 1, "CN103A")]
    assert [outcome.record.title for outcome in outcomes] == ["一种电池", "一种电机", "一种水泵"]
    assert outcomes[2].record.status == "active"
    assert source.sheets[0].header_rows == (1, below)
    assert source.sheets[0].rows == 3


@pytest.mark.parametrize("form", FORMS)
def test_further_table_with_fewer_headers_far_below(tmp_path: Path, form: str) -> None:
    """A table that begins below the rows searched for a header, with a column less and one of its own."""
    upper = [["公开号", "专利名称", "申请人", "摘要"]] + [
        [f"CN{n}A", f"电池{n}", "甲", "文"] for n in range(1000, 1060)
    ]
    lower = [["序号", "专利名称", "公开号"], ["1", "水泵", "CN2000A"], ["2", "风机", "CN2001A"]]
    source, outcomes = _read(tmp_path, upper + lower, form)
    assert len(outcomes) == 62
    assert _ids(outcomes)[60:] == [(63, "CN2000A"), (64, "CN2001A")]
    assert outcomes[61].record.extra.get("序号") in ("2", 2)
    assert source.sheets[0].header_rows == (1, 62)


def test_further_header_that_comes_again_stays_skipped(tmp_path: Path) -> None:
    """The same header on each printed page is no other table, nor is it in other words for the same columns."""
    again = ["公开（公告）号", "名称", "申请人"]
    source, outcomes = _read(
        tmp_path, [*UPPER, UPPER[0], ["CN104A", "水泵", "丁"], again, ["CN105A", "阀", "丁"]], "xlsx"
    )
    assert _ids(outcomes) == [(2, "CN101A"), (3, "CN102A"), (5, "CN104A"), (7, "CN105A")]
    assert source.sheets[0].skipped == Counter(header=2)
    assert source.sheets[0].header_rows == (1,)


FIRMS = [
    ["企业名称", "统一社会信用代码", "经营范围"],
    ["甲公司", "91110108551385082Q", "电池的研发与销售"],
    ["乙", "", "电机"],
]
MEANINGS = [["字段名称", "说明"], ["公开号", "专利公开的号码"], ["专利名称", "发明的名称"]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("other", [FIRMS, MEANINGS])
def test_further_table_of_something_else_is_counted(tmp_path: Path, form: str, other: Rows) -> None:
    """Its rows are no records, below and above; a table of the kind behind it is read again."""
    source, outcomes = _read(tmp_path, [*UPPER, *other, *LOWER], form)
    assert _ids(outcomes) == [(2, "CN101A"), (3, "CN102A"), (5 + len(other), "CN103A")]
    assert source.sheets[0].skipped == Counter(other_table=len(other) - 1)
    source, outcomes = _read(tmp_path, [*other, *LOWER], form)
    assert _ids(outcomes) == [(2 + len(other), "CN103A")]
    assert source.sheets[0].skipped == Counter(other_table=len(other) - 1)


@pytest.mark.parametrize("form", FORMS)
def test_further_header_in_another_language_is_no_record(tmp_path: Path, form: str) -> None:
    """Chinese above English and the other way round: of each column the name that is known counts."""
    chinese = ["公开号", "专利名称", "申请人", "内部分类"]
    english = ["Publication No.", "Title", "Applicant", "Abstract"]
    for rows in ([chinese, english], [english, chinese]):
        source, outcomes = _read(tmp_path, [*rows, ["CN101A", "一种电池", "甲公司", "文字"]], form)
        assert _ids(outcomes) == [(3, "CN101A")]
        assert (outcomes[0].record.abstract, outcomes[0].record.holders) == ("文字", ("甲公司",))
        assert source.sheets[0].header_rows == (1, 2)


def test_further_header_in_another_language_below_a_lower_table(tmp_path: Path) -> None:
    """A second table may have both, too."""
    english = ["Title", "Publication No.", "Applicant", "Status"]
    source, outcomes = _read(tmp_path, [*UPPER, LOWER[0], english, *LOWER[1:]], "csv")
    assert _ids(outcomes) == [(2, "CN101A"), (3, "CN102A"), (6, "CN103A")]
    assert source.sheets[0].header_rows == (1, 4, 5)


def test_further_rows_that_look_like_headers_are_records(tmp_path: Path) -> None:
    """Needs and firms are called as columns are; a form with labels beside its values is no header."""
    needs = [
        ["需求名称", "需求描述", "企业名称"],
        ["项目名称", "识别文档中的项目", "甲公司"],
        ["联系人", "说明", "乙公司"],
        ["名称", "企业名称的标准化", "名称"],
    ]
    _, outcomes = _read(tmp_path, needs, "csv", Kind.NEEDS)
    assert [outcome.row for outcome in outcomes] == [2, 3, 4]
    firms = [["企业名称", "登记状态", "经营范围"], ["名称", "存续", "状态"], ["说明", "注销", "电池"]]
    _, outcomes = _read(tmp_path, firms, "csv", Kind.FIRMS)
    assert [(outcome.row, outcome.record.name) for outcome in outcomes] == [(2, "名称"), (3, "说明")]


def test_further_counter_of_a_lower_table_is_no_id(tmp_path: Path) -> None:
    """A column that counts is known in each table by its own rows."""
    upper = [["公开号", "专利名称"]] + [[f"CN{n}A", f"电池{n}"] for n in range(1000, 1040)]
    lower = [["编号", "专利名称", "申请人"], ["1", "水泵", "甲"], ["2", "风机", "乙"], ["3", "阀门", "丙"]]
    _, outcomes = _read(tmp_path, upper + lower, "csv")
    assert all(outcome.record.id.startswith("patent-") for outcome in outcomes[40:])


def test_further_header_is_read_by_the_mapping(tmp_path: Path) -> None:
    """What the mapping names holds for both tables."""
    upper = [["甲", "专利名称"], ["CN101A", "一种电池"]]
    lower = [["专利名称", "甲"], ["一种水泵", "CN103A"]]
    _, outcomes = _read(tmp_path, upper + lower, "csv", mapping={"甲": "id"})
    assert _ids(outcomes) == [(2, "CN101A"), (4, "CN103A")]


def test_further_header_of_the_kind_counts_before_one_of_another(tmp_path: Path) -> None:
    """A table of firms above the needs has as many headers that needs have, too."""
    rows = [*FIRMS, ["需求名称", "需求描述"], ["电池", "需要一种电池"]]
    source, outcomes = _read(tmp_path, rows, "xlsx", Kind.NEEDS)
    assert [(outcome.row, outcome.record.title) for outcome in outcomes] == [(5, "电池")]
    assert source.sheets[0].skipped == Counter(other_table=2)
