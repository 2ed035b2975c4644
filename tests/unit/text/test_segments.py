"""Texts are cut into terms that the corpus itself teaches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.reading import term_reading
from app.text.segments import Lexicon, document_frequencies, learnt, script_of

CORPUS = [
    "锂离子电池电解液的添加剂",
    "高压电解液及其添加剂",
    "锂离子电池的隔膜涂层",
    "隔膜涂层用浆料",
    "锂离子电池用隔膜",
    "电解液净化",
    "浆料净化设备添加剂",
    "浆料涂层",
    "净化塔",
] * 2


def test_ranking_segments_are_learnt_from_the_corpus() -> None:
    """Runs that stand in several surroundings are terms; what stands between them falls apart into them."""
    lexicon = learnt(CORPUS)
    assert lexicon.terms("锂离子电池电解液添加剂") == ["锂离子电池", "电解液", "添加剂"]
    assert {"浆料", "净化"} <= set(lexicon.costs)


def test_ranking_segments_of_other_scripts_are_words() -> None:
    """Korean loses its particles, katakana runs and words stay whole, numbers and stock words are left out."""
    lexicon = learnt(CORPUS)
    text = term_reading(
        "전해액을 포함하는 リチウムイオン電池, the NCM811 and 3.5 V, ｅｌｅｃｔｒｏｌｙｔｅ der Elektrolyt"
    )
    assert lexicon.terms(text) == ["전해액", "リチウムイオン", "电池", "ncm811", "electrolyte", "elektrolyt"]


def test_ranking_segments_take_unknown_characters_as_one_term() -> None:
    """What the corpus lacks is kept whole, so that a query can ask for it; a long unknown run says nothing."""
    lexicon = learnt(CORPUS)
    assert lexicon.terms("石墨烯电解液") == ["石墨烯", "电解液"]
    assert lexicon.terms("甲乙丙丁戊己庚辛") == []


@given(st.text(alphabet="锂离子电池电解液添加剂水", max_size=12))
def test_ranking_segments_cut_without_loss(run: str) -> None:
    """The parts of a cut are the run."""
    assert "".join(learnt(CORPUS).cut(run)) == run


def test_ranking_segments_choose_the_likeliest_cut() -> None:
    """Two frequent halves win over rare ones that also fit."""
    lexicon = Lexicon.of({"水泥": 90, "砂浆": 90, "泥砂": 3, "水": 1})
    assert lexicon.cut("水泥砂浆") == ["水泥", "砂浆"]


def test_ranking_segments_frequencies_count_texts() -> None:
    """A term that a text repeats counts once for it."""
    lexicon = learnt(CORPUS)
    assert document_frequencies(["电解液 电解液", "电解液 alloy"], lexicon) == {"电解液": 2, "alloy": 1}


@pytest.mark.parametrize(
    ("term", "script"),
    [("电池", "han"), ("전해액", "hangul"), ("リチウム", "kana"), ("alloy", "spaced"), ("сплав", "spaced")],
)
def test_ranking_segments_know_their_script(term: str, script: str) -> None:
    """A term's first character tells."""
    assert script_of(term) == script
