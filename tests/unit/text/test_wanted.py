"""One reading of a question, however it is asked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.normalising import fold_body
from app.text.reading import need_text_parts, read
from app.text.sentences import sentences
from app.text.wanted import LONGEST_HEADLINE, wanted_parts

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[3] / "sample" / "needs.jsonl").read_text(encoding="utf-8").splitlines()
]
TITLES = sorted({row["title"] for row in ROWS if row.get("title")})
SENTENCES = sorted({sentence for row in ROWS for sentence in sentences(fold_body(row.get("text") or ""))})
LETTER = re.compile(r"[^\W_]")

INTRODUCTION = (
    "我公司成立于2005年，是一家集研发、生产、销售于一体的现代化企业，拥有员工三百余人，占地面积五万平方米，年产值两亿元。"
    "公司先后通过质量管理体系认证，产品远销海内外，深受客户好评。我公司是国家高新技术企业，主要从事电机及控制器的研发与销售，"
    "拥有省级企业技术中心，现有研发人员50人，与多所高校建立了产学研合作关系，近三年承担省级科技项目3项。"
)
WANTED = "现需要解决永磁同步电机弱磁控制中电流环解耦的技术问题。"


def said(parts: tuple[str, ...]) -> str:
    """Parts without the marks that end them."""
    return re.sub(r"\W", "", "".join(parts))


@st.composite
def needs(draw: st.DrawFn) -> tuple[str, str]:
    """A title of the sample, and a text of its sentences; none repeats the title."""
    title = draw(st.sampled_from(TITLES))
    text = draw(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=6, unique=True))
    return title, draw(st.sampled_from(["", "\n"])).join(text)


@settings(deadline=None)
@given(needs())
def test_wanted_is_the_same_of_a_title_and_of_a_title_pasted_before_the_text(need: tuple[str, str]) -> None:
    """A record, a title with a text, and both in one field are one question."""
    title, text = need
    record = need_text_parts(title, text, "zh")
    assert need_text_parts("", f"{title}\n{text}", "zh") == record
    assert need_text_parts("", f"{title}。\n\n{text}\n", "zh") == record
    assert need_text_parts(title, f"{title}\n{text}", "zh") == record
    assert record[0] == re.sub(r"[\s。！？!?;；.,，]+$", "", read(title, "zh"))


@settings(deadline=None)
@given(needs(), st.integers(2, 4))
def test_wanted_is_the_same_of_a_text_that_repeats_itself(need: tuple[str, str], times: int) -> None:
    """Pasted again and again, with or without a line between, with its title or without."""
    title, text = need
    record = need_text_parts(title, text, "zh")
    assert need_text_parts(title, text * times, "zh") == record
    assert need_text_parts(title, "\n".join([text] * times), "zh") == record
    assert need_text_parts("", f"{title}\n{text}\n" * times, "zh") == record


@settings(deadline=None)
@given(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=6), st.data())
def test_wanted_counts_a_sentence_once(text: list[str], data: st.DataObject) -> None:
    """Wherever it stands again, in full-width marks or half-width, it says nothing new."""
    again = data.draw(st.sampled_from(text))
    place = data.draw(st.integers(text.index(again) + 1, len(text)))
    repeated = [*text[:place], again.upper(), *text[place:]]
    assert wanted_parts("题", "\n".join(repeated)) == wanted_parts("题", "\n".join(text))


def test_wanted_has_no_body_where_the_text_repeats_the_title() -> None:
    """Then the title is all there is."""
    assert wanted_parts("焊接方法", "焊接方法。焊接方法") == ("焊接方法",)


@pytest.mark.parametrize("before", ["", WANTED])
def test_wanted_leaves_the_introduction_of_the_firm_out(before: str) -> None:
    """Text of the case `boilerplate_intro`: 300 characters of who asks and one sentence of what is wanted."""
    text = fold_body(before + INTRODUCTION + WANTED)
    assert need_text_parts("", text, None) == (WANTED,)
    assert need_text_parts("弱磁控制", text, "zh") == ("弱磁控制", WANTED)


@settings(deadline=None)
@given(st.permutations(sentences(INTRODUCTION + WANTED)))
def test_wanted_finds_what_is_wanted_wherever_it_stands(shuffled: list[str]) -> None:
    """The order of the introduction's sentences, and where among them the need is said, change nothing."""
    assert need_text_parts("", fold_body("".join(shuffled)), "zh") == (WANTED,)


