"""A report keeps what a later comparison needs, and tells whether it was about the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import InputError
from app.evaluation.collection import Collection, QueryRun, Ranked, Served
from app.evaluation.earlier import EarlierReport, read_report, sameness
from app.evaluation.report import write_comparison, write_report
from app.evaluation.result import ReportContents, evaluate_runs, restricted

QRELS = {"q 1": {"a": 4, "b%": 1, "gone": 3}, "q2": {"a": 1, "b%": 3}, "q3": {"a": 4}}


def contents() -> ReportContents:
    """Three judged queries and one without judgements: one failed, one has a judged document that was not served."""
    runs = [
        QueryRun(
            query_id="q 1",
            ranked=(Ranked("a", 0.1 + 0.2), Ranked("b%", 1 / 3)),
            served={"b%": Served(1 / 3, 1), "a": Served(0.1 + 0.2, 3)},
            alone={"zh": ("a", "x"), "en": ()},
        ),
        QueryRun(query_id="q2", ranked=(Ranked("b%", 0.5),), served={"b%": Served(0.5, 2), "a": Served(0.5, 2)}),
        QueryRun(query_id="q3", error="the text is empty"),
        QueryRun(query_id="q4", ranked=(Ranked("x", 0.25),)),
    ]
    langs = {"a": "zh", "b%": "en", "gone": "en"}
    collection = Collection(size=4, qrels=QRELS, query_langs={"q 1": "zh"}, document_langs=langs)
    result = evaluate_runs(runs, collection)
    return ReportContents(
        result=replace(result, encoder={"name": "e5", "fingerprint": "f" * 64}, material={"corpus": "c1"}),
        runs=runs,
        qrels=QRELS,
        query_titles={},
        document_titles={},
        collection=collection,
        query_digests={run.query_id: f"text of {run.query_id}" for run in runs},
    )


def reread(folder: Path) -> EarlierReport:
    """The report of `contents`, written and read."""
    write_report(folder, contents())
    return read_report(folder)


def test_a_report_read_again_measures_the_same(tmp_path: Path) -> None:
    """Every measure, slice and row is the same to the last digit, whatever the ids; ties keep their order."""
    given, earlier = contents(), reread(tmp_path)
    again = evaluate_runs([earlier.runs[run.query_id] for run in given.runs], given.collection)
    assert again.measures == given.result.measures
    assert again.per_query == given.result.per_query
    assert again.slices == given.result.slices
    assert (earlier.qrels, earlier.query_digests) == (QRELS, given.query_digests)
    assert earlier.origin["encoder"] == given.result.encoder


def test_a_report_about_the_same_has_nothing_to_note(tmp_path: Path) -> None:
    """All queries are common, and nothing is said."""
    same = sameness(reread(tmp_path), contents())
    assert same.common == {"q 1", "q2", "q3", "q4"}
    assert same.notes == ()


def test_what_differs_is_left_out_and_said(tmp_path: Path) -> None:
    """Another text, other judgements, a query of one side only and another corpus, each in both languages."""
    now = contents()
    now = replace(
        now,
        result=replace(now.result, material={"corpus": "c2"}),
        qrels=QRELS | {"q2": {"a": 2, "b%": 3}},
        query_digests={"q 1": "text of q 1", "q2": "text of q2", "q3": "changed", "q5": "new"},
    )
    same = sameness(reread(tmp_path), now)
    assert same.common == {"q 1"}
    told = "\n".join(note.en for note in same.notes)
    for part in (
        "1 queries are only in the earlier report and are left out: q4.",
        "1 queries are not in the earlier report and are left out: q5.",
        "1 queries had another text then and are left out: q3.",
        "1 queries had other judgements then and are left out: q2.",
        "Compared over the 1 queries",
        "The corpus was another one then",
    ):
        assert part in told
    assert "当时的评判不同" in "".join(note.zh for note in same.notes)


def test_reports_with_no_query_in_common_cannot_be_compared(tmp_path: Path) -> None:
    """Nothing can be paired, so nothing is measured."""
    with pytest.raises(InputError, match="no query with the same text"):
        sameness(reread(tmp_path), replace(contents(), query_digests={"other": "x"}))


def test_restricted_contents_are_measured_anew() -> None:
    """Means, counts and slices are of the queries that are left; where they are from is kept."""
    given = contents()
    left = restricted(given, {"q 1", "q4"})
    assert [run.query_id for run in left.runs] == ["q 1", "q4"]
    assert left.result.counts["queries"] == 2
    assert left.result.measures["mrr"] == given.result.per_query[0].reciprocal_rank
    assert left.qrels == left.collection.qrels == {"q 1": QRELS["q 1"]}
    assert left.result.encoder == given.result.encoder


def test_a_comparisons_folder_stands_for_what_was_measured_then(tmp_path: Path) -> None:
    """The next comparison may name it, and the reports of other kinds that lay there are gone."""
    write_report(tmp_path, contents())
    later = restricted(contents(), {"q2"})
    write_comparison(tmp_path, ["a", "b"], [replace(later, runs=[QueryRun(query_id="q2")]), later], now=1)
    assert read_report(tmp_path).runs == {"q2": contents().runs[1]}
    assert not (tmp_path / "judged.jsonl").exists()
    write_report(tmp_path, contents())
    assert len(read_report(tmp_path).runs) == 4
    assert not (tmp_path / "comparison.json").exists()


def test_folders_that_are_no_report_are_refused(tmp_path: Path) -> None:
    """What is missing or damaged is named, with the remedy."""
    with pytest.raises(InputError, match=r"has no judged\.jsonl, measures\.json, run\.trec.*with --report"):
        read_report(tmp_path)
    for content, part in (("[]\n", "line 1: is not a JSON object"), ('{"id": "q"}\n', "line 1: is not a line")):
        write_report(tmp_path, contents())
        (tmp_path / "judged.jsonl").write_text(content)
        with pytest.raises(InputError, match=part):
            read_report(tmp_path)
    write_report(tmp_path, contents())
    (tmp_path / "measures.json").write_text("{")
    with pytest.raises(InputError, match=r"measures\.json cannot be read"):
        read_report(tmp_path)


def test_the_kept_lines_are_plain_json(tmp_path: Path) -> None:
    """Other programs read a judged pair's score, level and language, and of a relevant one whether it was found."""
    write_report(tmp_path, contents())
    first = json.loads((tmp_path / "judged.jsonl").read_text("utf-8").splitlines()[0])
    assert first["id"] == "q 1"
    assert first["judged"] == [
        {"id": "b%", "level": 1, "score": 1 / 3, "served_level": 1, "language": "en", "found_alone": None},
        {"id": "a", "level": 4, "score": 0.1 + 0.2, "served_level": 3, "language": "zh", "found_alone": True},
        {"id": "gone", "level": 3, "score": None, "served_level": None, "language": "en", "found_alone": False},
    ]
