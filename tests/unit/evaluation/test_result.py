"""Means, their intervals and the JSON of an evaluation."""

from __future__ import annotations

import json

import numpy as np
import pytest

from app.evaluation import statistics
from app.evaluation.collection import Collection, QueryRun, Ranked, Served
from app.evaluation.result import MEANS, evaluate_runs
from app.evaluation.statistics import bootstrap_interval, difference_interval


def test_the_interval_is_near_the_normal_one() -> None:
    """For many values the bootstrap meets mean ± 1.96 standard errors, within a tenth of its width."""
    values = np.random.default_rng(1).normal(0.6, 0.2, size=400)
    interval = bootstrap_interval(values)
    assert interval is not None
    half = 1.96 * values.std() / np.sqrt(400)
    assert interval.low == pytest.approx(values.mean() - half, abs=0.2 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.2 * half)


def test_the_interval_is_the_same_every_time_and_in_any_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed fixes it, and how much memory a block may take does not change it."""
    values, weights = np.linspace(0, 1, 50), np.arange(1, 51)
    whole = bootstrap_interval(values, weights)
    monkeypatch.setattr(statistics, "BLOCK_BYTES", 4000)
    assert bootstrap_interval(values, weights) == whole
    assert bootstrap_interval(values, weights, seed=1) != whole


def test_weights_pull_the_interval() -> None:
    """A query with more judgements weighs more."""
    plain, heavy = bootstrap_interval([0.0, 1.0] * 20), bootstrap_interval([0.0, 1.0] * 20, [1, 9] * 20)
    assert plain is not None
    assert heavy is not None
    assert heavy.low > plain.high


def test_a_paired_difference_is_surer_than_the_two_means() -> None:
    """Queries differ far more than encoders on one query: pairing sees a difference that two intervals hide."""
    generator = np.random.default_rng(3)
    first = generator.uniform(0, 1, size=200)
    second = first + 0.02 + generator.normal(0, 0.03, size=200)
    alone, other = bootstrap_interval(first), bootstrap_interval(second)
    assert alone is not None
    assert other is not None
    assert alone.high > other.low
    interval = difference_interval(first, second)
    assert interval is not None
    deltas = bootstrap_interval(second - first)
    assert deltas is not None
    assert (interval.low, interval.high) == pytest.approx((deltas.low, deltas.high))
    assert interval.low > 0


def test_a_paired_difference_weighs_transforms_and_needs_two_queries() -> None:
    """Weights and the measure made of the mean are heeded; sides of two lengths are a mistake."""
    first, second, weights = [0.0, 1.0] * 20, [1.0, 1.0] * 20, [1, 9] * 20
    plain, heavy = difference_interval(first, second), difference_interval(first, second, weights)
    assert plain is not None
    assert heavy is not None
    assert heavy.high < plain.low
    score = difference_interval(first, second, of_mean=lambda means: 1 / (1 + means))
    assert score is not None
    assert score.high < 0
    assert difference_interval([0.5], [0.7]) is None
    with pytest.raises(ValueError, match="one length"):
        difference_interval([0.5], [0.7, 0.8])


def test_one_query_has_no_interval() -> None:
    """Nothing can be said of other queries."""
    assert bootstrap_interval([0.5]) is None
    assert bootstrap_interval([]) is None


def test_the_json_is_plain_and_complete() -> None:
    """Every measure of the contract is there under its name, and json can write it."""
    runs = [
        QueryRun(
            query_id=f"q{n}",
            ranked=(Ranked("a", 0.9), Ranked("b", 0.2)),
            served={"a": Served(0.9, 4), "b": Served(0.2, 1)},
        )
        for n in range(3)
    ]
    qrels = {"q0": {"a": 4, "b": 1}, "q1": {"a": 1, "b": 3}}
    langs = {"q0": "zh", "q1": "zh", "q2": None}
    result = evaluate_runs(
        runs, Collection(size=2, qrels=qrels, query_langs=langs, document_langs={"a": "zh", "b": "en"})
    )
    plain = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert set(plain["measures"]) == {*MEANS, "level_score", "language_mix@10", "hub_share@10", "reach@10"}
    assert plain["measures"]["mrr"] == pytest.approx(0.75)
    assert plain["measures"]["judged_spearman"] == pytest.approx(0.0)
    assert plain["measures"]["language_mix@10"]["zh"] == {"en": 0.5, "zh": 0.5}
    assert set(plain["intervals"]) == {*MEANS, "level_score"}
    low, high = plain["intervals"]["level_score"]
    assert low <= plain["measures"]["level_score"] <= high
    expected = {
        "queries": 3,
        "judged_queries": 2,
        "failed_queries": 0,
        "corpus": 2,
        "judged_pairs": 4,
        "relevant_pairs": 2,
    }
    assert expected.items() <= plain["counts"].items()


def test_measures_without_any_query_are_null() -> None:
    """No judgement at all leaves the means out; what needs none is still measured."""
    result = evaluate_runs([QueryRun(query_id="q", ranked=(Ranked("a", 1.0),))], Collection(size=4, qrels={}))
    assert all(result.measures[name] is None for name in (*MEANS, "level_score"))
    assert result.intervals == {}
    assert result.measures["reach@10"] == 0.25
