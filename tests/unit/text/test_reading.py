"""How texts are read: both scripts of Chinese alike, words whole, other languages as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opencc import OpenCC

from app.domain import Firm, Need, Patent
from app.text.reading import (
    as_written,
    heading_of,
    need_text_parts,
    passage_of,
    read,
    term_reading,
    text_parts_of,
)
from app.text.terms import letters_shared, shared_terms, terms_of, vocabulary

SIMPLIFIED = "高镍三元锂离子电池电解液及其制备方法"
CHINESE = st.text(st.sampled_from("锂鋰离離子电電池乾藉着著噁呐裡后後发發(di)（）lǐ ,。\nAb1の전"), max_size=30)


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("鋰離子電池", "锂离子电池"),
        ("锂 离 子 电 池", "锂离子电池"),
        ("二 次电池 系 统", "二次电池系统"),
        ("鋰(lǐ)離子", "锂离子"),
        ("碲（dì）化镉(gé)", "碲化镉"),
        ("碲(di)化镉", "碲化镉"),
        ("碲 化 镉 (di hua ge)", "碲化镉"),
        ("锂(li3)", "锂"),
        ("绿(lǜ)色", "绿色"),
        ("西安(xi'an)", "西安"),
    ],
)
def test_ranking_reading_is_one_for_all_ways_of_writing(text: str, reading: str) -> None:
    """Scripts, spaces of a scanner and pinyin with, without and in place of tone marks leave one text."""
    assert read(text, "zh") == read(text, None) == reading


@pytest.mark.parametrize(
    "text",
    [
        SIMPLIFIED,
        "氧化铝(Al2O3)",
        "聚氯乙烯(PVC)管",
        "灯(LED)",
        "聚氨酯(pu)",
        "基因(gene)",
        "模式(mode)",
        "步骤(a1)与(a)",
        "锂电池 电解液 添加剂",
        "第一句。 第二句",
        "LED 灯 5 G 通信",
        "二噁英的脱除",
        "lithium-ion battery",
        "",
    ],
)
def test_ranking_reading_leaves_alone_what_is_one_already(text: str) -> None:
    """Simplified text, formulas, abbreviations, words in brackets, lists and sentences keep their vectors."""
    assert read(text, "zh") == text


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("電池用電解液", "ja"),
        ("車両用の画像処理装置", None),
        ("電 池", "ja"),
        ("電解液 제조 방법", "ko"),
        ("電池", "en"),
    ],
)
def test_ranking_reading_is_of_chinese_only(text: str, lang: str | None) -> None:
    """Japanese and Korean texts are not Chinese in another script, whether said or seen."""
    assert read(text, lang) == text


@given(CHINESE, st.sampled_from(["zh", "ja", "en", None]))
def test_ranking_reading_of_a_reading_is_itself(text: str, lang: str | None) -> None:
    """Reading twice changes nothing, so that nobody has to know whether a text was read."""
    once = read(text, lang)
    assert read(once, lang) == once
    assert term_reading(term_reading(text)) == term_reading(text)


@given(CHINESE)
def test_ranking_reading_lines_up_with_the_text_as_written(text: str) -> None:
    """Places of terms in the reading are places in the text that is shown."""
    written = as_written(text)
    assert len(written) == len(term_reading(written))


def test_ranking_reading_of_traditional_titles_is_the_simplified_one() -> None:
    """What Hong Kong and Taiwan write character for character reads as the mainland writes it."""
    for config in ("s2t", "s2hk", "s2tw"):
        assert read(OpenCC(config).convert(SIMPLIFIED), "zh") == SIMPLIFIED


def test_ranking_reading_of_a_record_is_beside_it() -> None:
    """The record keeps its own writing, its passage, text parts and heading are read, by its own language."""
    record = Patent(id="1", title="鋰離子電池", abstract="電 解 液", lang="zh")
    assert (heading_of(record), text_parts_of(record)) == ("锂离子电池", ("锂离子电池", "电解液"))
    assert passage_of(record) == "锂离子电池\n电解液"
    assert record.title == "鋰離子電池"
    assert passage_of(Patent(id="1", title="電池用電解液", lang="ja")) == "電池用電解液"
    need = Need(id="1", title="", text="電解液", lang="zh")
    assert text_parts_of(need) == need_text_parts("", "電解液", "zh") == ("电解液",)
    assert text_parts_of(Firm(id="1", name="測試公司", lang="zh")) == ("测试公司",)


def test_ranking_terms_are_shared_across_scripts_and_shown_as_written() -> None:
    """A Simplified question finds the terms of a Traditional text, which are shown in its script; and the reverse."""
    assert terms_of("鋰 離 子") == terms_of("锂离子")
    asked, text = vocabulary("锂离子电池电解液 LiPF6"), "一種鋰離子電池。所述電 解 液含LiPF6。"
    terms = shared_terms(asked, text, 5)
    assert terms == ("LiPF6", "鋰離子電池", "電解液")
    assert letters_shared(("LiPF6", "電解液"), "所述電 解 液含LiPF6。") == 8
    assert shared_terms(vocabulary("鋰離子"), "锂离子", 5) == ("锂离子",)
    assert shared_terms(vocabulary("straße"), "Große Straße", 5) == ("strasse",)


SUBJECT = "开发高镍三元锂离子电池用电解液,循环寿命达到2000次。"
SCOPE = "锂电池电解液、隔膜的研发、生产、销售"


def test_ranking_stock_is_left_out_in_both_scripts() -> None:
    """Records are read in Simplified Chinese first, and titles and names stay."""
    need = Need(id="1", title="電解液", text="公司成立於1998年。" + SUBJECT, lang="zh")
    assert text_parts_of(need) == ("电解液", SUBJECT)
    firm = Firm(id="2", name="凭许可证经营公司", business_scope=SCOPE + "(依法須經批准的項目)", lang="zh")
    assert passage_of(firm) == f"凭许可证经营公司\n{SCOPE}"
