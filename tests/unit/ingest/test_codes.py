"""Codes: IPC symbols, unified social credit codes, industries, ids."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import Firm, Kind, Need, Patent
from app.ingest import read_records, record_of
from app.ingest.fields.codes import compact, credit_code_holds, ipc_codes, is_rounded_number
from app.ingest.fields.trades import deepest, industry_codes

CASES = Path(__file__).parent / "cases"
SYMBOLS = st.builds(
    lambda section, klass, sub, group, subgroup: f"{section}{klass:02d}{sub}{group}/{subgroup}",
    st.sampled_from("ABCDEFGH"),
    st.integers(1, 99),
    st.sampled_from("ABCDEFGHJKLMNPQRSTUVWXYZ"),
    st.integers(1, 9999),
    st.from_regex(r"[0-9]{2,6}", fullmatch=True),
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("H01M10/0567", ("H01M10/0567",)),
        ("H01M 10/0567 (2010.01)", ("H01M10/0567",)),
        ("h01m  10/0567(2006.01)i; H01M4/36(2006.01)I", ("H01M10/0567", "H01M4/36")),
        ("Ｆ２１Ｖ２３／００；A01G7/04", ("F21V23/00", "A01G7/04")),
        ("G06F3/0484|G06F3/048、G06F17/30\nG06F3/0484", ("G06F3/0484", "G06F3/048", "G06F17/30")),
        ("H01M 10/0567 H01M 4/36", ("H01M10/0567", "H01M4/36")),
        ("C02F 1/44 (2006.01) C02F 9/00 (2006.01)I B01D61/00", ("C02F1/44", "C02F9/00", "B01D61/00")),
        ("C02F 1/44(2006.01)C02F 9/00(2006.01)", ("C02F1/44", "C02F9/00")),
        ("A01B 1/00, 3/00; 5/02", ("A01B1/00", "A01B3/00", "A01B5/02")),
        ("(51)Int.Cl. INV. B01D61/00 ADV. C02F1/44", ("B01D61/00", "C02F1/44")),
        ("H01M0010056700", ("H01M10/0567",)),
        ("H02K13", ("H02K13",)),
        ("H01M", ("H01M",)),
        ("Int.Cl.8 C12N 9/62", ("C12N9/62",)),
        ("IPC: B65B3/32", ("B65B3/32",)),
        ("A61K 31/352 [2006.01]", ("A61K31/352",)),
    ],
)
def test_ingest_codes_ipc_is_read_in_every_usual_form(source: str, expected: tuple[str, ...]) -> None:
    """Lists with any separator, version marks, full width, lower case, spaces and the fixed-width form."""
    assert ipc_codes(source) == (expected, ())


@pytest.mark.parametrize("source", ["隧道", "x", "06-01", "42", "分类号见附件", "Y02E60/10", "H01M10/"])
def test_ingest_codes_what_is_no_ipc_symbol_is_told_apart(source: str) -> None:
    """Locarno classes, CPC's section Y and words are no IPC symbols; they come back for the warning."""
    found, invalid = ipc_codes(source)
    assert found == ()
    assert len(invalid) == 1


