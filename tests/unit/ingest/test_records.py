"""Records: which field gets what, what is rejected, what is only warned of."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.domain import Firm, Kind, Need, Patent
from app.ingest import IngestOptions, RowOutcome, read_records
from app.ingest.problems import WORDINGS, problem
from app.text.reading import term_reading


def _outcomes(
    folder: Path,
    kind: Kind,
    *rows: dict[str, Any],
    options: IngestOptions | None = None,
    mapping: dict[str, str] | None = None,
) -> list[RowOutcome]:
    path = folder / f"{kind}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(read_records(path, kind, mapping=mapping, options=options))


def _codes(outcome: RowOutcome) -> tuple[list[str], list[str]]:
    return [found.code for found in outcome.rejected], [found.code for found in outcome.warnings]


FULL_PATENT = {
    "公开（公告）号": "CN 104127172 A", "专利名称": "一种电解液（高镍）", "摘要": "本发明<br>公开",
    "IPC分类号": "H01M 4/36; G06F3/048",
    "主分类号": "H01M10/0567", "申请（专利权）人": "清华大学；宁德时代有限公司", "法律状态": "失效-未缴年费",
    "申请日": "2014年7月28日",
    "公开日": "20150101", "申请号": "CN 201410366812.3", "省份": "广东省深圳市", "国民经济行业": "C3841;电池",
    "许可方式": "转让、先用后付",
    "等级": "A级", "双向认可": "是", "沉睡专利": "否", "技术成熟度": "TRL 5", "同族": "F1",
    "专利类型": "发明专利", "语种": "中文",
    "发明人": "张三", "备注": None,
}  # fmt: skip


def test_ingest_records_a_full_patent(tmp_path: Path) -> None:
    """Every field from Chinese headers; what normalisation changed is in original, what is no field in extra."""
    (outcome,) = _outcomes(tmp_path, Kind.PATENTS, FULL_PATENT)
    assert _codes(outcome) == ([], ["bad_industry"])
    assert outcome.record == Patent(
        id="CN104127172A",
        title="一种电解液(高镍)",
        abstract="本发明\n公开",
        ipc=("H01M10/0567", "H01M4/36", "G06F3/048"),
        holders=("清华大学", "宁德时代有限公司"),
        holder_type="university",
        licence=("transfer", "pay_after_use"),
        grade="A",
        agreed=True,
        dormant=False,
        maturity=5,
        filed_on=date(2014, 7, 28),
        published_on=date(2015, 1, 1),
        application_number="CN201410366812.3",
        family="F1",
        document_kind="invention",
        status="inactive",
        region="4403",
        industry=("C3841",),
        lang="zh",
        extra={"国民经济行业": "C3841;电池", "发明人": "张三"},
        original={
            "id": "CN 104127172 A", "title": "一种电解液（高镍）", "abstract": "本发明<br>公开",
            "document_kind": "发明专利",
            "status": "失效-未缴年费", "region": "广东省深圳市", "grade": "A级", "lang": "中文",
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "codes"),
    [
        ({"id": "", "title": "甲"}, ["missing_id"]),
        ({"title": "甲"}, ["missing_id"]),
        ({"id": "A", "abstract": "乙"}, ["missing_title"]),
        ({"id": "A", "title": "<br>"}, ["missing_title"]),
        ({"abstract": "乙"}, ["missing_id", "missing_title"]),
        ({"id": "x" * 129, "title": "甲"}, ["too_long"]),
        ({"id": "A", "title": "甲" * 2001}, ["too_long"]),
        ({"id": "A", "title": "甲", "abstract": "乙" * 200_001}, ["too_long"]),
        ({"id": {"no": "A"}, "title": "甲"}, ["wrong_type"]),
        ({"id": "A", "title": {"zh": "甲"}}, ["wrong_type"]),
        ({"id": "A\ud800", "title": "甲"}, ["bad_id"]),
        ({"id": "9.13E+17", "title": "甲"}, ["id_destroyed"]),
    ],
)
def test_ingest_records_unusable_patents(tmp_path: Path, row: dict[str, Any], codes: list[str]) -> None:
    """An id and a title are needed, within limits; each lack is told, with a fix, in both languages."""
    outcome = _outcomes(tmp_path, Kind.PATENTS, {"id": "0", "title": "题"}, row)[1]
    assert outcome.record is None
    assert [found.code for found in outcome.rejected] == codes
    for found in outcome.rejected:
        assert found.reason
        assert found.fix
        assert any("\u4e00" <= character <= "\u9fff" for character in found.reason_zh)
        assert any("\u4e00" <= character <= "\u9fff" for character in found.fix_zh)
        assert len(found.value) <= 200


def test_ingest_records_title_alone_is_a_patent(tmp_path: Path) -> None:
    """Achievements often have nothing but a title."""
    (outcome,) = _outcomes(tmp_path, Kind.PATENTS, {"id": "A", "title": "高活性氟化锂制备方法"})
    assert outcome.record == Patent(id="A", title="高活性氟化锂制备方法", lang="zh")
    assert _codes(outcome) == ([], [])


def test_ingest_records_warnings_keep_the_row(tmp_path: Path) -> None:
    """What cannot be read is dropped with a warning, and kept in extra as it came."""
    row = {"id": "A", "title": "甲乙", "date": "2019-13-45", "ipc": ["隧道", "G01N29/04", 42], "region": "电烤箱",
    "agreed": "也许",
           "maturity": "高", "lang": "方言", "industry": "新材料", "grade": "优", "status": "未决",
           "licence": "面议"}  # fmt: skip
    (outcome,) = _outcomes(tmp_path, Kind.PATENTS, row)
    record = outcome.record
    assert isinstance(record, Patent)
    assert sorted(_codes(outcome)[1]) == sorted(
        [
            "bad_date",
            "bad_ipc",
            "bad_ipc",
            "bad_region",
            "bad_boolean",
            "bad_maturity",
            "bad_language",
            "bad_industry",
            "unknown_word",
            "unknown_word",
        ]
    )
    assert (record.published_on, record.ipc, record.region, record.agreed, record.maturity, record.lang,
    record.industry) == (
        None, ("G01N29/04",), None, None, None, "zh", ()
    )  # fmt: skip
    assert (record.grade, record.status, record.licence) == ("优", "未决", ("面议",))
    assert {key: record.extra[key] for key in ("date", "ipc", "region", "maturity", "lang", "industry", "agreed")} == {
        key: row[key] for key in ("date", "ipc", "region", "maturity", "lang", "industry", "agreed")
    }


def test_ingest_records_words_for_nothing_leave_fields_empty(tmp_path: Path) -> None:
    """N/A and its like are not stored, neither as values nor in extra."""
    row = {
        "id": "A",
        "title": "甲乙",
        "ipc": "N/A",
        "applicant": "无",
        "date": "—",
        "status": "null",
        "region": "-",
        "abstract": "暂无",
    }
    (outcome,) = _outcomes(tmp_path, Kind.PATENTS, row)
    assert outcome.record == Patent(id="A", title="甲乙", lang="zh")
    assert _codes(outcome) == ([], [])


def test_ingest_records_places_abroad_are_kept_without_a_code(tmp_path: Path) -> None:
    """A Korean province has no GB/T 2260 code; nothing is wrong with it."""
    (outcome,) = _outcomes(
        tmp_path,
        Kind.PATENTS,
        {"id": "A", "title": "비오카닌", "province": "부산광역시", "status": "등록", "title_en": "Bio"},
    )
    assert _codes(outcome) == ([], [])
    assert outcome.record.region is None
    assert outcome.record.extra == {"province": "부산광역시", "title_en": "Bio"}
    assert (outcome.record.status, outcome.record.original) == ("active", {"status": "등록"})


def test_ingest_records_id_from_the_next_best_column(tmp_path: Path) -> None:
    """Where the publication number is empty the application number serves, with a warning that names both."""
    rows = [{"公开号": "CN1", "申请号": "2010", "名称": "甲"}, {"公开号": "", "申请号": "2011", "名称": "乙"}]
    first, second = _outcomes(tmp_path, Kind.PATENTS, *rows)
    assert (first.record.id, first.record.application_number, _codes(first)[1]) == ("CN1", "2010", [])
    assert (second.record.id, _codes(second)[1]) == ("2011", ["id_from_other_column"])
    assert "公开号" in second.warnings[0].reason


def test_ingest_records_mapping_reaches_the_record(tmp_path: Path) -> None:
    """Odd headers are read by a mapping; ignored ones leave no trace."""
    row = {"k1": "A", "k2": "甲", "k3": "x", "名称": "乙"}
    (outcome,) = _outcomes(tmp_path, Kind.PATENTS, row, mapping={"k1": "id", "K2": "title", "k3": "ignore"})
    assert outcome.record == Patent(id="A", title="甲", lang="zh", extra={"名称": "乙"})


def test_ingest_records_extra_is_limited(tmp_path: Path) -> None:
    """A claims column or a thousand columns do not swell the catalogue."""
    options = IngestOptions(max_extra_chars=10, max_extra_columns=2)
    row = {"id": "A", "title": "甲", "a": "x" * 11, "b": {"c": "y" * 20}, "d": 1, "e": 2}
    (outcome,) = _outcomes(tmp_path, Kind.PATENTS, row, options=options)
    assert {key: len(str(value)) for key, value in outcome.record.extra.items()} == {"a": 10, "b": 10}
    assert _codes(outcome)[1] == ["extra_cut", "extra_cut", "extra_dropped"]


def test_ingest_records_needs_without_ids_get_stable_ones(tmp_path: Path) -> None:
    """The id depends on the normalised text alone, so that loading twice changes nothing."""
    first, same, other = (
        o.record
        for o in _outcomes(
            tmp_path, Kind.NEEDS, {"需求名称": "电解液，高镍"}, {"需求名称": " 电解液,高镍"}, {"需求名称": "隔膜"}
        )
    )
    assert isinstance(first, Need)
    assert first.id == same.id != other.id
    assert first.id.startswith("need-")
    assert len(first.id) == len("need-") + 12


def test_ingest_records_needs_with_an_id_column_need_ids(tmp_path: Path) -> None:
    """An empty cell is a mistake where the others have ids; so is a row without any text."""
    outcomes = _outcomes(
        tmp_path,
        Kind.NEEDS,
        {"id": "N1", "text": "甲"},
        {"id": "", "text": "乙"},
        {"text": "丙"},
        {"id": "N4", "title": "", "text": "无"},
    )
    assert [_codes(outcome)[0] for outcome in outcomes] == [[], ["missing_id"], ["missing_id"], ["missing_text"]]


def test_ingest_records_a_full_need(tmp_path: Path) -> None:
    """Headers of a technology market's form."""
    row = {"需求编号": "N7", "需求名称": "高镍电解液", "技术需求": "一、目标\r\n二、指标",
    "统一社会信用代码": "91 330681YY9902706P", "所属行业": "C3985",
           "所在地区": "浙江省", "状态": "对接中", "发布日期": "2024-05-29", "联系人": "李四"}  # fmt: skip
    (outcome,) = _outcomes(tmp_path, Kind.NEEDS, row)
    assert outcome.record == Need(
        id="N7", title="高镍电解液", text="一、目标\n二、指标", firm_id="91330681YY9902706P", industry=("C3985",),
        region="33", status="open",
        filed_on=date(2024, 5, 29), lang="zh", extra={"联系人": "李四"},
        original={"text": "一、目标\r\n二、指标", "region": "浙江省", "status": "对接中"},
    )  # fmt: skip


