"""Slices by pair of languages and by length of the query, calculated by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from app.evaluation.collection import Collection, QueryRun, Ranked, Served
from app.evaluation.pages import render_comparison
from app.evaluation.result import ReportContents, evaluate_runs, restricted


def run_of(query_id: str, ranked: list[str], alone: dict[str, tuple[str, ...]] | None = None) -> QueryRun:
    """A run with these documents, and what was found in each language alone."""
    places = tuple(Ranked(doc_id, 1.0 - place / 1000) for place, doc_id in enumerate(ranked))
    return QueryRun(query_id=query_id, ranked=places, alone=alone or {})


def test_language_slices_are_calculated_by_hand() -> None:
    """Each relevant pair weighs the same, at its rank in the whole corpus; alone where somebody asked."""
    others = [f"x{n}" for n in range(98)]
    runs = [
        run_of("q1", ["zh1", "zh2", *others[:9], "en1"], {"en": ("en1",), "zh": ("zh1", "zh2")}),
        run_of("q2", [*others, "en1", "x", "en2"], {"en": ("x", "en1")}),
        run_of("q3", ["zh1"]),
    ]
    qrels = {"q1": {"zh1": 4, "zh2": 2, "en1": 3}, "q2": {"en1": 3, "en2": 4}, "q3": {"zh1": 3, "lost": 3}}
    langs = {"zh1": "zh", "zh2": "zh", "en1": "en", "en2": "en", "lost": None}
    collection = Collection(
        size=120, qrels=qrels, query_langs={"q1": "zh", "q2": "zh", "q3": "de"}, document_langs=langs
    )
    found = evaluate_runs(runs, collection).slices.languages
    assert set(found) == {"zh->zh", "zh->en", "de->zh", "de->und"}
    assert found["zh->zh"] == {
        "pairs": 1,
        "queries": 1,
        "documents": 2,
        "recall@10": 1.0,
        "recall@100": 1.0,
        "mrr": 1.0,
        "recall@10_alone": 1.0,
        "judged_ndcg@10": 0.0,
        "judged_spearman": 0.0,
        "level_score": pytest.approx(1 / 3),
        "calibration_error": None,
    }
    pairs = found["zh->en"]
    assert (pairs["pairs"], pairs["queries"]) == (3, 2)
    assert pairs["recall@10"] == 0.0
    assert pairs["recall@100"] == pytest.approx(2 / 3)
    assert pairs["mrr"] == pytest.approx((1 / 12 + 1 / 99 + 1 / 101) / 3)
    assert pairs["recall@10_alone"] == pytest.approx(2 / 3)
    assert found["de->zh"]["recall@10_alone"] is None
    assert (found["de->und"]["mrr"], found["de->und"]["recall@100"]) == (0.0, 0.0)


def test_query_lengths_are_cut_into_thirds() -> None:
    """Shortest to longest, only queries that count; queries of one length stay together."""
    runs = [QueryRun(query_id=f"q{n}") for n in range(7)]
    qrels = {f"q{n}": {"a": 4} for n in range(6)}
    lengths = {"q0": 5, "q1": 5, "q2": 5, "q3": 40, "q4": 50, "q5": 900, "q6": 9999}
    found = evaluate_runs(runs, Collection(size=1, qrels=qrels, query_lengths=lengths)).slices.query_length
    assert {name: (values["queries"], values["characters"]) for name, values in found.items()} == {
        "short": (3, [5, 5]),
        "middle": (1, [40, 40]),
        "long": (2, [50, 900]),
    }
    assert found["middle"]["interval"] is None
    assert found["long"]["interval"] == [0.0, 0.0]
    same = evaluate_runs(runs, Collection(size=1, qrels=qrels, query_lengths=dict.fromkeys(lengths, 7)))
    assert set(same.slices.query_length) == {"short"}


def served_run(query_id: str, ranked: list[str], **served: tuple[float, int | None]) -> QueryRun:
    """A run that served these scores and levels to judged documents."""
    found = {doc_id: Served(*pair) for doc_id, pair in served.items()}
    return replace(run_of(query_id, ranked), served=found, levelled=all(pair.level for pair in found.values()))


def test_asked_slices_are_calculated_by_hand() -> None:
    """Each way of asking has its own ranking, levels, reliability, and how far it moves a pair's score."""
    qrels = {"q": {"a": 4, "b": 1}}
    both = [served_run("q", ["a"], a=(0.9, 4), b=(0.1, 1)), run_of("unjudged", [])]
    text = [served_run("q", ["b"], b=(0.8, 3), a=(0.6, 3)), run_of("unjudged", [])]
    asked = {"title_and_text": both, "text": text}
    found = evaluate_runs(both, Collection(size=2, qrels=qrels), asked).slices.asked
    assert list(found) == ["title_and_text", "text"]
    assert found["title_and_text"] == {
        "queries": 1,
        "pairs": 2,
        "judged_ndcg@10": 1.0,
        "judged_spearman": 1.0,
        "recall@100": 1.0,
        "level_score": 1.0,
        "calibration_error": pytest.approx(0.1),
        "score_shift": 0.0,
    }
    assert found["text"]["judged_ndcg@10"] == pytest.approx(1 / np.log2(3))
    assert found["text"]["judged_spearman"] == -1.0
    assert found["text"]["recall@100"] == 0.0
    assert found["text"]["level_score"] == pytest.approx(1 / (1 + 3 / 2))
    assert found["text"]["calibration_error"] == pytest.approx((0.8 + 0.4) / 2)
    assert found["text"]["score_shift"] == pytest.approx((0.7 + 0.3) / 2)


