"""Comparisons: tested differences, the page, the table of queries, and what moved."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from app.evaluation.charts import BARS, forest, frequencies, query_bars
from app.evaluation.collection import Collection, QueryRun, Ranked, Served, Words
from app.evaluation.comparison import all_differences, moved
from app.evaluation.measures import level_score, measure_query
from app.evaluation.report import write_comparison
from app.evaluation.result import ReportContents, evaluate_runs
from app.evaluation.trec import write_qrels

QUERIES, DOCUMENTS = 12, 8
HOSTILE = "<script>&"


def contents(seed: int, quality: float, *, levelled: bool = True) -> ReportContents:
    """Judged queries whose documents are scored by their level and noise; ``quality`` is the level's part."""
    judges, generator = np.random.default_rng(0), np.random.default_rng(seed)
    qrels = {f"q{n}": {f"d{n}-{m}": int(judges.integers(1, 5)) for m in range(DOCUMENTS)} for n in range(QUERIES)}
    runs = []
    for query_id, levels in qrels.items():
        scores = {doc_id: quality * level + generator.uniform(0, 3) for doc_id, level in levels.items()}
        order = sorted(scores, key=scores.__getitem__, reverse=True)
        served = {doc_id: Served(scores[doc_id], int(generator.integers(1, 5))) for doc_id in order}
        ranked = tuple(Ranked(doc_id, scores[doc_id]) for doc_id in order)
        runs.append(QueryRun(query_id=query_id, ranked=ranked, served=served, levelled=levelled))
    collection = Collection(size=QUERIES * DOCUMENTS, qrels=qrels)
    titles = dict.fromkeys(qrels, HOSTILE)
    result = evaluate_runs(runs, collection)
    return ReportContents(
        result=result, runs=runs, qrels=qrels, query_titles=titles, document_titles={}, collection=collection
    )


def test_each_difference_is_tested_and_adjusted_for_all() -> None:
    """Means and level_score have p-values, Holm-adjusted over every later system; what is no mean has none."""
    systems = [contents(1, 0.0).result, contents(2, 3.0).result, contents(3, 0.0).result]
    first, good, same = all_differences(systems)
    assert first == {}
    assert good["judged_ndcg@10"].verdict == "better"
    assert same["judged_ndcg@10"].verdict == "unclear"
    tests = [each for found in (good, same) for each in found.values() if each.p_value is not None]
    assert len(tests) == 12
    least = min(each.p_value for each in tests if each.p_value is not None)
    assert min(each.p_holm for each in tests if each.p_holm is not None) == pytest.approx(12 * least)
    assert good["hub_share@10"].p_value is good["hub_share@10"].verdict is None
    alone = all_differences([systems[0], systems[1]])[1]["judged_ndcg@10"]
    assert alone.p_value == good["judged_ndcg@10"].p_value
    assert alone.tally is not None
    assert sum(alone.tally) == systems[0].counts["queries_in_judged_ndcg@10"]


def test_level_scores_are_tested_by_swapping_queries() -> None:
    """The p-value of level_score is that of recomputing it after every swap of the two systems' queries."""
    first, other = contents(1, 1.0).result, contents(2, 1.0).result
    rows = [(a.level_error, b.level_error) for a, b in zip(first.per_query, other.per_query, strict=True)]
    errors = np.array(rows, dtype=np.float64)
    found = all_differences([first, other])[1]["level_score"]

    def difference(swaps: int) -> float:
        swapped = np.array([row[::-1] if swaps >> n & 1 else row for n, row in enumerate(errors)])
        before, after = swapped.mean(axis=0)
        return level_score(after) - level_score(before)

    assert found.value == pytest.approx(difference(0))
    beyond = [abs(difference(swaps)) >= abs(found.value) - 1e-12 for swaps in range(2 ** len(errors))]
    assert found.p_value == pytest.approx(np.mean(beyond))
    assert found.tally is not None
    assert found.tally.wins == (errors[:, 1] < errors[:, 0]).sum()


def test_a_run_without_levels_has_no_level_score() -> None:
    """Neither a value nor a difference; everything that ranks is there."""
    found = all_differences([contents(1, 1.0).result, contents(2, 1.0, levelled=False).result])[1]
    assert set(found) == {
        "judged_ndcg@10",
        "judged_spearman",
        "ndcg@10",
        "mrr",
        "recall@100",
        "hub_share@10",
        "reach@10",
    }


def test_moved_documents_are_those_that_explain_the_difference() -> None:
    """Places among the judged and in the corpus, before and after; the sum of gains is the difference of the DCG."""
    levels = {"a": 4, "b": 2, "c": 1, "d": 3, "still": 3}
    before = QueryRun(
        query_id="q",
        ranked=(Ranked("still", 0.9), Ranked("x", 0.8), Ranked("b", 0.7)),
        served={doc_id: Served(1.0 - n / 10, 1) for n, doc_id in enumerate(["still", "b", "a", "c"])},
    )
    after = QueryRun(
        query_id="q",
        ranked=(Ranked("still", 0.9), Ranked("a", 0.8), Ranked("b", 0.7)),
        served={doc_id: Served(1.0 - n / 10, 1) for n, doc_id in enumerate(["still", "a", "b", "d", "c"])},
    )
    found = moved(before, after, levels)
    assert [each.doc_id for each in found] == ["d", "a", "b", "c"]
    assert (found[1].judged, found[1].corpus) == ((3, 2), (None, 2))
    assert (found[0].judged, found[0].corpus) == ((None, 4), (None, None))
    assert found[2].corpus == (3, 3)
    ideal = sum((2.0 ** (level - 1) - 1) / np.log2(n + 2) for n, level in enumerate([4, 3, 3, 2, 1]))
    rows = [measure_query(run, levels).judged_ndcg for run in (before, after)]
    assert None not in rows
    assert sum(each.gained for each in found) / ideal == pytest.approx(rows[1] - rows[0])


