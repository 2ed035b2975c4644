"""Pictures as inline SVG, without scripts and without other files: scores, probabilities, differences and exposure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from app.arrays import Doubles
from app.evaluation.calibration import Bin
from app.evaluation.collection import Qrels, QueryRun
from app.evaluation.comparison import Differences
from app.evaluation.measures import top_counts
from app.evaluation.statistics import tally

WIDTH, LEFT, GAP, AXIS = 720, 150, 10, 28
"""Pixels: of most pictures, of the names at their left, between rows, of a scale below."""
ROW, BINS, TICKS = 64, 30, 6
"""The histogram: pixels of one level's bars, how many bars, figures on its scale."""
SIZE, SIDE, TOP, DOT = 300, 46, 10, 4
"""The reliability plot: pixels of its square, left of it and above it, of a dot."""
HEIGHT, LINE, BAR = 180, 30, 14
"""Pixels of the bars by query, of one measure's line, of one system's bar."""
STEP, THICK = 24, 18
"""A push report's bars: pixels from one to the next, and of one."""
PLOT, MARGIN = 260, 48
"""The curve of limits: pixels of its height and around it."""

COLOURS: Mapping[int, str] = {4: "#1a7f4b", 3: "#5a9f2e", 2: "#c58a12", 1: "#9a9a9a"}
"""One colour a level; their lightness distinguishes them also without red and green."""
LEVEL_NAMES: Mapping[int, str] = {4: "strong 强相关", 3: "fairly strong 较强相关", 2: "weak 弱相关", 1: "none 无相关"}
BETTER, WORSE, NEITHER = "#1a7f4b", "#b3261e", "#777777"
SYSTEMS = ("#35618f", "#c58a12", "#6b4c9a", "#1a7f4b", "#9a4a3a")
"""Colours of systems, in their order, distinguished also by their lightness; a sixth begins again."""

BARS = 500
"""Bars that a screen can show apart; of more queries each bar is the mean of neighbours."""
OFTEN = ((1, 1), (2, 2), (3, 4), (5, 9), (10, 19), (20, 49), (50, None))
"""In how many top tens: the rows of the frequency picture, first and last included."""
BAR_ROOM = 0.8
"""Share of the width that the longest possible bar takes; the rest is for its figures."""
APART = 0.1
"""How far from zero the ends of a scale must be, as a share of it, lest their labels cover that of zero."""
ROOM = 0.08
"""Room left and right of the outermost interval, as a share of the scale."""


