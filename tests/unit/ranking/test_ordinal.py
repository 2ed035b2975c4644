"""Scales fitted to judged pairs: always monotone, never crossing, and right where the truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import Level
from app.ranking.ordinal import (
    ALONE_KEPT_AT,
    ALONE_STEEPER,
    JudgedPairs,
    NoFitError,
    fold_of_each,
    held_out_probabilities,
)
from app.ranking.ordinal import fit_scale as fit_pairs
from app.ranking.relevance import (
    BUILT_IN_SCALES,
    FAIRLY_STRONG_FROM,
    Scale,
    cumulative_probabilities,
    level_from_score,
    score_from_logit,
)

TRUE = Scale(meaning=8.0, cut=4.8, coverage=4.0, weak_from=0.1, strong_from=0.85)

judged = st.lists(
    st.tuples(st.floats(-1, 1), st.floats(0, 1), st.booleans(), st.integers(1, 4), st.sampled_from("abcdef")),
    min_size=2,
    max_size=60,
)
asked = st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1)), min_size=2, max_size=40)


def drawn(scale: Scale, count: int, seed: int = 7, *, words: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Evidence ``[count, 3]`` of one language, and levels drawn as the scale says."""
    generator = np.random.default_rng(seed)
    meaning = generator.normal(0.4, 0.25, count)
    coverage = np.clip(0.5 * meaning + generator.normal(0.1, 0.2, count), 0, 1) if words else np.zeros(count)
    evidence = np.column_stack([meaning, coverage, np.zeros(count)])
    return evidence, levels_of(scale.logits(meaning, coverage, False), scale, generator)


def levels_of(logits: np.ndarray, scale: Scale, generator: np.random.Generator) -> np.ndarray:
    """Levels drawn from the distribution that a scale says."""
    chances = cumulative_probabilities(logits, scale)
    found: np.ndarray = 1 + (generator.random(len(logits))[:, np.newaxis] < chances).sum(axis=1)
    return found


def fit_scale(evidence: npt.ArrayLike, levels: npt.ArrayLike, groups: Sequence[str] | None = None) -> Scale:
    """The scale of arrays; without groups every pair weighs alike."""
    return fit_pairs(JudgedPairs.of(evidence, levels, groups or [str(n) for n in range(np.size(levels))]))


def by_meaning(values: Sequence[float]) -> np.ndarray:
    """Evidence of meaning and nothing else."""
    return np.column_stack([values, np.zeros(len(values)), np.zeros(len(values))])


def fitted(rows: list[tuple[float, float, bool, int, str]]) -> Scale | None:
    """The scale of some pairs, where there is anything to fit."""
    meaning, coverage, alone, levels, groups = zip(*rows, strict=True)
    if len(set(levels)) < 2 or np.std(meaning) < 1e-6:
        return None
    return fit_scale(np.column_stack([meaning, coverage, alone]), levels, groups)


@settings(deadline=None)
@given(judged, asked, st.booleans())
def test_ordinal_fit_is_monotone_and_never_crosses_whatever_the_judgements(
    rows: list[tuple[float, float, bool, int, str]], pairs: list[tuple[float, float]], alone: bool
) -> None:
    """More of either piece is never less probable, and a better level never more probable than a worse one."""
    scale = fitted(rows)
    if scale is None:
        return
    meaning, coverage = np.array(pairs).T
    for one, other in ((np.sort(meaning), np.full(len(pairs), coverage[0])), (meaning[0], np.sort(coverage))):
        logits = scale.logits(*np.broadcast_arrays(one, other), np.full(len(pairs), alone))
        found = cumulative_probabilities(logits, scale)
        assert np.isfinite(logits).all()
        assert ((found >= 0) & (found <= 1)).all()
        assert (np.diff(found, axis=0) >= 0).all()
        assert (np.diff(found, axis=1) <= 0).all()
        np.testing.assert_allclose(found[:, 1], score_from_logit(logits), atol=1e-6)


@pytest.mark.parametrize("scale", [*BUILT_IN_SCALES.values(), TRUE], ids=[*BUILT_IN_SCALES, "other"])
def test_ordinal_level_is_the_median_of_its_distribution(scale: Scale) -> None:
    """A level is said from where its own probability passes one half: no other level has a smaller expected error."""
    logits = np.linspace(-8, 8, 501)
    found = cumulative_probabilities(logits, scale)
    padded = np.column_stack([np.ones(len(found)), found, np.zeros(len(found))])
    shares = padded[:, :-1] - padded[:, 1:]
    errors = shares @ np.abs(np.arange(1, 5)[:, np.newaxis] - np.arange(1, 5))
    said = [level_from_score(float(score), scale).grade for score in score_from_logit(logits)]
    chosen = errors[np.arange(len(found)), np.array(said) - 1]
    np.testing.assert_allclose(chosen, errors.min(axis=1), atol=1e-4)
    assert set(said) == {1, 2, 3, 4}


