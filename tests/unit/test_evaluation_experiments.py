"""Experiments side by side: over folds, against the reference, and as a table in a document."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.errors import InputError
from app.evaluation.collection import Collection
from app.evaluation.experiment_page import BEGIN, END, between_markers, markdown, written_into
from app.evaluation.experiments import COMPARED, Experiment, folds_by_title, rows_of, runs_of
from app.evaluation.result import evaluate_runs

GENERATOR = np.random.default_rng(5)
IDS = [f"d{n:03}" for n in range(200)]
QUERIES = [f"q{n:02}" for n in range(24)]
TITLES = {key: f"t{n // 2}" for n, key in enumerate(QUERIES)}  # each title twice
QRELS = {key: {IDS[n]: int(GENERATOR.integers(1, 5)) for n in GENERATOR.permutation(200)[:20]} for key in QUERIES}
COLLECTION = Collection(size=len(IDS), qrels=QRELS)


def experiment(name: str, noise: float) -> Experiment:
    """An experiment that knows the levels, but for this much noise."""
    levels = np.array([[QRELS[key].get(document, 0) for document in IDS] for key in QUERIES], dtype=np.float64)
    scores = levels + np.random.default_rng(7).standard_normal(levels.shape) * noise
    return Experiment(group="g", name=name, runs=tuple(runs_of(scores, QUERIES, IDS, COLLECTION).values()))


def test_experiments_have_the_measures_of_an_evaluation() -> None:
    """Each figure is the one that `evaluate` gives for the same answers."""
    one = experiment("noisy", 2.0)
    (row,) = rows_of([one], COLLECTION, TITLES, "noisy")
    result = evaluate_runs(one.runs, COLLECTION)
    for name in COMPARED:
        assert row.figures[name].value == pytest.approx(result.measures[name])
    assert (row.hub_share, row.reach) == (result.measures["hub_share@10"], result.measures["reach@10"])


def test_experiments_are_compared_with_the_first() -> None:
    """One that knows more is better beyond chance; the reference differs from itself by nothing."""
    first, better = rows_of([experiment("noisy", 3.0), experiment("clear", 0.3)], COLLECTION, TITLES, "noisy")
    figure = better.figures["judged_ndcg@10"]
    assert figure.told
    assert figure.interval is not None
    assert 0 < figure.interval.low < figure.difference < figure.interval.high
    own = first.figures["judged_ndcg@10"]
    assert (own.difference, own.told) == (0.0, False)
    assert len(own.folds) == 5
    assert own.mean == pytest.approx(np.mean(own.folds))
    assert own.deviation == pytest.approx(np.std(own.folds, ddof=1))
    with pytest.raises(ValueError, match="not noisy"):
        rows_of([experiment("clear", 0.3)], COLLECTION, TITLES, "noisy")


def test_experiments_rank_equal_scores_by_id() -> None:
    """As the service does; nothing depends on how a sort is made."""
    run = runs_of(np.zeros((1, len(IDS))), QUERIES[:1], IDS, COLLECTION)[QUERIES[0]]
    assert [match.doc_id for match in run.ranked] == IDS[:100]


def test_experiments_folds_keep_a_title_together_and_are_of_like_size() -> None:
    """Each title has one fold; no fold is larger than another by more than one title; the same for a seed."""
    folds = folds_by_title(TITLES.values())
    assert folds == folds_by_title(reversed(TITLES.values()))
    sizes = np.bincount(list(folds.values()))
    assert (len(folds), len(sizes)) == (12, 5)
    assert sizes.max() - sizes.min() <= 1
    assert set(folds_by_title(["a", "b"]).values()) == {0, 1}


def test_experiments_repeated_titles_count_as_one_draw() -> None:
    """Copies of a query leave the figures as they are and do not make an interval narrower."""
    noisy, clear = experiment("noisy", 3.0), experiment("clear", 1.5)
    apart = {key: key for key in QUERIES}
    wide = rows_of([noisy, clear], COLLECTION, TITLES, "noisy")[1].figures["judged_spearman"]
    alone = rows_of([noisy, clear], COLLECTION, apart, "noisy")[1].figures["judged_spearman"]
    assert wide.value == pytest.approx(alone.value)
    assert wide.interval != alone.interval


def test_experiments_are_written_between_the_markers(tmp_path: Path) -> None:
    """What people wrote around them stays; a second time gives the same file; a new file has the markers."""
    rows = rows_of([experiment("noisy", 3.0), experiment("clear", 0.3)], COLLECTION, TITLES, "noisy")
    page, new = tmp_path / "quality.md", tmp_path / "new.md"
    page.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\n\nAfter\n", encoding="utf-8")
    block = markdown(rows, {"documents": 200})
    for _ in range(2):
        written_into(page, block)
        text = page.read_text(encoding="utf-8")
        assert text == f"# Before\n\n{BEGIN}\n\n{block}\n{END}\n\nAfter\n"
    written_into(new, block)
    assert new.read_text(encoding="utf-8") == f"{BEGIN}\n\n{block}\n{END}\n"
    (line,) = [line for line in block.splitlines() if line.startswith("| clear ")]
    assert f"**{rows[1].figures['judged_ndcg@10'].difference:+.3f}**" in line
    assert "documents 200. Compared with: noisy." in block


@pytest.mark.parametrize("text", ["", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{BEGIN}\n{END}\n"])
def test_experiments_need_their_markers(text: str) -> None:
    """A document without both markers in their order is not written over."""
    with pytest.raises(InputError, match="once each"):
        between_markers(text, "table", "quality.md")
