"""What ranks: a function of query, record and snapshot alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ranking.relevance import LEXICAL_WEIGHT, SharedTerms, best_first, relevance
from app.ranking.space import CROSSING, MOST_STRETCH, PLAIN, SAME, Crossing, Space

SPACE = Space(
    {},
    {},
    {("zh", "zh"): 0.08, ("zh", "en"): 0.05, ("en", "en"): 0.1, ("en", "zh"): 0.04, ("zh", "ko"): 0.06},
)


def _row(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def _shared(*values: float, rarest: float = 9.0) -> SharedTerms:
    return SharedTerms(_row(*values), rarest)


def test_relevance_within_a_language_is_the_cosine_and_shared_terms() -> None:
    """Nothing else counts between a query and records of its own language."""
    found = relevance(_row(0.3, 0.2), _shared(0.0, 20.0), SPACE, "zh", ["zh", "zh"])
    assert found.total == pytest.approx([0.3, 0.2 + 20 * LEXICAL_WEIGHT])
    assert found.language == pytest.approx([0, 0], abs=1e-6)


def test_relevance_between_languages_is_made_comparable() -> None:
    """A cosine across languages is stretched to the spread of a language's own, and gets the terms it cannot share."""
    crossing = SPACE.crossing("zh", "en")
    assert crossing == Crossing(pytest.approx(0.08 / 0.05), pytest.approx(CROSSING * 0.08))
    own, foreign = relevance(_row(0.4, 0.4), _shared(0.0, 0.0), SPACE, "zh", ["zh", "en"]).total
    assert foreign > own
    vectors_alone = relevance(_row(0.2), None, SPACE, "zh", ["en"])
    assert vectors_alone.total == pytest.approx([0.2 * 0.08 / 0.05 + CROSSING * 0.08])
    assert not vectors_alone.shared.any()


def test_relevance_keeps_terms_that_two_languages_do_share() -> None:
    """A formula or model number in common is worth more than what the cosine lets expect."""
    lower, higher = relevance(_row(0.2, 0.2), _shared(0.0, 90.0), SPACE, "zh", ["en", "en"]).shared
    assert higher == pytest.approx(90 * LEXICAL_WEIGHT)
    assert 0 < lower < higher


def test_relevance_expects_less_of_terms_in_a_small_corpus() -> None:
    """In a few hundred texts no term is rare, so that those of the query's own language bring little either."""
    small = relevance(_row(0.3), _shared(0.0, rarest=4.0), SPACE, "zh", ["en"]).shared
    large = relevance(_row(0.3), _shared(0.0, rarest=13.0), SPACE, "zh", ["en"]).shared
    assert small[0] == pytest.approx(large[0] / 2)


@pytest.mark.parametrize(("query", "passage"), [(None, "en"), ("zh", "zh"), ("fr", "fr")])
def test_space_crosses_nothing_within_a_language_or_without_one(query: str | None, passage: str) -> None:
    """A query of no known language, and a record of the query's own, keep their cosine."""
    assert SPACE.crossing(query, passage) is SAME
    assert PLAIN.crossing("zh", passage) is SAME


@pytest.mark.parametrize(("query", "passage"), [("ko", "zh"), ("zh", None), ("fr", "de"), ("fr", "zh"), ("zh", "ja")])
def test_space_takes_the_mean_where_a_language_is_rare(query: str, passage: str | None) -> None:
    """A language with too few texts to measure gets what the others have on average, within bounds."""
    crossing = SPACE.crossing(query, passage)
    assert 1 < crossing.stretch <= MOST_STRETCH
    assert crossing.bonus > 0


@given(
    st.lists(st.tuples(st.floats(-1, 1, width=32), st.floats(0, 100, width=32), st.sampled_from(["zh", "en", "ko"]))),
    st.integers(0, 30),
)
def test_relevance_of_a_pair_does_not_depend_on_the_others(pairs: list[tuple[float, float, str]], at: int) -> None:
    """What else was found changes neither a record's relevance nor, then, the order of two records."""
    pairs = pairs or [(0.1, 1.0, "en")]
    at %= len(pairs)
    cosines, bm25, languages = zip(*pairs, strict=True)
    together = relevance(_row(*cosines), _shared(*bm25), SPACE, "zh", languages)
    alone = relevance(_row(cosines[at]), _shared(bm25[at]), SPACE, "zh", [languages[at]])
    assert together.total[at] == alone.total[0]
    assert np.isfinite(together.total).all()


def test_relevance_orders_equals_by_their_ids() -> None:
    """The same answer each time, whatever order the index found its equals in."""
    assert best_first(_row(0.5, 0.7, 0.5), ["b", "z", "a"]) == [1, 2, 0]
