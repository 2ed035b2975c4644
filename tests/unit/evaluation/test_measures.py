"""The contract's measures, against hand-calculated examples and against ir_measures."""

from __future__ import annotations

import math
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR, R, nDCG

from app.evaluation.collection import Collection, QueryRun, Ranked, Served
from app.evaluation.files import read_qrels
from app.evaluation.measures import (
    hub_share,
    language_mix,
    level_score,
    measure_query,
    ndcg,
    reach,
    spearman,
)
from app.evaluation.result import evaluate_runs
from app.evaluation.trec import answered, read_run, write_qrels, write_run


def run_of(query_id: str = "q", ranked: str = "", served: dict[str, tuple[float, int]] | None = None) -> QueryRun:
    """A run whose ranked documents are the words of ``ranked``, each a little worse than the one before."""
    return QueryRun(
        query_id=query_id,
        ranked=tuple(Ranked(doc_id, 1.0 - place / 1000) for place, doc_id in enumerate(ranked.split())),
        served={doc_id: Served(*pair) for doc_id, pair in (served or {}).items()},
    )


def test_judged_ndcg_is_calculated_by_hand() -> None:
    """Gain 2^(level-1)-1, discount log2(rank+1): levels 2, 4, 1 in this order against the ideal 4, 2, 1."""
    run = run_of(served={"b": (0.9, 1), "a": (0.8, 1), "c": (0.1, 1)})
    row = measure_query(run, {"a": 4, "b": 2, "c": 1})
    assert row.judged_ndcg == pytest.approx((1 + 7 / math.log2(3)) / (7 + 1 / math.log2(3)))


def test_judged_ndcg_looks_at_ten_places_only() -> None:
    """The one strong document on place 11 of the judged ones gives zero, not a small value."""
    levels = {f"d{n}": 1 for n in range(10)} | {"good": 4}
    served = {doc_id: (0.9 - n / 100, 1) for n, doc_id in enumerate(levels)}
    assert measure_query(run_of(served=served), levels).judged_ndcg == 0.0


def test_judged_measures_use_scores_beyond_the_ranked_list() -> None:
    """Judged documents count by their scores though none of them is in the ranked list."""
    row = measure_query(run_of(ranked="x y", served={"a": (0.3, 3), "b": (0.2, 1)}), {"a": 3, "b": 1})
    assert row.judged_ndcg == pytest.approx(1.0)
    assert row.judged_spearman == pytest.approx(1.0)
    assert row.ndcg == row.reciprocal_rank == row.recall == 0.0


def test_equal_scores_keep_the_order_given() -> None:
    """A tie is broken by the order in which the service answered, whatever the ids are."""
    first = measure_query(run_of(served={"z": (0.5, 1), "a": (0.5, 1)}), {"a": 1, "z": 4})
    second = measure_query(run_of(served={"a": (0.5, 1), "z": (0.5, 1)}), {"a": 1, "z": 4})
    assert first.judged_ndcg == pytest.approx(1.0)
    assert second.judged_ndcg == pytest.approx(1 / math.log2(3))


def test_a_query_without_results_scores_zero_and_stays() -> None:
    """A failed query is in every mean with zero, and its levels count as none."""
    empty = QueryRun(query_id="q", error="the text is empty")
    row = measure_query(empty, {"a": 4, "b": 1})
    assert (row.judged_ndcg, row.judged_spearman, row.ndcg, row.reciprocal_rank, row.recall) == (0, 0, 0, 0, 0)
    assert row.level_error == pytest.approx(1.5)
    good = run_of("p", "a", {"a": (0.9, 4), "b": (0.1, 1)})
    result = evaluate_runs([good, empty], Collection(size=2, qrels={"p": {"a": 4, "b": 1}, "q": {"a": 4, "b": 1}}))
    assert result.measures["mrr"] == pytest.approx(0.5)
    assert result.measures["judged_ndcg@10"] == pytest.approx(0.5)
    assert result.counts["failed_queries"] == 1


def test_unserved_judged_documents_gain_nothing() -> None:
    """A judged document that the service left out cannot raise nDCG from behind the served ones."""
    row = measure_query(run_of(served={"a": (0.9, 2)}), {"a": 2, "b": 4})
    assert row.judged_ndcg == pytest.approx(1 / (7 + 1 / math.log2(3)))


def test_queries_that_cannot_count_are_none_not_zero() -> None:
    """No level above 1: no ideal. One level only: no correlation. No relevant document: nothing to find."""
    row = measure_query(run_of(ranked="a b", served={"a": (0.9, 1), "b": (0.8, 1)}), {"a": 1, "b": 1})
    assert row.judged_ndcg is row.judged_spearman is row.ndcg is row.reciprocal_rank is row.recall is None
    assert row.level_error == 0.0
    unjudged = measure_query(run_of(ranked="a"), {})
    assert unjudged.level_error is None
    assert unjudged.judged_ndcg is None


