"""Powers in texts that stand in their cells and not in the workbook's table of texts."""

from __future__ import annotations

from pathlib import Path

import openpyxl
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from app.domain import Kind
from app.ingest import read_records


def test_richtext_of_openpyxl_keeps_powers(tmp_path: Path) -> None:
    """Formatted texts are written into their cells; a raised number is a power, a lowered one as it is."""
    high, low = InlineFont(vertAlign="superscript"), InlineFont(vertAlign="subscript")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["公开号", "名称"])
    sheet.append(["CN101A", CellRichText("压力为10", TextBlock(high, "5"), "Pa的CO", TextBlock(low, "2"), "泵")])
    sheet.append(["CN102A", "压力为105Pa的阀"])
    book.save(tmp_path / "a.xlsx")
    outcomes = list(read_records(tmp_path / "a.xlsx", Kind.PATENTS))
    assert [outcome.raw["名称"] for outcome in outcomes] == ["压力为10⁵Pa的CO2泵", "压力为105Pa的阀"]