def _firm(folder: Path, **row: Any) -> RowOutcome:
    return _outcomes(folder, Kind.FIRMS, {"credit_code": "12130400688212131X", "name": "邯郸市生产资料供应站"} | row)[0]


@pytest.mark.parametrize(
    ("row", "region", "warnings"),
    [
        ({}, "130400", []),
        ({"province": "河北"}, "130400", []),
        ({"province": "云南"}, "53", []),
        ({"province": "电烤箱"}, "130400", ["bad_region"]),
        ({"province": "N/A"}, "130400", []),
        ({"region": "130402"}, "130402", []),
        ({"region": "13"}, "130400", []),
        ({"credit_code": "310000400000001", "province": "上海市"}, "31", []),
        ({"credit_code": "310000400000001"}, None, []),
    ],
)
def test_ingest_records_region_of_a_firm(
    tmp_path: Path, row: dict[str, Any], region: str | None, warnings: list[str]
) -> None:
    """Six digits from the credit code where the province agrees or is silent or is no province; else the province."""
    outcome = _firm(tmp_path, **row)
    assert outcome.record.region == region
    assert _codes(outcome)[1] == warnings


def test_ingest_records_a_full_firm(tmp_path: Path) -> None:
    """Headers of a register of enterprises."""
    row = {"统一社会信用代码": "12130400688212131x", "企业名称": "邯郸市供应站（集团）", "经营范围": "化肥、农膜。",
    "省份": "河北", "城市": "邯郸",
           "成立日期": "1990-10-22", "企业类型": "集体所有制", "登记状态": "存续（在营、开业、在册）",
           "行业代码": "F51"}  # fmt: skip
    (outcome,) = _outcomes(tmp_path, Kind.FIRMS, row)
    assert outcome.record == Firm(
        id="12130400688212131X", name="邯郸市供应站(集团)", business_scope="化肥、农膜。", province="河北",
        city="邯郸", firm_type="集体所有制",
        filed_on=date(1990, 10, 22), status="active", industry=("F51",), region="130400", lang="zh",
        original={"id": "12130400688212131x", "name": "邯郸市供应站（集团）", "status": "存续（在营、开业、在册）"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "rejected", "warned"),
    [
        ("12130400688212131X", [], []),
        ("12130400688212131A", [], ["credit_code_checksum"]),
        ("913100006074259000", ["id_destroyed"], []),
        (9.1310000607425e17, ["id_destroyed"], []),
        ("9.1310E+17", ["id_destroyed"], []),
        ("310000400000001", [], []),
        (None, [], ["id_derived"]),
    ],
)
def test_ingest_records_credit_codes(tmp_path: Path, code: Any, rejected: list[str], warned: list[str]) -> None:
    """A slip is warned of; a code that a spreadsheet program destroyed is rejected with the advice to use text."""
    outcome = _firm(tmp_path, credit_code=code)
    assert _codes(outcome) == (rejected, warned)


