"""What a query's words are worth: BM25 of its terms is the share of them that a record covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ranking.lexical import CORE_TERMS, HEADLINE_WEIGHT, MOST_TERMS, TITLE_LENGTH, coverage_of, query_terms
from app.text.terms import terms_of
from index import TermIndex
from index.terms_build import write_terms

SUBJECTS = [
    "高镍三元锂离子电池电解液",
    "永磁同步电机弱磁控制",
    "风电轴承淬火变形",
    "水稻育种",
    "纳滤膜分离",
    "铝合金焊接",
]
KINDS = ["方法", "装置", "材料", "系统", "工艺"]
DOCUMENTS = [f"{subject},一种{kind}及其应用" for subject in SUBJECTS for kind in KINDS]
LETTERS = [chr(0x4E00 + n) for n in range(3000)]
SENTENCE = st.text("甲乙丙丁戊己庚辛ab1", min_size=1, max_size=12).map(lambda text: text + "。")
SENTENCES = st.lists(SENTENCE, min_size=1, max_size=8)


@cache
def corpus() -> TermIndex:
    """A term index of the documents."""
    folder = TemporaryDirectory()
    write_terms(Path(folder.name), [terms_of(text) for text in DOCUMENTS], len(DOCUMENTS), 0)
    index = TermIndex.open(Path(folder.name))
    _KEPT.append(folder)
    return index


_KEPT: list[TemporaryDirectory[str]] = []


def terms(*text_parts: str, titled: bool = True) -> dict[str, float]:
    """The terms of a query of the corpus."""
    return query_terms(text_parts, corpus().weight, titled=titled)


def bm25(asked: Mapping[str, float]) -> np.ndarray:
    """Of each document."""
    return corpus().scores(asked, np.arange(len(DOCUMENTS)))


def alike(_term: str) -> float:
    """All terms are as rare."""
    return 1.0


def share_held(asked: Mapping[str, float], held: Sequence[str]) -> float:
    """Coverage of a text that holds these terms, where all are as rare and each scores as one of its length."""
    return float(
        coverage_of(np.array([sum(weight for term, weight in asked.items() if term in held)]), TITLE_LENGTH)[0]
    )


@pytest.mark.parametrize("word", ["电机", "水稻育种", "纳滤", "永磁同步电机"])
def test_lexical_covers_one_word_that_is_held(word: str) -> None:
    """Whatever the corpus makes of its rarity, a document of common length that holds all that is asked covers it."""
    found = bm25(terms(word))
    holding = np.array([word in text for text in DOCUMENTS])
    assert found[holding] == pytest.approx(1, abs=0.15)
    assert (found[~holding] < 0.5).all()


def test_lexical_covers_half_of_two_words() -> None:
    """Two subjects in equal parts: either is about a half."""
    found = coverage_of(bm25(terms("", "水稻育种。纳滤膜分离。")), TITLE_LENGTH)
    for subject in ("水稻育种", "纳滤膜分离"):
        holding = [subject in text for text in DOCUMENTS]
        assert 0.3 < found[holding].mean() < 0.7


@settings(deadline=None)
@given(SENTENCES, st.randoms(use_true_random=False))
def test_lexical_weights_do_not_depend_on_the_order_of_sentences(found: list[str], random: Random) -> None:
    """Shuffled sentences are the same query."""
    shuffled = random.sample(found, len(found))
    first, second = (query_terms(["", "".join(one)], alike, titled=True) for one in (found, shuffled))
    assert second == pytest.approx(first)


@settings(deadline=None)
@given(SENTENCES, st.integers(2, 5))
def test_lexical_order_of_weights_does_not_depend_on_length(found: list[str], times: int) -> None:
    """Doubled without a reading before it, a text still has the same terms, and a sum that stays near the core's."""
    once, doubled = (query_terms(["", "".join(one)], alike, titled=True) for one in (found, found * times))
    assert set(once) == set(doubled)
    assert sum(sorted(doubled.values(), reverse=True)[:CORE_TERMS]) == pytest.approx(1)


@settings(deadline=None)
@given(SENTENCES, st.text("甲乙丙丁ab1", max_size=8))
def test_lexical_weights_are_positive_and_the_core_sums_to_one(found: list[str], headline: str) -> None:
    """Every term counts something, and what stands in the query alone."""
    asked = query_terms([headline, "".join(found)], alike, titled=True)
    assert set(asked) <= set(terms_of(headline)) | set(terms_of("".join(found)))
    assert all(0 < weight <= 1 for weight in asked.values())
    assert sum(sorted(asked.values(), reverse=True)[:CORE_TERMS]) == pytest.approx(1)


