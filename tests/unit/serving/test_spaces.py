"""The measured space of a snapshot: its means, and spreads that few records cannot distort."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.arrays import Floats
from app.ranking.space import PLAIN
from app.serving.spaces import (
    FEWEST_FOR_SPREAD,
    SPREAD_PRIOR,
    MovedVectors,
    _drawn_together,
    arrays_of,
    measured_space,
    space_of,
)
from index import ArrayVectors
from models import Role

DIMENSION = 64
SIZES = {"zh": 1500, "en": 600, "ja": 28}
PULL = {"zh": 1.0, "en": 1.0, "ja": 6.0}
"""How strongly texts of a language have a subject in common: the few Japanese ones are much alike."""


class Invented:
    """Embeds ``lang:number`` as a vector of its language's cone."""

    def __init__(self) -> None:
        generator = np.random.default_rng(5)
        self._cones = {lang: generator.standard_normal(DIMENSION) for lang in SIZES}
        self._subjects = generator.standard_normal((2 * max(SIZES.values()), DIMENSION))

    def vectors(self, texts: Sequence[str], role: Role) -> Floats:
        """Unit vectors float32 ``[n, DIMENSION]``."""
        rows = []
        for text in texts:
            lang, _, number = text.partition(":")
            subject = self._subjects[int(number) * 2 + (role is Role.QUERY)] / PULL[lang]
            rows.append(3 * self._cones[lang] + subject)
        found = np.array(rows)
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def corpus(sizes: dict[str, int]) -> tuple[ArrayVectors, list[str | None], dict[str | None, list[str]]]:
    """Passages, their languages, and headings of each language."""
    texts = [f"{lang}:{n}" for lang, size in sizes.items() for n in range(size)]
    languages: list[str | None] = [text.partition(":")[0] for text in texts]
    headings: dict[str | None, list[str]] = {
        lang: [f"{lang}:{n}" for n in range(min(size, 96))] for lang, size in sizes.items()
    }
    return ArrayVectors(Invented().vectors(texts, Role.PASSAGE)), languages, headings


def test_spaces_draw_the_spread_of_few_records_to_that_of_all() -> None:
    """What 28 records measure hardly moves the pooled spread: no cosine is doubled on their word."""
    space = measured_space(*corpus(SIZES), Invented(), 100)
    own, across = space.spreads["zh", "zh"], [space.spreads["zh", "en"], space.spreads["en", "zh"]]
    assert space.spreads["zh", "ja"] == pytest.approx(np.mean(across), rel=0.25)
    assert space.spreads["ja", "ja"] == pytest.approx(own, rel=0.25)
    assert space.stretch("zh", "ja") < 1.5


@pytest.mark.parametrize("size", [28, 400, 20_000])
def test_spaces_draw_a_spread_by_its_records(size: int) -> None:
    """As the standing of a prior: 100 records of it against those that measured; thousands keep their own."""
    measured = {("zh", "zh"): 0.08, ("ja", "ja"): 0.09, ("zh", "ja"): 0.02, ("ja", "zh"): 0.03, ("zh", "en"): 0.06}
    measured |= {("en", "zh"): 0.06, ("en", "en"): 0.08, ("en", "ja"): 0.02, ("ja", "en"): 0.02}
    drawn = _drawn_together(measured, {"zh": 90_000.0, "en": 9_000.0, "ja": float(size)})
    few = {pair: min(size, 9_000 if "en" in pair else 90_000) for pair in measured if pair[0] != pair[1]}
    few |= {("zh", "en"): 9_000, ("en", "zh"): 9_000}
    pooled = sum(measured[pair] * few[pair] for pair in few) / sum(few.values())
    expected = (0.02 * size + pooled * SPREAD_PRIOR) / (size + SPREAD_PRIOR)
    assert drawn["zh", "ja"] == pytest.approx(expected)
    assert set(drawn) == set(measured)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["zh", "en", "ja", "ko", "de"]), st.integers(1, 10**6), min_size=1),
    st.integers(0, 2**32 - 1),
)
def test_spaces_keep_spreads_between_those_measured(sizes: dict[str, int], seed: int) -> None:
    """Within a language or across two: none becomes greater than the greatest of its like, or less than the least."""
    generator = np.random.default_rng(seed)
    measured = {(one, other): float(generator.uniform(0.01, 0.2)) for one in sizes for other in sizes}
    drawn = _drawn_together(measured, {lang: float(size) for lang, size in sizes.items()})
    for within in (True, False):
        like = [pair for pair in measured if (pair[0] == pair[1]) is within]
        before, after = [measured[pair] for pair in like], [drawn[pair] for pair in like]
        assert all(min(before) - 1e-12 <= value <= max(before) + 1e-12 for value in after)
    assert _drawn_together({}, {}) == {}


def test_spaces_measure_no_spread_of_a_language_of_a_few_texts() -> None:
    """Fewer headings than tell a spread leave the language to the mean over the others."""
    few = SIZES | {"ja": FEWEST_FOR_SPREAD - 1}
    space = measured_space(*corpus(few), Invented(), 100)
    assert not any("ja" in pair for pair in space.spreads)
    assert space.known("ja")
    assert 1 <= space.stretch("zh", "ja") < 1.5


def test_spaces_leave_a_small_corpus_as_it_is() -> None:
    """The mean of a few texts is their subject, not their language."""
    source, languages, headings = corpus({"zh": 20})
    assert measured_space(source, languages, headings, Invented(), 21) is PLAIN
    assert measured_space(source, languages, headings, Invented(), 20) is not PLAIN


def test_spaces_are_kept_as_arrays() -> None:
    """What a snapshot keeps is the space that its build measured; without any it is the encoder's own."""
    space = measured_space(*corpus(SIZES), Invented(), 100)
    again = space_of(arrays_of(space))
    assert set(again.spreads) == set(space.spreads)
    assert again.stretch("zh", "en") == pytest.approx(space.stretch("zh", "en"), rel=1e-5)
    vectors = Invented().vectors(["ja:1", "zh:2"], Role.QUERY)
    assert np.array_equal(again.of_queries(vectors, ["ja", "zh"]), space.of_queries(vectors, ["ja", "zh"]))
    assert space_of({}) is PLAIN


def test_spaces_move_the_vectors_of_a_source() -> None:
    """Read by position, in the space, of the same number and length."""
    source, languages, headings = corpus(SIZES)
    space = measured_space(source, languages, headings, Invented(), 100)
    moved = MovedVectors(source, space, languages)
    places = np.array([0, 1500, 2127])
    assert (len(moved), moved.dimension) == (sum(SIZES.values()), DIMENSION)
    expected = space.of_passages(source.take(places), [languages[n] for n in places.tolist()])
    assert np.array_equal(moved.take(places), expected)
