"""What a need or a business scope says of no subject: which clauses go, and what never does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.boilerplate import (
    NEED_RULES,
    SCOPE_RULES,
    is_presentation,
    is_section_heading,
    says_wanted,
    without_activities,
    without_boilerplate,
    without_legal_formulae,
)

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


@pytest.mark.parametrize(
    "line",
    [
        "需求",
        "技术需求",
        "一、技术需求",
        "1.主要研究内容",
        "(二)项目背景",
        "拟解决的关键技术问题",
        "企业简介",
        "1、",
        "(1)",
    ],
)
def test_boilerplate_knows_the_headings_of_sections(line: str) -> None:
    """They name a part of a form and are alike in all needs."""
    assert is_section_heading(line)


@pytest.mark.parametrize("line", ["焊接方法", "高镍三元电解液的开发", "需求预测软件", "1.焊接技术", "battery coating"])
def test_boilerplate_takes_no_subject_for_a_heading(line: str) -> None:
    """One word of a technology is enough."""
    assert not is_section_heading(line)


@pytest.mark.parametrize(
    ("sentence", "presents", "wants"),
    [
        ("我公司是一家从事电机研发的企业。", True, False),
        ("公司成立于2005年。", True, False),
        ("主要从事电机及控制器的研发与销售。", True, False),
        ("产品远销海内外,深受客户好评。", True, False),
        ("我公司是一家电池企业,现需要解决产气问题。", False, True),
        ("需要开发电流环解耦方法。", False, True),
        ("电解液在高温下产气。", False, False),
    ],
)
def test_boilerplate_tells_who_asks_from_what_is_wanted(sentence: str, presents: bool, wants: bool) -> None:
    """A sentence that says it is wanted presents nobody, whatever else it says."""
    assert (is_presentation(sentence), says_wanted(sentence)) == (presents, wants)


@pytest.mark.parametrize("unit", ["a", "(", "a.b", "a@", ",", "1、", "需求", "公司", " ", "需求 ", "我公司是一家"])
def test_boilerplate_takes_any_shape(unit: str) -> None:
    """Rules that tried each place from each other one would not come to an end here."""
    text = unit * (50_000 // len(unit)) + "甲"
    assert "甲" in without_boilerplate(text)
    assert not is_section_heading(text)
    assert says_wanted(text) == ("需求" in unit)
    assert is_presentation(text) == (unit == "我公司是一家")
