"""Views, diversity and shared terms are pure functions with simple laws."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.ranking.diversity import diversify
from app.ranking.views import combine_views
from app.text.terms import letters_shared, sentences, shared_terms, vocabulary


def unit(rows: int, seed: int) -> np.ndarray:
    """Random unit vectors float32 ``[rows, 8]``."""
    vectors = np.random.default_rng(seed).normal(size=(rows, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.integers(0, 10_000))
def test_ranking_views_average_each_query_alone(counts: list[int], seed: int) -> None:
    """A query's vector is the normalised mean of its own views; one view stays as it is."""
    vectors = unit(sum(counts), seed)
    weights = np.random.default_rng(seed).uniform(0.1, 1, len(vectors)).tolist()
    combined = combine_views(vectors, counts, weights)
    start = 0
    for row, size in zip(combined, counts, strict=True):
        mean = np.average(vectors[start : start + size], axis=0, weights=weights[start : start + size])
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)
        start += size


def test_ranking_views_that_cancel_out_stay_finite() -> None:
    """Opposite views match nothing, but are no NaN."""
    vector = unit(1, 1)
    assert np.isfinite(combine_views(np.concatenate([vector, -vector]), [2], [1, 1])).all()


def test_ranking_diversity_zero_keeps_the_order() -> None:
    """Without diversity the best stay the best."""
    vectors, scores = unit(10, 3), np.linspace(1, 0, 10, dtype=np.float32)
    assert diversify(scores, vectors, 5, 0.0) == [0, 1, 2, 3, 4]


def test_ranking_diversity_passes_over_a_repeat() -> None:
    """The copy of a picked candidate comes after a different one that fits nearly as well."""
    vectors = np.eye(8, dtype=np.float32)[[0, 0, 1]]
    scores = np.asarray([0.9, 0.9, 0.85], dtype=np.float32)
    assert diversify(scores, vectors, 3, 0.5) == [0, 2, 1]


def test_ranking_terms_are_the_longest_shared() -> None:
    """Chinese runs and Latin words are found, and a term inside a longer one is left out."""
    asked = vocabulary("高镍三元动力电解液,添加 LiPF6")
    assert shared_terms(asked, "一种适配高镍三元正极的电解液,含 LIPF6 与 lipf6", 5) == ("LIPF6", "高镍三元", "电解液")


def test_ranking_terms_skip_stock_phrases() -> None:
    """What every patent says is no reason."""
    assert shared_terms(vocabulary("一种方法"), "本发明公开了一种方法", 5) == ()


def test_ranking_sentences_end_where_their_script_ends_them() -> None:
    """Chinese marks, semicolons and full stops end a sentence; decimals and abbreviations do not."""
    assert sentences("本发明涉及电池。电压3.5 V；成本低。\n") == ["本发明涉及电池。", "电压3.5 V；", "成本低。"]
    english = "At 4.35 V, e.g. in a cell, it gasses. The additive helps. 본 발명은 좋다. 끝."
    assert sentences(english) == [
        "At 4.35 V, e.g. in a cell, it gasses.",
        "The additive helps.",
        "본 발명은 좋다.",
        "끝.",
    ]
    assert sentences(" ... ;") == []


@given(st.text(max_size=200))
def test_ranking_sentences_lose_no_word(text: str) -> None:
    """Whatever the text, each letter and digit of it is in exactly one sentence, in order."""
    kept = "".join(character for character in text if character.isalnum())
    assert "".join(c for sentence in sentences(text) for c in sentence if c.isalnum()) == kept


def test_ranking_letters_shared_counts_each_term_once() -> None:
    """Characters of the shared terms that a sentence has, in any case of letters."""
    assert letters_shared(("电解液", "lipf6", "水泥"), "含LiPF6的电解液,电解液") == 8
