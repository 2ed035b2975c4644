"""Normalising text: what changes, what survives, and that doing it twice is doing it once."""

from __future__ import annotations

import re
from unicodedata import is_normalized, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.normalising import KEPT, fold_body, fold_line, folded_name

FRAGMENTS = st.sampled_from(
    ["<b>", "</b>", "<br/>", "<p class='x'>", "<", ">", "&lt;", "&amp;", "&amp;lt;", "&nbsp;", "&#60;", ";", "sub",
    "<sub>", "amp;", " ", "\n", "\r\n",
     "\u3000", "\u200b", "\ufeff", "\u0301", "e", "，", "（", "￥", "ﬁ", "℃", "中", "\x00", "\x1f", "\x85", "\u2028",
     "\ud800", "<!--", "-->", "<style>",
     "</style>", "=", "'", '"', "a", "&", "#", "ｓｕｂ", "＜", "＞", "＆",
     "²", "⁻³", "½", "①", "㎡", "<sup>", "</sup>", "5", "₂"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(FRAGMENTS, max_size=40).map("".join))


@given(TEXTS)
def test_ingest_text_folding_a_line_twice_is_folding_it_once(text: str) -> None:
    """Loading what was stored changes nothing."""
    once = fold_line(text)
    assert fold_line(once) == once


@given(TEXTS)
def test_ingest_text_folding_a_body_twice_is_folding_it_once(text: str) -> None:
    """The same for text with line breaks."""
    once = fold_body(text)
    assert fold_body(once) == once


@given(TEXTS)
def test_ingest_text_result_is_nfkc_without_stray_white_space(text: str) -> None:
    """Stored text is NFKC but for powers and the like, has single spaces and line breaks only, and can be written."""
    for folded in (fold_line(text), fold_body(text)):
        assert all(is_normalized("NFKC", piece) for piece in re.split(f"[{KEPT}]+", folded))
        assert folded == folded.strip()
        assert "  " not in folded
        assert "\n\n" not in folded
        assert "\t" not in folded
        assert "\u200b" not in folded
        folded.encode("utf-8")
    assert "\n" not in fold_line(text)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("一种ＬＥＤ灯（６６０ｎｍ）", "一种LED灯(660nm)"),
        ("用于CO<sub>2</sub>捕集的<i>N</i>-甲基", "用于CO2捕集的N-甲基"),
        ("一种<B>新型</B>电池", "一种新型电池"),
        ('<span style="color:red">红</span>色', "红色"),
        ("再生温度&amp;lt;105℃", "再生温度<105°C"),
        ("A &amp;amp; B&#39;s&nbsp;cell", "A & B's cell"),
        ("10&mu;m&#x3bc;", "10μmμ"),
        ("可\u200b折\ufeff叠\u00ad", "可折叠"),
        ("一种温控\n\t茶杯垫", "一种温控 茶杯垫"),
        ("  a \u3000 b\u00a0c  ", "a b c"),
        ("图<img src='x.png' alt=\"y\"/>示<o:p></o:p>", "图示"),
        ("甲<!-- 注 -->乙<style>p{color:red}</style>丙", "甲 乙 丙"),
        ("ｅ\u0301", "é"),
    ],
)
def test_ingest_text_line_loses_remnants(source: str, expected: str) -> None:
    """Width, HTML, entities (escaped twice as well), invisible characters and runs of white space go."""
    assert fold_line(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("功率为1.2×10⁵W，5×10⁻³Pa", "功率为1.2×10⁵W,5×10⁻³Pa"),
        ("1.2×10<sup>5</sup>W，5×10<sup>-3</sup>Pa", "1.2×10⁵W,5×10⁻³Pa"),
        ("1.2×10&lt;SUP class='a'&gt;5&lt;/SUP&gt;W", "1.2×10⁵W"),
        ("<msup><mn>10</mn><mn>5</mn></msup>W", "10⁵W"),
        ("面积3m²、3㎡、3m<sup>2</sup>，体积2㎥", "面积3m²、3m²、3m²,体积2m³"),
        ("CO₂和Fe³⁺、Fe<sup>3+</sup>", "CO₂和Fe³⁺、Fe³⁺"),
        ("步骤①混合；步骤3½", "步骤①混合;步骤3½"),
        ("直径Φ5㎜，5㎎／㎏，25℃，±5‰", "直径Φ5mm,5mg/kg,25°C,±5‰"),
        ("R<sup>a</sup>为烷基<sup>[1]</sup>", "Ra为烷基[1]"),
        ("10<sup>5W", "105W"),
    ],
)
def test_ingest_text_powers_stay_as_they_are_written(source: str, expected: str) -> None:
    """What NFKC would make another number of is kept, in a form that folds to what it would be in NFKC."""
    assert fold_line(source) == expected
    assert fold_body(expected) == expected
    assert normalize("NFKC", fold_line(source)) == normalize("NFKC", expected)


