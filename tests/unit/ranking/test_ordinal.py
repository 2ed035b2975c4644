"""Scales fitted to judged pairs: always monotone, never crossing, and right where the truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import Level
from app.ranking.ordinal import JudgedPairs, NoFitError, fold_of_each, held_out_probabilities
from app.ranking.ordinal import fit_scale as fit_pairs
from app.ranking.relevance import (
    BUILT_IN_SCALES,
    FAIRLY_STRONG_FROM,
    Scale,
    cumulative_probabilities,
    level_from_score,
    score_from_relevance,
)

TRUE = Scale(midpoint=0.6, steepness=8.0, weak_from=0.1, strong_from=0.85)

judged = st.lists(st.tuples(st.floats(-5, 5), st.integers(1, 4), st.sampled_from("abcdef")), min_size=2, max_size=60)


def drawn(scale: Scale, count: int, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Relevance, and levels drawn as the scale says."""
    generator = np.random.default_rng(seed)
    relevance = generator.normal(0.4, 0.25, count)
    chances = cumulative_probabilities(relevance, scale)
    return relevance, 1 + (generator.random(count)[:, np.newaxis] < chances).sum(axis=1)


def fit_scale(relevance: npt.ArrayLike, levels: npt.ArrayLike, groups: Sequence[str] | None = None) -> Scale:
    """The scale of arrays; without groups every pair weighs alike."""
    return fit_pairs(JudgedPairs.of(relevance, levels, groups or [str(n) for n in range(np.size(levels))]))


def fitted(rows: list[tuple[float, int, str]]) -> Scale | None:
    """The scale of some pairs, where there is anything to fit."""
    relevance, levels, groups = zip(*rows, strict=True)
    if len(set(levels)) < 2 or np.std(relevance) < 1e-6:
        return None
    return fit_scale(relevance, levels, groups)


@settings(deadline=None)
@given(judged, st.lists(st.floats(-50, 50), min_size=2, max_size=40))
def test_ordinal_fit_is_monotone_and_never_crosses_whatever_the_judgements(
    rows: list[tuple[float, int, str]], asked: list[float]
) -> None:
    """More relevance is never less probable, and a better level never more probable than a worse one."""
    scale = fitted(rows)
    if scale is None:
        return
    found = cumulative_probabilities(sorted(asked), scale)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found, axis=0) >= 0).all()
    assert (np.diff(found, axis=1) <= 0).all()
    np.testing.assert_allclose(found[:, 1], score_from_relevance(sorted(asked), scale), atol=1e-6)


@pytest.mark.parametrize("scale", [*BUILT_IN_SCALES.values(), TRUE], ids=[*BUILT_IN_SCALES, "other"])
def test_ordinal_level_is_the_median_of_its_distribution(scale: Scale) -> None:
    """A level is said from where its own probability passes one half: no other level has a smaller expected error."""
    relevance = np.linspace(scale.midpoint - 8 / scale.steepness, scale.midpoint + 8 / scale.steepness, 501)
    found = cumulative_probabilities(relevance, scale)
    padded = np.column_stack([np.ones(len(found)), found, np.zeros(len(found))])
    shares = padded[:, :-1] - padded[:, 1:]
    errors = shares @ np.abs(np.arange(1, 5)[:, np.newaxis] - np.arange(1, 5))
    said = [level_from_score(float(score), scale).grade for score in score_from_relevance(relevance, scale)]
    chosen = errors[np.arange(len(found)), np.array(said) - 1]
    np.testing.assert_allclose(chosen, errors.min(axis=1), atol=1e-4)
    assert set(said) == {1, 2, 3, 4}


def test_ordinal_fit_recovers_a_known_scale() -> None:
    """From 20,000 pairs: the probabilities within 0.02 wherever pairs are, and the bounds of levels within 0.02."""
    relevance, levels = drawn(TRUE, 20_000)
    found = fit_scale(relevance, levels)
    at = np.quantile(relevance, np.linspace(0.01, 0.99, 50))
    np.testing.assert_allclose(cumulative_probabilities(at, found), cumulative_probabilities(at, TRUE), atol=0.02)
    assert found.weak_from == pytest.approx(TRUE.weak_from, abs=0.02)
    assert found.strong_from == pytest.approx(TRUE.strong_from, abs=0.02)


