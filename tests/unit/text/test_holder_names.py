"""Stretches of a text that may be a holder's name."""

from __future__ import annotations

import pytest

from app.text.holder_names import LONGEST_LATIN_NAME, MOST_ENDS, holder_candidates


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("请找深圳市沃特玛电池有限公司的散热", "深圳市沃特玛电池有限公司"),
        ("清华大学", "清华大学"),
        ("电池隔膜,浙江大学宁波研究院", "浙江大学宁波研究院"),
        ("与兰州(甘肃)新材料有限责任公司合作", "兰州(甘肃)新材料有限责任公司"),
        ("pumps of Acme Tools Co., Ltd. in steel", "Acme Tools Co., Ltd."),
        ("from Stanford University, heat", "Stanford University"),
        ("锂离子电池", "锂离子电池"),
    ],
)
def test_holder_names_are_among_the_candidates(text: str, name: str) -> None:
    """A name in running text begins behind a border; a short text may be one itself."""
    assert name in {text[one.start : one.end] for one in holder_candidates(text)}


def test_holder_names_do_not_begin_inside_another() -> None:
    """华中科技大学 is not meant where 泉州华中科技大学智能制造研究院 is written."""
    text = "泉州华中科技大学智能制造研究院的机器人"
    assert "华中科技大学" not in {text[one.start : one.end] for one in holder_candidates(text)}


def test_holder_names_without_an_end_say_so() -> None:
    """Such a text may as well mean what it says."""
    assert [one.ended for one in holder_candidates("锂离子电池")] == [False]
    assert {one.ended for one in holder_candidates("清华大学")} == {True}


@pytest.mark.parametrize("piece", ["公司", "(公司)", "a公司", "Inc ", "大学 "])
def test_holder_names_of_hostile_texts_are_bounded(piece: str) -> None:
    """However many ends a text has, so many are looked at."""
    assert len(holder_candidates(piece * 25_000)) <= 2 * MOST_ENDS * LONGEST_LATIN_NAME
