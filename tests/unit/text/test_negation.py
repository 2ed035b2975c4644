"""What texts exclude: clear phrases are read, words that only look like one are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.negation import (
    MOST_EXCLUDED,
    excluded_terms,
    exclusions,
    held,
    stated,
    wanted_terms,
    without_exclusions,
)
from app.text.terms import terms_of

TEXTS = st.text(st.sampled_from("不含使用无氟铅的电机,。、和 ablead-free without"), max_size=40)


@pytest.mark.parametrize(
    ("text", "terms", "wanted"),
    [
        ("不使用永磁体的电机", ("永磁体",), "电机"),
        ("不含氟的锂电池电解液", ("氟",), "锂电池电解液"),
        ("不含铅的焊料", ("铅",), "焊料"),
        ("不含铅焊料", ("铅",), "焊料"),
        ("不含铅、镉和汞的焊料", ("铅", "镉", "汞"), "焊料"),
        ("不用永磁体的电机", ("永磁体",), "电机"),
        ("避免使用溶剂的涂布工艺", ("溶剂",), "涂布工艺"),
        ("软管不含塑化剂、耐高温", ("塑化剂",), "软管、耐高温"),
        ("软管不含塑化剂,耐高温", ("塑化剂",), "软管,耐高温"),
        ("不含氟化物的电解液", ("氟化物",), "电解液"),
        ("不得添加任何防腐剂的饮料", ("防腐剂",), "饮料"),
        ("无卤阻燃剂", ("卤",), "阻燃剂"),
        ("lead-free solder", ("lead",), "solder"),
        ("motor without permanent magnets", ("permanent magnets",), "motor"),
        ("electrolyte free of fluorine for cells", ("fluorine",), "electrolyte  for cells".replace("  ", " ")),
        ("永久磁石を使わないモータ", ("永久磁石",), "モータ"),
        ("불소를 포함하지 않는 전해액", ("불소",), "전해액"),
    ],
)
def test_an_exclusion_is_read(text: str, terms: tuple[str, ...], wanted: str) -> None:
    """What is excluded, and what is left of the text."""
    assert excluded_terms([text]) == terms
    assert " ".join(without_exclusions(text).split()) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "不锈钢", "不饱和聚酯", "不同温度", "不仅成本低", "精度不低于10%", "含水量不超过5%", "不断提高",
        "无人机", "无线充电", "无机材料", "无锡某厂", "无纺布", "无缝钢管", "无刷电机", "无氧化锻造",
        "无源RFID", "无害化处理",
        "非晶合金", "非接触测量", "非球面透镜", "免疫组化", "免清扫透气砖", "有无铅污染", "毫无铅味",
        "不得不使用永磁体的电机", "目前不使用永磁体的电机很少", "报价不含税", "不含5%以上的水", "不含对人体有害的物质",
        "锻造后不用冷却,利用余热", "避免铁沟开裂", "去除重金属的滤料", "脱硫脱硝", "不含氟", "无铅",
        "with or without a binder", "stress-free annealing", "free from defects such as cracks", "hands-free headset",
        "operation without human intervention", "",
    ],
)  # fmt: skip
def test_what_is_no_exclusion_stays(text: str) -> None:
    """Words in 不, 无, 非 and 免, conditions, complaints, and texts that would have nothing left."""
    assert exclusions(text) == ()
    assert without_exclusions(text) == stated(text) == text
    assert wanted_terms(text) == terms_of(text)


def test_names_of_what_is_without_stay_in_the_vector_and_count_as_a_term() -> None:
    """无卤 and lead-free are what records are called; the characters of what they lack are not looked for."""
    assert stated("无卤阻燃剂") == "无卤阻燃剂"
    assert stated("不含铅的焊料") == "焊料"
    assert wanted_terms("无卤阻燃剂") == {**terms_of("阻燃剂"), "无卤": 1}
    assert wanted_terms("不含铅的焊料") == {**terms_of("焊料"), "无铅": 1}
    assert wanted_terms("lead-free solder") == {"solder": 1, "lead-free": 1}


@pytest.mark.parametrize(
    ("record", "uses"),
    [
        ("一种永磁同步电机,转子嵌有永磁体", ("永磁体",)),
        ("一种永磁同步电机", ("永磁体",)),
        ("一種永磁體電機", ("永磁体",)),
        ("一种感应电机,不使用永磁体", ()),
        ("一种无永磁体的磁阻电机", ()),
        ("以励磁绕组代替永磁体的电机", ()),
        ("一种感应电机", ()),
    ],
)
def test_a_record_uses_what_is_excluded_unless_it_says_that_it_is_without(record: str, uses: tuple[str, ...]) -> None:
    """By its stem and in either script; a record that is without is what is wanted."""
    assert held(record, ["永磁体"]) == uses


def test_a_record_uses_an_excluded_thing_by_another_name() -> None:
    """Names of the same thing count, whole words alone, and a pencil holds no lead."""
    assert held("A motor with permanent magnets", ["永磁体"], [("permanent magnet",)]) == ("永磁体",)
    assert held("A leading edge", ["lead"]) == ()
    assert held("Tin-lead solder", ["lead"]) == ("lead",)
    assert held("A lead-free solder instead of lead", ["lead"]) == ()
    assert held("自动铅笔", ["铅"]) == ()
    assert held("电解液含LiPF6", ["氟"]) == ("氟",)


@given(TEXTS)
def test_exclusions_lie_in_the_text_in_order(text: str) -> None:
    """None overlaps another, each has a term that stands in it, and something is left."""
    found, end = exclusions(text), 0
    for one in found:
        assert end <= one.start < one.end <= len(text)
        assert one.terms
        assert all(term in text[one.start : one.end] for term in one.terms)
        end = one.end
    assert sum(len(one.terms) for one in found) <= MOST_EXCLUDED + len(text)
    if found:
        assert any(character.isalnum() for character in without_exclusions(text))


@pytest.mark.parametrize(
    "piece",
    ["不含", "无", "不使用永", "不含氟、", "without ", "a-", "を使わない", "모", "((", "without using a ", "不含铅和"],
)
def test_enormous_texts_are_read_at_once(piece: str) -> None:
    """100,000 characters that begin an exclusion again and again."""
    text = piece * (100_000 // len(piece))
    assert len(excluded_terms([text])) <= 2 * MOST_EXCLUDED
    assert held(text, ["氟"]) in ((), ("氟",))
