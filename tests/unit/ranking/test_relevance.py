"""What ranks: a function of query, record and snapshot alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import Level
from app.ranking.relevance import (
    BODY_WEIGHT,
    CENTRED_SCALE,
    EXPECTED_FROM,
    FAIRLY_STRONG_FROM,
    LEXICAL_WEIGHT,
    MOST_TERMS,
    PLAIN_SCALE,
    STRONG_FROM,
    WEAK_FROM,
    LexicalEvidence,
    Relevance,
    Scale,
    best_first,
    cross_lingual_scales,
    diversify,
    expected_bm25,
    level_from_score,
    query_terms,
    relevance_of,
    score_from_relevance,
)
from app.ranking.space import CROSS_LINGUAL_BONUS, MOST_STRETCH, PLAIN, SAME, CrossLingualScale, Space
from app.text.terms import terms_of

SPACE = Space(
    {},
    {},
    {("zh", "zh"): 0.08, ("zh", "en"): 0.05, ("en", "en"): 0.1, ("en", "zh"): 0.04, ("zh", "ko"): 0.06},
)


def _row(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def _shared(*values: float, rarest: float = 9.0) -> LexicalEvidence:
    return LexicalEvidence(_row(*values), rarest)


def relevance(cosines, terms, space: Space, query: str | None, languages: list[str | None]) -> Relevance:
    """What ranks records of these languages."""
    crossed = cross_lingual_scales(space, query, tuple(languages)).at(np.arange(len(languages)))
    return relevance_of(cosines, terms, query, crossed)


def test_relevance_within_a_language_is_the_cosine_and_shared_terms() -> None:
    """Nothing else counts between a query and records of its own language."""
    found = relevance(_row(0.3, 0.2), _shared(0.0, 20.0), SPACE, "zh", ["zh", "zh"])
    assert found.total == pytest.approx([0.3, 0.2 + 20 * LEXICAL_WEIGHT])
    assert found.language == pytest.approx([0, 0], abs=1e-6)


def test_relevance_between_languages_is_made_comparable() -> None:
    """A cosine across languages is stretched to the spread of a language's own, and gets the terms it cannot share."""
    cross_lingual_scale = SPACE.cross_lingual_scale("zh", "en")
    assert cross_lingual_scale == CrossLingualScale(
        pytest.approx(0.08 / 0.05), pytest.approx(CROSS_LINGUAL_BONUS * 0.08)
    )
    own, foreign = relevance(_row(0.4, 0.4), _shared(0.0, 0.0), SPACE, "zh", ["zh", "en"]).total
    assert foreign > own
    vectors_alone = relevance(_row(0.2), None, SPACE, "zh", ["en"])
    assert vectors_alone.total == pytest.approx([0.2 * 0.08 / 0.05 + CROSS_LINGUAL_BONUS * 0.08])
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


def test_relevance_expects_nothing_for_a_query_of_no_known_language() -> None:
    """Whose language cannot be told may share terms with every record, so that none gets what it does not share."""
    found = relevance(_row(0.6, 0.6), _shared(0.0, 20.0), SPACE, None, ["en", "zh"])
    assert found.total == pytest.approx([0.6, 0.6 + 20 * LEXICAL_WEIGHT])


@pytest.mark.parametrize(("own", "across", "stretch"), [(0.1, 0.01, MOST_STRETCH), (0.05, 0.1, 1.0), (0.09, 0.06, 1.5)])
def test_space_stretches_within_bounds(own: float, across: float, stretch: float) -> None:
    """However little two languages vary, a cosine is doubled at most; however much, it is never drawn together."""
    space = Space({}, {}, {("zh", "zh"): own, ("zh", "en"): across})
    assert space.cross_lingual_scale("zh", "en").stretch == pytest.approx(stretch)


@pytest.mark.parametrize(("query", "passage"), [(None, "en"), ("zh", "zh"), ("fr", "fr")])
def test_space_crosses_nothing_within_a_language_or_without_one(query: str | None, passage: str) -> None:
    """A query of no known language, and a record of the query's own, keep their cosine."""
    assert SPACE.cross_lingual_scale(query, passage) is SAME
    assert PLAIN.cross_lingual_scale("zh", passage) is SAME


@pytest.mark.parametrize(("query", "passage"), [("ko", "zh"), ("zh", None), ("fr", "de"), ("fr", "zh"), ("zh", "ja")])
def test_space_takes_the_mean_where_a_language_is_rare(query: str, passage: str | None) -> None:
    """A language with too few texts to measure gets what the others have on average, within bounds."""
    cross_lingual_scale = SPACE.cross_lingual_scale(query, passage)
    assert 1 < cross_lingual_scale.stretch <= MOST_STRETCH
    assert cross_lingual_scale.bonus > 0


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


