"""The inverted index against BM25 by brute force over the same texts."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.terms import terms_of
from index import TermCounts, TermIndex, VerificationError
from index import terms as terms_module
from index.bm25 import LONGEST_TERM, Postings, best
from index.errors import VectorInputError
from index.terms import TERMS_FILE
from index.terms_build import PIECE, pieces_of, write_terms

TOLERANCE = 1e-5


def made(directory, texts, **changes):
    """The open index of ``texts``, written to ``directory``."""
    directory.mkdir(exist_ok=True)
    write_terms(directory, iter(texts), changes.get("count", len(texts)), 1)
    return TermIndex.open(directory)


def random_texts(count, seed, vocabulary=300):
    """Texts of up to 80 terms, common and rare ones, some of them empty."""
    generator = np.random.default_rng(seed)
    draws = generator.zipf(1.3, (count, 80)) % vocabulary
    sizes = generator.integers(0, 80, count)
    return [Counter(f"t{term}" for term in row[:size]) for row, size in zip(draws.tolist(), sizes, strict=True)]


TEXTS = random_texts(3_000, 4)


@pytest.fixture(scope="module")
def terms(tmp_path_factory):
    """The index of ``TEXTS``."""
    return made(tmp_path_factory.mktemp("terms"), TEXTS)


def truth(texts, index, query):
    """BM25 of every text, in memory."""
    return Postings.of([TermCounts.of(text) for text in texts]).scores(query, index)


def assert_best(hits, scores, k, passing):
    """The hits are the ``k`` best of the texts that pass, in their order, up to the rounding of sums."""
    scores = np.where(passing, scores, 0)
    expected = best(scores, k)
    assert hits.scores == pytest.approx(scores[expected], rel=TOLERANCE)
    assert hits.scores == pytest.approx(scores[hits.positions], rel=TOLERANCE)
    assert len(set(hits.positions.tolist())) == len(expected)
    keys = list(zip((-hits.scores).tolist(), hits.positions.tolist(), strict=True))
    assert keys == sorted(keys)


QUERIES = st.dictionaries(st.integers(0, 310).map("t{}".format), st.floats(0.1, 5), max_size=12)


@settings(max_examples=60, deadline=None)
@given(QUERIES, st.integers(1, 400), st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_index_terms_search_is_brute_force(terms, query, k, share, gone, seed):
    """Searches without and with filters, of any share, give the best by brute force; ties go by position."""
    generator = np.random.default_rng(seed)
    allowed, hidden = generator.random(len(TEXTS)) < share, generator.random(len(TEXTS)) < gone
    scores = truth(TEXTS, terms, query)
    assert_best(terms.search(query, k), scores, k, np.ones(len(TEXTS), dtype=np.bool_))
    assert_best(terms.search(query, k, allowed=allowed), scores, k, allowed)
    assert_best(terms.search(query, k, hidden=hidden), scores, k, ~hidden)
    assert_best(terms.search(query, k, allowed=allowed, hidden=hidden), scores, k, allowed & ~hidden)


@pytest.mark.parametrize("limits", [(10**9, 65_536), (10**9, 40), (0, 5), (4_000, 65_536)])
@pytest.mark.parametrize("share", [0.002, 0.05, 0.3, 0.9])
def test_index_terms_filter_is_exact_by_each_way(terms, monkeypatch, limits, share):
    """Scoring all that pass, searching deeper, and giving up on it find the same, all that no filter finds among it."""
    monkeypatch.setattr(terms_module, "SCORE_NS", limits[0])
    monkeypatch.setattr(terms_module, "DEEPEST", limits[1])
    query = {"t1": 1.0, "t2": 0.4, "t77": 2.0, "t250": 3.0}
    allowed = np.random.default_rng(3).random(len(TEXTS)) < share
    hits = terms.search(query, 25, allowed=allowed)
    assert_best(hits, truth(TEXTS, terms, query), 25, allowed)
    free = terms.search(query, 25).positions
    assert set(free[allowed[free]].tolist()) <= set(hits.positions.tolist())


@settings(max_examples=40, deadline=None)
@given(QUERIES, st.lists(st.integers(0, len(TEXTS) - 1), max_size=50), st.booleans())
def test_index_terms_scores_positions_exactly(terms, query, places, many):
    """The scores of given positions, in any order and repeated, few or many, are brute force's."""
    positions = np.array(places + (list(range(1_500)) if many else []), dtype=np.int64)
    expected = pytest.approx(truth(TEXTS, terms, query)[positions], rel=TOLERANCE)
    assert terms.scores(query, positions) == expected


