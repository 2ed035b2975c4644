"""BM25 of term counts in memory: lengths as a byte keeps them, and the formula as it is printed."""

from math import log
from random import Random

import numpy as np
import pytest

from index import QueryPostings, TermCounts, WeighedTerms
from index.bm25 import K1, LONGEST_TERM, B, Postings, best, inverse_frequency, rounded_lengths, usable


class Corpus:
    """Statistics of an invented corpus."""

    mean_length = 10.0

    def weight(self, term):
        """Rarer the longer it is."""
        return float(len(term))


def test_index_bm25_keeps_short_lengths_and_rounds_long_ones_down():
    """Lengths up to 40 are exact; longer ones lose less than an eighth and are never raised."""
    lengths = np.arange(100_000)
    rounded = rounded_lengths(lengths)
    assert (rounded[:41] == lengths[:41]).all()
    assert (rounded <= lengths).all()
    assert (rounded[41:] > lengths[41:] * 7 / 8).all()
    assert rounded_lengths(rounded).tolist() == rounded.tolist()


def test_index_bm25_of_postings_is_the_formula():
    """Each text scores the sum over terms of weight, rarity and saturation; terms it has not add nothing."""
    texts = [{"电": 2, "电池": 1}, {"x": 5}, {}, {"电": 1, "y": 30}]
    scores = Postings.of([TermCounts.of(text) for text in texts]).scores({"电": 2.0, "电池": 0.5, "z": 9.0}, Corpus())

    def score(text):
        norm = K1 * (1 - B + B * sum(text.values()) / 10.0)
        return sum(
            weight * len(term) * text.get(term, 0) * (K1 + 1) / (text.get(term, 0) + norm)
            for term, weight in {"电": 2.0, "电池": 0.5}.items()
        )

    assert scores == pytest.approx([score(text) for text in texts], rel=1e-6)
    assert scores[1] == scores[2] == 0


def test_index_bm25_tells_terms_apart_that_python_stores_alike():
    """A Chinese character and two Latin letters of the same bytes in memory are two terms; Python's hash has one."""
    assert hash("慧") == hash("ga")
    texts = [TermCounts.of({"慧": 1}), TermCounts.of({"ga": 1})]
    assert (Postings.of(texts).scores({"慧": 1.0}, Corpus()) > 0).tolist() == [True, False]
    assert (Postings.of(texts).scores({"ga": 1.0}, Corpus()) > 0).tolist() == [False, True]


def test_index_bm25_of_no_texts_is_empty():
    """A segment of records without terms, and one without records, answer with zeros."""
    assert Postings.of([]).scores({"a": 1.0}, Corpus()).tolist() == []
    assert Postings.of([TermCounts.of({})]).scores({"a": 1.0}, Corpus()).tolist() == [0.0]


def test_index_bm25_takes_an_unknown_term_as_held_by_one_text():
    """What no text of the corpus holds is as rare as what one holds: the text that is scored."""
    assert inverse_frequency(0, 100) == inverse_frequency(1, 100) == pytest.approx(log(1 + 99.5 / 1.5))
    assert inverse_frequency(0, 0) == 0


def test_index_bm25_leaves_out_what_an_index_cannot_hold():
    """Empty terms, terms that do not occur, and terms too long are no terms, in memory as on disk."""
    assert usable({"": 1, "a": 0, "b": 2, "c" * (LONGEST_TERM + 1): 3, "d" * LONGEST_TERM: 1}) == {
        "b": 2,
        "d" * LONGEST_TERM: 1,
    }


def test_index_bm25_best_are_positive_and_equal_ones_by_position():
    """Only texts that share something are found, best first; the last place goes to the first of equals."""
    assert best(np.array([0, 2, 1, 2, 3, 2], dtype=np.float32), 3).tolist() == [4, 1, 3]
    assert best(np.array([0, 0, 1], dtype=np.float32), 5).tolist() == [2]
    assert best(np.zeros(3, dtype=np.float32), 2).tolist() == []


def test_index_queries_score_a_text_as_it_scores_for_them():
    """For random texts and queries, some empty, each pair has one BM25 whichever side is the many."""
    random = Random(7)  # noqa: S311 - invented texts, no secret
    words = [f"{a}{b}" for a in "电池液膜xy" for b in ("", "解", "z1")]
    texts = [
        TermCounts.of({w: random.randint(1, 9) for w in random.sample(words, random.randint(0, 9))}) for _ in "x" * 40
    ]
    queries = [{w: random.random() + 0.1 for w in random.sample(words, random.randint(0, 6))} for _ in range(60)]
    asked = QueryPostings.of([WeighedTerms.of(query, Corpus()) for query in queries])
    found = np.stack([asked.scores(text, Corpus.mean_length) for text in texts])
    expected = np.stack([Postings.of(texts).scores(query, Corpus()) for query in queries], axis=1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert (found > 0).any()
    assert (found == 0).any()


def test_index_queries_that_are_none_score_nothing():
    """No query, no term and a term that no index holds: zeros of the right number, no error."""
    text = TermCounts.of({"a": 1})
    assert QueryPostings.of([]).scores(text, 1.0).tolist() == []
    empty, long = WeighedTerms.of({}, Corpus()), WeighedTerms.of({"x" * (LONGEST_TERM + 1): 1.0}, Corpus())
    assert QueryPostings.of([empty, long]).scores(text, 1.0).tolist() == [0.0, 0.0]
    assert QueryPostings.of([WeighedTerms.of({"a": 1.0}, Corpus())]).scores(TermCounts.of({}), 1.0).tolist() == [0.0]
