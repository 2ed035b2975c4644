"""What two texts share to the letter."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ranking.lexical import (
    BODY_WEIGHT,
    K1,
    MOST_TERMS,
    B,
    TermStatistics,
    bm25,
    imputed,
    query_terms,
    terms_of,
)

CORPUS = ["3003铝合金电池壳", "铝合金轧制", "6061 aluminium alloy plate", "水泥", "ＡＢ-12型泵"]


def test_ranking_terms_are_characters_pairs_and_words() -> None:
    """Chinese by character and pair, other scripts by word, model numbers whole, full-width like half-width."""
    assert terms_of("铝合金3003") == {"铝": 1, "合": 1, "金": 1, "铝合": 1, "合金": 1, "3003": 1}
    assert terms_of("AB-12 Alloy, alloy") == {"ab-12": 1, "alloy": 2}
    assert terms_of("ＡＢ－１２") == terms_of("ab-12")
    assert terms_of(" ,. ") == {}


def test_ranking_weight_of_a_term_falls_with_the_texts_that_hold_it() -> None:
    """The weight is the inverse document frequency; a term that was never seen weighs most."""
    statistics = TermStatistics.of(CORPUS)
    assert statistics.texts == 5
    assert statistics.weight("合金") == pytest.approx(log(1 + (5 - 2 + 0.5) / 2.5))
    assert statistics.weight("轧制") == statistics.weight("未见") == pytest.approx(log(1 + 4.5 / 1.5))


def test_ranking_bm25_is_the_formula() -> None:
    """One shared term, by hand; what shares nothing scores 0."""
    statistics = TermStatistics.of(CORPUS)
    scores = bm25({"合金": 2.0}, ["铝合金轧制", "水泥", "合金合金"], statistics)

    def expected(count: int, length: int) -> float:
        return 2.0 * count * (K1 + 1) / (count + K1 * (1 - B + B * length / statistics.length))

    assert scores == pytest.approx([expected(1, 10), 0.0, expected(2, 8)], rel=1e-6)
    assert bm25({"alloy": 1.0}, ["alloys of iron", "an Alloy"], statistics)[0] == 0
    assert bm25({"alloy": 1.0}, ["alloys of iron", "an Alloy"], statistics)[1] > 0


def test_ranking_query_terms_weigh_the_title_more_and_are_bounded() -> None:
    """A term of the body counts less than one of the title, and only the weightiest are looked for."""
    statistics = TermStatistics.of(CORPUS)
    terms = query_terms(["轧制", "水泵"], statistics, titled=True)
    assert terms["水泵"] == pytest.approx(BODY_WEIGHT * terms["轧制"])
    plain = query_terms(["轧制轧制"], statistics, titled=False)
    assert plain["轧制"] == terms["轧制"]
    long = "".join(chr(0x4E00 + n) for n in range(3000))
    assert len(query_terms([long], statistics, titled=True)) == MOST_TERMS
    assert query_terms([], statistics, titled=True) == {}


@given(st.lists(st.text(max_size=30), max_size=8), st.text(max_size=60))
def test_ranking_bm25_takes_any_text(texts: list[str], query: str) -> None:
    """Whatever arrives, every score is a finite number from 0."""
    statistics = TermStatistics.of(texts)
    scores = bm25(query_terms([query], statistics, titled=False), texts, statistics)
    assert scores.shape == (len(texts),)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


def test_ranking_other_languages_get_what_their_cosine_has_in_the_querys_own() -> None:
    """A text that cannot share terms is neither raised nor lowered against those of its cosine that can."""
    cosines = np.linspace(0.2, 0.6, 21, dtype=np.float32)
    shared = (20 * cosines).astype(np.float32)
    own = np.arange(21) % 3 != 0
    shared[~own] = 0
    assert imputed(shared, cosines, own) == pytest.approx(20 * cosines, abs=1e-3)
    assert imputed(shared, cosines, np.ones(21, dtype=bool)) is shared
    assert not imputed(shared, cosines, np.arange(21) < 5).any()
    falling = np.where(own, 10 - shared, 0).astype(np.float32)
    estimates = imputed(falling, cosines, own)
    assert np.ptp(estimates[~own]) == pytest.approx(0, abs=1e-5), "a better cosine never estimates less"