def test_index_terms_scores_of_texts_and_terms_at_the_edges(terms, tmp_path):
    """Terms that no text holds, half a character, texts without terms, long ones and a count over two bytes."""
    texts = [Counter(), Counter({"a": 70_000, "b": 1}), Counter(), Counter({"a": 1}), Counter()]
    index = made(tmp_path / "edges", texts)
    query = {"a": 1.0, "b": 2.0, "nowhere": 1.0, "\ud800": 1.0}
    positions = np.array([4, 1, 0, 3, 2, 1], dtype=np.int64)
    assert index.scores(query, positions) == pytest.approx(truth(texts, index, query)[positions], rel=1e-4)
    assert index.scores(query, positions[:0]).tolist() == index.scores({}, positions[:0]).tolist() == []
    assert terms.scores({}, positions).tolist() == [0.0] * 6
    with pytest.raises(VectorInputError, match="over 0"):
        terms.scores({"t1": 0.0}, positions)
    with pytest.raises(VectorInputError, match="positions"):
        terms.scores({"t1": 1.0}, np.array([len(TEXTS)]))


def test_index_terms_of_real_writing(tmp_path):
    """Chinese and Latin texts give the terms of the ranking; figures, hyphens and upper case are found."""
    texts = ["高镍三元锂离子电池电解液，型号LiNi-811。", "A Lithium-Ion battery, NMC-811 cathode", "", "电池电" * 800]
    index = made(tmp_path / "real", [terms_of(text) for text in texts])
    query = dict.fromkeys(terms_of("电池 lithium-ion nmc-811"), 1.0)
    scores = truth([terms_of(text) for text in texts], index, query)
    assert_best(index.search(query, 9), scores, 9, np.ones(4, dtype=np.bool_))
    assert sorted(index.search(query, 9).positions.tolist()) == [0, 1, 3]
    assert [index.document_frequency(term) for term in ("电池", "nmc-811", "nmc", "", "\ud800")] == [2, 1, 0, 0, 0]


def test_index_terms_know_their_corpus(terms):
    """Count, mean length and document frequencies are those of the texts."""
    assert len(terms) == len(TEXTS)
    assert terms.mean_length == pytest.approx(sum(text.total() for text in TEXTS) / len(TEXTS))
    for term in ("t1", "t2", "t250", "t299", "t300"):
        assert terms.document_frequency(term) == sum(term in text for text in TEXTS)


@pytest.mark.parametrize("count", [1, 2, 40])
def test_index_terms_of_few_texts(tmp_path, count):
    """Small corpora, also of texts that are all empty, are written, opened and searched."""
    index = made(tmp_path / "few", random_texts(count, 1))
    assert len(index) == count
    assert index.check_sample() <= count
    empty = made(tmp_path / "empty", [{}] * count)
    assert (len(empty), empty.mean_length, empty.check_sample()) == (count, 0, 0)
    assert empty.search({"t1": 1.0}, 3).positions.tolist() == []
    assert empty.scores({"t1": 1.0}, np.arange(count)).tolist() == [0] * count


def test_index_terms_of_many_pieces_is_one_segment_in_order(tmp_path, monkeypatch):
    """Texts that are written in pieces are merged to one segment whose order is theirs, the same bytes every time."""
    monkeypatch.setattr("index.terms_build.PIECE", 400)
    index = made(tmp_path / "one", TEXTS)
    assert pieces_of(len(TEXTS)) == 400 // 50
    assert not list((tmp_path / "one").glob("terms-1.*"))
    for query in ({"t1": 1.0}, {"t77": 1.0, "t2": 2.0}):
        assert_best(index.search(query, 50), truth(TEXTS, index, query), 50, np.ones(len(TEXTS), dtype=np.bool_))
    made(tmp_path / "two", TEXTS)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_index_terms_of_several_segments_answer_alike(tmp_path, monkeypatch):
    """An index that could not be merged, as when a piece is over the heap, is one index all the same."""
    monkeypatch.setattr("index.terms_build.pieces_of", lambda _count: 3)
    index = made(tmp_path / "three", TEXTS)
    assert len(list((tmp_path / "three").glob("terms-*.idx"))) == 3
    query = {"t5": 1.0, "t77": 1.0, "t2": 2.0}
    assert_best(index.search(query, 50), truth(TEXTS, index, query), 50, np.ones(len(TEXTS), dtype=np.bool_))
    assert index.check_sample() > 0