def test_ingest_codes_good_symbols_survive_beside_bad_ones() -> None:
    """One bad entry does not cost the others."""
    assert ipc_codes("隧道;G01N29/04 ; E21D") == (("G01N29/04", "E21D"), ("隧道",))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("H01M-010/0567 | C07D-307/62", ("H01M10/0567", "C07D307/62")),
        ("F24J000202 | F24J000210", ("F24J2/02", "F24J2/10")),
        ("A61K-0031/12; A61P-0037/00", ("A61K31/12", "A61P37/00")),
        ("H01M\n10/0567", ("H01M10/0567",)),
        ("H01M10/\n0567\nC02F1/44", ("H01M10/0567", "C02F1/44")),
        ("B01D006100", ("B01D61/00",)),
        ("B01D0061/00", ("B01D61/00",)),
        ("H01M00100567", ("H01M10/0567",)),
        ("B01D61/00;;C02F1/44", ("B01D61/00", "C02F1/44")),
        ("B01D61/00\nC02F1/44", ("B01D61/00", "C02F1/44")),
        ("H01M  10/0567    20100101AFI20200101BHCN", ("H01M10/0567",)),
        ("H01M 10/0567(2010.01.01)", ("H01M10/0567",)),
        ("H01M 10/0567 2010.01, H01M 4/36 2006.01", ("H01M10/0567", "H01M4/36")),
        ("H01M10/0567@A", ("H01M10/0567",)),
        ("H01M10/0567,101", ("H01M10/0567",)),
        ("H01M10/0567,101@Z;H01M4/36,A", ("H01M10/0567", "H01M4/36")),
        ("H01M10/0567 101 Z", ("H01M10/0567",)),
        ("C02F1/44 (EP,US,CN)", ("C02F1/44",)),
        ("H 01 M 10/0567", ("H01M10/0567",)),
        ("主分类号：H01M10/0567", ("H01M10/0567",)),
        ("H01M10/0567 / C07D307/62", ("H01M10/0567", "C07D307/62")),
        ("H01M 10/0567 (IPC1-7)", ("H01M10/0567",)),
    ],
)
def test_ingest_codes_ipc_in_the_forms_of_each_source(source: str, expected: tuple[str, ...]) -> None:
    """Orbit, Derwent, Lens, Espacenet, ST.8 with its indicators, FI with facets, and cells that Excel has wrapped."""
    assert ipc_codes(source) == (expected, ())


def test_ingest_codes_case_of_ipc_forms() -> None:
    """Every row of the case has the symbols of its last column."""
    for outcome in read_records(CASES / "21_ipc_forms.csv", Kind.PATENTS):
        assert isinstance(outcome.record, Patent)
        assert ";".join(outcome.record.ipc) == outcome.raw["期望"]
        assert outcome.warnings == ()


def test_ingest_codes_case_of_a_rounded_number() -> None:
    """A number that a spreadsheet has rounded is no number: it is warned of, and stays in extra."""
    rounded, whole = read_records(CASES / "14_application_number_rounded.csv", Kind.PATENTS)
    assert isinstance(rounded.record, Patent)
    assert isinstance(whole.record, Patent)
    assert [(found.code, found.field) for found in rounded.warnings] == [("rounded_number", "application_number")]
    assert rounded.record.application_number is None
    assert rounded.record.extra == {"申请号": "2.01910123E+11"}
    assert whole.record.application_number is not None


def test_ingest_codes_rounded_codes_of_firms_link_no_need() -> None:
    """A need does not belong to a firm whose code was destroyed."""
    outcome = record_of(Kind.NEEDS, {"id": "N", "title": "题", "firm_id": "9.13206E+17"})
    assert isinstance(outcome.record, Need)
    assert outcome.record.firm_id is None
    assert [found.code for found in outcome.warnings] == ["rounded_number"]


@given(
    st.lists(SYMBOLS, min_size=1, max_size=6, unique=True),
    st.sampled_from([";", "；", "，", ",", "、", "|", "\n", "; "]),
)
def test_ingest_codes_ipc_lists_come_back_as_they_were_joined(symbols: list[str], separator: str) -> None:
    """Joining valid symbols and reading them gives the same symbols in the same order, first one first."""
    assert ipc_codes(separator.join(symbols)) == (tuple(symbols), ())


@pytest.mark.parametrize(
    "code", ["115329290804284528", "12130400688212131X", "12361027492552089Q", "12420100441352319P"]
)
def test_ingest_codes_real_credit_codes_hold(code: str) -> None:
    """Codes of real public bodies pass GB 32100-2015."""
    assert credit_code_holds(code)


