"""A snapshot and what changed since, against a plain dictionary of what is there.

Vectors come from a small pool with repeats and near repeats, so that ties between layers are frequent. The oracle
sorts the dictionary by float32 scores and then by id. Terms are few, so that most records share some.
"""

import math
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import (
    AtLeast,
    Between,
    BuildOptions,
    ColumnKind,
    ColumnValues,
    Equals,
    Ids,
    IndexState,
    OneOf,
    Prefix,
    Segment,
    SnapshotSpec,
    TermCounts,
    Upsert,
    load_snapshot,
    write_snapshot,
)
from index.bm25 import K1, B, rounded_lengths
from index.errors import VectorInputError

DIMENSION = 8
KINDS = {
    "ipc": ColumnKind.CODES,
    "region": ColumnKind.CODE,
    "filed_on": ColumnKind.DAY,
    "maturity": ColumnKind.NUMBER,
    "agreed": ColumnKind.FLAG,
}
IPC = ("A61K", "C07D", "C07D401/02", "H01M", "H01M10/05")
REGIONS = ("62", "6201", "620102", "11")
DAYS = tuple(date(2020, 1, day) for day in (1, 2, 3))


def pool():
    """Unit vectors float32 ``[40, 8]``: ten alone, ten thrice, the third time off by less than 16-bit floats tell."""
    generator = np.random.default_rng(3)
    some = generator.standard_normal((20, DIMENSION))
    vectors = np.concatenate([some, some[10:], some[10:] + 1e-5 * generator.standard_normal((10, DIMENSION))])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


POOL = pool()


@dataclass(frozen=True)
class Entry:
    """What the oracle keeps of a record: which vector of the pool, its filter values and its terms."""

    vector: int
    values: dict
    terms: dict = field(default_factory=dict)

    def upsert(self, key):
        """The record as a view takes it."""
        return Upsert(key, POOL[self.vector], self.values, TermCounts.of(self.terms))


TERMS = st.integers(0, 11).map("t{}".format)  # those from 9 on are in no snapshot
ENTRIES = st.builds(
    Entry,
    st.integers(0, len(POOL) - 1),
    st.fixed_dictionaries(
        {
            "ipc": st.lists(st.sampled_from(IPC), max_size=2, unique=True).map(tuple),
            "region": st.none() | st.sampled_from(REGIONS),
            "filed_on": st.none() | st.sampled_from(DAYS),
            "maturity": st.none() | st.integers(1, 9),
            "agreed": st.none() | st.booleans(),
        }
    ),
    st.dictionaries(TERMS, st.integers(1, 5), max_size=6),
)
KEYS = st.integers(0, 45).map("R{:02}".format)  # those from 30 on are in no snapshot
CHANGES = st.tuples(st.dictionaries(KEYS, ENTRIES, max_size=8), st.sets(KEYS, max_size=6))
CONDITIONS = st.lists(
    st.one_of(
        st.builds(Prefix, st.just("ipc"), st.lists(st.sampled_from(("A", "C07", *IPC)), max_size=2).map(tuple)),
        st.builds(Prefix, st.just("region"), st.lists(st.sampled_from(REGIONS), max_size=2).map(tuple)),
        st.builds(OneOf, st.just("region"), st.lists(st.sampled_from(REGIONS), max_size=2).map(tuple)),
        st.builds(Equals, st.just("agreed"), st.booleans()),
        st.builds(AtLeast, st.just("maturity"), st.integers(-1, 10)),
        st.builds(Between, st.just("filed_on"), st.none() | st.sampled_from(DAYS), st.none() | st.sampled_from(DAYS)),
        st.builds(Ids, st.lists(KEYS, max_size=9).map(tuple), st.booleans()),
        st.just(OneOf("no such field", ("x",))),
    ),
    max_size=2,
)


def passes(key, values, condition):
    """Whether a record passes one condition, in the words of `index.columns`."""
    match condition:
        case Ids(ids, negate):
            return (key in ids) != negate
        case Prefix(field, prefixes):
            held = values[field] if field == "ipc" else (values[field] or "",)
            return any(code.startswith(prefixes) for code in held) if prefixes else False
        case OneOf(field, codes):
            return values.get(field) is not None and values[field] in codes
        case Equals(field, flag):
            return values[field] is flag
        case AtLeast(field, least):
            return values[field] is not None and values[field] >= least
        case Between(field, low, high):
            day = values[field]
            return day is not None and (low is None or day >= low) and (high is None or day <= high)
    raise AssertionError(condition)