def test_ordinal_fit_recovers_known_slopes_and_cuts() -> None:
    """From 20,000 pairs: both slopes and the cut within 5 %, the bounds of levels within 0.02."""
    found = fit_scale(*drawn(TRUE, 20_000))
    assert found.meaning == pytest.approx(TRUE.meaning, rel=0.05)
    assert found.coverage == pytest.approx(TRUE.coverage, rel=0.05)
    assert found.cut == pytest.approx(TRUE.cut, rel=0.05)
    assert found.weak_from == pytest.approx(TRUE.weak_from, abs=0.02)
    assert found.strong_from == pytest.approx(TRUE.strong_from, abs=0.02)


def test_ordinal_fit_reads_meaning_alone_by_all_pairs_without_their_words() -> None:
    """The slope of meaning alone is steeper, as it tells coverage too, and says what pairs of a cosine are on average.

    Simulated: before it is made steeper, the mean score by meaning alone of the pairs about a cosine is their share of
    level 3 or better.
    """
    evidence, levels = drawn(TRUE, 20_000)
    scale = fit_scale(evidence, levels)
    assert scale.alone_slope > scale.meaning
    meaning = evidence[:, 0]
    slope, cut = scale.alone_slope / ALONE_STEEPER, (scale.alone_at + ALONE_KEPT_AT) / ALONE_STEEPER - ALONE_KEPT_AT
    scores = score_from_logit(slope * meaning - cut)
    for low, high in ((0.0, 0.2), (0.3, 0.4), (0.5, 0.6), (0.8, 1.0)):
        near = (meaning >= low) & (meaning < high)
        assert scores[near].mean() == pytest.approx((levels[near] >= 3).mean(), abs=0.05)


def test_ordinal_fit_of_pairs_without_words_has_one_slope() -> None:
    """Where nothing is covered there is no slope to tell, and meaning is read alike everywhere."""
    evidence, levels = drawn(TRUE, 5_000, words=False)
    found = fit_scale(evidence, levels)
    assert (found.coverage, found.alone, found.alone_cut) == (0.0, None, None)
    assert found.meaning == pytest.approx(TRUE.meaning, rel=0.1)


def test_ordinal_fit_leaves_foreign_pairs_out_of_the_slopes_of_both() -> None:
    """What was judged by meaning alone says nothing of what words are worth."""
    evidence, levels = drawn(TRUE, 2_000)
    foreign = np.column_stack([np.linspace(-1, 1, 2_000), np.zeros(2_000), np.ones(2_000)])
    mixed = fit_scale(np.vstack([evidence, foreign]), np.append(levels, np.full(2_000, 1)))
    own = fit_scale(evidence, levels)
    assert mixed.meaning == pytest.approx(own.meaning)
    assert mixed.coverage == pytest.approx(own.coverage)
    assert mixed.alone_at > own.alone_at or mixed.alone_slope < own.alone_slope


def test_ordinal_fit_of_foreign_pairs_alone_is_by_meaning() -> None:
    """A corpus in other languages than its needs still gets a scale."""
    evidence, levels = drawn(TRUE, 2_000, words=False)
    evidence[:, 2] = 1
    found = fit_scale(evidence, levels)
    assert found.alone_slope == pytest.approx(TRUE.meaning, rel=0.2)


def test_ordinal_fit_does_not_depend_on_unit_and_origin() -> None:
    """Another unit of meaning gives the same probabilities: a ranking may change what it counts in."""
    evidence, levels = drawn(TRUE, 500)
    moved = evidence * [40, 1, 1] - [3, 0, 0]
    said = [
        cumulative_probabilities(pairs.logits(scale), scale)
        for pairs in (JudgedPairs.of(values, levels, [str(n) for n in range(500)]) for values in (evidence, moved))
        for scale in (fit_pairs(pairs),)
    ]
    np.testing.assert_allclose(said[0], said[1], atol=1e-6)


