"""Cosines become scores and levels that people can read, without changing an order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import Level
from app.ranking.levels import (
    CENTRED_SCALE,
    FAIRLY_STRONG_FROM,
    PLAIN_SCALE,
    STRONG_FROM,
    WEAK_FROM,
    Scale,
    level_from_score,
    score_from_relevance,
)


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
