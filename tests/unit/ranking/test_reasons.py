"""Reasons by meaning: pairs of terms, and the sentence that carries a match."""

from __future__ import annotations

import numpy as np
import pytest

from app.ranking.reasons import (
    CHANCE,
    CHANCE_ALIKE,
    LEAST,
    TELLING,
    Terms,
    carrying_sentence,
    chance_thresholds,
    meanings,
    packed,
    rarity,
    unpacked,
)

BOUNDS = {("han", "spaced"): 0.3, ("han", "han"): 0.7}


def unit(rows: int, dimension: int = 48, seed: int = 0) -> np.ndarray:
    """Random unit vectors float32 ``[rows, dimension]``."""
    vectors = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def terms(vectors: dict[str, np.ndarray], script: str, weight: float = 6.0) -> Terms:
    """Terms of one script that weigh alike."""
    stacked = np.array(list(vectors.values()), dtype=np.float32).reshape(len(vectors), 4)
    return Terms(list(vectors), [script] * len(vectors), stacked, np.full(len(vectors), weight, dtype=np.float32))


ELECTROLYTE, ALLOY, PUMP, OTHER = np.eye(4, dtype=np.float32)
QUERY = terms({"电解液": ELECTROLYTE, "合金": ALLOY}, "han")
RECORD = terms({"electrolyte": ELECTROLYTE, "pump": PUMP, "salt": (ELECTROLYTE + OTHER) / np.sqrt(2)}, "spaced")


def test_ranking_reasons_pair_terms_across_languages() -> None:
    """Each other's nearest above the threshold are a pair; what has no counterpart is left out."""
    found = meanings(QUERY, RECORD, BOUNDS, (), 8)
    assert [(pair.query, pair.record, pair.similarity) for pair in found] == [
        ("电解液", "electrolyte", pytest.approx(1))
    ]


def test_ranking_reasons_show_nothing_rather_than_chance() -> None:
    """Below the threshold, or where the threshold of two scripts is not known, nothing is shown."""
    near = terms({"salt": (ELECTROLYTE + 4 * OTHER) / np.sqrt(17)}, "spaced")
    assert meanings(QUERY, near, BOUNDS, (), 8) == ()
    assert meanings(QUERY, RECORD, {}, (), 8) == ()
    assert meanings(QUERY, terms({}, "spaced"), BOUNDS, (), 8) == ()


def test_ranking_reasons_leave_out_what_is_written_alike() -> None:
    """What is shared to the letter is said elsewhere; a term inside another is no second reason."""
    alike = terms({"锂电解液": ELECTROLYTE}, "han")
    assert meanings(QUERY, alike, BOUNDS, (), 8) == ()
    assert meanings(QUERY, RECORD, BOUNDS, ("电解液",), 8) == ()


def test_ranking_reasons_leave_out_common_terms() -> None:
    """A term of one text in ten says nothing of two texts that have it."""
    common = terms({"electrolyte": ELECTROLYTE}, "spaced", TELLING - 0.1)
    assert meanings(QUERY, common, BOUNDS, (), 8) == ()


def test_ranking_reasons_put_the_telling_first_and_stop_at_the_limit() -> None:
    """Rarer terms tell more."""
    query = Terms(["电解液", "合金"], ["han", "han"], QUERY.vectors, np.array([4.0, 8.0], dtype=np.float32))
    record = terms({"electrolyte": ELECTROLYTE, "alloy": ALLOY}, "spaced", 9.0)
    assert [pair.record for pair in meanings(query, record, BOUNDS, (), 8)] == ["alloy", "electrolyte"]
    assert [pair.record for pair in meanings(query, record, BOUNDS, (), 1)] == ["alloy"]


def test_ranking_reasons_choose_the_sentence_by_meaning() -> None:
    """Without a shared letter, the sentence about the query's subject carries the match."""
    assert carrying_sentence(QUERY, RECORD, [[1], [0, 2], []], np.zeros(3, dtype=np.float32)) == 1


def test_ranking_reasons_choose_the_sentence_by_letters_where_meanings_tie() -> None:
    """Shared letters decide between sentences of one meaning, and alone where no term is known."""
    letters = np.array([0, 3, 5], dtype=np.float32)
    assert carrying_sentence(QUERY, RECORD, [[0], [0], [1]], letters) == 1
    assert carrying_sentence(terms({}, "han"), RECORD, [[0], [0], [1]], letters) == 2
    assert carrying_sentence(QUERY, RECORD, [[], []], np.zeros(2, dtype=np.float32)) == 0


def test_ranking_reasons_thresholds_are_passed_by_chance_as_seldom_as_said() -> None:
    """Random terms pass the threshold of two scripts at `CHANCE`, of one script at `CHANCE_ALIKE`."""
    vectors = unit(800, 12)  # in few dimensions, so that chance is more than `LEAST`
    scripts = ["han"] * 400 + ["spaced"] * 390 + ["kana"] * 10
    bounds = chance_thresholds(vectors, scripts)
    assert sorted(bounds) == [("han", "han"), ("han", "spaced"), ("spaced", "spaced")]
    similar = vectors @ vectors.T
    across = (similar[:400, 400:790] >= bounds["han", "spaced"]).mean()
    within = (similar[:400, :400] >= bounds["han", "han"])[~np.eye(400, dtype=bool)].mean()
    assert across == pytest.approx(CHANCE, rel=0.5)
    assert within == pytest.approx(CHANCE_ALIKE, rel=0.9)
    assert bounds["han", "han"] > bounds["han", "spaced"] > LEAST
    assert set(chance_thresholds(unit(800, 384), scripts).values()) == {LEAST}


def test_ranking_reasons_packed_vectors_keep_their_direction() -> None:
    """A byte a part is enough: cosines err by less than a few thousandths."""
    vectors = unit(50, 384)
    again = unpacked(packed(vectors))
    assert packed(vectors).dtype == np.int8
    np.testing.assert_allclose(np.linalg.norm(again, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(again @ again.T, vectors @ vectors.T, atol=3e-3)


def test_ranking_reasons_rarity_falls_with_frequency() -> None:
    """The inverse document frequency of BM25."""
    weights = rarity(1000, [1, 50, 900])
    assert weights[0] == pytest.approx(np.log(1 + 999.5 / 1.5), rel=1e-5)
    assert weights[0] > TELLING > weights[2] > 0
    assert weights[1] == pytest.approx(TELLING, abs=0.1)
