"""Searching: FAISS behind the protocol must agree with sorting every inner product.

Vectors of small whole numbers have inner products that float32 and 16-bit floats hold exactly, so answers can be
compared place by place, ties included.
"""

import threading
from functools import cache

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.engine import FaissIndex, exact_search
from index.errors import VectorInputError

DIMENSION = 8
COUNT = 600
LISTS = 12


def whole_numbers(count, seed):
    """Vectors float32 ``[count, 8]`` of whole numbers from -3 to 3."""
    return np.random.default_rng(seed).integers(-3, 4, (count, DIMENSION)).astype(np.float32)


VECTORS = whole_numbers(COUNT, 1)


@cache
def engine(kind, nprobe=LISTS):
    """``VECTORS`` in an index of a kind, made once."""
    if kind == "flat":
        index = faiss.IndexFlatIP(DIMENSION)
    else:
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(DIMENSION),
            DIMENSION,
            LISTS,
            faiss.ScalarQuantizer.QT_fp16,
            faiss.METRIC_INNER_PRODUCT,
            False,
        )
        index.train(VECTORS)
    index.add(VECTORS)
    if kind == "ivf":
        index.make_direct_map()
    return FaissIndex(index, nprobe=nprobe, threads=1)


def brute_force(queries, k, allowed):
    """Every inner product, sorted by score and then by position; padded as the protocol says."""
    scores = queries @ VECTORS.T
    positions = np.full((len(queries), k), -1, dtype=np.int64)
    for row, products in enumerate(scores):
        order = sorted(np.flatnonzero(allowed).tolist(), key=lambda at: (-products[at], at))[:k]
        positions[row, : len(order)] = order
    padded = np.take_along_axis(scores, np.maximum(positions, 0), axis=1)
    return np.where(positions < 0, -np.inf, padded).astype(np.float32), positions


def assert_exact(index, queries, k, allowed):
    """Compare a search with brute force, place by place."""
    hits = index.search(queries, k, allowed=None if allowed.all() else allowed)
    scores, positions = brute_force(queries, k, allowed)
    assert hits.positions.tolist() == positions.tolist()
    assert hits.scores.tolist() == scores.tolist()
    assert (hits.scores.dtype, hits.positions.dtype) == (np.float32, np.int64)


@pytest.mark.parametrize("kind", ["flat", "ivf"])
@pytest.mark.parametrize("allowed_count", [0, 1, 3, 6, 60, 300, COUNT])
@pytest.mark.parametrize("k", [1, 7, 20, COUNT, COUNT + 5])
def test_index_engine_filtered_search_is_exact(kind, allowed_count, k):
    """With a filter of any selectivity the answer is that of brute force, ties by position, padded when it runs out."""
    allowed = np.zeros(COUNT, dtype=np.bool_)
    allowed[np.random.default_rng(allowed_count).permutation(COUNT)[:allowed_count]] = True
    # One list is read when unfiltered: a filtered search must not be limited by it.
    index = engine(kind, nprobe=LISTS if allowed.all() else 1)
    assert_exact(index, whole_numbers(5, 2), k, allowed)


@pytest.mark.parametrize("kind", ["flat", "ivf"])
@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    queries=st.integers(0, 40),
    k=st.integers(1, 50),
    share=st.sampled_from([0.0, 0.005, 0.1, 0.5, 1.0]),
)
def test_index_engine_agrees_with_brute_force(kind, seed, queries, k, share):
    """Any number of queries, any k and any filter: the true nearest, in the true order."""
    allowed = np.random.default_rng(seed).random(COUNT) < share
    assert_exact(engine(kind), whole_numbers(queries, seed), k, allowed)


def test_index_engine_breaks_ties_by_position_however_many():
    """Of more equal vectors than places the first positions are given, for one query and for a batch."""
    index = faiss.IndexFlatIP(DIMENSION)
    index.add(np.repeat(VECTORS[:2], 500, axis=0))
    for queries in (1, 64):
        hits = FaissIndex(index).search(np.repeat(VECTORS[:1], queries, axis=0), 5)
        assert (hits.positions == np.arange(5)).all()


@pytest.mark.parametrize("nprobe", [1, 2, 4])
def test_index_engine_fills_every_place_it_can(nprobe):
    """A search that asks for more than the probed lists hold goes on to the others instead of coming back short."""
    hits = engine("ivf", nprobe).search(whole_numbers(3, 3), COUNT)
    assert (np.sort(hits.positions, axis=1) == np.arange(COUNT)).all()


