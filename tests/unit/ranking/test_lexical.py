"""What two texts share to the letter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ranking.lexical import BODY_WEIGHT, EXPECTED_FROM, MOST_TERMS, expected, query_terms, terms_of, usual_share


def _alike(_term: str) -> float:
    return 1.0


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


def test_ranking_query_terms_weigh_the_title_more_and_are_bounded() -> None:
    """A term of the body counts less than one of the title, and only the weightiest are looked for."""
    terms = query_terms(["轧制", "水泵"], _alike, titled=True)
    assert terms["水泵"] == pytest.approx(BODY_WEIGHT * terms["轧制"])
    plain = query_terms(["轧制轧制"], _alike, titled=False)
    assert plain["轧制"] == terms["轧制"]
    long = "".join(chr(0x4E00 + n) for n in range(3000))
    assert len(query_terms([long], _alike, titled=True)) == MOST_TERMS
    assert query_terms([], _alike, titled=True) == {}


def test_ranking_query_terms_keep_the_rare_ones() -> None:
    """Where not all fit, those go that many texts hold."""
    long = "".join(chr(0x4E00 + n) for n in range(100)) + " ncm811"
    terms = query_terms([long], lambda term: 9.0 if term == "ncm811" else 1.0, titled=False)
    assert "ncm811" in terms


@given(st.text(max_size=60), st.text(max_size=60))
def test_ranking_query_terms_take_any_text(title: str, text: str) -> None:
    """Whatever arrives, every term is one of a view and counts something."""
    terms = query_terms([title, text], _alike, titled=True)
    assert set(terms) <= set(terms_of(title)) | set(terms_of(text))
    assert all(0 < weight < np.inf for weight in terms.values())


def test_ranking_expected_terms_rise_with_the_cosine_and_never_fall() -> None:
    """A text that cannot share terms gets what its cosine has in the query's own language, and nothing below."""
    cosines = np.linspace(-1, 1, 41, dtype=np.float32)
    for language in ("zh", "en", None):
        values = expected(cosines, language, 9.0)
        assert (np.diff(values) >= 0).all()
        assert not values[cosines <= EXPECTED_FROM].any()
    assert (expected(cosines, "zh", 9.0) >= expected(cosines, "en", 9.0)).all()


def test_ranking_profiles_of_rare_terms_are_expected_to_share_little() -> None:
    """A scope of common terms shares as much as any text, one of terms that hardly any text holds next to nothing."""
    rarest = 9.0
    shares = [usual_share([rarest * rarity] * 20, rarest) for rarity in (0.5, 0.8, 0.9, 0.99, 1.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1.0
    assert shares[3] < 0.05
    assert usual_share([], rarest) == usual_share([1.0], 0.0) == 1.0
    cosines = np.array([0.3, 0.5], dtype=np.float32)
    assert (expected(cosines, "zh", rarest, 0.25) == expected(cosines, "zh", rarest) * np.float32(0.25)).all()
