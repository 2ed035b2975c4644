"""One workbook with the troubles of many: loaded, reported, pushed, exported, judged, and taken back in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hashing_encoder import HashingEncoder

from app.domain import FeedbackFilter, Firm, Kind, Need, Patent
from app.settings import Settings
from app.wiring import Services
from scripts.cli import run

MEMBRANE = "本发明公开一种耐溶剂纳滤膜及其制备方法,用于有机溶剂的分离与回收,膜的截留率高、通量大。"
BEARING = "本发明公开一种低噪声高速滚动轴承,保持架与滚道经过优化,适用于电主轴。"
CODE = "91320594MA1XK7Q3PB"

INVENTIONS = f"""\
某省高校专利汇总表
导出时间|2026年11月1日

序号|专利信息|||权利人信息||法律状态|申请号|申请日|国民经济行业
|公开号|名称|摘要|名称|地址
||||||||（年月日）
一、新材料领域
1|CN-109999907-B|一种耐溶剂纳滤膜|{MEMBRANE}|云杉大学|南京|公开¦实质审查的生效¦授权|201910012366.3|43472|C26
2|CN 109999908 A|一种纳滤膜组件|{MEMBRANE}|云杉大学|南京|权利转移 ¦ 未缴年费|2.01910012E+11|2019年1月|C26
3|申请中|一种膜的清洗方法|{MEMBRANE}|云杉大学|南京|审中||2026.10.08|C26
二、装备领域
4|ＣＮ１０９９９９９１０Ａ|一种高速轴承|{BEARING}|云杉大学;栈桥研究院|南京|神谕||20190107|通用设备制造业
5|CN109999907B|一种耐溶剂纳滤膜（改）|{MEMBRANE}|云杉大学|南京|有效
合计：5项
注：本表由某省科技厅汇总"""
MODELS = f"""\
授权公告号|实用新型名称|摘要|专利权人|当前法律状态|国民经济行业
CN219999901U|一种滚动轴承座|{BEARING}|栈桥研究院|专利权维持|通用设备制造业
CN219999902U|一种轴承拆卸工具|{BEARING}|栈桥研究院|专利权的终止|通用设备制造业"""
FIRMS = f"""\
天眼查导出数据，仅供参考
公司名称|经营状态|统一社会信用代码|所属省份|所属城市|国标行业门类|国标行业大类|经营范围
苏州云杉膜材料有限公司|存续（在营、开业、在册）|{CODE}|江苏省|苏州市|制造业|化学原料和化学制品制造业|耐溶剂纳滤膜、有机溶剂的回收
杭州栈桥轴承有限公司|在业|'91330106MA2B1C8D4H|浙江省|杭州市|制造业|通用设备制造业|低噪声高速滚动轴承的生产
杭州旧轴承厂|吊销，未注销||浙江省|杭州市|制造业|通用设备制造业|滚动轴承的生产"""
NEEDS = """\
2026年揭榜挂帅榜单
编号|发榜单位|榜单任务名称|需求背景|主要攻关内容|考核指标|榜单金额（万元）
1|苏州云杉膜材料有限公司|耐溶剂纳滤膜|溶剂回收能耗高|需要耐有机溶剂的纳滤膜及其制备方法|截留率≥95%|300
2||膜组件的清洗|膜易污染|需要膜的清洗方法|通量恢复≥90%|100
3|未入库企业|低噪高速轴承|电主轴噪声大|需要低噪声高速滚动轴承|≤60dB|200"""
"""Sheets, a row a line: cells between |, and a separator within a cell as ¦."""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The workbook: sheets of all kinds, one hidden, one of words alone; merged cells, a hidden row."""
    made = openpyxl.Workbook()
    made.active.title = "填写说明"
    made.active.append(["请勿修改表头"])
    tables = {"发明": INVENTIONS, "实用新型": MODELS, "企业": FIRMS, "榜单": NEEDS, "去年": MODELS}
    for title, rows in tables.items():
        sheet = made.create_sheet(title)
        for line in rows.splitlines():
            cells = [cell.replace("¦", "|") for cell in line.split("|")]
            sheet.append([int(cell) if cell.isdigit() and len(cell) < 6 else cell or None for cell in cells])
    for cells in ("B4:D4", "E4:F4"):
        made["发明"].merge_cells(cells)
    made["榜单"].merge_cells("B3:B4")
    made["发明"].row_dimensions[10].hidden = True
    made["去年"].sheet_state = "hidden"
    made.save(tmp_path / "汇总.xlsx")
    return tmp_path / "汇总.xlsx"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; commands wire themselves with the test encoder."""
    monkeypatch.setattr("app.wiring.load_encoder", lambda _settings, _spec: HashingEncoder())
    return tmp_path / "home"


def told(home: Path, capsys: pytest.CaptureFixture[str], status: int, *words: str) -> dict[str, Any]:
    """The last line of a command, which ends with this status."""
    assert run([*words, "--home", str(home), "--json"]) == status
    value: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return value


def all_of(home: Path, kind: Kind) -> dict[str, Any]:
    """Every record of a kind by its id."""
    services = Services(Settings(home=home), encoder=HashingEncoder)
    found = {record.id: record for page in services.catalogue.iterate(kind) for record in page}
    services.close()
    return found


def test_troubled_workbook_goes_in_and_comes_back(
    home: Path, book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each sheet is read or named; no dead patent and no deregistered firm is in a list; answers return."""
    (report,) = told(home, capsys, 0, "ingest", "patents", str(book))["files"]
    assert {sheet["name"]: (sheet["read"], sheet["rows"]) for sheet in report["sheets"]} == {
        "填写说明": (False, 1), "发明": (True, 5), "实用新型": (True, 2), "企业": (False, 3), "榜单": (False, 3),
        "去年": (False, 2),
    }  # fmt: skip
    inventions = report["sheets"][1]
    assert (inventions["header_rows"], inventions["hidden_rows"]) == ([4, 5], 1)
    assert inventions["skipped"] == {"unit": 1, "section": 2, "total": 1, "note": 1}
    assert report["unknown_words"] == {"status": {"神谕": 1}}
    assert (report["added"], report["repeated"]) == (6, 1)
    assert report["warnings"] == {
        "id_derived": 1, "month_only": 1, "repeated_id": 1, "rounded_number": 1, "unknown_word": 1,
    }  # fmt: skip
    _check_patents(all_of(home, Kind.PATENTS))

    told(home, capsys, 0, "ingest", "firms", str(book))
    firms: dict[str, Firm] = all_of(home, Kind.FIRMS)
    old = next(key for key in firms if key.startswith("firm-"))
    assert {key: (firm.status, firm.industry, firm.region) for key, firm in firms.items()} == {
        CODE: ("active", ("C26",), "320594"),
        "91330106MA2B1C8D4H": ("active", ("C34",), "330106"),
        old: ("inactive", ("C34",), "3301"),
    }
    told(home, capsys, 0, "ingest", "needs", str(book))
    needs: list[Need] = sorted(all_of(home, Kind.NEEDS).values(), key=lambda need: need.title)
    assert [need.title for need in needs] == ["低噪高速轴承", "耐溶剂纳滤膜", "膜组件的清洗"]
    assert [need.firm_id for need in needs[1:]] == [CODE, CODE]
    assert "考核指标:截留率≥95%" in needs[1].text

    told(home, capsys, 0, "index", "build", "patents", "--publish")
    rules = tmp_path / "rules.toml"
    rules.write_text('min_level = "none"\nmin_score = 0\nindustry = "division"\n', encoding="utf-8")
    run_report = told(home, capsys, 0, "push", "run", "--run", "r", "--rules", str(rules))
    assert run_report["firms"] == 2
    _check_answers_return(home, tmp_path, capsys)
    _check_judgements_return(home, tmp_path, capsys, needs[1].id)


