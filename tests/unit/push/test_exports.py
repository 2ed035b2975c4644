"""How a run is laid out as a workbook, and what its last sheet says."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from app.catalogue import PushRun
from app.errors import InputError
from app.ingest import SHANGHAI
from app.push.exports import SheetLayout, check_sheets
from app.push.sheets import about_run


def run_of(firms: int, manifest: dict[str, object]) -> PushRun:
    """A run that is done."""
    began = datetime(2026, 11, 3, 20, 30, tzinfo=UTC)
    return PushRun(
        name="r", status="done", inputs="", manifest=json.dumps(manifest), started_at=began, finished_at=began,
        firms=firms, entries=5,
    )  # fmt: skip


def test_exports_a_book_has_as_many_sheets_as_can_be_leafed_through() -> None:
    """A sheet for each of 251 firms is refused with what to do instead; all on one sheet is not."""
    check_sheets(run_of(250, {}), SheetLayout(per_firm=True))
    check_sheets(run_of(450_000, {}), SheetLayout())
    with pytest.raises(InputError, match="leave out --sheet-per-firm") as told:
        check_sheets(run_of(251, {}), SheetLayout(per_firm=True))
    assert told.value.error_code == "too_many_sheets"
    assert "请去掉 --sheet-per-firm" in told.value.message_zh


def test_exports_last_sheet_says_rules_in_words() -> None:
    """Rules, filters and their values in Chinese, with their own names in English; times of the zone asked for."""
    asked = {"rules": {"k": 20, "min_level": "weak", "exclude_status": ["inactive"], "own_patents": False}}
    filters = {"patents": {"ipc": ["H01M", "H02J"]}, "pool": None, "firms": {}}
    about = about_run(run_of(3, {"state": {"parameters": {**asked, **filters}, "encoder": "e5"}}), SHANGHAI)
    said = {fact.name.zh: fact.value for fact in about.facts}
    assert said["推送规则"] == (
        "每家企业件数 = 20；最低级别 = 弱相关；不推送的专利状态 = 失效；推送企业自有专利 = 否",
        "k = 20; min_level = weak; exclude_status = inactive; own_patents = false",
    )
    assert said["专利筛选条件"] == ("IPC分类 = H01M、H02J", "ipc = H01M, H02J")
    assert said["运行时间"] == "2026-11-04 04:30 – 2026-11-04 04:30"
    assert said["匹配模型"] == "e5"


def test_exports_last_sheet_of_a_run_of_before_says_what_it_knows() -> None:
    """A manifest without these parts is no error."""
    assert about_run(run_of(3, {}), SHANGHAI).rows([])[0][0] == "推送清单说明"
