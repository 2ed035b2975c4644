"""Pictures of an evaluation as inline SVG, without scripts and without other files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from app.evaluation.collection import Qrels, QueryRun
from app.evaluation.elements import Markup, element, joined

BINS = 30
WIDTH, ROW, LEFT, GAP, AXIS = 720, 64, 150, 10, 28
"""Pixels: of the whole picture, of one level's bars, left of them for its name, between rows, below for the scale."""

TICKS = 6

COLOURS: Mapping[int, str] = {4: "#1a7f4b", 3: "#5a9f2e", 2: "#c58a12", 1: "#9a9a9a"}
"""One colour a level, told apart also without red and green by their lightness."""

LEVEL_NAMES: Mapping[int, str] = {4: "strong 强相关", 3: "fairly strong 较强相关", 2: "weak 弱相关", 1: "none 无相关"}


def score_histogram(scores_by_level: Mapping[int, Sequence[float]]) -> Markup:
    """How scores are spread: a row of bars a judged level, strongest on top, each row scaled to its own tallest bar.

    Args:
        scores_by_level: level 1 to 4 -> scores of the pairs judged so.

    Returns:
        An ``svg`` element, or a sentence where there is no pair.
    """
    everything = np.array([score for scores in scores_by_level.values() for score in scores], dtype=np.float64)
    if not len(everything):
        return element("p", "No judged pair was served. · 没有可显示的评判对。")
    low, high = float(everything.min()), float(everything.max())
    edges = np.linspace(low, high if high > low else low + 1e-6, BINS + 1)
    levels = sorted(scores_by_level, reverse=True)
    rows = [_row(level, np.array(scores_by_level[level]), edges, at) for at, level in enumerate(levels)]
    bottom = len(levels) * (ROW + GAP)
    return element(
        "svg",
        *rows,
        _axis(edges, bottom),
        viewBox=f"0 0 {WIDTH} {bottom + AXIS}",
        role="img",
        aria_label="Scores by judged level · 各评判等级的得分分布",
    )


def scores_by_level(runs: Iterable[QueryRun], qrels: Qrels) -> dict[int, list[float]]:
    """The scores of the judged pairs that were served, by judged level, strongest first."""
    scores: dict[int, list[float]] = {level: [] for level in LEVEL_NAMES}
    for run in runs:
        levels = qrels.get(run.query_id, {})
        for doc_id, served in run.served.items():
            if doc_id in levels:
                scores[levels[doc_id]].append(served.score)
    return scores


def _row(level: int, scores: npt.NDArray[np.float64], edges: npt.NDArray[np.float64], at: int) -> Markup:
    counts, _ = np.histogram(scores, edges)
    top, tallest = at * (ROW + GAP), max(1, int(counts.max()))
    width = (WIDTH - LEFT) / BINS
    bars = [
        element(
            "rect",
            x=f"{LEFT + place * width:.1f}",
            y=f"{top + ROW * (1 - count / tallest):.1f}",
            width=f"{width - 1:.1f}",
            height=f"{ROW * count / tallest:.1f}",
            fill=COLOURS[level],
        )
        for place, count in enumerate(counts)
        if count
    ]
    name = element("text", LEVEL_NAMES[level], x=0, y=top + ROW / 2)
    size = element("text", f"{len(scores)} pairs", x=0, y=top + ROW / 2 + 16, class_="quiet")
    return joined(name, size, *bars, _median(scores, edges, top))


def _median(scores: npt.NDArray[np.float64], edges: npt.NDArray[np.float64], top: float) -> Markup | None:
    if not len(scores):
        return None
    x = LEFT + (WIDTH - LEFT) * (float(np.median(scores)) - edges[0]) / (edges[-1] - edges[0])
    return element("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=top, y2=top + ROW, stroke="#000", stroke_dasharray="3 3")


def _axis(edges: npt.NDArray[np.float64], bottom: float) -> Markup:
    ticks = [
        element("text", f"{value:.3f}", x=f"{x:.1f}", y=bottom + 14, text_anchor="middle", class_="quiet")
        for value, x in zip(
            np.linspace(edges[0], edges[-1], TICKS), np.linspace(LEFT + 16, WIDTH - 16, TICKS), strict=True
        )
    ]
    return joined(element("line", x1=LEFT, x2=WIDTH, y1=bottom, y2=bottom, stroke="#888"), *ticks)