def test_index_engine_nprobe_belongs_to_the_call():
    """Another nprobe gives another index object and leaves the first as it was."""
    few = engine("ivf", 1)
    many = few.with_nprobe(LISTS)
    assert (few.nprobe, many.nprobe, engine("flat").nprobe) == (1, LISTS, None)


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_index_engine_gives_stored_vectors_by_position(kind):
    """Stored vectors come back by position, in the order asked."""
    positions = np.array([5, 599, 5, 0])
    assert (engine(kind).vectors_at(positions) == VECTORS[positions]).all()
    assert engine(kind).vectors_at(np.empty(0, dtype=np.int64)).shape == (0, DIMENSION)
    with pytest.raises(VectorInputError, match="from 0 to 599"):
        engine(kind).vectors_at(np.array([-1]))


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_index_engine_serves_many_threads_at_once(kind):
    """Threads that search with different k, filters and nprobe at the same time each get their own exact answer."""
    failures = []

    def work(seed):
        try:
            generator = np.random.default_rng(seed)
            for _ in range(15):
                allowed = generator.random(COUNT) < generator.choice([0.01, 0.3, 1.0])
                index = (
                    engine(kind).with_nprobe(int(generator.integers(1, LISTS))) if not allowed.all() else engine(kind)
                )
                assert_exact(
                    index, whole_numbers(3, int(generator.integers(1000))), int(generator.integers(1, 30)), allowed
                )
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (np.zeros((2, DIMENSION)), "float32 array, not float64"),
        (np.zeros(DIMENSION, dtype=np.float32), r"shape \[n, 8\], not \[8\]"),
        (np.zeros((2, DIMENSION + 1), dtype=np.float32), r"not \[2, 9\]"),
        (np.zeros((2, DIMENSION * 2), dtype=np.float32)[:, ::2], "C-contiguous"),
        (np.full((2, DIMENSION), np.nan, dtype=np.float32), "vector 0 has a value that is not a finite number"),
        (np.array([[0.0] * 8, [np.inf] * 8], dtype=np.float32), "vector 1"),
        ([[0.0] * DIMENSION], "not list"),
    ],
)
def test_index_engine_refuses_other_arrays(queries, message):
    """Queries of another dtype, shape or layout, or with values that are no numbers, are refused in words."""
    with pytest.raises(VectorInputError, match=message):
        engine("flat").search(queries, 3)


@pytest.mark.parametrize("k", [0, -1])
def test_index_engine_refuses_k_below_one(k):
    """There is no answer of no places."""
    with pytest.raises(VectorInputError, match="k must be 1 or more"):
        engine("flat").search(whole_numbers(1, 1), k)


@pytest.mark.parametrize(
    "allowed", [np.ones(COUNT - 1, dtype=np.bool_), np.ones(COUNT, dtype=np.uint8), [True] * COUNT], ids=type
)
def test_index_engine_refuses_other_masks(allowed):
    """A mask of another length or dtype is refused: it would let the wrong records pass."""
    with pytest.raises(VectorInputError, match="allowed must be a bool array"):
        engine("flat").search(whole_numbers(1, 1), 3, allowed=allowed)


def test_index_engine_refuses_other_metrics():
    """An index that measures distances cannot be read as one that measures similarity."""
    with pytest.raises(VectorInputError, match="inner product"):
        FaissIndex(faiss.IndexFlatL2(DIMENSION))


@given(size=st.integers(1, COUNT), k=st.integers(1, 30))
@settings(deadline=None, max_examples=25)
def test_index_engine_exact_search_does_not_depend_on_blocks(size, k):
    """Exact search over blocks of any size gives what brute force gives over all."""
    queries = whole_numbers(4, 5)
    hits = exact_search((VECTORS[start : start + size] for start in range(0, COUNT, size)), queries, k)
    scores, _ = brute_force(queries, k, np.ones(COUNT, dtype=np.bool_))
    assert hits.scores.tolist() == scores.tolist()


def test_index_engine_leaves_the_number_of_threads_as_it_was():
    """A limit on threads holds inside the call only."""
    before = faiss.omp_get_max_threads()
    engine("flat").search(whole_numbers(1, 1), 3)
    assert faiss.omp_get_max_threads() == before
