"""What ranks: evidence of query, record and snapshot alone, and the probability that a scale makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import Level
from app.ranking.relevance import (
    BUILT_IN_SCALES,
    CENTRED_SCALE,
    FAIRLY_STRONG_FROM,
    FUSED_SCALE,
    MOST_CREDIT,
    PLAIN_SCALE,
    Relevance,
    Scale,
    best_first,
    cross_lingual_scales,
    diversify,
    level_from_score,
    relevance_of,
    score_floor,
    score_from_logit,
)
from app.ranking.space import MOST_STRETCH, PLAIN, Space

SPACE = Space(
    {},
    {},
    {("zh", "zh"): 0.08, ("zh", "en"): 0.05, ("en", "en"): 0.1, ("en", "zh"): 0.04, ("zh", "ko"): 0.06},
)
COSINES = st.floats(-1, 1, width=32)
SHARES = st.floats(0, 1, width=32)
LANGUAGES = st.sampled_from(["zh", "en", "ko", None])
PAIRS = st.lists(st.tuples(COSINES, SHARES, LANGUAGES), min_size=1, max_size=30)
SCALES = pytest.mark.parametrize("scale", BUILT_IN_SCALES.values(), ids=BUILT_IN_SCALES)


def _row(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def relevance(
    cosines: np.ndarray,
    coverage: np.ndarray | None,
    query: str | None,
    languages: list[str | None],
    scale: Scale = FUSED_SCALE,
    space: Space = SPACE,
) -> Relevance:
    """What ranks records of these languages."""
    crossed = cross_lingual_scales(space, query, tuple(languages)).at(np.arange(len(languages)))
    return relevance_of(cosines, coverage, crossed, scale)


def test_relevance_within_a_language_is_by_meaning_and_coverage() -> None:
    """The logit is linear in both, and nothing else counts between a query and records of its own language."""
    found = relevance(_row(0.3, 0.2), _row(0.0, 0.6), "zh", ["zh", "zh"])
    expected = [
        FUSED_SCALE.meaning * 0.3 - FUSED_SCALE.cut,
        FUSED_SCALE.meaning * 0.2 + FUSED_SCALE.coverage * 0.6 - FUSED_SCALE.cut,
    ]
    assert found.total == pytest.approx(expected, rel=1e-5)
    assert found.meaning.tolist() == found.cosines.tolist()
    assert not found.alone.any()
    assert found.scores.tolist() == score_from_logit(found.total).tolist()


@SCALES
@settings(deadline=None)
@given(PAIRS)
def test_relevance_is_bounded(scale: Scale, pairs: list[tuple[float, float, str | None]]) -> None:
    """Whatever two texts have in common, meaning is at most 1, coverage and score lie between 0 and 1."""
    cosines, shares, languages = zip(*pairs, strict=True)
    found = relevance(_row(*cosines), _row(*shares), "zh", list(languages), scale)
    assert (found.meaning <= 1).all()
    assert ((found.coverage >= 0) & (found.coverage <= 1)).all()
    assert np.isfinite(found.total).all()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


@SCALES
@settings(deadline=None)
@given(COSINES, COSINES, SHARES, LANGUAGES)
def test_relevance_never_falls_with_meaning(
    scale: Scale, one: float, other: float, share: float, language: str | None
) -> None:
    """Of two records that cover the same share, the nearer is never ranked lower."""
    low, high = sorted((one, other))
    found = relevance(_row(low, high), _row(share, share), "zh", [language, language], scale).total
    assert found[0] <= found[1]


@SCALES
@settings(deadline=None)
@given(SHARES, SHARES, COSINES, LANGUAGES)
def test_relevance_never_falls_with_coverage(
    scale: Scale, one: float, other: float, cosine: float, language: str | None
) -> None:
    """Of two records as near, the one that covers more of the query is never ranked lower."""
    low, high = sorted((one, other))
    found = relevance(_row(cosine, cosine), _row(low, high), "zh", [language, language], scale).total
    assert found[0] <= found[1]


@settings(deadline=None)
@given(COSINES, st.floats(0.0078125, 1, width=32))
def test_relevance_puts_what_covers_the_query_before_an_equal(cosine: float, share: float) -> None:
    """Shared terms decide between two records of the query's language that are equally near."""
    without, covering = relevance(_row(cosine, cosine), _row(0, share), "zh", ["zh", "zh"]).total
    assert covering > without


