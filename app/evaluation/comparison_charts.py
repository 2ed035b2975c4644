"""Pictures of a comparison as inline SVG: differences by query and by measure, and how often documents come up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from app.evaluation.charts import GAP, LEFT, WIDTH
from app.evaluation.collection import QueryRun
from app.evaluation.comparison import Difference, Differences
from app.evaluation.elements import Markup, element, joined
from app.evaluation.measures import top_counts
from app.evaluation.significance import tally

HEIGHT, LINE, BAR, AXIS = 180, 30, 14, 28
"""Pixels: of the bars by query, of a measure's line, of one system's bar, below for a scale."""

BETTER, WORSE, NEITHER = "#1a7f4b", "#b3261e", "#777777"
SYSTEMS = ("#35618f", "#c58a12", "#6b4c9a", "#1a7f4b", "#9a4a3a")
"""Colours of systems, in their order, told apart also by their lightness; a sixth begins anew."""

BARS = 500
"""Bars that a screen can tell apart; of more queries each bar is the mean of neighbours."""

OFTEN = ((1, 1), (2, 2), (3, 4), (5, 9), (10, 19), (20, 49), (50, None))
"""In how many top tens: the rows of the frequency picture, first and last included."""

BAR_ROOM = 0.8
"""Share of the width that the longest possible bar takes; the rest is for its figures."""

APART = 0.1
"""Share of the scale by which the ends must be away from zero, lest their labels cover its label."""

MARGIN = 0.08
"""Room left and right of the outermost interval, as a share of the scale."""


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
        element(
            "rect",
            x=f"{LEFT + place * width:.2f}",
            y=f"{middle - max(value, 0.0) / scale * middle:.2f}",
            width=f"{max(width - 0.5, 0.4):.2f}",
            height=f"{abs(value) / scale * middle:.2f}",
            fill=BETTER if value > 0 else WORSE,
        )
        for place, value in enumerate(shown)
    ]
    wins, ties, losses = tally(ordered)
    labels = [
        element("text", measure, x=0, y=16),
        element("text", f"{wins} better 更好", x=0, y=middle - 20, fill=BETTER),
        element("text", f"{ties} the same 相同", x=0, y=middle + 4, class_="quiet"),
        element("text", f"{losses} worse 更差", x=0, y=middle + 28, fill=WORSE),
        element("text", f"scale 刻度 ±{scale:.3f}", x=0, y=HEIGHT - 6, class_="quiet"),
    ]
    zero = element("line", x1=LEFT, x2=WIDTH, y1=f"{middle:.1f}", y2=f"{middle:.1f}", stroke="#888")
    return _picture(HEIGHT, f"Differences by query, {measure} · 各查询的差异", *bars, zero, *labels)


def forest(differences: Differences) -> Markup:
    """Each measure's difference with its interval against the line of no difference.

    Returns:
        An ``svg`` element, or a sentence where no measure has an interval.
    """
    rows = [(name, found) for name, found in differences.items() if found.interval is not None]
    if not rows:
        return element("p", "No measure has an interval. · 没有带区间的指标。")
    ends = [end for _, found in rows if found.interval for end in (found.interval.low, found.interval.high, 0.0)]
    low, high = min(ends), max(ends)
    room = max(high - low, 1e-9) * MARGIN
    low, high = low - room, high + room

    def x(value: float) -> str:
        return f"{LEFT + (WIDTH - LEFT) * (value - low) / (high - low):.1f}"

    bottom = len(rows) * LINE
    marks = [_interval(name, found, place * LINE + LINE / 2, x) for place, (name, found) in enumerate(rows)]
    ticks = [
        element("text", f"{value:+.3f}", x=x(value), y=bottom + 18, text_anchor="middle", class_="quiet")
        for value in (low + room, 0.0, high - room)
        if value == 0.0 or abs(value) > APART * (high - low)
    ]
    zero = element("line", x1=x(0.0), x2=x(0.0), y1=0, y2=bottom + 4, stroke="#888", stroke_dasharray="3 3")
    return _picture(bottom + AXIS, "Differences with 95 % intervals · 差异及 95% 区间", zero, *marks, *ticks)


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
    marks = [
        joined(
            element("text", _often(bounds), x=0, y=top + BAR - 2),
            *(_bar(each[bounds], top, system) for system, each in enumerate(shares)),
        )
        for bounds, top in ((bounds, place * height) for place, bounds in enumerate(rows))
    ]
    bottom = len(rows) * height
    legend = [
        joined(
            element("rect", x=LEFT, y=bottom + place * BAR, width=10, height=10, fill=_colour(place)),
            element("text", name, x=LEFT + 16, y=bottom + place * BAR + 10, class_="quiet"),
        )
        for place, name in enumerate(names)
    ]
    label = "Places of top tens by document · 前 10 名位次的分布"
    return _picture(bottom + len(names) * BAR + GAP, label, *marks, *legend)


def _interval(name: str, found: Difference, y: float, x: Callable[[float], str]) -> Markup:
    colour = {"better": BETTER, "worse": WORSE}.get(str(found.verdict), NEITHER)
    low, high = (found.interval.low, found.interval.high) if found.interval else (found.value, found.value)
    return joined(
        element("text", name, x=0, y=y + 4),
        element("line", x1=x(low), x2=x(high), y1=y, y2=y, stroke=colour, stroke_width=3),
        element("circle", cx=x(found.value), cy=y, r=5, fill=colour),
    )


def _bar(share: tuple[float, int], top: float, place: int) -> Markup:
    part, documents = share
    width, y = part * (WIDTH - LEFT) * BAR_ROOM, top + place * BAR
    return joined(
        element("rect", x=LEFT, y=y, width=f"{width:.1f}", height=BAR - 2, fill=_colour(place)),
        element("text", f"{part:.1%} · {documents}", x=f"{LEFT + width + 6:.1f}", y=y + BAR - 3, class_="quiet"),
    )


def _often(bounds: tuple[int, int | None]) -> str:
    first, last = bounds
    if last is None:
        return f"in {first} or more"
    return f"in {first}" if first == last else f"in {first} to {last}"


def _colour(place: int) -> str:
    return SYSTEMS[place % len(SYSTEMS)]


def _picture(height: float, label: str, *parts: Markup) -> Markup:
    return element("svg", *parts, viewBox=f"0 0 {WIDTH} {height:g}", role="img", aria_label=label)


def _shares(runs: Sequence[QueryRun]) -> Mapping[tuple[int, int | None], tuple[float, int]]:
    """For each row the share of all places, and how many documents hold them."""
    often: Counter[str] = top_counts(runs)
    places = max(1, often.total())
    found = {}
    for first, last in OFTEN:
        counts = [count for count in often.values() if first <= count and (last is None or count <= last)]
        found[first, last] = sum(counts) / places, len(counts)
    return found
