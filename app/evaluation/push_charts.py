"""Pictures of a push run as inline SVG: how often patents are shown, and what limits cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.evaluation.elements import Markup, element, joined

_WIDTH, _LEFT, _BAR, _GAP = 720, 160, 18, 6
_COLOUR, _QUIET = "#35618f", "#c58a12"
_PLOT, _MARGIN = 260, 48


def bars(counts: Mapping[str, int], label: str) -> Markup:
    """One horizontal bar a name, in the given order, scaled to the largest."""
    largest = max(counts.values(), default=0) or 1
    rows = []
    for place, (name, count) in enumerate(counts.items()):
        top, width = place * (_BAR + _GAP), (_WIDTH - _LEFT - 90) * count / largest
        rows.append(
            joined(
                element("text", name, x=0, y=top + 14),
                element("rect", x=_LEFT, y=top, width=f"{width:.1f}", height=_BAR, fill=_COLOUR),
                element("text", f"{count:,}", x=f"{_LEFT + width + 6:.1f}", y=top + 14, class_="quiet"),
            )
        )
    height = len(counts) * (_BAR + _GAP)
    return element("svg", *rows, viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=label)


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
    xs = [float(point["coverage"]) for point in points]
    ys = [float(point["kept"]) for point in points]
    low_x, high_x, low_y, high_y = min(xs), max(xs), min(ys), max(ys)

    def x(value: float) -> float:
        return _MARGIN + (_WIDTH - 2 * _MARGIN - 60) * (value - low_x) / ((high_x - low_x) or 1.0)

    def y(value: float) -> float:
        return _MARGIN / 2 + (_PLOT - _MARGIN) * (1 - (value - low_y) / ((high_y - low_y) or 1.0))

    marks = [
        joined(
            element("rect", x=f"{x(a) - 4:.1f}", y=f"{y(b) - 4:.1f}", width=8, height=8, fill=_QUIET),
            element(
                "text", f"{point['cap'] or '∞'}/{point['floor']}", x=f"{x(a) + 8:.1f}", y=f"{y(b) + 4:.1f}",
                class_="quiet",
            ),
        )
        for point, a, b in zip(points, xs, ys, strict=True)
    ]  # fmt: skip
    frame = joined(
        element("line", x1=_MARGIN, x2=_WIDTH - _MARGIN, y1=_PLOT - 20, y2=_PLOT - 20, stroke="#888"),
        element("text", f"coverage 覆盖率 {low_x:.2f} - {high_x:.2f}", x=_MARGIN, y=_PLOT - 4, class_="quiet"),
        element("text", f"value kept 保留价值 {low_y:.3f} - {high_y:.3f}", x=0, y=12, class_="quiet"),
    )
    return element("svg", frame, *marks, viewBox=f"0 0 {_WIDTH} {_PLOT}", role="img", aria_label=label)
