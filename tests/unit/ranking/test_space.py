"""Centring by language and role."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ranking.space import ANY, PLAIN, PRIOR, Means, Space, combine_text_parts

GENERATOR = np.random.default_rng(0)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def cone(count: int, towards: int, subjects: np.ndarray) -> np.ndarray:
    """Vectors that share a strong direction, as those of one language do, and differ by their subject."""
    vectors = 0.3 * subjects[:count].copy()
    vectors[:, towards] += 3
    return unit(vectors)


def test_ranking_space_lets_languages_meet() -> None:
    """In their own space the nearest of a text are all of its language; centred, its translation is nearest."""
    subjects = GENERATOR.standard_normal((200, 32))
    zh, en = cone(200, 0, subjects), cone(200, 1, subjects)
    both, languages = np.concatenate([zh, en]), ["zh"] * 200 + ["en"] * 200
    means = Means(32)
    means.add(both, languages)
    space = Space(means.result(), means.result())
    shares = []
    for vectors in (both, space.of_passages(both, languages)):
        scores = vectors[:200] @ vectors.T
        scores[:, :200][np.eye(200, dtype=bool)] = -1
        shares.append(np.mean(scores.argmax(1) == np.arange(200, 400)))
    assert shares[0] < 0.05
    assert shares[1] > 0.95


def test_ranking_space_gives_unit_vectors_and_knows_what_it_centres() -> None:
    """Whatever the language, known or not, a vector stays of length 1; without means nothing moves."""
    vectors = unit(GENERATOR.standard_normal((50, 8)))
    means = Means(8)
    means.add(vectors, ["zh"] * 25 + [None] * 25)
    space = Space(means.result(), means.result())
    moved = space.of_queries(vectors[:3], ["zh", "de", None])
    assert np.allclose(np.linalg.norm(moved, axis=1), 1, atol=1e-5)
    assert moved.dtype == np.float32
    assert np.array_equal(moved[1:], space.of_queries(vectors[1:3], [None, "fr"]))
    assert (space.known("zh"), space.known("de"), space.known(None)) == (True, False, False)
    assert PLAIN.of_passages(vectors, ["zh"] * 50) is vectors


def test_ranking_space_draws_the_mean_of_few_texts_to_that_of_all() -> None:
    """One German text among many others is centred almost by the mean of all, not by itself."""
    vectors = unit(GENERATOR.standard_normal((101, 8)) + 1)
    means = Means(8)
    means.add(vectors[:60], ["zh"] * 60)
    means.add(vectors[60:], ["en"] * 40 + ["de"])
    result = means.result()
    overall = vectors.mean(0)
    assert np.allclose(result[ANY], overall, atol=1e-6)
    assert np.allclose(result["de"], (vectors[100] + PRIOR * overall) / (1 + PRIOR), atol=1e-6)
    assert np.linalg.norm(Space(result, result).of_passages(vectors[100:], ["de"])) == pytest.approx(1, abs=1e-5)


def test_ranking_space_of_nothing_has_no_means() -> None:
    """An empty corpus is not centred."""
    assert Means(4).result() == {}
    assert PLAIN.of_queries(np.empty((0, 4), np.float32), []).shape == (0, 4)


def test_ranking_space_keeps_a_vector_that_is_the_mean() -> None:
    """What has no direction after centring keeps its own instead of dividing by nothing."""
    vector = unit(np.ones((1, 4)))
    space = Space({ANY: vector[0]}, {ANY: vector[0]})
    assert np.allclose(space.of_passages(vector, [None]), vector)


def units(rows: int, seed: int) -> np.ndarray:
    """Random unit vectors float32 ``[rows, 8]``."""
    vectors = np.random.default_rng(seed).normal(size=(rows, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.integers(0, 10_000))
def test_ranking_views_average_each_query_alone(counts: list[int], seed: int) -> None:
    """A query's vector is the normalised mean of its own text parts; one text part stays as it is."""
    vectors = units(sum(counts), seed)
    weights = np.random.default_rng(seed).uniform(0.1, 1, len(vectors)).tolist()
    combined = combine_text_parts(vectors, counts, weights)
    start = 0
    for row, size in zip(combined, counts, strict=True):
        mean = np.average(vectors[start : start + size], axis=0, weights=weights[start : start + size])
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)
        start += size


def test_ranking_views_that_cancel_out_stay_finite() -> None:
    """Opposite text parts match nothing, but are no NaN."""
    vector = units(1, 1)
    assert np.isfinite(combine_text_parts(np.concatenate([vector, -vector]), [2], [1, 1])).all()
