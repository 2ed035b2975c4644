"""How texts are read: both scripts of Chinese alike, words whole, other languages as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opencc import OpenCC

from app.domain import Firm, Need, Patent
from app.text.reading import (
    NEED_RULES,
    SCOPE_RULES,
    as_written,
    heading_of,
    need_text_parts,
    passage_of,
    read,
    term_reading,
    text_parts_of,
    without_activities,
    without_boilerplate,
    without_legal_formulae,
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


@pytest.mark.parametrize(
    "stock",
    [
        "公司成立于1998年,",
        "我公司是一家专业生产电池的企业,",
        "占地面积200亩,现有员工300人,",
        "是国家高新技术企业,",
        "项目总投资5000万元,",
        "经费预算:120万元,",
        "联系电话:0371-1234567。",
        "希望与高校院所开展技术合作。",
        "合作方式待定;",
        "具有良好的经济效益和社会效益。",
        "实现产值7500万元,",
        "申请发明专利20项,发表论文3篇。",
        "填补国内空白,",
        "市场前景广阔。",
    ],
)
def test_ranking_stock_of_a_need_is_left_out(stock: str) -> None:
    """Who asks, what it costs and earns, and how to work together go; the subject stays as it is."""
    assert without_boilerplate(stock + SUBJECT) == SUBJECT
    assert without_boilerplate(SUBJECT + stock) == SUBJECT


@pytest.mark.parametrize(
    "text",
    [
        SUBJECT,
        "铝材轻量化,工作站节拍为30秒,年处理能力10万吨",
        "电站投资回收期的预测模型",
        "朝天椒种质资源创新、杂交优势利用及制种基地投入110万",
        "用手机控制的电话交换系统",
        "提高人员定位的响应速度和空间分辨率",
        "缝制流水线中工作站的任务分配",
        "",
    ],
)
def test_ranking_stock_rules_leave_technology_alone(text: str) -> None:
    """A word that also stands in slogans and budgets is no reason to drop a clause about a technology."""
    assert without_boilerplate(text) == text


def test_ranking_stock_goes_by_clause() -> None:
    """The subject behind the next comma stays."""
    text = "为提高经济效益,希望与高校合作,在电解槽内直接生产铝锆铝铒合金产品"
    assert without_boilerplate(text) == "在电解槽内直接生产铝锆铝铒合金产品"


def test_ranking_stock_stays_where_it_is_all_there_is() -> None:
    """A need of nothing but boilerplate is still asked, by its boilerplate."""
    text = "公司成立于1998年,希望与高校开展合作。"
    assert without_boilerplate(text) == text
    assert without_legal_formulae("(依法须经批准的项目,经相关部门批准后方可开展经营活动)").startswith("(依法")


@pytest.mark.parametrize(
    "formula",
    [
        "(依法须经批准的项目,经相关部门批准后方可开展经营活动)",
        "【依法须经批准的项目,经相关部门批准后方可开展经营活动】〓",
        "(凭许可证经营)",
        "(以上项目凭资质证书经营)。",
        "(有效期至2019年12月31日)",
        ",但国家限定公司经营或禁止进出口的商品和技术除外。",
        "(企业依法自主选择经营项目,开展经营活动;依法须经批准的项目,经相关部门批准后依批准的内容开展经营活动;"
        "不得从事本市产业政策禁止和限制类项目的经营活动。)",
        "。",
    ],
)
def test_ranking_stock_of_a_scope_is_cut_out(formula: str) -> None:
    """The law, licences and dates go from behind the items; so do the headings before them."""
    assert without_legal_formulae(SCOPE + formula) == (SCOPE if formula != "。" else SCOPE + formula)
    assert without_legal_formulae(f"许可经营项目:无 一般经营项目:{SCOPE}{formula}").rstrip("。") == SCOPE


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ("服装制造。(依法须经批准的项目,经相关部门批准后方可开展经营活动)", "服装制造"),
        ("塑料杯制造、加工(凡涉及前置许可或专项审批的凭有效证件经营)", "塑料杯制造、加工"),
        (
            "阀门和旋塞的生产销售。(法律、法规和国务院决定禁止或限制的项目不得经营,需其他部门审批的事项,待批准后方可经营)",
            "阀门和旋塞的生产销售",
        ),
        ("道路货物运输(须取得许可证后方可经营)。", "道路货物运输"),
        ("代理进出口(不含国家禁止或限制进出口的货物及技术);汽车", "代理进出口;汽车"),
        ("开关控制设备(未取得专项许可的项目除外)", "开关控制设备"),
        ("商品零售贸易(许可审批类商品除外);网上图片服务", "商品零售贸易;网上图片服务"),
    ],
)
def test_ranking_stock_of_a_short_scope_is_cut_out(scope: str, left: str) -> None:
    """A maker of one thing is not read as a paragraph of the law on approvals."""
    assert without_legal_formulae(scope) == left


def test_ranking_stock_of_a_scope_ends_at_its_comma() -> None:
    """Items behind a formula stay, whether or not it stands in brackets."""
    text = "进出口业务,但国家限定公司经营或禁止进出口的商品和技术除外,金属材料、化工原料"
    assert without_legal_formulae(text) == "进出口业务,金属材料、化工原料"
    law = "法律、法规规定应当许可(审批)的,经审批机关批准后凭许可(审批)文件经营;"
    assert without_legal_formulae(law + SCOPE) == SCOPE


@pytest.mark.parametrize("text", [SCOPE, "药品(不含危险化学品)零售", "电力工程(凭许可证经营;)设备安装与维修服务"])
def test_ranking_stock_rules_keep_items_apart(text: str) -> None:
    """What an item says of itself stays, and two items do not become one."""
    assert without_legal_formulae(text) == text.replace("(凭许可证经营;)", ";")


PIECES = st.sampled_from(
    [
        "公司成立于1998年",
        "开发电解液",
        "(依法须经批准的项目)",
        "凭许可证经营",
        "一般项目:",
        "无",
        ",",
        "。",
        ";",
        "(",
        ")",
        "、",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_ranking_stock_goes_once(text: str) -> None:
    """What is left holds no more of it: leaving out twice changes nothing."""
    assert without_boilerplate(without_boilerplate(text)) == without_boilerplate(text)
    assert without_legal_formulae(without_legal_formulae(text)) == without_legal_formulae(text)


def test_ranking_stock_rules_say_why() -> None:
    """Each rule has a name of its own, a reason and patterns."""
    rules = NEED_RULES + SCOPE_RULES
    assert len({rule.name for rule in rules}) == len(rules)
    assert all(rule.reason and rule.patterns for rule in rules)


def test_ranking_stock_is_left_out_in_both_scripts() -> None:
    """Records are read in Simplified Chinese first, and titles and names stay."""
    need = Need(id="1", title="電解液", text="公司成立於1998年。" + SUBJECT, lang="zh")
    assert text_parts_of(need) == ("电解液", SUBJECT)
    firm = Firm(id="2", name="凭许可证经营公司", business_scope=SCOPE + "(依法須經批准的項目)", lang="zh")
    assert passage_of(firm) == f"凭许可证经营公司\n{SCOPE}"


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ("机电产品的研发、生产、销售和技术服务;五金批发零售", "机电产品的、;五金、"),
        ("批发、零售:家用电器及配件", "、:家用电器及配件"),
        ("销售、服务", "销售、服务"),
    ],
)
def test_ranking_scopes_keep_what_a_firm_deals_in(scope: str, left: str) -> None:
    """What is done with the goods goes, the goods stay, and a scope of nothing else stays whole."""
    assert without_activities(scope) == left