def test_ordinal_a_need_with_many_pairs_does_not_drown_the_others() -> None:
    """A need that is judged a hundred times as often weighs ten times as much, not a hundred times."""
    evidence, levels = drawn(TRUE, 400)
    values, said = np.vstack([evidence, np.tile(evidence, (100, 1))]), np.append(levels, np.full(40_000, 4))
    groups = [*(str(n // 4) for n in range(400)), *["lenient"] * 40_000]
    scales = fit_scale(values, said), fit_scale(values, said, groups)
    alike, rooted = (score_from_logit(scale.logits(0.4, 0.2, False)) for scale in scales)
    assert rooted < alike - 0.2


@pytest.mark.parametrize(
    ("evidence", "levels"),
    [
        (np.zeros((0, 3)), []),
        (by_meaning([0.1, 0.2]), [3, 3]),
        (by_meaning([0.5, 0.5]), [1, 4]),
        (by_meaning([0.1, np.nan]), [1, 4]),
        (by_meaning([0.1, 0.2]), [0, 4]),
        (by_meaning([0.1]), [1, 2]),
        ([0.1, 0.2], [1, 4]),
        ([[0.1, 0.5], [0.2, 0.6]], [1, 4]),
    ],
    ids=["none", "one level", "one meaning", "not a number", "no level", "lengths", "flat", "two columns"],
)
def test_ordinal_refuses_what_cannot_be_fitted(evidence: npt.ArrayLike, levels: list[int]) -> None:
    """No pair, one level alone, one meaning alone, values that are none, lengths and shapes that differ."""
    with pytest.raises(NoFitError):
        fit_scale(evidence, levels)


def test_ordinal_fit_is_finite_where_levels_are_missing_or_separated() -> None:
    """Two levels out of four, and levels that evidence separates completely, still give a usable scale."""
    line = np.linspace(0, 1, 40)
    for levels in ([1, 3] * 20, [1] * 20 + [4] * 20):
        for evidence in (by_meaning(line.tolist()), np.column_stack([line, line, np.zeros(40)])):
            scale = fit_scale(evidence, levels)
            assert scale.meaning > 0
            assert level_from_score(FAIRLY_STRONG_FROM, scale) is Level.FAIRLY_STRONG


def test_ordinal_pairs_chosen_keep_what_belongs_together() -> None:
    """Evidence, level and group of a pair stay side by side."""
    pairs = JudgedPairs.of([[0.1, 0.2, 0], [0.3, 0.4, 1], [0.5, 0.6, 0]], [1, 2, 3], ["a", "b", "c"])
    chosen = pairs.at(np.array([2, 1]))
    assert (chosen.meaning.tolist(), chosen.coverage.tolist()) == ([0.5, 0.3], [0.6, 0.4])
    assert (chosen.alone.tolist(), chosen.levels.tolist(), chosen.groups) == ([False, True], [3, 2], ("c", "b"))
    assert len(pairs.at(pairs.alone)) == 1


@given(st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=80), st.integers(0, 5))
def test_ordinal_folds_never_part_a_group(groups: list[str], seed: int) -> None:
    """Pairs of one need are held out together; every fold has some, and there are ten at most."""
    fold = fold_of_each(groups, seed=seed)
    assert all(len({int(fold[n]) for n, other in enumerate(groups) if other == one}) == 1 for one in set(groups))
    assert set(fold.tolist()) == set(range(min(10, len(set(groups)))))


def test_ordinal_fit_tells_a_bank_that_lacks_what_is_asked() -> None:
    """The better the best of a list, the less probable that nothing fits; asked in two ways, a need is two lists."""
    evidence, levels = drawn(TRUE, 4_000)
    groups = [str(n // 20) for n in range(4_000)]
    pairs = JudgedPairs.of(evidence, levels, groups)
    scale = fit_pairs(pairs)
    chances = [scale.no_match_probability(best) for best in (-9.0, -3.0, 0.0, 3.0, 9.0)]
    assert scale.found > 0
    assert all(0 < chance < 1 for chance in chances)
    assert chances == sorted(chances, reverse=True)
    assert pairs.questions == pairs.groups
    halves = JudgedPairs.of(evidence, levels, groups, [str(n // 10) for n in range(4_000)])
    assert fit_pairs(halves).meaning == scale.meaning
    assert fit_pairs(halves).found_cut != scale.found_cut


def test_ordinal_fit_without_lists_of_both_kinds_keeps_the_built_in_bound() -> None:
    """Where all that is judged fits in every list, nothing says what a list without it looks like."""
    found = fit_scale(by_meaning([0.1, 0.2, 0.3, 0.4]), [3, 3, 4, 4], ["a", "a", "b", "b"])
    assert (found.found, found.found_cut) == (Scale(1.0, 0.0).found, Scale(1.0, 0.0).found_cut)


def test_ordinal_held_out_probabilities_come_from_the_other_folds() -> None:
    """Levels of a held-out fold do not change what is said of it."""
    evidence, levels = drawn(TRUE, 400)
    groups = tuple(str(n // 10) for n in range(400))
    fold = fold_of_each(groups)
    first = held_out_probabilities(JudgedPairs.of(evidence, levels, groups), fold)
    changed = np.where(fold == 0, 1, levels)
    second = held_out_probabilities(JudgedPairs.of(evidence, changed, groups), fold)
    np.testing.assert_array_equal(first[fold == 0], second[fold == 0])
    assert not np.allclose(first[fold == 1], second[fold == 1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"meaning": 0.0},
        {"meaning": float("inf")},
        {"cut": float("nan")},
        {"coverage": -0.1},
        {"alone": 0.0},
        {"alone": float("nan")},
        {"alone_cut": float("inf")},
        {"weak_from": 0.5},
        {"weak_from": 0.0},
        {"strong_from": 0.4},
    ],
    ids=str,
)
def test_ordinal_scale_refuses_values_that_would_not_rise(wrong: dict[str, float]) -> None:
    """A scale that falls, is flat, or has levels out of order cannot be made, from a file either."""
    with pytest.raises(ValueError, match=r"rises|order"):
        Scale(**({"meaning": 8.0, "cut": 4.0} | wrong))
