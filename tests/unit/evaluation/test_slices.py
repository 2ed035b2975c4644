"""Slices by pair of languages and by length of the query, calculated by hand."""

from __future__ import annotations

import json

import pytest

from app.evaluation.collection import Collection, QueryRun, Ranked
from app.evaluation.pages import render_comparison
from app.evaluation.result import ReportContents, evaluate_runs


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


def test_slices_are_in_the_json_and_on_the_page() -> None:
    """Plain JSON under `slices`; a row for each slice and system, a dash where a system lacks the value."""
    runs = [run_of("q", ["a"])]
    collection = Collection(size=1, qrels={"q": {"a": 4}}, query_langs={"q": "zh"}, document_langs={"a": "en"})
    result = evaluate_runs(runs, collection)
    plain = json.loads(json.dumps(result.as_json()))["slices"]
    assert plain["languages"]["zh->en"]["recall@10"] == 1.0
    assert plain["query_length"] == {}
    system = ReportContents(
        result=result, runs=runs, qrels=collection.qrels, query_titles={}, document_titles={}, collection=collection
    )
    page = render_comparison(["one", "two"], [system, system])
    rows = [line for line in page.splitlines() if "<td>zh-&gt;en</td>" in line]
    assert [name in row for name, row in zip(("<td>one</td>", "<td>two</td>"), rows, strict=True)] == [True, True]
    assert all('<td class="number">-</td>' in row for row in rows)