@pytest.fixture(scope="module", params=["flat", "ivf"])
def start(request, tmp_path_factory):
    """A view of a snapshot of 30 records (an IVF index: and 300 more), and the same as a dictionary."""
    generator, root = np.random.default_rng(9), tmp_path_factory.mktemp("layers")
    count = 330 if request.param == "ivf" else 30
    names = [f"R{n:02}" for n in range(30)] + [f"S{n:03}" for n in range(count - 30)]
    entries = {
        key: Entry(
            int(generator.integers(len(POOL))),
            {
                "ipc": (IPC[n % 5], IPC[n % 3]) if n % 5 != n % 3 else (IPC[n % 5],),
                "region": (None, *REGIONS)[n % 5],
                "filed_on": (None, *DAYS)[n % 4],
                "maturity": n % 10 or None,
                "agreed": (None, True, False)[n % 3],
            },
            {f"t{term}": 1 + (n + term) % 4 for term in range(9) if n % (term + 2) == 0},
        )
        for n, key in enumerate(names)
    }
    spec = SnapshotSpec(
        target="patents",
        ids=names,
        vectors=POOL[[entry.vector for entry in entries.values()]],
        fingerprint="f" * 16,
        encoder="test",
        source_revision="0",
        columns={n: ColumnValues(kind, [entry.values[n] for entry in entries.values()]) for n, kind in KINDS.items()},
        terms=lambda: [entry.terms for entry in entries.values()],
    )
    flat_below = 1 if request.param == "ivf" else 10**6
    manifest = write_snapshot(root, spec, BuildOptions(threads=1, flat_below=flat_below))
    snapshot = load_snapshot(root / "patents" / manifest.id, threads=1)
    if request.param == "ivf":
        assert manifest.index.nlist > 4
        snapshot = replace(snapshot, index=snapshot.index.with_nprobe(manifest.index.nlist))
    return IndexState.of(snapshot, KINDS, 0), entries


def changed(index_state, there, change, revision):
    """The view and the dictionary after a change; what is both written and gone is gone."""
    written, gone = change
    index_state = index_state.changed(
        [entry.upsert(key) for key, entry in written.items() if key not in gone], gone, revision
    )
    return index_state, {key: entry for key, entry in {**there, **written}.items() if key not in gone}


