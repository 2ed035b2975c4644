"""Terms that two texts share, found without writing their vocabularies out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.text.terms import Phrases, letters_shared, shared_terms, terms_of, vocabulary

# Few letters, so that texts share a lot; stock ("方法", "的") and words among them.
TEXTS = st.text(st.sampled_from("锂电池解液方法的一种 abLED-3,。"), max_size=40)


def by_vocabularies(asked: str, title: str, limit: int) -> tuple[str, ...]:
    """The same by the definition: both vocabularies written out."""
    kept: list[str] = []
    for term in sorted(vocabulary(asked) & vocabulary(title), key=lambda term: (-len(term), term)):
        if len(kept) < limit and not any(term in longer for longer in kept):
            kept.append(term)
    return tuple(kept)


@given(TEXTS, TEXTS, st.integers(1, 4))
def test_phrases_share_what_vocabularies_share(asked: str, title: str, limit: int) -> None:
    """The longest terms of both, none inside another, whatever the texts."""
    assert Phrases.of(asked).longest_in(Phrases.of(title), limit) == by_vocabularies(asked, title, limit)


def test_phrases_of_a_profile_and_a_title() -> None:
    """A profile in Traditional characters and a title in Simplified ones share their subject and their model number."""
    profile = Phrases.of("鋰離子電池電解液的研發、生產;LED燈具")
    assert profile.longest_in(Phrases.of("一种锂离子电池电解液添加剂及LED封装"), 3) == ("锂离子电池电解液", "led")


def test_ranking_terms_are_characters_pairs_and_words() -> None:
    """Chinese by character and pair, other scripts by word, model numbers whole, full-width like half-width."""
    assert terms_of("铝合金3003") == {"铝": 1, "合": 1, "金": 1, "铝合": 1, "合金": 1, "3003": 1}
    assert terms_of("AB-12 Alloy, alloy") == {"ab-12": 1, "alloy": 2}
    assert terms_of("ＡＢ－１２") == terms_of("ab-12")
    assert terms_of(" ,. ") == {}


def test_ranking_terms_of_kana_and_hangul_are_pairs_alone() -> None:
    """A syllable says nothing by itself; words run together with their particles, which pairs see through."""
    assert terms_of("電池セル") == {"电": 1, "池": 1, "电池": 1, "池セ": 1, "セル": 1}
    assert set(terms_of("전해액을")) & set(terms_of("전해액")) == {"전해", "해액"}


def test_ranking_terms_are_the_longest_shared() -> None:
    """Chinese runs and Latin words are found, and a term inside a longer one is left out."""
    asked = vocabulary("高镍三元动力电解液,添加 LiPF6")
    assert shared_terms(asked, "一种适配高镍三元正极的电解液,含 LIPF6 与 lipf6", 5) == ("LIPF6", "高镍三元", "电解液")


def test_ranking_terms_skip_stock_phrases() -> None:
    """What every patent says is no reason."""
    assert shared_terms(vocabulary("一种方法"), "本发明公开了一种方法", 5) == ()


def test_ranking_letters_shared_counts_each_term_once() -> None:
    """Characters of the shared terms that a sentence has, in any case of letters."""
    assert letters_shared(("电解液", "lipf6", "水泥"), "含LiPF6的电解液,电解液") == 8
