"""The score interval of a share."""

from __future__ import annotations

import math

import pytest

from app.evaluation.uncertainty import wilson_interval


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