@pytest.mark.parametrize(
    "text",
    [
        "若x<5 and y>3则停止",
        "温度<100°C且压力>2 MPa",
        "List<Item>与Map<K,V>",
        "a<b且b>c",
        "if a <b and c> d",
        "R&D; AT&T &notanentity; &",
        "p<0.05, n>30",
        "Pair<S>",
        "5<br",
    ],
)
def test_ingest_text_what_is_no_markup_survives(text: str) -> None:
    """Comparisons, generic types and ampersands are text."""
    assert fold_line(text) == text


def test_ingest_text_body_keeps_single_line_breaks() -> None:
    """Paragraphs of any origin become lines: CRLF, <br>, <p>, empty lines, line separators."""
    source = "一、目标：\r\n\r\n  二、指标<br/>三、<p>要求</p>\u2028四、\x0b五"
    assert fold_body(source) == "一、目标:\n二、指标\n三、\n要求\n四、\n五"


def test_ingest_text_cells_of_a_table_do_not_run_together() -> None:
    """A table's cells keep a space and its rows a line break between them."""
    assert fold_body("<table><tr><td>压力</td><td>5 MPa</td></tr><tr><td>温度</td></tr></table>") == "压力 5 MPa\n温度"


def test_ingest_text_lone_surrogates_become_visible() -> None:
    """Half a character cannot be stored as UTF-8; it is shown as damaged, not dropped."""
    assert fold_line("电\ud83d池") == "电\ufffd池"


@pytest.mark.parametrize(
    "hostile",
    ["<" * 50_000, "<<b>b>" * 9_000, "<a " * 15_000, "&amp;" * 10_000 + "lt;", "<!--" * 12_000, '<a x="' * 8_000,
     "<p" + " x=y" * 12_000, "<b" * 7_000 + ">" * 7_000],
    ids=["brackets", "nested", "attributes", "escapes", "comments", "quotes", "values", "deep"],
)  # fmt: skip
def test_ingest_text_hostile_markup_comes_to_an_end(hostile: str) -> None:
    """Markup made to reappear or to make the search run on is settled, and stays settled."""
    once = fold_body(hostile)
    assert fold_body(once) == once


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("兰州(甘肃)新材料有限责任公司", "兰州新材料"),
        ("Jiangsu Huifeng Co., Ltd.", "jiangsuhuifeng"),
        ("深圳[南山]电子股份有限公司公司", "深圳电子"),
        ("有限公司", "有限公司"),
        ("(", "("),
    ],
)
def test_normalising_folded_names(name: str, folded: str) -> None:
    """Without brackets, marks and legal suffixes, however many; a name that is nothing else stays."""
    assert folded_name(name) == folded


@pytest.mark.parametrize("part", ["(", "[", "(a", "公司", "co", "a."])
def test_normalising_folded_names_of_any_shape_take_linear_time(part: str) -> None:
    """Tens of thousands of brackets or suffixes before a letter that is none would take minutes otherwise."""
    assert folded_name(part * 40_000 + "电").endswith("电")
