"""Workbooks that go out, are filled in, saved again by another program, and come back."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from command_samples import log, ran
from hashing_encoder import HashingEncoder
from push_samples import push_services, request

from app.domain import Event, Kind, Level
from app.settings import Settings
from app.wiring import Services
from scripts.cli import run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the sample and a push run."""
    place = tmp_path_factory.mktemp("made")
    services = push_services(place)
    services.pushing.run(request("2026-11"))
    services.close()
    return place


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it; commands wire themselves with the test encoder."""
    monkeypatch.setattr("app.wiring.load_encoder", lambda _settings, _spec: HashingEncoder())
    return Path(shutil.copytree(made, tmp_path / "home"))


def fill(path: Path, sheet: str, answers: dict[int, dict[str, object]]) -> None:
    """Write answers, by row and header, and save the book as another program does: strings shared, dates its own."""
    book = openpyxl.load_workbook(path)
    table = book[sheet]
    places = {cell.value: cell.column for cell in table[1]}
    for row, cells in answers.items():
        for header, value in cells.items():
            table.cell(row, places[header]).value = value
    book.save(path)


def rows_of(path: Path, sheet: str) -> list[dict[str, Any]]:
    """A sheet's rows by header."""
    header, *rows = openpyxl.load_workbook(path)[sheet].values
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_sheets_push_list_is_for_people(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The places of the CSV file in words, ids as text, a link by the deployment, and what made the run."""
    out, plain = tmp_path / "lists.xlsx", tmp_path / "lists.jsonl"
    call = ("push", "export", "2026-11", "--out")
    assert ran(home, capsys, *call, str(out), "--link-base", "https://bank.cn/{id}")[0] == 0
    ran(home, capsys, *call, str(plain))
    told = [json.loads(line) for line in plain.read_text(encoding="utf8").splitlines()]
    read = rows_of(out, "推送清单")
    assert [(row["企业编号"], row["名次"], row["专利编号"], row["专利名称"]) for row in read] == [
        (row["firm_id"], row["rank"], row["patent_id"], row["title"]) for row in told
    ]
    words = {"strong": "强相关", "fairly_strong": "较强相关", "weak": "弱相关", "none": "无相关"}
    assert [row["推荐级别"] for row in read] == [words[row["level"]] for row in told]
    assert [row["匹配度"] for row in read] == [round(row["score"], 3) for row in told]
    assert read[0]["链接"] == f"https://bank.cn/{read[0]['专利编号']}"
    assert {row["反馈"] for row in read} == {None}
    said = {row[0]: row[1] for row in openpyxl.load_workbook(out)["说明"].values}
    assert said["推送批次名称"] == "2026-11"
    assert "每家企业件数 = 5" in said["推送规则"]
    assert said["匹配模型"] == "hashing"
    assert said["索引快照编号"].startswith("patents-")


def test_sheets_push_list_comes_back_with_answers(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answers of firms are recorded with run, rank and score; empty places are counted, a lacking reason rejected."""
    out = tmp_path / "lists.xlsx"
    ran(home, capsys, "push", "export", "2026-11", "--out", str(out))
    before = rows_of(out, "推送清单")
    fill(
        out,
        "推送清单",
        {
            2: {"反馈": "感兴趣", "备注": "下周来访"},
            3: {"反馈": "拒绝", "原因": "无"},
            4: {"反馈": "拒绝"},
            5: {"备注": "价格？"},
        },
    )
    status, report = ran(home, capsys, "feedback", "import", str(out))
    assert (status, report["rows"], report["recorded"], report["rejected"]) == (3, len(before), 2, 2)
    assert report["unanswered"] == len(before) - 4
    assert report["reasons"] == {"missing_field": 2}
    interested, rejected = log(home)
    first = before[0]
    assert (interested.event, interested.firm_id, interested.patent_id, interested.note) == (
        Event.INTERESTED, first["企业编号"], first["专利编号"], "下周来访",
    )  # fmt: skip
    assert (interested.run, interested.rank, interested.level) == ("2026-11", 1, None)
    assert (rejected.event, rejected.reason) == (Event.REJECTED, "无")
    assert ran(home, capsys, "feedback", "import", str(out))[1]["known"] == 2


def test_sheets_push_list_in_english_comes_back_too(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its recommended level is no judgement."""
    out = tmp_path / "list.xlsx"
    services = Services(Settings(home=home), encoder=HashingEncoder)
    firm = next(services.catalogue.pushes.firms("2026-11"))
    services.close()
    _, told = ran(home, capsys, "push", "export", "2026-11", "--out", str(out), "--firm", firm, "--lang", "en")
    fill(out, "Push lists", {3: {"Event": "Contacted"}})
    status, report = ran(home, capsys, "feedback", "import", str(out))
    assert (status, report["recorded"], report["unanswered"]) == (0, 1, told["rows"] - 1)
    assert [(item.event, item.firm_id) for item in log(home)] == [(Event.CONTACTED, firm)]


def test_sheets_push_list_has_a_sheet_for_each_firm(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named as the firm is, with its list alone; too many firms are refused before anything is written."""
    out = tmp_path / "lists.xlsx"
    _, told = ran(home, capsys, "push", "export", "2026-11", "--out", str(out), "--sheet-per-firm")
    book = openpyxl.load_workbook(out)
    assert book.sheetnames[-1] == "说明"
    lists = {sheet.title: list(sheet.values)[1:] for sheet in book.worksheets[:-1]}
    assert sum(map(len, lists.values())) == told["rows"]
    assert all({row[0] for row in rows} == {title} for title, rows in lists.items())


def test_sheets_of_each_firm_come_back_whole(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Answers on several sheets of one workbook are all recorded, each for the firm of its sheet."""
    out = tmp_path / "lists.xlsx"
    _, told = ran(home, capsys, "push", "export", "2026-11", "--out", str(out), "--sheet-per-firm")
    names = openpyxl.load_workbook(out).sheetnames[:-1]
    asked = [(name, rows_of(out, name)) for name in (names[0], names[1], names[-1])]
    for name, _ in asked:
        fill(out, name, {2: {"反馈": "感兴趣"}, 3: {"反馈": "拒绝", "原因": f"{name}不需要"}})
    status, report = ran(home, capsys, "feedback", "import", str(out))
    assert (status, report["rows"], report["recorded"], report["unanswered"]) == (0, told["rows"], 6, told["rows"] - 6)
    assert [(item.firm_id, item.patent_id, item.event, item.reason) for item in log(home)] == [
        answer
        for name, rows in asked
        for answer in (
            (rows[0]["企业编号"], rows[0]["专利编号"], Event.INTERESTED, None),
            (rows[1]["企业编号"], rows[1]["专利编号"], Event.REJECTED, f"{name}不需要"),
        )
    ]
    assert [sheet["rows"] for sheet in report["sheets"] if sheet["read"]] == [len(rows_of(out, name)) for name in names]


def test_sheets_that_go_on_on_another_come_back_whole(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More places than a sheet has rows: the next sheet has them, and answers on each are recorded."""
    monkeypatch.setattr("app.sheets.books.MOST_ROWS", 101)
    out = tmp_path / "lists.xlsx"
    _, told = ran(home, capsys, "push", "export", "2026-11", "--out", str(out))
    names = openpyxl.load_workbook(out).sheetnames[:-1]
    assert names == ["推送清单", *(f"推送清单 ({number})" for number in range(2, len(names) + 1))]
    assert 100 * (len(names) - 1) < told["rows"] <= 100 * len(names)
    for name in names:
        fill(out, name, {2: {"反馈": "已联系"}})
    status, report = ran(home, capsys, "feedback", "import", str(out))
    assert (status, report["rows"], report["recorded"]) == (0, told["rows"], len(names))


def test_sheets_that_are_hidden_are_named(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows that a filter hides are read; a hidden sheet is not, and the report says so."""
    out = tmp_path / "lists.xlsx"
    ran(home, capsys, "push", "export", "2026-11", "--out", str(out), "--sheet-per-firm")
    first, second, *_ = openpyxl.load_workbook(out).sheetnames
    for name in (first, second):
        fill(out, name, {3: {"反馈": "已联系"}})
    book = openpyxl.load_workbook(out)
    book[first].row_dimensions[3].hidden = True
    book[second].sheet_state = "hidden"
    book.save(out)
    status, report = ran(home, capsys, "feedback", "import", str(out))
    assert (status, report["recorded"]) == (0, 1)
    assert [(one["name"], one["hidden"]) for one in report["sheets"] if not one["read"]] == [
        (second, True), ("说明", False)
    ]  # fmt: skip
    assert run(["feedback", "import", str(out), "--home", str(home)]) == 0
    assert f"sheet not read · 未读工作表: {second}: it is hidden" in capsys.readouterr().out


@pytest.mark.parametrize(("zone", "hour"), [("Asia/Shanghai", 23), ("America/New_York", 10)])
def test_sheets_say_times_of_the_zone_that_is_set(
    home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    zone: str,
    hour: int,
) -> None:
    """Times of judgements, and the dates on the last sheet of each workbook."""
    monkeypatch.setenv("PATMATCH_TIMEZONE", zone)
    told = tmp_path / "told.jsonl"
    told.write_text(
        json.dumps(
            {
                "event": "level",
                "level": "strong",
                "query_text": "电解液",
                "patent_id": "CN900000101B",
                "at": "2025-11-24T15:00:00Z",
            }
        ),
        encoding="utf8",
    )
    assert ran(home, capsys, "feedback", "import", str(told))[1]["recorded"] == 1
    out = tmp_path / "out.xlsx"
    ran(home, capsys, "feedback", "export", "--sheet", str(out))
    assert rows_of(out, "评价记录")[0]["评价时间"] == datetime.fromisoformat(f"2025-11-24T{hour}:00")
    for words, item in (
        (("feedback", "export", "--sheet", str(out)), "导出时间"),
        (("feedback", "sheet", "--query", "电解液", "--out", str(out)), "制表时间"),
        (("match", "电解液", "--out", str(out)), "匹配时间"),
        (("push", "export", "2026-11", "--out", str(out)), "导出时间"),
    ):
        assert ran(home, capsys, *words)[0] == 0
        said = {row[0]: row[1] for row in openpyxl.load_workbook(out)["说明"].values}
        shown = datetime.strptime(said[item], "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(zone))
        assert abs(datetime.now(UTC) - shown) < timedelta(minutes=5)


def test_sheets_matches_are_written_with_reasons(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list that is printed, with words, reasons and the question; CSV and JSON Lines have keys and codes."""
    out = tmp_path / "matches.xlsx"
    question = "一种适配高镍三元正极的锂离子电池电解液及其制备方法"
    status, told = ran(home, capsys, "match", question, "-k", "3", "--out", str(out))
    assert status == 0
    matches = told["results"][0]["matches"]
    read = rows_of(out, "匹配结果")
    assert [(row["名次"], row["专利编号"]) for row in read] == [(one["rank"], one["id"]) for one in matches]
    assert read[0]["专利编号"] == "CN900000101B"
    assert "高镍" in read[0]["入选原因"]
    assert read[0]["关键语句"]
    assert read[0]["推荐级别"] in {"强相关", "较强相关", "弱相关", "无相关"}
    said = {row[0]: row[1] for row in openpyxl.load_workbook(out)["说明"].values}
    assert said["提问内容"] == question
    for suffix in (".csv", ".jsonl"):
        assert ran(home, capsys, "match", question, "-k", "3", "--out", str(out.with_suffix(suffix)))[0] == 0
    assert out.with_suffix(".csv").read_text(encoding="utf-8-sig").startswith("rank,id,name,holders,ipc,level,score")
    first = json.loads(out.with_suffix(".jsonl").read_text(encoding="utf8").splitlines()[0])
    assert (first["id"], first["level"]) == ("CN900000101B", matches[0]["level"])
    assert run(["match", question, "--out", str(tmp_path / "x.pdf"), "--home", str(home)]) == 1
    assert ".xlsx, .csv, .jsonl" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["needs", "firms"])
def test_sheets_matches_of_every_target(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    """Needs and firms have columns of their own."""
    services = Services(Settings(home=home), encoder=HashingEncoder)
    services.indexing.build(Kind(target), publish=True)
    services.close()
    out = tmp_path / "x.xlsx"
    assert ran(home, capsys, "match", "电解液", "--target", target, "-k", "2", "--out", str(out))[0] == 0
    [first, _] = rows_of(out, "匹配结果")
    assert first["需求编号" if target == "needs" else "企业编号"]


def test_sheets_judging_sheet_goes_round(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stored needs, needs of a file and a free text: judged in part, imported, exported as judgements."""
    needs = tmp_path / "needs.csv"
    needs.write_text("需求编号,需求名称,需求内容\nX-007,电解液的开发,需要耐高压的电解液\n", encoding="utf8")
    services = Services(Settings(home=home), encoder=HashingEncoder)
    stored = next(services.catalogue.iterate(Kind.NEEDS))[0].id
    services.close()
    out = tmp_path / "judge.xlsx"
    call = (
        "feedback", "sheet", "--out", str(out), "--needs", str(needs), "--need-id", stored,
        "--query", "=钙钛矿电池的封装", "-k", "4", "--by", "王工",
    )  # fmt: skip
    status, told = ran(home, capsys, *call)
    assert (status, told["needs"], told["rows"], told["nothing_found"], told["unusable"]) == (0, 3, 12, 0, 0)
    before = rows_of(out, "评价表")
    assert list(before[0]) == [
        "查询编号", "需求编号", "需求内容", "专利编号", "专利名称", "摘要", "权利人", "相关级别", "评价人", "备注",
        "链接",
    ]  # fmt: skip
    assert [row["需求编号"] for row in before] == [stored] * 4 + [None] * 8
    assert [row["查询编号"] for row in before] == [None] * 4 + ["X-007"] * 4 + [None] * 4
    assert {row["评价人"] for row in before} == {"王工"}
    fill(
        out,
        "评价表",
        {
            2: {"相关级别": "强相关", "备注": "可用"},
            3: {"相关级别": "无相关"},
            6: {"相关级别": "较强相关", "评价人": "李工"},
            10: {"相关级别": "弱相关"},
        },
    )
    status, report = ran(home, capsys, "feedback", "import", str(out))
    assert (status, report["recorded"], report["unanswered"], report["rejected"]) == (0, 4, 8, 0)
    one, two, three, four = log(home)
    assert (one.event, one.need_id, one.patent_id, one.level, one.by, one.note, one.query_text) == (
        Event.LEVEL, stored, before[0]["专利编号"], Level.STRONG, "王工", "可用", None,
    )  # fmt: skip
    assert (two.level, two.need_id) == (Level.NONE, stored)
    assert (three.need_id, three.query_id, three.query_text, three.level, three.by) == (
        None, "X-007", "电解液的开发\n需要耐高压的电解液", Level.FAIRLY_STRONG, "李工",
    )  # fmt: skip
    assert (four.query_text, four.level) == ("=钙钛矿电池的封装", Level.WEAK)
    assert ran(home, capsys, "feedback", "import", str(out))[1]["known"] == 4
    qrels, sheet = tmp_path / "q.tsv", tmp_path / "judgements.xlsx"
    status, report = ran(home, capsys, "feedback", "export", "--qrels", str(qrels), "--sheet", str(sheet))
    assert (status, report["judgements"], report["queries"], report["sheet_rows"]) == (0, 4, 3, 4)
    told_rows = rows_of(sheet, "评价记录")
    assert [(row["相关级别"], row["评价人"], row["是否采用"]) for row in told_rows] == [
        ("强相关", "王工", "是"), ("无相关", "王工", "是"), ("较强相关", "李工", "是"), ("弱相关", "王工", "是"),
    ]  # fmt: skip


def test_sheets_judging_sheet_leads_nobody(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No rank, level or score; the order is that of the seed alone, the same again and another with another seed."""
    orders = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        out = tmp_path / f"{name}.xlsx"
        ran(home, capsys, "feedback", "sheet", "--out", str(out), "--query", "电解液", "-k", "10", "--seed", seed)
        orders.append([row["专利编号"] for row in rows_of(out, "评价表")])
        assert not {"名次", "匹配度", "推荐级别", "系统级别"} & set(rows_of(out, "评价表")[0])
    _, told = ran(home, capsys, "match", "电解液", "-k", "10")
    ranked = [one["id"] for one in told["results"][0]["matches"]]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert ranked not in orders
    assert sorted(orders[0]) == sorted(orders[2]) == sorted(ranked)


def test_sheets_judging_sheet_says_what_is_wrong(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No need at all, one that is not there, another ending, a file of something else: one line, nothing written."""
    out = tmp_path / "judge.xlsx"
    firms = tmp_path / "firms.csv"
    firms.write_text("统一社会信用代码,企业名称\n91110108551385082Q,小米\n", encoding="utf8")
    for words in (
        ["--out", str(out)],
        ["--out", str(out), "--need-id", "nobody"],
        ["--out", str(tmp_path / "judge.csv"), "--query", "电解液"],
        ["--out", str(out), "--needs", str(firms)],
    ):
        assert run(["feedback", "sheet", *words, "--home", str(home)]) != 0
        assert capsys.readouterr().err.strip()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["firms.csv", "home"]


def test_sheets_changed_judgement_is_the_one_that_stands(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sheet imported, changed and imported again: both are kept, the newer stands."""
    out, sheet = tmp_path / "judge.xlsx", tmp_path / "judgements.xlsx"
    ran(home, capsys, "feedback", "sheet", "--out", str(out), "--query", "电解液", "-k", "2", "--by", "王")
    for level in ("强相关", "弱相关"):
        fill(out, "评价表", {2: {"相关级别": level}})
        assert ran(home, capsys, "feedback", "import", str(out))[1]["recorded"] == 1
    ran(home, capsys, "feedback", "export", "--sheet", str(sheet))
    assert [(row["相关级别"], row["是否采用"]) for row in rows_of(sheet, "评价记录")] == [
        ("强相关", "否"),
        ("弱相关", "是"),
    ]


def test_sheets_ids_that_a_program_destroyed_are_said_to_be(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rounded codes are no unknown records; a code whose zeros are its own is."""
    path = tmp_path / "feedback_saved_by_excel.csv"
    path.write_text(
        "企业编号,专利编号,事件\n9.14101E+17,CN900000101B,感兴趣\n914101007440687000,CN900000101B,感兴趣\n"
        "91110108551385082Q,CN900000101B,感兴趣\n",
        encoding="utf8",
    )
    status, report = ran(home, capsys, "feedback", "import", str(path))
    assert (status, report["recorded"]) == (3, 0)
    assert report["reasons"] == {"id_destroyed": 2, "unknown_record": 1}
    book = openpyxl.Workbook()
    book.active.append(["企业编号", "专利编号", "事件"])
    book.active.append([914101007440687000, "CN900000101B", "感兴趣"])
    book.save(tmp_path / "x.xlsx")
    assert ran(home, capsys, "feedback", "import", str(tmp_path / "x.xlsx"))[1]["reasons"] == {"id_destroyed": 1}


@pytest.mark.parametrize("name", ["LISTS.XLSX", "Lists.CSV", "lists.Parquet"])
def test_sheets_endings_are_read_in_any_case(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Windows writes them in capitals."""
    status, told = ran(home, capsys, "push", "export", "2026-11", "--out", str(tmp_path / name))
    assert (status, told["rows"] > 0, (tmp_path / name).stat().st_size > 0) == (0, True, True)