def test_ingest_records_every_wording_can_be_filled() -> None:
    """Each problem's words are complete in both languages."""
    facts = {
        "length": 1,
        "limit": 2,
        "found": "x",
        "expected": 3,
        "detail": "d",
        "encoding": "UTF-8",
        "wanted": "a",
        "used": "b",
        "header": "h",
        "event": "e",
        "words": "w",
        "name": "n",
        "count": 2,
        "row": 4,
        "of": "",
        "of_zh": "",
    }
    for code in WORDINGS:
        found = problem(code, "title", "v", **facts)
        assert "{" not in found.reason + found.reason_zh + found.fix + found.fix_zh


def test_ingest_records_show_powers_as_written() -> None:
    """The case of superscripts: no abstract reads 105 where its source says the fifth power of ten."""
    path = Path(__file__).parent / "cases" / "sup.jsonl"
    patents = [one.record for one in read_records(path, Kind.PATENTS) if isinstance(one.record, Patent)]
    assert [patent.abstract for patent in patents] == [
        "真空度为5×10⁻³Pa,功率为1.2×10⁵W,面积为3m²,CO₂流量为10mL/min。",
        "真空度为5×10⁻³Pa,功率为1.2×10⁵W,面积为3m²,CO2流量。",
        "步骤①混合;步骤②加热至½熔点;直径Φ5mm,温度25°C,误差±5‰,浓度5mg/kg,长度10μm。",
    ]
    assert "×105w" in term_reading(patents[0].abstract)
