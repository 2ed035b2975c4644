"""The nearest others of each vector, kept with a snapshot."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from app.ranking.space import NEIGHBOUR_WEIGHT, with_neighbour_mean
from index import ArrayVectors
from index.neighbours import mean_of, nearest_of_each, without_own


def _unit(count: int, dimension: int = 16, seed: int = 1) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_neighbours_are_the_nearest_others() -> None:
    """Those of a flat index are exact, and nobody is a neighbour of its own."""
    vectors = _unit(300)
    index = faiss.IndexFlatIP(16)
    index.add(vectors)
    found = np.concatenate(list(nearest_of_each(index, ArrayVectors(vectors), 5, 1)))
    products = vectors @ vectors.T
    np.fill_diagonal(products, -np.inf)
    assert found.dtype == np.int32
    assert np.array_equal(found, np.argsort(-products, axis=1)[:, :5])


def test_neighbours_of_equal_vectors_leave_only_themselves_out() -> None:
    """A copy is a neighbour like any other, wherever the index lists the two; rows are filled up with -1."""
    found = np.array([[3, 0, 7], [1, 5, -1]])
    assert without_own(found, np.array([0, 1]), 2).tolist() == [[3, 7], [5, -1]]
    assert without_own(found, np.array([-1, -1]), 4).tolist() == [[3, 0, 7, -1], [1, 5, -1, -1]]


def test_neighbours_mean_is_zero_where_there_is_none() -> None:
    """A record without neighbours stands alone; the others have the mean of theirs."""
    vectors = _unit(4)
    means = mean_of(np.array([[1, 2], [-1, -1], [3, -1]]), lambda places: vectors[places], 16)
    assert means[0] == pytest.approx((vectors[1] + vectors[2]) / 2, abs=1e-6)
    assert not means[1].any()
    assert means[2] == pytest.approx(vectors[3])
    alone = with_neighbour_mean(vectors[:3], means)
    assert alone[1] == pytest.approx(vectors[1], abs=1e-6)
    assert np.linalg.norm(alone, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    expected = vectors[0] + NEIGHBOUR_WEIGHT * means[0]
    assert alone[0] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)
