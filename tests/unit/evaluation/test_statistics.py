"""Whether a difference is luck: the randomisation test against enumeration, Holm by hand, plain words; shares."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

from app.evaluation import statistics
from app.evaluation.comparison import Difference, chance, summary
from app.evaluation.statistics import Interval, Tally, holm, randomisation_test, tally, wilson_interval


def enumerated(differences: list[float]) -> float:
    """The p-value by trying every sign of every difference, written as the definition is."""
    observed = abs(sum(differences))
    swaps = list(itertools.product((1, -1), repeat=len(differences)))
    sums = [abs(sum(sign * value for sign, value in zip(swap, differences, strict=True))) for swap in swaps]
    return sum(value >= observed - 1e-12 for value in sums) / len(swaps)


@pytest.mark.parametrize(
    "differences", [[0.1, 0.2, 0.3], [0.5, -0.5, 0.25, 0.0, 0.1], [0.1, 0.2, -0.3, 0.4, 0.1, 0.1, -0.2, 0.7]]
)
def test_few_queries_are_tested_exactly(differences: list[float]) -> None:
    """All swaps are tried; sums that are equal but for rounding (0.1 + 0.2 against 0.3) count as equal."""
    assert randomisation_test(differences) == pytest.approx(enumerated(differences), abs=1e-12)


def test_many_queries_are_tested_at_random_and_near_the_exact_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random test meets the exact one within three standard errors, is repeatable, and blocks do not matter."""
    values = np.random.default_rng(5).normal(0.05, 0.2, size=16)
    exact = randomisation_test(values)
    assert exact is not None
    monkeypatch.setattr(statistics, "EXACT_QUERIES", 0)
    drawn = randomisation_test(values)
    assert drawn == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / statistics.PERMUTATIONS))
    monkeypatch.setattr(statistics, "BLOCK_BYTES", 8 * 16 * 1000)
    assert randomisation_test(values) == drawn
    assert randomisation_test(values, seed=1) != drawn


def test_the_test_is_two_sided_and_never_zero() -> None:
    """Better and worse by as much are as unlikely; the observed arrangement is one of those counted."""
    values = np.random.default_rng(6).normal(0.5, 0.1, size=100)
    assert randomisation_test(values) == randomisation_test(-values) == 1 / (statistics.PERMUTATIONS + 1)


def test_the_test_keeps_its_level_where_nothing_differs() -> None:
    """Of 400 comparisons of the same thing about one in twenty has a p-value below 0.05."""
    generator = np.random.default_rng(7)
    found = [randomisation_test(generator.normal(0, 1, size=30), permutations=500) for _ in range(400)]
    assert 0.02 < np.mean([value <= 0.05 for value in found if value is not None]) < 0.085


def test_queries_without_a_difference_prove_nothing() -> None:
    """Equal systems have p 1; equal queries beside others change nothing; one query has no test."""
    assert randomisation_test([0.0, 0.0, 0.0]) == 1.0
    assert randomisation_test([0.1, 0.2, 0.3, 0.0, 0.0]) == randomisation_test([0.1, 0.2, 0.3])
    assert randomisation_test([0.4]) is None
    assert randomisation_test([]) is None


def test_holm_is_calculated_by_hand() -> None:
    """Smallest times 3, next times 2, largest times 1; never above 1, never below a smaller one's."""
    assert holm({"a": 0.04, "b": 0.01, "c": 0.03}) == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_wins_ties_and_losses_are_counted() -> None:
    """What differs in the last digits is a tie."""
    assert tally([0.1, -0.2, 0.0, 1e-12, 0.3]) == Tally(wins=2, ties=2, losses=1)


def difference(value: float, p_holm: float, p_value: float = 0.5) -> Difference:
    """A tested difference with an interval of 0.1 on either side."""
    return Difference(value, Interval(value - 0.1, value + 0.1), p_value, p_holm, Tally(5, 1, 4))


def test_a_verdict_is_said_of_the_adjusted_p_value() -> None:
    """Below 0.05 the sign decides; otherwise it is unclear; without a test nothing is said."""
    assert difference(0.2, 0.04).verdict == "better"
    assert difference(-0.2, 0.04).verdict == "worse"
    assert difference(0.2, 0.05).verdict == "unclear"
    assert Difference(0.2).verdict is None
    assert difference(0.2, 0.04).visible_from == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("found", "english", "chinese"),
    [
        ({"mrr": difference(0.2, 0.01)}, "new is better than old on mrr (+0.2000)", "优于 old"),
        ({"mrr": difference(-0.2, 0.01)}, "new is worse than old on mrr (-0.2000)", "差于 old"),
        (
            {"mrr": difference(0.2, 0.01), "ndcg@10": difference(-0.1, 0.02)},
            "better than old on mrr (+0.2000) and worse on ndcg@10 (-0.1000)",
            "在 ndcg@10 (-0.1000) 上更差",
        ),
        ({"mrr": difference(0.02, 0.9)}, "every difference could be luck", "所有差异都可能出于偶然"),
        ({"mrr": difference(0.02, 0.9)}, "would show from about: mrr 0.1000 (10 queries)", "mrr 0.1000（10 个查询）"),
        ({"mrr": difference(0.2, 0.2, 0.04)}, "Tested alone, mrr (+0.2000) would count", "若单独检验，mrr"),
        ({"reach@10": Difference(0.1)}, "nothing can be compared", "无法判断"),
    ],
)
def test_a_comparison_is_said_in_words(found: dict[str, Difference], english: str, chinese: str) -> None:
    """Better, worse, both or neither, and what so few queries cannot show, in both languages."""
    words = summary("new", "old", found)
    assert english in words.en
    assert chinese in words.zh


def test_p_values_are_shown_as_far_as_they_are_known() -> None:
    """A random test cannot give zero, so none is printed."""
    assert [chance(None), chance(0.00005), chance(0.0123)] == ["-", "<0.0001", "0.0123"]


@pytest.mark.parametrize(
    ("successes", "of", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_evaluation_wilson_agrees_with_newcombe(successes: int, of: int, low: float, high: float) -> None:
    """The published examples to their four places."""
    interval = wilson_interval(successes, of)
    assert interval is not None
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_evaluation_wilson_mirrors_and_stays_within_bounds() -> None:
    """A share and its rest have mirrored intervals, around the share, within 0 and 1; of nothing there is none."""
    for of in (1, 7, 1000):
        for successes in range(0, of + 1, max(1, of // 7)):
            one, rest = wilson_interval(successes, of), wilson_interval(of - successes, of)
            assert one is not None
            assert rest is not None
            assert 0 <= one.low <= successes / of <= one.high <= 1
            assert math.isclose(one.low, 1 - rest.high, abs_tol=1e-12)
    assert wilson_interval(0, 0) is None
    with pytest.raises(ValueError, match="3 of 2"):
        wilson_interval(3, 2)


def test_evaluation_is_imported_without_scipy_and_jinja() -> None:
    """A server imports measures and intervals for its funnel and calibrations; it must not wait for scipy.stats."""
    modules = "calibration, collection, comparison, measures, result, statistics"
    code = f"import sys; from app.evaluation import {modules}; print(sorted({{'scipy', 'jinja2'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