def written(folder: Path) -> str:
    """A comparison of three systems, and its page."""
    systems = [contents(1, 0.0), contents(2, 3.0), contents(3, 0.5, levelled=False)]
    notes = [Words("Something differs.", "有所不同。")]
    files = write_comparison(folder, ["old", "new", "run:../a b.trec"], systems, notes)
    assert all(file.is_file() for file in files)
    return (folder / "report.html").read_text("utf-8")


def test_the_page_of_a_comparison_answers_and_needs_no_network(tmp_path: Path) -> None:
    """A sentence for each later system, charts, notes and texts of other people escaped; no script and no link."""
    page = written(tmp_path)
    for part in (
        "2 new is better than 1 old on",
        "优于 1 old",
        "Something differs.",
        "有所不同。",
        "Queries that changed most",
        "judged documents moved",
        "in 1",
    ):
        assert part in page
    assert page.count("Differences with 95 % intervals") == 2
    assert "<script" not in page
    assert "http" not in page
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+", "", page)


def test_the_table_of_a_comparison_has_every_query(tmp_path: Path) -> None:
    """Each measure of each system, and the differences to the first, empty where one lacks the measure."""
    written(tmp_path)
    with (tmp_path / "per_query_comparison.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [row["query_id"] for row in rows] == [f"q{n}" for n in range(QUERIES)]
    for row in rows:
        difference = float(row["judged_ndcg_2"]) - float(row["judged_ndcg_1"])
        assert float(row["judged_ndcg_2-1"]) == pytest.approx(difference, abs=2e-6)
        assert row["level_error_3"] == row["level_error_3-1"] == ""


def test_each_system_has_a_folder_that_its_name_cannot_leave(tmp_path: Path) -> None:
    """A run file's name becomes one folder below, whatever it holds."""
    written(tmp_path)
    plain = json.loads((tmp_path / "comparison.json").read_text("utf-8"))
    folders = [entry["report"] for entry in plain["comparison"]]
    assert folders == ["1-old", "2-new", "3-run-..-a-b.trec"]
    assert all((tmp_path / folder / "report.html").is_file() for folder in folders)
    assert plain["notes"] == [{"en": "Something differs.", "zh": "有所不同。"}]


def inside(picture: str) -> bool:
    """Whether every bar, line and mark lies in the picture's box."""
    found = re.search(r'viewBox="0 0 (\S+) (\S+)"', picture)
    assert found
    width, height = map(float, found.groups())
    for shape in re.findall(r"<(?:rect|line|circle|text)[^>]*>", picture):
        at = {name: float(value) for name, value in re.findall(r' (c?[xy][12]?|width|height)="([-\d.]+)"', shape)}
        xs = [value for name, value in at.items() if "x" in name]
        ys = [value for name, value in at.items() if "y" in name]
        right, bottom = max(xs) + at.get("width", 0.0), max(ys) + at.get("height", 0.0)
        if not (min(xs) >= 0 and right <= width + 1 and min(ys) >= 0 and bottom <= height + 1):
            return False
    return True


@pytest.mark.parametrize("deltas", [[0.5], [0.0, 0.0], [0.3, -0.7, 0.0, 0.1], list(np.linspace(-1, 1, 1000))])
def test_every_query_has_a_bar_inside_the_picture(deltas: list[float]) -> None:
    """One bar a query, gained most first, as far as a screen can tell; and how many queries there are of each kind."""
    picture = query_bars(deltas, "mrr")
    assert picture.count("<rect") == min(len(deltas), BARS)
    assert inside(picture)
    assert f"{sum(value > 0 for value in deltas)} better" in picture


def test_charts_without_values_say_so() -> None:
    """No query, no interval, no answer: a sentence instead of an empty picture."""
    assert "No query counts" in query_bars([], "mrr")
    assert "No measure has an interval" in forest({})
    assert "No query has an answer" in frequencies(["a"], [[QueryRun(query_id="q")]])


def test_the_forest_and_the_frequencies_stay_inside_their_pictures() -> None:
    """A line for each interval; a bar for each system and row, with shares that add up to one."""
    systems = [contents(1, 0.0), contents(2, 3.0)]
    picture = forest(all_differences([systems[0].result, systems[1].result])[1])
    assert picture.count("<circle") == 6
    assert inside(picture)
    hub = [QueryRun(query_id=f"h{n}", ranked=(Ranked("hub", 1.0), Ranked(f"x{n}", 0.5))) for n in range(60)]
    both = frequencies(["even", "hubs"], [systems[0].runs, hub])
    assert inside(both)
    assert "50.0% · 1<" in both
    assert "50.0% · 60<" in both
    assert "100.0% · 96<" in both


def test_qrels_that_cannot_be_written_are_a_job_error(tmp_path: Path) -> None:
    """As for a run: one line with the reason."""
    with pytest.raises(Exception, match=r"cannot write qrels\.trec") as caught:
        write_qrels(tmp_path / "missing" / "qrels.trec", {"q": {"a": 4}})
    assert type(caught.value).__name__ == "JobError"