def test_wanted_keeps_an_introduction_where_nothing_else_is_said() -> None:
    """What a firm makes is all there is to go by."""
    (body,) = need_text_parts("", fold_body(INTRODUCTION), "zh")
    assert "主要从事电机及控制器的研发与销售" in body
    with_subject = need_text_parts("", fold_body(INTRODUCTION) + "永磁同步电机采用弱磁控制。", "zh")
    assert "主要从事电机及控制器" in with_subject[-1]
    assert "弱磁控制" in with_subject[-1]


@pytest.mark.parametrize("heading", ["技术需求", "一、项目背景", "1.主要研究内容", "技术需求:", "企业简介："])
def test_wanted_takes_no_section_heading_for_a_headline(heading: str) -> None:
    """It is alike in all needs; the sentence under it stays in the body."""
    parts = need_text_parts("", f"{heading}\n永磁同步电机的电流环解耦。\n转速提高一倍。", "zh")
    assert len(parts) == 1
    assert "电流环解耦" in parts[0]


@pytest.mark.parametrize(
    ("text", "headline"),
    [
        ("需求:焊接方法", "焊接方法"),
        ("技术需求名称：铝合金焊接\n减少气孔。", "铝合金焊接"),
        ("铝合金焊接:减少气孔\n提高强度。", "铝合金焊接:减少气孔"),
        ("铝合金焊接技术。减少气孔,提高强度。", "铝合金焊接技术"),
        ("Welding of thin-walled aluminium housings for motors\nFewer pores are wanted.", None),
    ],
)
def test_wanted_headline_is_without_the_label_of_its_form(text: str, headline: str | None) -> None:
    """The name of the field goes; a subject before a colon is no label."""
    assert need_text_parts("", fold_body(text), None)[0] == (headline or text.partition("\n")[0])


@pytest.mark.parametrize(
    "first",
    [
        "铝" * (LONGEST_HEADLINE + 1),
        "我公司是一家焊接企业",
        "提高铝合金焊缝的强度,",
        "要求如下:",
        "word " * 40,
    ],
)
def test_wanted_takes_no_long_open_or_presenting_line_for_a_headline(first: str) -> None:
    """What goes on in the next line, is a paragraph or says who asks heads nothing."""
    assert len(need_text_parts("", f"{first}\n焊缝有气孔。", None)) == 1


PIECES = st.sampled_from(
    [
        *"甲乙aB1_ \n\t,.。;:、()（@-",
        "需求",
        "需求:",
        "公司",
        "我公司是一家",
        "企业。",
        "希望与高校合作",
        "3.5",
        "联系人:",
        "题目\n",
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join), st.lists(PIECES, max_size=4).map("".join))
def test_wanted_is_never_empty_where_there_is_a_letter(text: str, title: str) -> None:
    """Whatever was asked is asked: no reading leaves nothing, and no part of it is empty."""
    parts = wanted_parts(title, text)
    assert all(parts)
    if LETTER.search(text):
        assert LETTER.search("".join(parts))
    if not said((title, text)):
        assert not said(parts)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_wanted_invents_nothing(text: str) -> None:
    """Each letter of a reading stands in the text, in no greater number."""
    for letter in set(said(wanted_parts("", text))):
        assert said(wanted_parts("", text)).count(letter) <= text.count(letter)


@pytest.mark.parametrize(
    "unit",
    [
        "甲",
        "a",
        ",",
        "，",
        ".",
        "。",
        "(",
        "（",
        ":",
        " ",
        "\n",
        "_",
        "需求 ",
        "a.b",
        "a@",
        "1、",
        "公司",
        "我公司是一家",
        "3.5 ",
    ],
)
def test_wanted_takes_a_hundred_thousand_characters_of_anything(unit: str) -> None:
    """Rules that tried each place from each other one would take hours, not a moment."""
    many = unit * (100_000 // len(unit))
    for text in (many, f"乙{many}丙", f"{many}丙\n乙", f"乙\n{many}丙", f"{many}\n{many}丙"):
        parts = need_text_parts("", text, None)
        assert bool(parts) == bool(LETTER.search(text))
        assert need_text_parts("题目", text, "zh")[0] == "题目"
