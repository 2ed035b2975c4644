"""`patmatch feedback` and `patmatch firm`: files in, rejects by row, exit status."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from command_samples import log, ran
from hashing_encoder import HashingEncoder

from app.catalogue import PushRun
from app.domain import Event, Firm, Kind, Need, Patent
from app.settings import Settings
from app.wiring import Services
from scripts.cli import run

CREDIT_CODE = "91110108551385082Q"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a firm, two patents and a need."""
    monkeypatch.delenv("PATMATCH_HOME", raising=False)
    services = Services(Settings(home=tmp_path / "home"), encoder=HashingEncoder)
    services.catalogue.upsert([Firm(id=CREDIT_CODE, name="小米科技有限责任公司")])
    services.catalogue.upsert([Patent(id="CN1A", title="一种电解液"), Patent(id="CN2A", title="一种隔膜")])
    services.catalogue.upsert([Need(id="N1", title="电解液的开发", firm_id=CREDIT_CODE)])
    begun = PushRun(name="2026-11", status="running", inputs="", manifest="{}", started_at=datetime.now(UTC))
    services.catalogue.pushes.begin(begun)
    services.close()
    return tmp_path / "home"


def test_commands_feedback_import_of_a_chinese_workbook(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Headers and words as offices write them; the second load records nothing; a returned need joins the catalogue."""
    book = openpyxl.Workbook()
    for row in (
        ["统一社会信用代码", "公开号", "反馈结果", "原因", "反馈时间", "需求名称", "推送批次", "名次"],
        [CREDIT_CODE.lower(), "CN 1A", "已联系", None, "2026-11-03", None, "2026-11", 2],
        [CREDIT_CODE, "CN2A", "不感兴趣", "价格太高", "2026-11-03", None, "2026-11", 5],
        [CREDIT_CODE, None, "提出需求", None, "2026-11-04", "耐高温隔膜", None, None],
    ):
        book.active.append(row)
    path = tmp_path / "反馈.xlsx"
    book.save(path)
    status, report = ran(home, capsys, "feedback", "import", str(path))
    assert (status, report["rows"], report["recorded"], report["needs"], report["rejected"]) == (0, 3, 3, 1, 0)
    status, report = ran(home, capsys, "feedback", "import", str(path))
    assert (status, report["recorded"], report["known"], report["needs"]) == (0, 0, 3, 0)
    contacted, rejected, returned = log(home)
    assert (contacted.event, contacted.firm_id, contacted.patent_id, contacted.rank, contacted.run) == (
        Event.CONTACTED, CREDIT_CODE, "CN1A", 2, "2026-11",
    )  # fmt: skip
    assert (rejected.event, rejected.reason, rejected.at.isoformat()) == (
        Event.REJECTED, "价格太高", "2026-11-02T16:00:00+00:00",
    )  # fmt: skip
    services = Services(Settings(home=home), encoder=HashingEncoder)
    need = services.catalogue.get(Kind.NEEDS, returned.new_need_id)
    services.close()
    assert isinstance(need, Need)
    assert (need.title, need.firm_id) == ("耐高温隔膜", CREDIT_CODE)


def test_commands_feedback_import_lists_rows_that_cannot_be_used(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 3, the others go in, and the rejects file names row, field and reason in both languages."""
    path = tmp_path / "judgements.csv"
    path.write_text(
        "需求编号,专利编号,级别,评价人\nN1,CN1A,强相关,王\nN1,CN2A,none,王\nN9,CN1A,3,王\nN1,CN1A,5,王\nN1,,4,王\n",
        encoding="utf8",
    )
    status, report = ran(home, capsys, "feedback", "import", str(path))
    assert (status, report["recorded"], report["rejected"]) == (3, 2, 3)
    assert report["reasons"] == {"unknown_record": 1, "bad_level": 1, "missing_field": 1}
    with Path(report["rejects_file"]).open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["row"], row["field"], row["code"]) for row in rows] == [
        ("4", "need_id", "unknown_record"), ("5", "level", "bad_level"), ("6", "patent_id", "missing_field"),
    ]  # fmt: skip
    assert all(row["reason_zh"] and row["fix_zh"] for row in rows)
    assert [item.level for item in log(home)] == ["strong", "none"]
    status, report = ran(home, capsys, "feedback", "import", str(path))
    assert (status, report["recorded"], report["known"]) == (3, 0, 2), "rows without a time are known by what they say"