@pytest.mark.parametrize("text_parts", [[], [""], ["", ""], ["。", ",;"], [" \n"]])
def test_lexical_of_nothing_is_nothing(text_parts: list[str]) -> None:
    """A query without a letter has no terms, titled or not."""
    assert query_terms(text_parts, alike, titled=True) == query_terms(text_parts, alike, titled=False) == {}


def test_lexical_of_stock_that_every_text_holds_is_nothing() -> None:
    """Terms that are worth nothing in this corpus cover nothing."""
    assert query_terms(["电池"], lambda _term: 0.0, titled=True) == {}


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.booleans())
def test_lexical_takes_any_text(title: str, text: str, titled: bool) -> None:
    """Whatever arrives, every term is one of a part and counts something."""
    asked = query_terms([title, text], alike, titled=titled)
    assert set(asked) <= set(terms_of(title)) | set(terms_of(text))
    assert all(0 < weight < np.inf for weight in asked.values())


def test_lexical_looks_for_the_weightiest_terms_alone() -> None:
    """At most so many, the rare ones among them, however long the text."""
    long = "".join(LETTERS)
    assert len(query_terms([long], alike, titled=True)) == MOST_TERMS
    rare = query_terms([long + " ncm811"], lambda term: 9.0 if term == "ncm811" else 1.0, titled=True)
    assert max(rare, key=lambda term: (rare[term], term)) != "ncm811" or "ncm811" in rare
    assert "ncm811" in rare


def test_lexical_headline_counts_as_much_as_a_good_part_of_its_body() -> None:
    """As its weight times the root of the body's sentences, damped like every count."""
    asked = query_terms(["焊接", "水泵漏水。水泵震动。水泵停机。电机发热。"], alike, titled=True)
    assert asked["焊接"] / asked["发热"] == pytest.approx(np.log1p(HEADLINE_WEIGHT * 2) / np.log1p(1))
    assert asked["水泵"] / asked["发热"] == pytest.approx(np.log1p(3) / np.log1p(1))
    assert asked["焊接"] >= asked["水泵"] > asked["发热"]


def test_lexical_profile_is_of_name_and_scope_alike() -> None:
    """A firm's name is no headline, and an item that its scope names twice is one item."""
    asked = query_terms(["焊接", "水泵。水泵。电机。"], alike, titled=False)
    assert asked["焊接"] == asked["电机"] == asked["水泵"] > 0


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_lexical_long_query_that_holds_the_core_keeps_its_coverage(seed: int) -> None:
    """Among 5,000 characters that say it again and again with other words, the core is what coverage is of.

    The words around it are as rare as those of the core, but stand in one sentence each.
    """
    random = Random(seed)  # noqa: S311 - invented text, no secret
    core = "永磁同步电机弱磁控制"
    # Apart from the core, the long text holds no character of it.
    others = [letter for letter in LETTERS if letter not in core]
    long = ""
    while len(long) < 5000:
        long += core + "".join(random.choices(others, k=40)) + "。"
    short, lengthy = (query_terms([core, text], alike, titled=True) for text in (core, long))
    held = set(terms_of(core))
    assert len(lengthy) <= MOST_TERMS
    assert share_held(short, list(held)) == pytest.approx(1)
    assert share_held(lengthy, list(held)) > 0.9


@settings(deadline=None)
@given(st.lists(st.floats(-5, 50, width=32), max_size=30))
def test_lexical_coverage_is_a_share(values: list[float]) -> None:
    """Between 0 and 1, float32, and never less for more."""
    found = coverage_of(np.sort(np.array(values, dtype=np.float32)), TITLE_LENGTH)
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize(("length", "least", "most"), [(0.0, 0.4, 0.4), (23.0, 0.4, 0.4), (440.0, 0.17, 0.2)])
def test_lexical_coverage_is_that_of_a_title(length: float, least: float, most: float) -> None:
    """Long records cover more of everything, which speaks for none of them; short ones are taken as they are."""
    (found,) = coverage_of(np.array([0.4], dtype=np.float32), length)
    assert least - 1e-6 <= found <= most + 1e-6