def element(name: str, /, *children: object, **attributes: object) -> Markup:
    """One element. Children that are not `Markup` are escaped; ``None`` leaves out a child or an attribute.

    An attribute named like a Python word ends in an underscore (``class_``); other underscores become hyphens. Lengths
    are rounded to a hundredth of a pixel.
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    shown = "".join(
        f' {key}="{f"{value:.2f}" if isinstance(value, float) else escape(value)}"' for key, value in given.items()
    )
    inside = "".join(escape(child) for child in children if child is not None)
    return Markup(f"<{name}{shown}>{inside}</{name}>" if inside else f"<{name}{shown}/>")  # noqa: S704 - all escaped


def _picture(width: float, height: float, label: str, *parts: Markup | None) -> Markup:
    return element("svg", *parts, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label)


def _text(content: str, x: float, y: float, **style: object) -> Markup:
    return element("text", content, x=x, y=y, **style)


def _quiet(content: str, x: float, y: float, anchor: str | None = None) -> Markup:
    return _text(content, x, y, text_anchor=anchor, class_="quiet")


def _rect(x: float, y: float, width: float, height: float, fill: str) -> Markup:
    return element("rect", x=x, y=y, width=width, height=height, fill=fill)


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str = "#888", **style: object) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, **style)


def scores_by_level(runs: Iterable[QueryRun], qrels: Qrels) -> dict[int, list[float]]:
    """The scores of the judged pairs that were served, by judged level, strongest first."""
    scores: dict[int, list[float]] = {level: [] for level in LEVEL_NAMES}
    for run in runs:
        levels = qrels.get(run.query_id, {})
        for doc_id, served in run.served.items():
            if doc_id in levels:
                scores[levels[doc_id]].append(served.score)
    return scores


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
    bottom = len(levels) * (ROW + GAP)
    parts = [
        part
        for place, level in enumerate(levels)
        for part in _level_row(level, np.array(scores_by_level[level]), edges, place * (ROW + GAP))
    ]
    ticks = zip(np.linspace(edges[0], edges[-1], TICKS), np.linspace(LEFT + 16, WIDTH - 16, TICKS), strict=True)
    axis = [_quiet(f"{value:.3f}", x, bottom + 14, "middle") for value, x in ticks]
    label = "Scores by judged level · 各评判等级的得分分布"
    return _picture(WIDTH, bottom + AXIS, label, *parts, _line(LEFT, bottom, WIDTH, bottom), *axis)


def _level_row(level: int, scores: Doubles, edges: Doubles, top: int) -> list[Markup]:
    counts, _ = np.histogram(scores, edges)
    tallest, width = max(1, int(counts.max())), (WIDTH - LEFT) / BINS
    parts = [
        _text(LEVEL_NAMES[level], 0, top + ROW / 2),
        _quiet(f"{len(scores)} pairs", 0, top + ROW / 2 + 16),
        *(
            _rect(
                LEFT + place * width,
                top + ROW * (1 - count / tallest),
                width - 1,
                ROW * count / tallest,
                COLOURS[level],
            )
            for place, count in enumerate(counts.tolist())
            if count
        ),
    ]
    if len(scores):
        median = LEFT + (WIDTH - LEFT) * float((np.median(scores) - edges[0]) / (edges[-1] - edges[0]))
        parts.append(_line(median, top, median, top + ROW, "#000", stroke_dasharray="3 3"))
    return parts


def reliability_plot(bins: Sequence[Bin], colour: str, label: str) -> Markup:
    """One threshold: a dot a bin with its 95 % interval, and the diagonal on which the dots should lie.

    The scales end at the largest value that occurs, since few pairs are strong.

    Args:
        bins: of equal count, least probable first.
        colour: of the dots.
        label: what the picture is of, for those who cannot see it.
    """
    most = min(1.0, max([*(one.high for one in bins), *(one.predicted for one in bins), 0.1]) * 1.05)

    def x(value: float) -> float:
        return SIDE + SIZE * value / most

    def y(value: float) -> float:
        return TOP + SIZE * (1.0 - value / most)

    parts = [
        element("rect", x=SIDE, y=TOP, width=SIZE, height=SIZE, fill="none", stroke="#bbb", stroke_width=1),
        _line(x(0), y(0), x(most), y(most), stroke_dasharray="4 4"),
    ]
    for step in (most * part / 4 for part in range(5)):
        parts += [_quiet(f"{step:.2f}", x(step), TOP + SIZE + 16, "middle")]
        parts += [_quiet(f"{step:.2f}", SIDE - 6, y(step) + 4, "end")]
    parts.append(_quiet("predicted · 预测概率 → / observed · 实际比例 ↑", SIDE + SIZE / 2, TOP + SIZE + 34, "middle"))
    for one in bins:
        at = x(one.predicted)
        title = element("title", f"{one.count} pairs: predicted {one.predicted:.3f}, observed {one.observed:.3f}")
        parts.append(_line(at, y(one.low), at, y(one.high), colour))
        parts.append(element("circle", title, cx=at, cy=y(one.observed), r=DOT, fill=colour))
    return _picture(SIDE + SIZE + 26, TOP + SIZE + 42, label, *parts)


def query_bars(differences: Sequence[float], measure: str) -> Markup:
    """One bar a query (or few), gained most to lost most: whether many moved a little or a few a lot.

    Args:
        differences: the second system's value less the first's, one a query.
        measure: what they are differences of.

    Returns:
        An ``svg`` element, or a sentence where there is no query.
    """
    if not differences:
        return element("p", "No query counts in both. · 没有在两者中都有效的查询。")
    ordered = np.sort(np.array(differences, dtype=np.float64))[::-1]
    scale = max(float(np.abs(ordered).max()), 1e-9)
    shown = [float(group.mean()) for group in np.array_split(ordered, min(BARS, len(ordered)))]
    middle, width = HEIGHT / 2, (WIDTH - LEFT) / len(shown)
    bars = [
        _rect(
            LEFT + place * width,
            middle - max(value, 0.0) / scale * middle,
            max(width - 0.5, 0.4),
            abs(value) / scale * middle,
            BETTER if value > 0 else WORSE,
        )
        for place, value in enumerate(shown)
    ]
    wins, ties, losses = tally(ordered)
    return _picture(
        WIDTH,
        HEIGHT,
        f"Differences by query, {measure} · 各查询的差异",
        *bars,
        _line(LEFT, middle, WIDTH, middle),
        _text(measure, 0, 16),
        _text(f"{wins} better 更好", 0, middle - 20, fill=BETTER),
        _quiet(f"{ties} the same 相同", 0, middle + 4),
        _text(f"{losses} worse 更差", 0, middle + 28, fill=WORSE),
        _quiet(f"scale 刻度 ±{scale:.3f}", 0, HEIGHT - 6),
    )


def forest(differences: Differences) -> Markup:
    """Each measure's difference with its interval against the line of no difference.

    Returns:
        An ``svg`` element, or a sentence where no measure has an interval.
    """
    rows = [(name, found, found.interval) for name, found in differences.items() if found.interval is not None]
    if not rows:
        return element("p", "No measure has an interval. · 没有带区间的指标。")
    ends = [0.0, *(end for _, _, interval in rows for end in (interval.low, interval.high))]
    room = max(max(ends) - min(ends), 1e-9) * ROOM
    low, high = min(ends) - room, max(ends) + room

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT) * (value - low) / (high - low)

    bottom = len(rows) * LINE
    parts = [_line(x(0.0), 0, x(0.0), bottom + 4, stroke_dasharray="3 3")]
    for place, (name, found, interval) in enumerate(rows):
        colour, y = {"better": BETTER, "worse": WORSE}.get(str(found.verdict), NEITHER), place * LINE + LINE / 2
        parts += [
            _text(name, 0, y + 4),
            _line(x(interval.low), y, x(interval.high), y, colour, stroke_width=3),
            element("circle", cx=x(found.value), cy=y, r=5, fill=colour),
        ]
    parts += [
        _quiet(f"{value:+.3f}", x(value), bottom + 18, "middle")
        for value in (low + room, 0.0, high - room)
        if value == 0.0 or abs(value) > APART * (high - low)
    ]
    return _picture(WIDTH, bottom + AXIS, "Differences with 95 % intervals · 差异及 95% 区间", *parts)


def frequencies(names: Sequence[str], runs: Sequence[Sequence[QueryRun]]) -> Markup:
    """How the places of all top tens spread over documents: hubs take many of the places in the lowest rows.

    Args:
        names: of the systems.
        runs: each system's answers.

    Returns:
        An ``svg`` element, a row for each number of top tens that a document is in, a bar for each system.
    """
    shares = [_shares(each) for each in runs]
    rows = [bounds for bounds in OFTEN if any(each[bounds][0] for each in shares)]
    if not rows:
        return element("p", "No query has an answer. · 没有任何查询有结果。")
    height = len(runs) * BAR + GAP
    bottom = len(rows) * height
    colours = [SYSTEMS[place % len(SYSTEMS)] for place in range(len(runs))]
    parts = []
    for place, bounds in enumerate(rows):
        parts.append(_text(_often(*bounds), 0, place * height + BAR - 2))
        for system, each in enumerate(shares):
            (share, documents), y = each[bounds], place * height + system * BAR
            width = share * (WIDTH - LEFT) * BAR_ROOM
            parts.append(_rect(LEFT, y, width, BAR - 2, colours[system]))
            parts.append(_quiet(f"{share:.1%} · {documents}", LEFT + width + 6, y + BAR - 3))
    for system, name in enumerate(names):
        y = bottom + system * BAR
        parts += [_rect(LEFT, y, 10, 10, colours[system]), _quiet(name, LEFT + 16, y + 10)]
    label = "Places of top tens by document · 前 10 名位次的分布"
    return _picture(WIDTH, bottom + len(names) * BAR + GAP, label, *parts)


def _often(first: int, last: int | None) -> str:
    if last is None:
        return f"in {first} or more"
    return f"in {first}" if first == last else f"in {first} to {last}"


def _shares(runs: Sequence[QueryRun]) -> Mapping[tuple[int, int | None], tuple[float, int]]:
    """For each row the share of all places, and how many documents hold them."""
    often = top_counts(runs)
    places = max(1, often.total())
    found = {}
    for first, last in OFTEN:
        counts = [count for count in often.values() if first <= count and (last is None or count <= last)]
        found[first, last] = sum(counts) / places, len(counts)
    return found


def bars(counts: Mapping[str, int], label: str) -> Markup:
    """One horizontal bar a name, in the given order, scaled to the largest."""
    largest = max(counts.values(), default=0) or 1
    parts = []
    for place, (name, count) in enumerate(counts.items()):
        top, width = place * STEP, (WIDTH - LEFT - 100) * count / largest
        parts += [
            _text(name, 0, top + 14),
            _rect(LEFT + 10, top, width, THICK, SYSTEMS[0]),
            _quiet(f"{count:,}", LEFT + width + 16, top + 14),
        ]
    return _picture(WIDTH, len(counts) * STEP, label, *parts)


def grouped(histogram: Mapping[str, int]) -> dict[str, int]:
    """Numbers of patents by how often they are shown: 0, 1, 2, 3-4, 5-8, ... places."""
    found: dict[str, int] = {}
    for times, count in sorted((int(times), count) for times, count in histogram.items()):
        low = 1
        while low * 2 < times:
            low *= 2
        name = str(times) if times <= 2 else f"{low + 1}-{low * 2}"
        found[name] = found.get(name, 0) + count
    return found


def curve(points: Sequence[Mapping[str, Any]], label: str) -> Markup:
    """Value kept against coverage, a point for each pair of cap and floor, named beside it."""
    across, up = ([float(point[name]) for point in points] for name in ("coverage", "kept"))
    parts = [
        _line(MARGIN, PLOT - 20, WIDTH - MARGIN, PLOT - 20),
        _quiet(f"coverage 覆盖率 {min(across):.2f} - {max(across):.2f}", MARGIN, PLOT - 4),
        _quiet(f"value kept 保留价值 {min(up):.3f} - {max(up):.3f}", 0, 12),
    ]
    for point, coverage, kept in zip(points, across, up, strict=True):
        x = MARGIN + (WIDTH - 2 * MARGIN - 60) * (coverage - min(across)) / ((max(across) - min(across)) or 1.0)
        y = MARGIN / 2 + (PLOT - MARGIN) * (1 - (kept - min(up)) / ((max(up) - min(up)) or 1.0))
        parts += [
            _rect(x - 4, y - 4, 8, 8, SYSTEMS[1]),
            _quiet(f"{point['cap'] or '∞'}/{point['floor']}", x + 8, y + 4),
        ]
    return _picture(WIDTH, PLOT, label, *parts)