def test_commands_feedback_import_of_lines_with_a_need(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON Lines hold what HTTP takes, a need as an object; more rows than one transaction holds are all there."""
    path = tmp_path / "events.jsonl"
    said = {"event": "need_returned", "firm_id": CREDIT_CODE, "need": {"id": "N2", "title": "轴承"}, "key": "n"}
    text_parts = [{"key": f"v{n}", "event": "viewed", "need_id": "N1", "patent_id": "CN1A"} for n in range(1500)]
    path.write_text("\n".join(json.dumps(line) for line in (said, *text_parts)), encoding="utf8")
    status, report = ran(home, capsys, "feedback", "import", str(path))
    assert (status, report["recorded"], report["needs"]) == (0, 1501, 1)
    assert log(home)[0].new_need_id == "N2"


def test_commands_feedback_import_of_another_file_says_what_is_missing(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of patents is no feedback."""
    path = tmp_path / "patents.csv"
    path.write_text("公开号,专利名称\nCN1A,一种电解液\n", encoding="utf8")
    assert run(["feedback", "import", str(path), "--home", str(home)]) == 1
    said = capsys.readouterr().err
    assert "needs a column for event or level" in said
    assert "事件" in said


def test_commands_firm_opt_out_and_back(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Opted out once, again, and back; an unknown firm is said to be one."""
    assert ran(home, capsys, "firm", "opt-out", CREDIT_CODE, "--reason", "不再需要")[1]["new"] is True
    _, again = ran(home, capsys, "firm", "opt-out", CREDIT_CODE)
    assert (again["new"], again["reason"]) == (False, "不再需要")
    assert ran(home, capsys, "firm", "opt-out", CREDIT_CODE, "--undo")[1]["opted_out"] is False
    assert run(["firm", "opt-out", CREDIT_CODE, "--undo", "--home", str(home)]) == 1
    assert run(["firm", "opt-out", "nobody", "--home", str(home)]) == 1
    assert "nobody" in capsys.readouterr().err


def test_commands_feedback_export_and_funnel(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Judgements come out as a table, the funnel prints shares with intervals; without judgements it is exit 1."""
    assert run(["feedback", "export", "--qrels", str(tmp_path / "q.tsv"), "--home", str(home)]) == 1
    assert "feedback import" in capsys.readouterr().err
    path = tmp_path / "events.jsonl"
    said = {"firm_id": CREDIT_CODE, "patent_id": "CN1A", "run": "2026-11"}
    lines = [{"event": event, **said} for event in ("viewed", "contacted")]
    lines += [{"level": "strong", "need_id": "N1", "patent_id": "CN2A", "by": "王"}]
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf8")
    assert ran(home, capsys, "feedback", "import", str(path))[0] == 0
    status, report = ran(home, capsys, "feedback", "export", "--qrels", str(tmp_path / "q.tsv"), "--events")
    assert (status, report["judgements"], report["queries"], report["documents"]) == (0, 2, 2, 0)
    assert (tmp_path / "q.tsv").read_text(encoding="utf8").splitlines()[1:] == [
        f"{CREDIT_CODE}\tCN1A\t3", "N1\tCN2A\t4",
    ]  # fmt: skip
    _, funnel = ran(home, capsys, "feedback", "funnel", "--run", "2026-11", "--by", "region")
    assert [(stage["stage"], stage["pairs"]) for stage in funnel["funnels"][0]["stages"]][:3] == [
        ("viewed", 1), ("interested", 0), ("contacted", 1),
    ]  # fmt: skip
    assert run(["feedback", "funnel", "--home", str(home)]) == 0
    assert "0.00% (0.00% to" in capsys.readouterr().out
