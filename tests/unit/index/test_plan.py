"""Both ways to run a filtered search are exact, and the cheaper one is chosen.

The corpus has vectors that occur twice and bundles of vectors that differ by less than an IVF index's 16-bit floats
can tell: whoever ranks by these alone ranks them wrongly. The oracle sorts float64 inner products of the float32
vectors; scores are float32, and equal ones go by position.
"""

from functools import cache

import faiss
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index import PlanKind
from index.engine import NO_POSITION, FaissIndex, Hits, filter_plan

DIMENSION = 16
COUNT = 3_000
LISTS = 12
BUNDLES, BUNDLE = 60, 20
TINY = 2e-5  # under half of what 16-bit floats tell apart near 0.25, and far above float32's own rounding


def unit(vectors):
    """Rows of length 1, float32."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@cache
def corpus():
    """Float32 ``[3000, 16]`` in a random order: 1,200 in bundles, 300 that repeat others, the rest like no other."""
    generator = np.random.default_rng(5)
    centres = np.repeat(generator.standard_normal((BUNDLES, DIMENSION)), BUNDLE, axis=0)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    bundled = unit(centres + TINY * generator.standard_normal(centres.shape))
    alone = unit(generator.standard_normal((COUNT - len(bundled) - 300, DIMENSION)))
    made = np.concatenate([bundled, alone])
    repeated = made[generator.integers(0, len(made), 300)]
    return np.ascontiguousarray(np.concatenate([made, repeated])[generator.permutation(COUNT)])


@cache
def engine(kind, *, exact=True, nprobe=LISTS):
    """The corpus in a flat or an IVF index, the latter with its exact vectors or without."""
    vectors = corpus()
    if kind == "flat":
        flat = faiss.IndexFlatIP(DIMENSION)
        flat.add(vectors)
        return FaissIndex(flat, threads=1)
    ivf = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(DIMENSION),
        DIMENSION,
        LISTS,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        True,
    )
    ivf.train(vectors)
    ivf.add(vectors)
    ivf.make_direct_map()
    if not exact:
        return FaissIndex(ivf, nprobe=nprobe, threads=1)
    error = float(np.linalg.norm(vectors - ivf.reconstruct_batch(np.arange(COUNT)), axis=1).max())
    return FaissIndex(ivf, nprobe=nprobe, threads=1, rows=vectors, code_error=error)


def exact_scores(queries):
    """Float32 ``[q, 3000]``: inner products summed in float64."""
    return (queries.astype(np.float64) @ corpus().astype(np.float64).T).astype(np.float32)


def brute_force(queries, k, passing):
    """Positions int64 ``[q, k]``, best first, equal scores by position, padded with -1."""
    scores, there = exact_scores(queries), np.flatnonzero(passing)
    positions = np.full((len(queries), k), NO_POSITION, dtype=np.int64)
    for row, products in zip(positions, scores, strict=True):
        order = there[np.lexsort((there, -products[there]))][:k]
        row[: len(order)] = order
    return positions


def assert_exact(hits: Hits, queries, k, passing):
    """The same positions as brute force in the same order, and the scores that belong to them."""
    wanted = brute_force(queries, k, passing)
    assert hits.positions.tolist() == wanted.tolist()
    scores = np.take_along_axis(exact_scores(queries), np.maximum(wanted, 0), axis=1)
    expected = np.where(wanted == NO_POSITION, -np.inf, scores)
    np.testing.assert_allclose(hits.scores, expected, rtol=0, atol=1e-6)
    assert (hits.scores.dtype, hits.positions.dtype) == (np.float32, np.int64)


def questions(count, seed):
    """Queries float32 ``[count, 16]``, every other one a vector of the corpus, so that ties and bundles lead."""
    generator = np.random.default_rng(seed)
    queries = unit(generator.standard_normal((count, DIMENSION)))
    queries[::2] = corpus()[generator.integers(0, COUNT, len(queries[::2]))]
    return queries


def chosen(passing, seed):
    """Bool ``[3000]`` with so many set."""
    mask = np.zeros(COUNT, dtype=np.bool_)
    mask[np.random.default_rng(seed).permutation(COUNT)[:passing]] = True
    return mask


PASSING = st.sampled_from([0, 1, 3, COUNT // 100, COUNT // 10, COUNT // 2, COUNT]) | st.integers(0, COUNT)
ASKED = st.sampled_from([1, 2, 10, 20, 300, COUNT, COUNT + 5])
SEED = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("force", [None, PlanKind.SUBSET, PlanKind.SCAN])
@pytest.mark.parametrize("kind", ["flat", "ivf"])
@settings(max_examples=60, deadline=None)
@given(PASSING, ASKED, st.integers(1, 4), SEED)
@example(3, 3, 1, 0)  # 0.1 %
@example(COUNT, 20, 4, 1)
def test_index_plan_filtered_search_equals_brute_force(kind, force, passing, k, queries, seed):
    """Whatever passes, however many are asked for, by either plan and by the one that is chosen."""
    asked, mask = questions(queries, seed), chosen(passing, seed)
    hits = engine(kind, nprobe=1).search(asked, k, allowed=mask, force=force)
    assert_exact(hits, asked, k, mask)
    assert (hits.plan.passing, hits.plan.of) == (passing, COUNT)
    assert force is None or hits.plan.kind is force


@pytest.mark.parametrize("force", [None, PlanKind.SUBSET, PlanKind.SCAN])
@pytest.mark.parametrize("kind", ["flat", "ivf"])
@settings(max_examples=40, deadline=None)
@given(PASSING, PASSING, ASKED, SEED)
def test_index_plan_hidden_records_are_never_found(kind, force, passing, hidden, k, seed):
    """A filter and hidden records together: what is left is ranked exactly, what is hidden takes no place."""
    asked, mask, gone = questions(2, seed), chosen(passing, seed), chosen(hidden, seed + 1)
    hits = engine(kind, nprobe=1).search(asked, k, allowed=mask, hidden=gone, force=force)
    assert_exact(hits, asked, k, mask & ~gone)


@pytest.mark.parametrize("kind", ["flat", "ivf"])
@settings(max_examples=40, deadline=None)
@given(PASSING, ASKED, st.integers(1, 4), SEED)
def test_index_plan_unfiltered_search_of_all_lists_equals_brute_force(kind, hidden, k, queries, seed):
    """Without a filter a flat index, and an IVF index that reads all its lists, are exact too."""
    asked, gone = questions(queries, seed), chosen(hidden, seed)
    hits = engine(kind).search(asked, k, hidden=gone)
    assert_exact(hits, asked, k, ~gone)
    assert hits.plan.kind is PlanKind.NEAREST


@settings(max_examples=40, deadline=None)
@given(PASSING, ASKED, SEED)
def test_index_plan_unfiltered_search_of_few_lists_is_sound(hidden, k, seed):
    """Reading one list may miss a neighbour, but every place is filled, none twice, none hidden, by its exact score."""
    asked, gone = questions(2, seed), chosen(hidden, seed)
    hits = engine("ivf", nprobe=1).search(asked, k, hidden=gone)
    filled = min(k, COUNT - hidden)
    assert ((hits.positions != NO_POSITION).sum(axis=1) == filled).all()
    for products, positions, scores in zip(exact_scores(asked), hits.positions, hits.scores, strict=True):
        found = positions[:filled]
        assert len(set(found.tolist())) == filled
        assert not gone[found].any()
        np.testing.assert_allclose(scores[:filled], products[found], rtol=0, atol=1e-6)
        assert (np.lexsort((found, -scores[:filled])) == np.arange(filled)).all()


def test_index_plan_rounded_vectors_alone_would_rank_wrongly():
    """What the exact vectors are for: without them the same search of all lists ranks the bundles wrongly."""
    asked, everything = questions(64, 8), np.ones(COUNT, dtype=np.bool_)
    wanted = brute_force(asked, 10, everything)
    rounded = engine("ivf", exact=False).search(asked, 10, allowed=everything)
    exact = engine("ivf").search(asked, 10, allowed=everything)
    wrong = (rounded.positions != wanted).any(axis=1)
    assert wrong[::2].mean() > 0.5, "the corpus no longer tells rounded vectors from exact ones"
    assert exact.positions.tolist() == wanted.tolist()


COUNTS = st.integers(1, 10**7)


@given(st.data(), COUNTS, st.integers(1, 100), st.sampled_from([16, 384, 1024]))
def test_index_plan_takes_the_cheaper_way(data, count, queries, dimension):
    """The plan is the one whose estimate is lower; without exact vectors only a scan is possible."""
    passing = data.draw(st.integers(0, count))
    plan = filter_plan(passing, count, queries, dimension)
    if abs(plan.subset_ms - plan.scan_ms) > 1e-3:
        assert plan.kind is (PlanKind.SUBSET if plan.subset_ms < plan.scan_ms else PlanKind.SCAN)
    assert filter_plan(passing, count, queries, dimension, rows=False).kind is PlanKind.SCAN


def test_index_plan_gathers_few_and_scans_many():
    """One query at 940,000 records: a filter that leaves few is a gather, one that leaves most is a scan."""
    kinds = [filter_plan(passing, 940_000, 1, 384).kind for passing in (0, 1, 940, 470_000, 940_000)]
    assert kinds == [PlanKind.SUBSET] * 3 + [PlanKind.SCAN] * 2
