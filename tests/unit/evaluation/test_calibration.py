"""Measures of probabilities, what they object to, and the page that shows them."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from app.evaluation.calibration import CalibrationCheck, Quality, bins, median_levels, quality, skill
from app.evaluation.charts import reliability_plot
from app.evaluation.pages import render_calibration

GOOD = Quality(brier=0.08, log_loss=0.3, calibration_error=0.01, level_score=0.7)
POOR = Quality(brier=0.1, log_loss=0.4, calibration_error=0.05, level_score=0.6)


def check_of(**changed: object) -> CalibrationCheck:
    """A calibration that is better than everything else, on 400 pairs of 40 needs."""
    generator = np.random.default_rng(3)
    probabilities = np.sort(generator.random((400, 3)), axis=1)[:, ::-1]
    check = CalibrationCheck(
        held_out=GOOD,
        folds=(GOOD, GOOD),
        fold_spread=Quality(0.0, 0.0, 0.0, 0.0),
        served=POOR,
        served_by="built-in",
        built_in=POOR,
        base_rate=POOR,
        commonest=POOR,
        probabilities=probabilities,
        levels=1 + np.arange(400) % 4,
        needs=40,
        seen=False,
    )
    return replace(check, **changed)


def test_reliability_measures_by_hand() -> None:
    """Brier, log loss and level score of three pairs."""
    probabilities = np.array([[0.9, 0.8, 0.1], [0.6, 0.2, 0.0], [0.1, 0.0, 0.0]])
    found = quality(probabilities, np.array([3, 3, 1]))
    assert found.brier == pytest.approx((0.2**2 + 0.8**2) / 3)
    assert found.log_loss == pytest.approx((-np.log(0.8) - np.log(0.2) - np.log(1 - 1e-6)) / 3)
    assert median_levels(probabilities).tolist() == [3, 2, 1]
    assert found.level_score == pytest.approx(1 / (1 + 1 / 3))
    assert quality(probabilities, np.array([3, 3, 1]), np.array([1, 1, 1])).level_score == pytest.approx(
        1 / (1 + 4 / 3)
    )
    assert skill(0.08, 0.1) == pytest.approx(0.2)


def test_reliability_bins_hold_every_pair_once_and_cover_the_truth() -> None:
    """Of true probabilities, the share in each bin is near what was said, and the calibration error is near zero."""
    generator = np.random.default_rng(5)
    said = generator.random(20_000)
    was = (generator.random(20_000) < said).astype(np.float64)
    found = bins(said, was)
    assert sum(one.count for one in found) == 20_000
    assert len(found) == 10
    assert all(one.low < one.observed < one.high and abs(one.predicted - one.observed) < 0.04 for one in found)
    cumulative = np.column_stack([np.ones_like(said), said, np.zeros_like(said)])
    assert quality(cumulative, np.where(was > 0, 3, 2)).calibration_error < 0.02
    assert quality(cumulative**3, np.where(was > 0, 3, 2)).calibration_error > 0.1


def test_reliability_bins_of_equal_probabilities_are_one() -> None:
    """A base rate says the same of every pair: one bin, not ten of nothing."""
    (only,) = bins(np.full(50, 0.1), np.zeros(50))
    assert (only.count, only.observed, only.low) == (50, 0.0, 0.0)
    assert only.high == pytest.approx(0.0713, abs=1e-3)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"held_out": replace(GOOD, brier=0.11)}, ["base rate", "what is served"]),
        ({"served": replace(POOR, brier=0.05)}, ["what is served"]),
        ({"served": replace(POOR, level_score=0.8)}, ["level_score"]),
        ({"served": GOOD}, []),
        ({"served": replace(GOOD, brier=0.0797, level_score=0.7005)}, []),
        ({"served": replace(POOR, brier=0.05), "seen": True}, []),
    ],
)
def test_calibration_objects_to_what_is_worse_than_served(changed: dict[str, object], said: list[str]) -> None:
    """Worse by more than a hundredth is an objection, in both languages; its own judgements are no comparison."""
    found = check_of(**changed).objections()
    assert len(found) == len(said)
    for sentence, words in zip(found, said, strict=True):
        assert words in sentence.en
        assert any("一" <= char <= "鿿" for char in sentence.zh)


def test_calibration_warns_where_there_is_too_little() -> None:
    """Few needs, few pairs, and each level with few."""
    assert check_of().warnings() == []
    few = check_of(needs=29, levels=np.array([1] * 150 + [2] * 20 + [3] * 19), probabilities=np.full((189, 3), 0.5))
    texts = [one.en for one in few.warnings()]
    assert [text.split()[0:2] for text in texts] == [["only", "29"], ["only", "189"], ["level", "4"], ["level", "3"]]


def page_of(check: CalibrationCheck) -> str:
    """The report of a calibration that was not published."""
    described = {
        "calibration": {
            "id": "calibration-patents-20261124T090000Z-1a2b3c4d",
            "fitted_at": "2026-11-24",
            "target": "patents",
            "ranking": {"ranking": "centred", "version": 1, "fingerprint": "f" * 64},
        },
        "level_bounds": {"weak": 0.05, "fairly_strong": 0.5, "strong": 0.8},
        "measures": check.as_json(),
        "published": False,
    }
    return render_calibration(check, described)


def test_calibration_page_is_one_file_in_both_languages() -> None:
    """Three plots, a histogram, a table of levels; no script and nothing to fetch; texts are escaped."""
    page = page_of(check_of(served_by="<script>alert(1)</script>"))
    assert page.count("<figure>") == 3
    assert page.count("<svg") == 4
    assert "<script" not in page
    assert "http" not in page
    assert "校准报告" in page
    assert "Reliability" in page


def test_calibration_plot_is_well_formed_and_shows_each_bin() -> None:
    """A dot, an interval and a row of the table for each bin."""
    found = bins(np.linspace(0, 0.3, 200), (np.arange(200) % 7 == 0).astype(np.float64))
    plot = ElementTree.fromstring(reliability_plot(found, "#1a7f4b", "strong"))  # noqa: S314 - our own
    assert len(plot.findall(".//circle")) == len(found) == 10
    check = check_of()
    figures = re.findall("<figure>.*?</figure>", page_of(check), flags=re.DOTALL)
    for column, figure in enumerate(figures):
        tree = ElementTree.fromstring(figure)  # noqa: S314 - our own
        count = len(bins(check.probabilities[:, column], (check.levels >= column + 2).astype(np.float64)))
        assert len(tree.findall(".//circle")) == count
        assert len(tree.findall(".//td")) == 4 * count
        assert sum(int(row.findtext("td") or 0) for row in tree.findall(".//tr")) == len(check.levels)
