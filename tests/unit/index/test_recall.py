"""Measuring recall."""

import faiss
import numpy as np
import pytest

from index import ArrayVectors
from index.engine import FaissIndex, Hits
from index.errors import VectorInputError
from index.faiss_build import Truth, overlap_recall


def unit_vectors(count, seed, dimension=16):
    """Random unit vectors float32 ``[count, dimension]``."""
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def flat(vectors):
    """An exact index over ``vectors``."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return FaissIndex(index)


class Shifted:
    """An index that finds the true neighbours except the first ``missed`` of each query."""

    def __init__(self, inner, missed):
        self._inner, self._missed, self.dimension = inner, missed, inner.dimension

    def __len__(self):
        return len(self._inner)

    def search(self, queries, k, *, allowed=None):
        hits = self._inner.search(queries, k + self._missed, allowed=allowed)
        return Hits(hits.scores[:, self._missed :], hits.positions[:, self._missed :])


@pytest.mark.parametrize("missed", [0, 1, 5, 20])
def test_index_recall_counts_what_is_missed(missed):
    """Recall@20 of an index that misses m of the 20 nearest is 1 - m/20."""
    vectors = unit_vectors(500, 1)
    source, queries = ArrayVectors(vectors), unit_vectors(30, 2)
    truth = Truth.of(source, queries, threads=1)
    assert truth.recall(Shifted(flat(vectors), missed), source) == pytest.approx(1 - missed / 20)


def test_index_recall_counts_a_copy_as_the_document():
    """Of equal documents any may be returned: a corpus of copies has full recall whichever copies come back."""
    vectors = np.repeat(unit_vectors(5, 3), 40, axis=0)
    source = ArrayVectors(vectors)
    truth = Truth.of(source, unit_vectors(10, 4), threads=1)
    assert truth.recall(Shifted(flat(vectors), 20), source) == 1.0


def test_index_recall_of_few_vectors_counts_all_of_them():
    """With fewer vectors than places, each of them is what should be found; with none, nothing is missed."""
    few, none = unit_vectors(3, 5), np.empty((0, 16), dtype=np.float32)
    assert Truth.of(ArrayVectors(few), unit_vectors(4, 6), threads=1).k == 3
    assert Truth.of(ArrayVectors(few), unit_vectors(4, 6), threads=1).recall(flat(few), ArrayVectors(few)) == 1.0
    assert Truth.of(ArrayVectors(none), unit_vectors(4, 6), threads=1).recall(flat(none), ArrayVectors(none)) == 1.0


def test_index_recall_refuses_vectors_that_are_not_of_unit_length():
    """Inner products of vectors that were not normalised are no cosines; the first pass over them says so."""
    with pytest.raises(VectorInputError, match="vector 0 has the length 3"):
        Truth.of(ArrayVectors(unit_vectors(5, 7) * np.float32(3)), unit_vectors(2, 8), threads=1)


def test_index_recall_of_two_searches_over_the_same_vectors():
    """The share of places whose score reaches the exact search's last one."""
    exact = Hits(np.array([[3.0, 2.0]], dtype=np.float32), np.array([[0, 1]]))
    other = Hits(np.array([[3.0, 1.0]], dtype=np.float32), np.array([[0, 2]]))
    assert overlap_recall(other, exact) == 0.5
    assert overlap_recall(exact, exact) == 1.0