def test_weak_documents_are_not_relevant_against_the_corpus() -> None:
    """Level 2 counts for the judged measures alone; ndcg, mrr and recall know relevant (3, 4) and not."""
    row = measure_query(run_of(ranked="weak good"), {"weak": 2, "good": 3, "lost": 4})
    assert row.reciprocal_rank == pytest.approx(0.5)
    assert row.recall == pytest.approx(0.5)
    assert row.ndcg == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))


def test_spearman_shares_ranks_between_ties() -> None:
    """Hand calculation: ranks 1, 2.5, 2.5, 4 against 2, 1, 3, 4 give a covariance of 3 over sqrt(4.5 * 5)."""
    assert spearman([10, 20, 20, 30], [2, 1, 3, 4]) == pytest.approx(3 / math.sqrt(4.5 * 5))
    assert spearman([3, 2, 1], [1, 2, 3]) == pytest.approx(-1.0)
    assert spearman([5, 5, 5], [1, 2, 3]) == 0.0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=2, max_size=30))
def test_spearman_stays_in_bounds_and_ignores_monotone_changes(pairs: list[tuple[int, int]]) -> None:
    """Any monotone mapping of the scores, such as cosine to probability, leaves the correlation as it is."""
    scores, levels = zip(*pairs, strict=True)
    value = spearman(scores, levels)
    assert -1 - 1e-9 <= value <= 1 + 1e-9
    assert spearman(np.exp(scores), levels) == pytest.approx(value)


def test_level_score_is_one_over_one_plus_mae() -> None:
    """Over all judged pairs alike: three pairs off by 1, 0 and 3 make 1 / (1 + 4/3), however they fall on queries."""
    runs = [run_of("p", served={"a": (0.9, 3)}), run_of("q", served={"a": (0.9, 2), "b": (0.8, 4)})]
    result = evaluate_runs(runs, Collection(size=2, qrels={"p": {"a": 4}, "q": {"a": 2, "b": 1}}))
    assert result.measures["level_score"] == pytest.approx(1 / (1 + 4 / 3))
    assert level_score(0.0) == 1.0


def test_language_mix_counts_top_ten_places() -> None:
    """Place 11 does not count; an unknown language is und; shares of one query language add up to one."""
    runs = [run_of("q1", "z z1 z2 z3 z4 z5 z6 z7 e u beyond"), run_of("q2", "e"), run_of("q3", "")]
    langs = {f"z{n}": "zh" for n in range(1, 8)} | {"z": "zh", "e": "en", "beyond": "ja"}
    mix = language_mix(runs, {"q1": "zh", "q2": "en", "q3": "de"}, langs)
    assert mix == {"de": {}, "en": {"en": 1.0}, "zh": {"zh": 0.8, "en": 0.1, "und": 0.1}}


def test_hub_share_and_reach_are_calculated_by_hand() -> None:
    """Of 200 documents the 2 most frequent hold 3 + 2 of 7 places; 4 documents are reached."""
    runs = [run_of("q1", "a b"), run_of("q2", "a b c"), run_of("q3", "a d")]
    assert hub_share(runs, 200) == pytest.approx(5 / 7)
    assert reach(runs, 200) == pytest.approx(4 / 200)
    assert hub_share(runs, 3) == pytest.approx(3 / 7)
    assert hub_share([], 200) == 0.0


def test_corpus_measures_agree_with_ir_measures() -> None:
    """nDCG@10, RR and R@100 equal ir_measures' on random runs and judgements, query by query and as means."""
    generator = np.random.default_rng(7)
    documents = [f"d{n}" for n in range(300)]
    runs, qrels = [], {}
    for query in range(40):
        chosen = generator.permutation(documents)
        runs.append(run_of(f"q{query}", " ".join(chosen[: generator.integers(1, 150)])))
        judged = generator.permutation(documents)[:40]
        qrels[f"q{query}"] = {str(doc_id): int(generator.integers(1, 5)) for doc_id in judged}
    result = evaluate_runs(runs, Collection(size=300, qrels=qrels))
    theirs = _ir_measures(runs, qrels)
    for row in result.per_query:
        assert row.ndcg == pytest.approx(theirs[row.query_id][nDCG @ 10], abs=1e-9)
        assert row.reciprocal_rank == pytest.approx(theirs[row.query_id][RR], abs=1e-9)
        assert row.recall == pytest.approx(theirs[row.query_id][R @ 100], abs=1e-9)
    mean = np.mean([values[nDCG @ 10] for values in theirs.values()])
    assert result.measures["ndcg@10"] == pytest.approx(mean, abs=1e-9)