def _check_patents(patents: dict[str, Patent]) -> None:
    derived = next(key for key in patents if key.startswith("patent-"))
    assert {key: patent.status for key, patent in patents.items()} == {
        "CN109999907B": "active", "CN109999908A": "inactive", derived: "pending", "CN109999910A": "神谕",
        "CN219999901U": "active", "CN219999902U": "inactive",
    }  # fmt: skip
    membrane = patents["CN109999907B"]
    assert (membrane.title, membrane.holders, membrane.application_number) == (
        "一种耐溶剂纳滤膜(改)", ("云杉大学",), "CN201910012366.3",
    )  # fmt: skip
    assert str(membrane.filed_on) == "2019-01-07"
    assert patents["CN109999908A"].application_number is None
    assert patents["CN109999910A"].holders == ("云杉大学", "栈桥研究院")
    assert patents["CN219999901U"].industry == ("C34",)


def _check_answers_return(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = tmp_path / "lists.xlsx"
    told(home, capsys, 0, "push", "export", "r", "--out", str(lists))
    out = openpyxl.load_workbook(lists)
    header, *rows = out["推送清单"].values
    pushed = {(row[header.index("企业编号")], row[header.index("专利编号")]) for row in rows}
    assert {firm for firm, _ in pushed} == {CODE, "91330106MA2B1C8D4H"}
    assert not {patent for _, patent in pushed} & {"CN109999908A", "CN219999902U", "CN109999910A"}
    assert ("91330106MA2B1C8D4H", "CN219999901U") in pushed
    assert (CODE, "CN219999901U") not in pushed  # of another industry
    out["推送清单"].cell(2, header.index("反馈") + 1).value = "感兴趣"
    out.save(lists)
    answers = told(home, capsys, 0, "feedback", "import", str(lists))
    assert (answers["recorded"], answers["unanswered"]) == (1, len(rows) - 1)


def _check_judgements_return(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], need_id: str) -> None:
    sheet = tmp_path / "judge.xlsx"
    told(home, capsys, 0, "feedback", "sheet", "--out", str(sheet), "--need-id", need_id, "--by", "王工")
    judging = openpyxl.load_workbook(sheet)
    table = judging.worksheets[0]
    places = {cell.value: cell.column for cell in table[1]}
    for row in range(2, 4):
        table.cell(row, places["相关级别"]).value = "强相关"
    judging.save(sheet)
    assert told(home, capsys, 0, "feedback", "import", str(sheet))["recorded"] == 2
    services = Services(Settings(home=home), encoder=HashingEncoder)
    items = [item for _, item in services.catalogue.feedback.page(FeedbackFilter(), after=0, size=100)]
    services.close()
    assert [(item.need_id, item.level, item.by) for item in items[1:]] == [(need_id, "strong", "王工")] * 2
