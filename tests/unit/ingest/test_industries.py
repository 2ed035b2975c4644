"""Files of the mapping of IPC codes to industries."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import InputError
from app.ingest import INDUSTRIES, Pairs, RowFile, pairs_in, read_rows
from app.ingest.fields.trades import industry_codes, with_section


def read_industries(path: Path) -> RowFile[Pairs]:
    """A file of the mapping."""
    return read_rows(path, INDUSTRIES, pairs_in)


def read(tmp_path: Path, text: str) -> tuple[list[tuple[str, str]], list[tuple[int, str, str]]]:
    """The pairs of a CSV file, and row, code and value of what was rejected."""
    path = tmp_path / "mapping.csv"
    path.write_text(text, encoding="utf-8")
    rows = list(read_industries(path))
    rejected = [(row.row, found.code, found.value) for row in rows for found in row.rejected]
    assert all(bool(row.record) != bool(row.rejected) for row in rows)
    return [pair for row in rows for pair in row.record or ()], rejected


@pytest.mark.parametrize(
    "header",
    [
        "ipc,industry",
        "IPC分类号,国民经济行业代码",
        "国际专利分类号,行业代码",
        "主分类号,行业",
        "IPC (2018),Industry Code",
    ],
)
def test_ingest_industries_headers(tmp_path: Path, header: str) -> None:
    """English and Chinese headers."""
    assert read(tmp_path, f"{header}\nH01M,C3841\n") == ([("H01M", "C3841")], [])


def test_ingest_industries_rows_of_every_kind(tmp_path: Path) -> None:
    """Several codes on either side, stars, full width, main groups, sections, codes without their letter."""
    text = (
        "IPC分类号,国民经济行业代码,国民经济行业\n"
        'H01M10/00;H01M4/02,"C3841、C3985",电池制造\n'
        "A01B*,C3571,\n"
        "ｇ,4011,\n"
        "C12N,0512,\n"
        "G06F,65,软件业\n"
    )
    pairs, rejected = read(tmp_path, text)
    assert pairs == [
        ("H01M10/00", "C3841"),
        ("H01M10/00", "C3985"),
        ("H01M4/02", "C3841"),
        ("H01M4/02", "C3985"),
        ("A01B", "C3571"),
        ("G", "C4011"),
        ("C12N", "A0512"),
        ("G06F", "I65"),
    ]
    assert rejected == []


def test_ingest_industries_bad_rows_say_why(tmp_path: Path) -> None:
    """One bad code rejects its row whole: half a mapping of a row would be a wrong one."""
    text = "ipc,industry\nH01M,\n,C38\nnonsense,C38\nH01M;X9,C38\nH01M,电池\nH01M,9912\nG06F,I65\n"
    pairs, rejected = read(tmp_path, text)
    assert pairs == [("G06F", "I65")]
    assert rejected == [
        (2, "missing_industry", ""),
        (3, "missing_ipc", ""),
        (4, "bad_ipc", "NONSENSE"),
        (5, "bad_ipc", "X9"),
        (6, "bad_industry", "电池"),
        (7, "bad_industry", "9912"),
    ]


def test_ingest_industries_lists_of_json(tmp_path: Path) -> None:
    """JSON Lines may have lists."""
    path = tmp_path / "mapping.jsonl"
    path.write_text('{"ipc": ["H01M", "H01G"], "industry": ["C3841"]}\n', encoding="utf-8")
    assert [row.record for row in read_industries(path)] == [(("H01M", "C3841"), ("H01G", "C3841"))]


def test_ingest_industries_of_another_file_are_refused(tmp_path: Path) -> None:
    """A file without the two columns is named as what it looks like."""
    path = tmp_path / "patents.csv"
    path.write_text("公开号,专利名称\nCN1,t\n", encoding="utf-8")
    with pytest.raises(InputError, match="looks like a file of patents"):
        read_industries(path)


@pytest.mark.parametrize(
    ("code", "whole"),
    [("01", "A01"), ("05", "A05"), ("06", "B06"), ("43", "C43"), ("3841", "C3841"), ("44", "D44"), ("65", "I65"),
     ("97", "T97"), ("98", None), ("00", None), ("C3841", "C3841"), ("C", "C"), ("3", None), ("", None)],
)  # fmt: skip
def test_ingest_industries_sections(code: str, whole: str | None) -> None:
    """Divisions belong to sections as GB/T 4754-2017 has them."""
    assert with_section(code) == whole


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("C制造业>C27医药制造业", ("C27",)),
        ("C 制造业 > C27 医药制造业 > C271", ("C271",)),
        ("C制造业/C39计算机、通信和其他电子设备制造业", ("C39",)),
        ("制造业-专用设备制造业", ("C35",)),
        ("医药制造业/通用设备制造业", ("C27", "C34")),
        ("C-34-344-3441", ("3441",)),
        ("3841-电池制造", ("3841",)),
        ("C35专用设备制造业-医疗", ("C35",)),
        ("科学研究和技术服务业 研究和试验发展", ("M73",)),
        ("[C3441]泵及真空设备制造", ("C3441",)),
        ("【C27】医药制造业", ("C27",)),
        ("医药制造业[C27]", ("C27",)),
        ("制造业(C)", ("C",)),
    ],
)
def test_ingest_industries_paths_and_codes_beside_names(text: str, codes: tuple[str, ...]) -> None:
    """The end of a path counts, whatever its parts look like; codes stand before or behind their names."""
    assert industry_codes(text) == (codes, ())