@settings(deadline=None)
@given(COSINES)
def test_relevance_gives_a_foreign_record_no_credit_for_terms(cosine: float) -> None:
    """It is judged by its meaning alone, as one cosine says it, and no term that it cannot share is taken as shared."""
    stretched = min(cosine * SPACE.stretch("zh", "en"), 1.0)
    found = relevance(_row(cosine), _row(0.0), "zh", ["en"])
    assert found.alone.tolist() == [True]
    assert found.coverage.tolist() == [0.0]
    assert FUSED_SCALE.alone is not None
    assert FUSED_SCALE.alone_cut is not None
    fused = FUSED_SCALE.meaning * stretched - FUSED_SCALE.cut
    alone = FUSED_SCALE.alone * stretched - FUSED_SCALE.alone_cut
    most = fused + MOST_CREDIT * FUSED_SCALE.coverage
    assert found.total[0] == pytest.approx(max(fused, min(alone, most)), abs=1e-4)


@settings(deadline=None)
@given(SHARES, COSINES)
def test_relevance_lifts_no_foreign_record_above_an_equal_that_covers_the_query(share: float, cosine: float) -> None:
    """As near once stretched, a record of the query's own language that covers half of it stands no lower."""
    near = min(cosine * SPACE.stretch("zh", "en"), 1.0)
    foreign, own = relevance(_row(cosine, near), _row(0, 0.5 + share / 2), "zh", ["en", "zh"]).total
    assert own >= foreign


def test_relevance_keeps_terms_that_two_languages_do_share() -> None:
    """A formula or model number in common counts where it says more than meaning alone does."""
    found = relevance(_row(0.3, 0.3, 0.3), _row(0.0, 0.02, 0.9), "zh", ["en", "en", "en"])
    without, little, much = found.total
    assert without == little
    assert much == pytest.approx(FUSED_SCALE.logits(found.meaning[2], 0.9, False), abs=1e-5)
    assert much > without


def test_relevance_crosses_nothing_for_a_query_of_no_known_language() -> None:
    """Whose language cannot be told may share terms with every record: none is judged by its meaning alone."""
    found = relevance(_row(0.6, 0.6), _row(0.0, 0.4), None, ["en", "zh"])
    assert not found.alone.any()
    assert found.meaning.tolist() == found.cosines.tolist()


def test_relevance_without_terms_is_by_meaning() -> None:
    """Where shared terms do not count there is no coverage, and a language has no slope of its own."""
    found = relevance(_row(0.4, 0.4), None, "zh", ["zh", "en"], CENTRED_SCALE)
    assert not found.coverage.any()
    stretch = SPACE.stretch("zh", "en")
    assert found.meaning == pytest.approx([0.4, 0.4 * stretch])
    assert found.total == pytest.approx(
        [CENTRED_SCALE.meaning * m - CENTRED_SCALE.cut for m in found.meaning], abs=1e-5
    )


@settings(deadline=None)
@given(PAIRS, st.integers(0, 29))
def test_relevance_of_a_pair_does_not_depend_on_the_others(
    pairs: list[tuple[float, float, str | None]], at: int
) -> None:
    """What else was found changes neither a record's score nor, then, the order of two records."""
    at %= len(pairs)
    cosines, shares, languages = zip(*pairs, strict=True)
    together = relevance(_row(*cosines), _row(*shares), "zh", list(languages))
    alone = relevance(_row(cosines[at]), _row(shares[at]), "zh", [languages[at]])
    assert together.total[at] == alone.total[0]
    assert together.scores[at] == alone.scores[0]
    assert together.at([at]).total.tolist() == alone.total.tolist()


@pytest.mark.parametrize(("own", "across", "stretch"), [(0.1, 0.01, MOST_STRETCH), (0.05, 0.1, 1.0), (0.09, 0.06, 1.5)])
def test_space_stretches_within_bounds(own: float, across: float, stretch: float) -> None:
    """However little two languages vary, a cosine is doubled at most; however much, it is never drawn together."""
    space = Space({}, {}, {("zh", "zh"): own, ("zh", "en"): across})
    assert space.stretch("zh", "en") == pytest.approx(stretch)


@pytest.mark.parametrize(("query", "passage"), [(None, "en"), ("zh", "zh"), ("fr", "fr")])
def test_space_crosses_nothing_within_a_language_or_without_one(query: str | None, passage: str) -> None:
    """A query of no known language, and a record of the query's own, keep their cosine."""
    assert SPACE.stretch(query, passage) == 1
    assert PLAIN.stretch("zh", passage) == 1