def _units(rows: int, seed: int) -> np.ndarray:
    """Random unit vectors float32 ``[rows, 8]``."""
    vectors = np.random.default_rng(seed).normal(size=(rows, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _alike(_term: str) -> float:
    return 1.0


def test_ranking_query_terms_weigh_the_title_more_and_are_bounded() -> None:
    """A term of the body counts less than one of the title, and only the weightiest are looked for."""
    terms = query_terms(["轧制", "水泵"], _alike, titled=True)
    assert terms["水泵"] == pytest.approx(BODY_WEIGHT * terms["轧制"])
    plain = query_terms(["轧制轧制"], _alike, titled=False)
    assert plain["轧制"] == terms["轧制"]
    long = "".join(chr(0x4E00 + n) for n in range(3000))
    assert len(query_terms([long], _alike, titled=True)) == MOST_TERMS
    assert query_terms([], _alike, titled=True) == {}


def test_ranking_query_terms_keep_the_rare_ones() -> None:
    """Where not all fit, those go that many texts hold."""
    long = "".join(chr(0x4E00 + n) for n in range(100)) + " ncm811"
    terms = query_terms([long], lambda term: 9.0 if term == "ncm811" else 1.0, titled=False)
    assert "ncm811" in terms


@given(st.text(max_size=60), st.text(max_size=60))
def test_ranking_query_terms_take_any_text(title: str, text: str) -> None:
    """Whatever arrives, every term is one of a view and counts something."""
    terms = query_terms([title, text], _alike, titled=True)
    assert set(terms) <= set(terms_of(title)) | set(terms_of(text))
    assert all(0 < weight < np.inf for weight in terms.values())


def test_ranking_expected_terms_rise_with_the_cosine_and_never_fall() -> None:
    """A text that cannot share terms gets what its cosine has in the query's own language, and nothing below."""
    cosines = np.linspace(-1, 1, 41, dtype=np.float32)
    for language in ("zh", "en", None):
        values = expected_bm25(cosines, language, 9.0)
        assert (np.diff(values) >= 0).all()
        assert not values[cosines <= EXPECTED_FROM].any()
    assert (expected_bm25(cosines, "zh", 9.0) >= expected_bm25(cosines, "en", 9.0)).all()


def test_ranking_diversity_zero_keeps_the_order() -> None:
    """Without diversity the best stay the best."""
    vectors, scores = _units(10, 3), np.linspace(1, 0, 10, dtype=np.float32)
    assert diversify(scores, vectors, 5, 0.0) == [0, 1, 2, 3, 4]


def test_ranking_diversity_passes_over_a_repeat() -> None:
    """The copy of a picked candidate comes after a different one that fits nearly as well."""
    vectors = np.eye(8, dtype=np.float32)[[0, 0, 1]]
    scores = np.asarray([0.9, 0.9, 0.85], dtype=np.float32)
    assert diversify(scores, vectors, 3, 0.5) == [0, 2, 1]


@pytest.mark.parametrize(("scale", "least", "most"), [(PLAIN_SCALE, 1e-6, 0.99), (CENTRED_SCALE, 0.03, 0.98)])
def test_ranking_score_is_one_half_at_the_midpoint(scale: Scale, least: float, most: float) -> None:
    """The score is a probability: even at the midpoint, near the ends 0 and 1."""
    scores = score_from_relevance([scale.midpoint, 0.0, 1.0], scale)
    assert scores[0] == pytest.approx(0.5)
    assert scores[1] < least
    assert most < scores[2] <= 1.0


def test_ranking_score_keeps_shape_and_type() -> None:
    """Any shape in, float32 of the same shape out."""
    scores = score_from_relevance(np.full((3, 4), 0.9, dtype=np.float32))
    assert scores.shape == (3, 4)
    assert scores.dtype == np.float32
    assert score_from_relevance(np.zeros(0)).shape == (0,)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=50))
def test_ranking_score_never_changes_an_order(cosines: list[float]) -> None:
    """A better cosine never has a lower score, nor a lower level; every score is between 0 and 1."""
    scores = score_from_relevance(sorted(cosines))
    assert (np.diff(scores) >= 0).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    grades = [level_from_score(float(score)).grade for score in scores]
    assert grades == sorted(grades)


def test_ranking_scores_tell_apart_the_cosines_that_occur() -> None:
    """Between 0.75 and 0.95, steps of 1e-5 in cosine, which is what vectors are exact to, stay different scores."""
    assert (np.diff(score_from_relevance(np.arange(0.75, 0.95, 1e-5))) > 0).all()


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (1.0, Level.STRONG),
        (STRONG_FROM, Level.STRONG),
        (STRONG_FROM - 1e-6, Level.FAIRLY_STRONG),
        (FAIRLY_STRONG_FROM, Level.FAIRLY_STRONG),
        (FAIRLY_STRONG_FROM - 1e-6, Level.WEAK),
        (WEAK_FROM, Level.WEAK),
        (WEAK_FROM - 1e-6, Level.NONE),
        (0.0, Level.NONE),
    ],
)
def test_ranking_level_begins_at_its_smallest_score(score: float, level: Level) -> None:
    """The bound itself belongs to the better level."""
    assert level_from_score(score) is level
