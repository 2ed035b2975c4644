"""What is said of a load."""

from __future__ import annotations

import re
from collections import Counter
from typing import cast

import pytest

from app.ingest import Problem, RowOutcome, SourceFile
from app.ingest.outcomes import ColumnRead, SheetRead
from app.records.report import LoadReport
from app.settings import Settings
from scripts.console import Shell
from scripts.loaded import show_load


def word(field: str, value: str, code: str = "unknown_word") -> Problem:
    """A problem of a word."""
    return Problem(field, value, code, "r", "r", "f", "f")


def source(*sheets: SheetRead) -> SourceFile:
    """A workbook."""
    return SourceFile(
        name="a.xlsx",
        format="xlsx",
        compressed=False,
        encoding=None,
        columns={"公开号": "id", "状态": "status", "摘要": "abstract"},
        ignored=("备注",),
        sheets=sheets,
        notes=(("its name ends in .csv", "文件后缀为 .csv"),),
    )


def filled() -> LoadReport:
    """A report of a workbook with two sheets, one of them unread, and of rows with troubles."""
    report = LoadReport("a.xlsx", "patents")
    both, one = frozenset(("id", "status")), frozenset(("id",))
    rows = [RowOutcome(4, object(), (), (word("status", "撤回中"),), {}, "发明", both) for _ in range(3)]
    rows += [RowOutcome(5, object(), (), (word("status", "冻结"),), {}, "发明", both)]
    rows += [RowOutcome(n, None, (word("id", "", "missing_id"),), (), {}, "发明", one) for n in range(6, 14)]
    report.note(cast(list[RowOutcome[object]], rows))
    report.source = source(
        SheetRead(
            "发明",
            rows=12,
            hidden_rows=2,
            header_rows=(2, 3),
            columns=[ColumnRead("公开号", "id", 12), ColumnRead("备注", None, 1)],
            skipped=Counter(total=1),
        ),
        SheetRead("说明", read=False, hidden=True, rows=7, why="no known headers", why_zh="没有可识别的表头"),
    )
    return report


def test_report_counts_fields_words_and_reasons() -> None:
    """Fields by how full they are, those without any value too; unknown words by count; first rows of a reason."""
    said = filled().as_json()
    assert said["fields"] == {"id": 12, "status": 4, "abstract": 0}
    assert said["unknown_words"] == {"status": {"撤回中": 3, "冻结": 1}}
    assert (said["rejected"], said["reasons"], said["warnings"]) == (8, {"missing_id": 8}, {"unknown_word": 4})
    assert said["first_rows"] == {
        "unknown_word": [{"sheet": "发明", "row": 4}, {"sheet": "发明", "row": 5}],
        "missing_id": [{"sheet": "发明", "row": row} for row in range(6, 11)],
    }
    assert said["notes"] == [{"en": "its name ends in .csv", "zh": "文件后缀为 .csv"}]
    read, unread = said["sheets"]
    assert (read["header_rows"], read["hidden_rows"], read["skipped"]) == ([2, 3], 2, {"total": 1})
    assert read["columns"] == [
        {"header": "公开号", "field": "id", "filled": 12},
        {"header": "备注", "field": None, "filled": 1},
    ]
    assert (unread["read"], unread["hidden"], unread["rows"], unread["why_zh"]) == (False, True, 7, "没有可识别的表头")


def test_report_of_endless_words_stays_small() -> None:
    """A column of free text that is taken for words does not fill the memory."""
    report = LoadReport("a.csv", "patents")
    rows = [RowOutcome(n, object(), (), (word("status", f"词{n}"),), {}) for n in range(5000)]
    report.note(cast(list[RowOutcome[object]], rows))
    words = report.as_json()["unknown_words"]["status"]
    assert len(words) == 1001
    assert words["…"] == 4000


def test_report_is_shown_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    """Sheets read and unread, columns, fields, words, and what was rejected, with rows."""
    show_load(Shell(Settings(), as_json=False), filled())
    said = re.sub(" +", " ", capsys.readouterr().out)
    for line in (
        "how a.xlsx was read · 读取方式: format · 格式 xlsx",
        "发明 yes · 是 12 2, 3 2 rows · 行 totals · 合计行 1",
        "说明 no · 否 7 sheet · 整表 no known headers · 没有可识别的表头",
        "status 4 33%",
        "abstract 0 0%",
        "status 撤回中 3",
        "rejected · 退回: missing_id 8 (rows · 行 6, 7, 8, 9, 10, …)",
        "kept as extra columns · 存入 extra 的列: 备注",
    ):
        assert line in said, said