@given(st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_ingest_codes_one_wrong_character_breaks_a_credit_code(place: int, character: str) -> None:
    """The check digit finds every single substitution."""
    code = "12130400688212131X"
    changed = code[:place] + character + code[place + 1 :]
    assert credit_code_holds(changed) == (changed == code)


@pytest.mark.parametrize("code", ["", "9131", "91310000607425900I", "x" * 18, "9" * 19])
def test_ingest_codes_what_cannot_be_a_credit_code_does_not_hold(code: str) -> None:
    """Other lengths and the letters that the standard leaves out (I, O, S, V, Z) fail."""
    assert not credit_code_holds(code)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9.1310E+17", True),
        ("9.1310e17", True),
        ("9E+17", True),
        ("2.01910123E+11", True),
        ("2,01910123E+11", True),
        ("1.23457E+13", True),
        ("CN104127172A", False),
        ("913100006074259000", False),
        ("E17", False),
    ],
)
def test_ingest_codes_rounded_numbers_are_recognised(text: str, expected: bool) -> None:
    """What a spreadsheet program makes of a long code is told from a code."""
    assert is_rounded_number(text) == expected


def test_ingest_codes_ids_lose_inner_white_space_only() -> None:
    """Publication numbers are written with and without spaces; case says nothing and stays."""
    assert compact("CN 104127172\u3000A") == "CN104127172A"
    assert compact("us2010 0304433 a1") == "us20100304433a1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C3841", (("C3841",), ())),
        ("3841;c39", (("3841", "C39"), ())),
        ("C", (("C",), ())),
        ("Ｃ３８４１、C3962", (("C3841", "C3962"), ())),
        ("制造业", (("C",), ())),
        ("农、林、牧、渔业", (("A",), ())),
        ("信息传输、软件和信息技术服务业;C39", (("I", "C39"), ())),
        ("C38 电气机械和器材制造业;电池制造（C384）", (("C38", "C384"), ())),
        ("化学原料和化学制品制造业", (("C26",), ())),
        ("化学原料及化学制品制造业", (("C26",), ())),
        ("C26 化学原料和化学制品制造业", (("C26",), ())),
        ("C26-化学原料和化学制品制造业", (("C26",), ())),
        ("制造业>化学原料和化学制品制造业>专用化学产品制造", (("C266",), ())),
        ("制造业-医药制造业", (("C27",), ())),
        ("制造业/专用设备制造业", (("C35",), ())),
        ("石油、煤炭及其他燃料加工业", (("C25",), ())),
        ("石油加工、炼焦和核燃料加工业", (("C25",), ())),
        ("通信设备、计算机及其他电子设备制造业", (("C39",), ())),
        ("电池制造、医药制造业", (("C384", "C27"), ())),
        ("软件和信息技术服务业", (("I65",), ())),
        ("仪器仪表制造", (("C40",), ())),
        ("教育", (("P",), ())),
        ("新材料", ((), ("新材料",))),
        ("U99", ((), ("U99",))),
        ("C38411", ((), ("C38411",))),
    ],
)
def test_ingest_codes_industries(text: str, expected: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    """GB/T 4754 codes with or without their section letter; words are told apart."""
    assert industry_codes(text) == expected


def test_ingest_codes_industries_of_several_columns_are_the_deepest() -> None:
    """A register gives section, division, group and class; the last says all, and codes without letter get it."""
    assert deepest(("C", "C26", "C266", "I65")) == ("C266", "I65")
    record = record_of(
        Kind.FIRMS, {"id": "A", "name": "甲公司", "industry": ["制造业", "仪器仪表制造业", "2662"]}
    ).record
    assert record is not None
    assert record.industry == ("C40", "C2662")


def test_ingest_codes_case_of_industries() -> None:
    """A register of firms gives divisions by their names."""
    mapping = {"国标行业大类": "industry", "国标行业门类": "industry"}
    records = [one.record for one in read_records(CASES / "18_tianyancha_industry.xlsx", Kind.FIRMS, mapping=mapping)]
    assert [record.industry for record in records if isinstance(record, Firm)] == [("C26",), ("C40",)]


def test_ingest_codes_industries_take_linear_time() -> None:
    """A long run of spaces between two words is no path."""
    start = time.perf_counter()
    assert industry_codes(f"甲{' ' * 300_000}乙") == ((), ("甲乙",))
    assert time.perf_counter() - start < 3