def test_slices_of_a_run_file_have_no_levels_and_no_reliability() -> None:
    """Scores of another system are no probabilities."""
    runs = [served_run("q", ["a"], a=(17.0, None))]
    found = evaluate_runs(runs, Collection(size=1, qrels={"q": {"a": 4}}, query_lengths={"q": 3})).slices
    assert found.asked == {}
    short = found.query_length["short"]
    assert (short["level_score"], short["calibration_error"], short["judged_ndcg@10"]) == (None, None, 1.0)


def test_single_words_are_a_slice_of_their_own() -> None:
    """Only judged ones; without any there is no such slice."""
    runs = [served_run("word", ["a"], a=(0.9, 4)), served_run("need", [], a=(0.1, 1)), run_of("unjudged", [])]
    qrels = {"word": {"a": 4}, "need": {"a": 4}}
    collection = Collection(size=1, qrels=qrels, single_words=frozenset({"word", "unjudged"}))
    result = evaluate_runs(runs, collection)
    assert (result.slices.single_word["queries"], result.slices.single_word["level_score"]) == (1, 1.0)
    assert list(result.slices.rows()) == ["single word"]
    assert evaluate_runs(runs, replace(collection, single_words=frozenset())).slices.single_word == {}


def test_restricted_asks_are_measured_again() -> None:
    """Over fewer queries every slice is of these alone."""
    qrels = {"q1": {"a": 4}, "q2": {"a": 4}}
    runs = [served_run("q1", ["a"], a=(0.9, 4)), served_run("q2", [], a=(0.1, 1))]
    asked = {"title_and_text": runs, "title": runs}
    collection = Collection(size=1, qrels=qrels)
    contents = ReportContents(
        result=evaluate_runs(runs, collection, asked),
        runs=runs,
        qrels=qrels,
        query_titles={},
        document_titles={},
        collection=collection,
        asked=asked,
    )
    again = restricted(contents, {"q1"})
    assert contents.result.slices.asked["title"]["queries"] == 2
    assert (again.result.slices.asked["title"]["queries"], again.result.slices.asked["title"]["recall@100"]) == (1, 1.0)


def test_slices_are_in_the_json_and_on_the_page() -> None:
    """Plain JSON under `slices`; a row for each slice and system, a dash where a system lacks the value."""
    runs = [run_of("q", ["a"])]
    collection = Collection(size=1, qrels={"q": {"a": 4}}, query_langs={"q": "zh"}, document_langs={"a": "en"})
    result = evaluate_runs(runs, collection, {"title_and_text": runs, "text": runs})
    plain = json.loads(json.dumps(result.as_json()))["slices"]
    assert plain["languages"]["zh->en"]["recall@10"] == 1.0
    assert plain["query_length"] == plain["single_word"] == {}
    assert set(plain["asked"]) == {"title_and_text", "text"}
    system = ReportContents(
        result=result, runs=runs, qrels=collection.qrels, query_titles={}, document_titles={}, collection=collection
    )
    page = render_comparison(["one", "two"], [system, system])
    rows = [line for line in page.splitlines() if "<td>zh-&gt;en</td>" in line]
    assert [name in row for name, row in zip(("<td>one</td>", "<td>two</td>"), rows, strict=True)] == [True, True]
    assert all('<td class="number">-</td>' in row for row in rows)
    assert page.count("<td>text alone 仅正文</td>") == 2
    assert "<td>title alone 仅标题</td>" not in page