def test_judged_ndcg_agrees_with_ir_measures_with_exponential_gains() -> None:
    """Over judged documents alone, ir_measures with the contract's gains as relevance gives the same nDCG@10."""
    generator = np.random.default_rng(8)
    runs, qrels, gains = [], {}, {}
    for query in range(30):
        levels = {f"d{n}": int(level) for n, level in enumerate(generator.integers(1, 5, size=25))}
        scores = generator.permutation(25) / 25
        runs.append(run_of(f"q{query}", served={doc_id: (float(scores[n]), 1) for n, doc_id in enumerate(levels)}))
        qrels[f"q{query}"] = levels
        gains[f"q{query}"] = {doc_id: 2 ** (level - 1) - 1 for doc_id, level in levels.items()}
    scored = [ir_measures.ScoredDoc(r.query_id, doc, pair.score) for r in runs for doc, pair in r.served.items()]
    judged = [ir_measures.Qrel(query, doc, gain) for query, levels in gains.items() for doc, gain in levels.items()]
    theirs = {found.query_id: found.value for found in ir_measures.iter_calc([nDCG @ 10], judged, scored)}
    for run in runs:
        row = measure_query(run, qrels[run.query_id])
        assert row.judged_ndcg == pytest.approx(theirs[run.query_id], abs=1e-9)


def test_measures_of_files_agree_with_ir_measures(tmp_path: Path) -> None:
    """A run and qrels read from files measure to 1e-9 what ir_measures measures from the same files, ties left out."""
    generator = np.random.default_rng(9)
    documents = [f"d {n}%" for n in range(200)]
    qrels = {
        f"q {n}": {str(doc_id): int(generator.integers(1, 5)) for doc_id in generator.permutation(documents)[:50]}
        for n in range(20)
    }
    runs = [
        QueryRun(
            query_id=query_id,
            ranked=tuple(
                Ranked(str(doc_id), float(score))
                for doc_id, score in zip(
                    generator.permutation(documents)[:100], np.sort(generator.uniform(size=100))[::-1], strict=True
                )
            ),
        )
        for query_id in [*qrels][:18]
    ]
    write_run(tmp_path / "run.trec", runs)
    write_qrels(tmp_path / "qrels.trec", qrels)
    theirs = ir_measures.read_trec_run(str(tmp_path / "run.trec"))
    judged = list(ir_measures.read_trec_qrels(str(tmp_path / "qrels.trec")))
    relevant = [ir_measures.Qrel(qrel.query_id, qrel.doc_id, int(qrel.relevance >= 2)) for qrel in judged]
    scored = list(theirs)
    expected = ir_measures.calc_aggregate([nDCG @ 10, RR, R @ 100], relevant, scored)
    gains = {(qrel.query_id, qrel.doc_id): 2**qrel.relevance - 1 for qrel in judged}
    alone = [each for each in scored if (each.query_id, each.doc_id) in gains]
    gained = [ir_measures.Qrel(*pair, gain) for pair, gain in gains.items()]
    read = read_qrels(tmp_path / "qrels.trec").qrels
    answers = answered(read_run(tmp_path / "run.trec"), read, read)
    found = evaluate_runs(answers, Collection(size=200, qrels=read)).measures
    assert found["ndcg@10"] == pytest.approx(expected[nDCG @ 10], abs=1e-9)
    assert found["mrr"] == pytest.approx(expected[RR], abs=1e-9)
    assert found["recall@100"] == pytest.approx(expected[R @ 100], abs=1e-9)
    graded = ir_measures.calc_aggregate([nDCG @ 10], gained, alone)
    assert found["judged_ndcg@10"] == pytest.approx(graded[nDCG @ 10], abs=1e-9)
    assert found["level_score"] is None


def test_ndcg_without_an_ideal_is_none() -> None:
    """Nothing to find is not the same as nothing found."""
    assert ndcg(np.zeros(3), np.zeros(3)) is None
    assert ndcg(np.zeros(0), np.ones(1)) == 0.0


def _ir_measures(runs: list[QueryRun], qrels: dict[str, dict[str, int]]) -> dict[str, dict[object, float]]:
    pairs = ((query, doc, level) for query, levels in qrels.items() for doc, level in levels.items())
    judged = [ir_measures.Qrel(query, doc, int(level >= 3)) for query, doc, level in pairs]
    scored = [ir_measures.ScoredDoc(run.query_id, doc, score) for run in runs for doc, score in run.ranked]
    values: dict[str, dict[object, float]] = {}
    for found in ir_measures.iter_calc([nDCG @ 10, RR, R @ 100], judged, scored):
        values.setdefault(found.query_id, {})[found.measure] = found.value
    return values