@pytest.mark.parametrize(("query", "passage"), [("ko", "zh"), ("zh", None), ("fr", "de"), ("fr", "zh"), ("zh", "ja")])
def test_space_takes_the_mean_where_a_language_is_rare(query: str, passage: str | None) -> None:
    """A language with too few texts to measure gets what the others have on average, within bounds."""
    assert 1 < SPACE.stretch(query, passage) <= MOST_STRETCH


def test_relevance_orders_equals_by_their_ids() -> None:
    """The same answer each time, whatever order the index found its equals in."""
    assert best_first(_row(0.5, 0.7, 0.5), ["b", "z", "a"]) == [1, 2, 0]


def _units(rows: int, seed: int) -> np.ndarray:
    """Random unit vectors float32 ``[rows, 8]``."""
    vectors = np.random.default_rng(seed).normal(size=(rows, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_ranking_diversity_zero_keeps_the_order() -> None:
    """Without diversity the best stay the best."""
    vectors, scores = _units(10, 3), np.linspace(1, 0, 10, dtype=np.float32)
    assert diversify(scores, vectors, 5, 0.0) == [0, 1, 2, 3, 4]


def test_ranking_diversity_passes_over_a_repeat() -> None:
    """The copy of a picked candidate comes after a different one that fits nearly as well."""
    vectors = np.eye(8, dtype=np.float32)[[0, 0, 1]]
    scores = np.asarray([0.9, 0.9, 0.85], dtype=np.float32)
    assert diversify(scores, vectors, 3, 0.5) == [0, 2, 1]


@SCALES
def test_ranking_score_is_one_half_where_evidence_meets_the_cut(scale: Scale) -> None:
    """The score is a probability: even at the cut, near 0 without evidence and near 1 with all of it."""
    at_cut = scale.cut / scale.meaning
    logits = scale.logits([at_cut, 0.0, 1.0], [0.0, 0.0, 1.0], [False] * 3)
    scores = score_from_logit(logits)
    assert scores[0] == pytest.approx(0.5)
    assert scores[1] < 0.03
    assert scores[2] > 0.97


def test_ranking_scale_without_a_slope_of_its_own_reads_foreign_records_like_others() -> None:
    """Meaning alone is then worth what it is worth beside coverage."""
    assert (PLAIN_SCALE.alone_slope, PLAIN_SCALE.alone_at) == (PLAIN_SCALE.meaning, PLAIN_SCALE.cut)
    assert PLAIN_SCALE.logits(0.9, 0.0, True) == PLAIN_SCALE.logits(0.9, 0.0, False)


def test_ranking_score_keeps_shape_and_type() -> None:
    """Any shape in, float32 of the same shape out."""
    scores = score_from_logit(np.full((3, 4), 0.9, dtype=np.float32))
    assert scores.shape == (3, 4)
    assert scores.dtype == np.float32
    assert score_from_logit(np.zeros(0)).shape == (0,)


@settings(deadline=None)
@given(st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=50))
def test_ranking_score_never_changes_an_order(logits: list[float]) -> None:
    """A better logit never has a lower score, nor a lower level; every score is between 0 and 1."""
    scores = score_from_logit(sorted(logits))
    assert (np.diff(scores) >= 0).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    grades = [level_from_score(float(score)).grade for score in scores]
    assert grades == sorted(grades)


def test_ranking_scores_tell_apart_the_cosines_that_occur() -> None:
    """Between 0.75 and 0.95, steps of 1e-5 in cosine, which is what vectors are exact to, stay different scores."""
    cosines = np.arange(0.75, 0.95, 1e-5)
    assert (np.diff(score_from_logit(PLAIN_SCALE.logits(cosines, 0.0, False))) > 0).all()


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (1.0, Level.STRONG),
        (PLAIN_SCALE.strong_from, Level.STRONG),
        (PLAIN_SCALE.strong_from - 1e-6, Level.FAIRLY_STRONG),
        (FAIRLY_STRONG_FROM, Level.FAIRLY_STRONG),
        (FAIRLY_STRONG_FROM - 1e-6, Level.WEAK),
        (PLAIN_SCALE.weak_from, Level.WEAK),
        (PLAIN_SCALE.weak_from - 1e-6, Level.NONE),
        (0.0, Level.NONE),
    ],
)
def test_ranking_level_begins_at_its_smallest_score(score: float, level: Level) -> None:
    """The bound itself belongs to the better level."""
    assert level_from_score(score) is level


@SCALES
def test_ranking_floor_of_a_level_is_its_smallest_score(scale: Scale) -> None:
    """What is asked for by its level begins where that level is said."""
    for level in Level:
        assert level_from_score(score_floor(level.grade, scale), scale) is level