def assert_same(index_state, there, query, k, conditions):
    """A search of the view gives what the sorted dictionary gives, and every place that it names holds that record."""
    scores = {
        key: np.float32(POOL[entry.vector].astype(np.float64) @ query.astype(np.float64))
        for key, entry in there.items()
        if all(passes(key, entry.values, condition) for condition in conditions)
    }
    expected = sorted(scores, key=lambda key: (-scores[key], key))[:k]
    (found,), plans = index_state.search(query[None], k, conditions)
    assert list(found.ids) == expected
    np.testing.assert_allclose(found.scores, [scores[key] for key in expected], rtol=0, atol=1e-6)
    assert sum(plan.passing for plan in plans) == len(scores)
    assert [index_state.address_of(key) for key in expected] == found.addresses.tolist()
    np.testing.assert_array_equal(
        index_state.vectors_at(found.addresses), POOL[[there[key].vector for key in expected]].reshape(-1, DIMENSION)
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(CHANGES, max_size=12), st.integers(0, len(POOL) - 1), st.sampled_from([1, 3, 10, 500]), CONDITIONS)
def test_index_layers_follow_a_dictionary(start, changes, question, k, conditions):
    """After any changes a search, filtered or not, sees each record once, in its last version; older views stay."""
    index_state, there = start
    history = [(index_state, there)]
    for revision, change in enumerate(changes, 1):
        index_state, there = changed(index_state, there, change, revision)
        history.append((index_state, there))
        assert (len(index_state), index_state.revision) == (len(there), revision)
    for old, then in (history[0], history[len(history) // 2], history[-1]):
        assert_same(old, then, POOL[question], k, conditions)
        assert_same(old, then, POOL[question], k, ())


def assert_same_terms(index_state, there, query, k, conditions):
    """What shares a term is found by BM25 with the snapshot's statistics, each record once, wherever it lies."""
    lengths = {key: int(rounded_lengths(np.array(sum(entry.terms.values())))) for key, entry in there.items()}

    def score(key):
        norm = K1 * (1 - B + B * lengths[key] / index_state.terms.mean_length)
        counts = there[key].terms
        return sum(
            weight * index_state.terms.weight(term) * counts[term] * (K1 + 1) / (counts[term] + norm)
            for term, weight in query.items()
            if term in counts
        )

    scores = {key: score(key) for key in there}
    passing = {
        key: scores[key]
        for key, entry in there.items()
        if scores[key] and all(passes(key, entry.values, condition) for condition in conditions)
    }
    (found,) = index_state.search_terms([query], k, conditions)
    assert found.scores == pytest.approx(sorted(passing.values(), reverse=True)[:k], rel=1e-5)
    assert found.scores == pytest.approx([passing[key] for key in found.ids], rel=1e-5)
    assert len(set(found.ids)) == len(found.ids)
    assert [index_state.address_of(key) for key in found.ids] == found.addresses.tolist()
    addresses = np.array([index_state.address_of(key) for key in there], dtype=np.int64)
    assert index_state.term_scores(query, addresses) == pytest.approx([scores[key] for key in there], rel=1e-5)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(CHANGES, max_size=8),
    st.dictionaries(TERMS, st.floats(0.1, 3), max_size=5),
    st.sampled_from([1, 3, 10, 500]),
    CONDITIONS,
)
def test_index_layers_find_terms_as_a_dictionary_does(start, changes, query, k, conditions):
    """After any changes a search for terms, filtered or not, sees each record once, in its last version."""
    index_state, there = start
    for revision, change in enumerate(changes, 1):
        index_state, there = changed(index_state, there, change, revision)
    assert_same_terms(index_state, there, query, k, conditions)
    assert_same_terms(index_state, there, query, k, ())


def test_index_layers_score_a_record_alike_wherever_it_lies(start):
    """A record that is written again as it was keeps its score of terms, to float32's rounding."""
    index_state, there = start
    query = {"t0": 1.0, "t1": 0.3, "t5": 2.0}
    (before,) = index_state.search_terms([query], 500)
    index_state, _ = changed(index_state, there, ({key: there[key] for key in list(there)[::2]}, set()), 1)
    (after,) = index_state.search_terms([query], 500)
    assert (after.addresses >= len(index_state.snapshot)).any()
    assert sorted(after.ids) == sorted(before.ids)
    ours = dict(zip(before.ids, before.scores.tolist(), strict=True))
    assert after.scores == pytest.approx([ours[key] for key in after.ids], rel=1e-6)


def test_index_layers_without_an_inverted_index_find_no_terms(start):
    """A view of a snapshot of before finds nothing by terms, scores 0, and says so."""
    index_state, there = start
    index_state = IndexState.of(replace(index_state.snapshot, terms=None), KINDS, 0)
    index_state, _ = changed(index_state, there, ({"X": Entry(0, {}, {"t0": 1})}, set()), 1)
    assert index_state.terms is None
    assert [found.ids for found in index_state.search_terms([{"t0": 1.0}] * 2, 5)] == [(), ()]
    assert index_state.term_scores({"t0": 1.0}, np.array([1, len(index_state.snapshot)])).tolist() == [0, 0]


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGES, max_size=10))
def test_index_layers_know_where_each_record_is(start, changes):
    """Of every id the vector of its last version is found, of one that is gone none."""
    index_state, there = start
    for revision, change in enumerate(changes, 1):
        index_state, there = changed(index_state, there, change, revision)
    for key in {f"R{n:02}" for n in range(46)} | set(there):
        if key in there:
            np.testing.assert_array_equal(index_state.vector_of(key), POOL[there[key].vector])
        else:
            assert (index_state.address_of(key), index_state.vector_of(key)) == (None, None)
    assert index_state.hidden == sum(there.get(key) is not entry for key, entry in start[1].items())
    assert index_state.upserted == len(there) - index_state.layers[0].visible


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=60))
def test_index_layers_stay_few(start, steps):
    """However records come and go, segments are few: each was twice as large as the next when that one was made."""
    index_state, there = start
    entry = Entry(0, dict.fromkeys(KINDS))
    number = largest = 0
    for revision, (deletes, count) in enumerate(steps, 1):
        gone = [key for key in there if key.startswith("T")][:: max(1, 4 - deletes)] if deletes else []
        fresh = {f"T{number + n:05}": entry for n in range(count)}
        number += count
        index_state, there = changed(index_state, there, (fresh, set(gone)), revision)
        largest = max(largest, index_state.upserted)
        sizes = [len(layer.searched.ids) for layer in index_state.layers[1:]]
        assert all(lower >= 2 * upper for lower, upper in pairwise(sizes))
        assert len(sizes) <= 1 + math.log2(largest)


def test_index_layers_copy_a_record_a_logarithmic_number_of_times(start, monkeypatch):
    """A thousand records that come one by one are indexed some ten thousand times, not half a million."""
    index_state, _ = start
    copied = 0
    original = Segment.of.__func__

    def counting(cls, records, kinds, dimension):
        nonlocal copied
        copied += len(records)
        return original(cls, records, kinds, dimension)

    monkeypatch.setattr(Segment, "of", classmethod(counting))
    for number in range(1_000):
        index_state = index_state.changed([Entry(number % 40, {}).upsert(f"N{number:04}")], (), number)
    assert index_state.upserted == 1_000
    assert copied <= 1_000 * (1 + math.log2(1_000)) * 1.5


def test_index_layers_refuse_what_cannot_be_searched(start):
    """An id twice in one change, and a value that does not fit its column, are refused; the view stays as it is."""
    index_state, there = start
    twice = [Entry(0, {}).upsert("X"), Entry(1, {}).upsert("X")]
    with pytest.raises(VectorInputError, match="twice"):
        index_state.changed(twice, (), 1)
    with pytest.raises(VectorInputError, match="maturity"):
        index_state.changed([Entry(0, {"maturity": "high"}).upsert("X")], (), 1)
    assert_same(index_state, there, POOL[0], 10, ())
