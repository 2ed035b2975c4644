"""BM25 of one text for many queries: the figures of the other way round."""

from __future__ import annotations

from random import Random

import numpy as np

from index import QueryPostings, TermCounts, WeighedTerms
from index.bm25 import LONGEST_TERM, Postings


class Corpus:
    """Statistics of an invented corpus."""

    mean_length = 10.0

    def weight(self, term: str) -> float:
        """Rarer the longer it is."""
        return float(len(term))


def test_index_queries_score_a_text_as_it_scores_for_them() -> None:
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


def test_index_queries_that_are_none_score_nothing() -> None:
    """No query, no term and a term that no index holds: zeros of the right number, no error."""
    text = TermCounts.of({"a": 1})
    assert QueryPostings.of([]).scores(text, 1.0).tolist() == []
    empty, long = WeighedTerms.of({}, Corpus()), WeighedTerms.of({"x" * (LONGEST_TERM + 1): 1.0}, Corpus())
    assert QueryPostings.of([empty, long]).scores(text, 1.0).tolist() == [0.0, 0.0]
    assert QueryPostings.of([WeighedTerms.of({"a": 1.0}, Corpus())]).scores(TermCounts.of({}), 1.0).tolist() == [0.0]
