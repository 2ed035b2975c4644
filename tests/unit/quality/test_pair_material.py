"""Pairs of texts from patents."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from app.domain import Patent
from app.quality.adapt import recalls
from app.quality.pair_material import FEWEST_LEFT, PatentText, halves, held_out, pairs_of, without_title

TITLE = "一种高镍三元电解液"
ABSTRACT = (
    "本发明公开了一种高镍三元电解液，包括锂盐、有机溶剂和添加剂；所述添加剂为二氟磷酸锂与硫酸乙烯酯的混合物，其质量分数为百分之一。"
    "该电解液在正极表面形成致密的界面膜，抑制过渡金属离子的溶出，提高循环寿命；制备方法简单，适合在现有产线上使用，成本低于同类产品。"
)


def patent(place: int, abstract: str = ABSTRACT, **more: str) -> PatentText:
    """A patent of its own number and text."""
    return PatentText(f"CN{place}", TITLE, f"{abstract}第{place}号样品的容量保持率更高。", "zh", "H01M10/0567", **more)


def test_pair_material_one_pair_a_patent_of_three_kinds() -> None:
    """In shares of about 0.4, 0.3 and 0.3; by id and seed, whatever else is in the list."""
    patents = [patent(place) for place in range(300)]
    pairs = list(pairs_of(patents, 1))
    assert len(pairs) == 300
    kinds = Counter(pair.group for pair in pairs)
    assert kinds.keys() == {"zh H01M title", "zh H01M text", "zh H01M halves"}
    assert 90 < kinds["zh H01M title"] < 150
    assert list(pairs_of(patents[50:], 1)) == pairs[50:]
    assert list(pairs_of(patents, 2)) != pairs


def test_pair_material_title_is_not_in_its_abstract() -> None:
    """What is asked for has to be told by its meaning, with and without the first word of titles."""
    for pair in pairs_of([patent(place) for place in range(100)], 1):
        if pair.group.endswith(" title"):
            assert "高镍三元电解液" in pair.query
            assert "高镍三元电解液" not in pair.passage
    assert without_title("本发明公开高镍三元电解液，含锂盐", TITLE) == "本发明公开，含锂盐"
    assert without_title("abc", "c") == "abc"


def test_pair_material_repeated_and_empty_abstracts_give_none() -> None:
    """The same text under two numbers would stand against itself; a title alone says nothing of another text."""
    same = [PatentText("CN1", TITLE, ABSTRACT, "zh"), PatentText("CN2", TITLE, ABSTRACT, "zh")]
    assert len(list(pairs_of(same, 1))) == 1
    assert list(pairs_of([PatentText("CN1", TITLE, "", "zh"), PatentText("CN2", TITLE, TITLE, "zh")], 1)) == []


def test_pair_material_second_title_asks_for_abstract_and_title() -> None:
    """Two more pairs, each among its own kind."""
    pairs = list(pairs_of([patent(1, translated="Electrolyte of high nickel", translated_lang="en")], 1))
    assert [pair.group for pair in pairs[1:]] == ["zh H01M translated", "zh H01M translated title"]
    assert [pair.query for pair in pairs[1:]] == ["Electrolyte of high nickel"] * 2
    assert pairs[2].passage == pairs_title()


def pairs_title() -> str:
    """The title as it is read."""
    return next(pair.query for pair in pairs_of(map(patent, range(20)), 1) if pair.group.endswith(" title"))


@pytest.mark.parametrize(
    ("extra", "translated", "lang"),
    [
        ({"title_en": "Electrolyte"}, "Electrolyte", "en"),
        ({"Title_EN": "Electrolyte", "title": "x"}, "Electrolyte", "en"),
        ({"title_zh": "电解液", "title_ko": "전해액"}, "전해액", "ko"),
        ({"title_zh": "电解液"}, "", None),
        ({"title_en": " ", "title_ja": 7, "title_eng": "x", "subtitle_en": "x"}, "", None),
    ],
)
def test_pair_material_reads_titles_in_other_languages(
    extra: dict[str, object], translated: str, lang: str | None
) -> None:
    """From columns title_en and the like, not the record's own language; of several the first by its code."""
    found = PatentText.of(Patent(id="CN1", title=TITLE, abstract=ABSTRACT, lang="zh", ipc=("H01M10/05",), extra=extra))
    assert (found.translated, found.translated_lang) == (translated, lang)
    assert (found.id, found.title, found.abstract, found.lang, found.ipc) == ("CN1", TITLE, ABSTRACT, "zh", "H01M10/05")


def test_pair_material_held_out_are_none_that_were_learned_from() -> None:
    """Neither by number nor by abstract, each abstract once, as many as wanted; the same ones for a seed."""
    learned = [patent(place) for place in range(10)]
    again = PatentText("CN999", TITLE, patent(3).abstract, "zh")
    others = [patent(place) for place in range(5, 40)]
    pairs = held_out([*others, again], learned, 100, 1)
    assert len(pairs) == 30
    assert len({pair.passage for pair in pairs}) == 30
    drawn = held_out([*others, again], learned, 7, 1)
    assert drawn == pairs[:7]
    assert drawn == held_out([again, *reversed(others)], learned, 7, 1)
    assert drawn != held_out(others, learned, 7, 2)


def test_pair_material_recall_is_the_share_of_own_passages_found() -> None:
    """Of three the first is first, the second second, the third eleventh of eleven."""
    cosines = np.zeros((11, 11))
    np.fill_diagonal(cosines, 1.0)
    cosines[1, 0] = 2.0
    cosines[2] = 3.0
    cosines[2, 2] = 1.0
    assert recalls(cosines) == {"recall@1": pytest.approx(9 / 11), "recall@10": pytest.approx(10 / 11)}


def test_pair_material_halves_are_the_whole_text() -> None:
    """Cut between two clauses; what cannot be cut is a first half."""
    first, second = halves(ABSTRACT)
    assert first + second == ABSTRACT
    assert min(len(first), len(second)) > FEWEST_LEFT / 2
    assert halves("一个词") == ("一个词", "")
    assert halves("") == ("", "")