def test_ordinal_fit_recovers_a_bend() -> None:
    """Where a tail of relevance means less, the slope there is less."""
    bent = Scale(midpoint=0.6, steepness=8.0, bends=((0.72, -6.0),))
    relevance, levels = drawn(bent, 20_000)
    ((place, change),) = fit_scale(relevance, levels).bends
    assert place == pytest.approx(0.72, abs=0.02)
    assert change == pytest.approx(-6.0, abs=1.0)


def test_ordinal_fit_does_not_depend_on_unit_and_origin() -> None:
    """Another unit of relevance gives the same probabilities: a ranking may change what it counts in."""
    relevance, levels = drawn(TRUE, 500)
    first, second = fit_scale(relevance, levels), fit_scale(relevance * 40 - 3, levels)
    np.testing.assert_allclose(
        cumulative_probabilities(relevance, first), cumulative_probabilities(relevance * 40 - 3, second), atol=1e-6
    )


def test_ordinal_a_need_with_many_pairs_does_not_drown_the_others() -> None:
    """A need that is judged a hundred times as often weighs ten times as much, not a hundred times."""
    relevance, levels = drawn(TRUE, 400)
    lenient = (np.tile(relevance, 100), np.full(40_000, 4))
    alike = fit_scale(np.append(relevance, lenient[0]), np.append(levels, lenient[1]))
    groups = [*(str(n // 4) for n in range(400)), *["lenient"] * 40_000]
    rooted = fit_scale(np.append(relevance, lenient[0]), np.append(levels, lenient[1]), groups)
    assert score_from_relevance(0.4, rooted) < score_from_relevance(0.4, alike) - 0.2


@pytest.mark.parametrize(
    ("relevance", "levels"),
    [
        ([], []),
        ([0.1, 0.2], [3, 3]),
        ([0.5, 0.5], [1, 4]),
        ([0.1, np.nan], [1, 4]),
        ([0.1, 0.2], [0, 4]),
        ([0.1], [1, 2]),
    ],
)
def test_ordinal_refuses_what_cannot_be_fitted(relevance: list[float], levels: list[int]) -> None:
    """No pair, one level alone, one relevance alone, values that are none, lengths that differ."""
    with pytest.raises(NoFitError):
        fit_scale(relevance, levels)


def test_ordinal_fit_is_finite_where_levels_are_missing_or_separated() -> None:
    """Two levels out of four, and levels that relevance separates completely, still give a usable scale."""
    for levels in ([1, 3] * 20, [1] * 20 + [4] * 20):
        scale = fit_scale(np.linspace(0, 1, 40), levels)
        assert scale.steepness > 0
        assert level_from_score(FAIRLY_STRONG_FROM, scale) is Level.FAIRLY_STRONG


@given(st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=80), st.integers(0, 5))
def test_ordinal_folds_never_part_a_group(groups: list[str], seed: int) -> None:
    """Pairs of one need are held out together; every fold has some, and there are ten at most."""
    fold = fold_of_each(groups, seed=seed)
    assert all(len({int(fold[n]) for n, other in enumerate(groups) if other == one}) == 1 for one in set(groups))
    assert set(fold.tolist()) == set(range(min(10, len(set(groups)))))


def test_ordinal_held_out_probabilities_come_from_the_other_folds() -> None:
    """Levels of a held-out fold do not change what is said of it."""
    relevance, levels = drawn(TRUE, 400)
    groups = tuple(str(n // 10) for n in range(400))
    pairs = JudgedPairs.of(relevance, levels, groups)
    fold = fold_of_each(groups)
    first = held_out_probabilities(pairs, fold)
    changed = np.where(fold == 0, 1, levels)
    second = held_out_probabilities(JudgedPairs.of(relevance, changed, groups), fold)
    np.testing.assert_array_equal(first[fold == 0], second[fold == 0])
    assert not np.allclose(first[fold == 1], second[fold == 1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"steepness": 0.0},
        {"midpoint": float("nan")},
        {"weak_from": 0.5},
        {"strong_from": 0.4},
        {"bends": ((0.5, -8.0),)},
        {"bends": ((0.5, 1.0), (0.4, 1.0))},
    ],
    ids=str,
)
def test_ordinal_scale_refuses_values_that_would_not_rise(wrong: dict[str, object]) -> None:
    """A scale that falls, is flat, or has levels out of order cannot be made, from a file either."""
    with pytest.raises(ValueError, match=r"rise|rising|order"):
        Scale(**({"midpoint": 0.5, "steepness": 8.0} | wrong))