def test_index_terms_pieces_are_powers_of_eight():
    """One piece as long as it fits, then eight times as many, each again under the limit."""
    assert [pieces_of(n) for n in (0, 1, PIECE, PIECE + 1, 8 * PIECE, 8 * PIECE + 1)] == [1, 1, 1, 8, 8, 64]


@pytest.mark.parametrize("term", ["a b", "a\tb", "\n", "\ud800"])
def test_index_terms_refuse_a_term_with_a_blank(tmp_path, term):
    """A term that the file could not hold as one is refused, not split."""
    with pytest.raises(VectorInputError, match="position 1 holds a blank"):
        made(tmp_path / "blank", [{"a": 1}, {term: 1}])


@pytest.mark.parametrize("count", [2, 4])
def test_index_terms_refuse_another_count(tmp_path, count):
    """Fewer or more texts than positions are refused."""
    with pytest.raises(VectorInputError, match=f"3 texts for {count} positions"):
        made(tmp_path / "count", [{"a": 1}] * 3, count=count)


def test_index_terms_leave_out_overlong_terms(tmp_path):
    """A term too long for the index counts nowhere, also not in the length of its text."""
    texts = [{"a": 1, "x" * (LONGEST_TERM + 1): 50}, {"a": 1}]
    index = made(tmp_path / "long", texts)
    assert index.mean_length == 1
    assert index.search({"a": 1.0}, 2).scores.tolist() == pytest.approx(truth(texts, index, {"a": 1.0}))


@pytest.mark.parametrize("query", [{"t1": 0.0}, {"t1": -1.0}, {"t1": float("nan")}, {"t1": float("inf")}])
def test_index_terms_refuse_weights_that_are_none(terms, query):
    """A weight must be a finite number over 0: pruning relies on it."""
    with pytest.raises(VectorInputError, match="over 0"):
        terms.search(query, 1)


def test_index_terms_refuse_other_positions_and_k(terms):
    """Positions outside the index, a k of 0 and a mask of another length are refused."""
    with pytest.raises(VectorInputError, match="from 0 to 2999"):
        terms.scores({"t1": 1.0}, np.array([3_000]))
    with pytest.raises(VectorInputError, match="1 or more"):
        terms.search({"t1": 1.0}, 0)
    with pytest.raises(VectorInputError, match="shape"):
        terms.search({"t1": 1.0}, 1, allowed=np.ones(3, dtype=np.bool_))


def test_index_terms_answer_several_threads_as_one(terms):
    """Threads that search at once get what one thread gets."""
    queries = [{f"t{n}": 1.0, f"t{n * 7 % 300}": 2.0} for n in range(1, 120)]

    def ask(query):
        hits = terms.search(query, 30)
        return hits.positions.tolist(), terms.scores(query, np.arange(50)).tolist()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, queries)) == [ask(query) for query in queries]


def test_index_terms_open_from_a_directory_that_cannot_be_written(tmp_path):
    """Opening writes nothing into a published snapshot, and leaves nothing behind elsewhere."""
    made(tmp_path / "own", TEXTS[:50])
    before = sorted((tmp_path / "own").iterdir())
    (tmp_path / "own").chmod(0o555)
    index = TermIndex.open(tmp_path / "own")
    assert sorted((tmp_path / "own").iterdir()) == before
    for path in (tmp_path / "own").iterdir():
        assert not path.is_symlink()
    (tmp_path / "own").chmod(0o755)
    for path in (tmp_path / "own").iterdir():
        path.unlink()
    assert index.check_sample() > 0, "what is open outlives its files, as when a snapshot is pruned"


def test_index_terms_sample_sees_an_index_of_other_texts(tmp_path):
    """A sample whose scores the index does not give fails the check."""
    made(tmp_path / "index", TEXTS[:200])
    path = tmp_path / "index" / TERMS_FILE
    body = json.loads(path.read_text(encoding="utf-8"))
    body["sample"][0]["length"] *= 3
    path.write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(VerificationError, match="for its terms"):
        TermIndex.open(tmp_path / "index").check_sample()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"index": 3, "tokens": 1, "sample": []}'])
def test_index_terms_say_when_the_file_describes_none(tmp_path, text):
    """A description that is damaged is a ``ValueError``, as other files' damage is."""
    (tmp_path / TERMS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"index of terms|Expecting value"):
        TermIndex.open(tmp_path)
