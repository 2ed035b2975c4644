"""Reliability as a picture: what was said against what was, with how sure that is, as inline SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.evaluation.elements import Markup, element, joined
from app.evaluation.reliability import Bin

SIZE, LEFT, RIGHT, TOP, FOOT = 300, 46, 26, 10, 42
"""Pixels: of the square, and around it for the scales."""
DOT = 4


def reliability_plot(bins: Sequence[Bin], colour: str, label: str) -> Markup:
    """One threshold: a dot a bin with its 95 % interval, and the diagonal on which dots would lie.

    The scales are cut at the largest value that occurs, since few pairs are strong.

    Args:
        bins: of equal count, least probable first.
        colour: of the dots.
        label: what the picture is of, for those who cannot see it.

    Returns:
        A ``figure`` element with its table beneath.
    """
    most = min(1.0, max([*(one.high for one in bins), *(one.said for one in bins), 0.1]) * 1.05)

    def x(value: float) -> float:
        return LEFT + SIZE * value / most

    def y(value: float) -> float:
        return TOP + SIZE * (1.0 - value / most)

    frame = element("rect", x=LEFT, y=TOP, width=SIZE, height=SIZE, fill="none", stroke="#bbb", stroke_width=1)
    diagonal = element("line", x1=x(0), y1=y(0), x2=x(most), y2=y(most), stroke="#888", stroke_dasharray="4 4")
    picture = element(
        "svg",
        frame,
        diagonal,
        _scales(most),
        *(_dot(one, x(one.said), y, colour) for one in bins),
        viewBox=f"0 0 {LEFT + SIZE + RIGHT} {TOP + SIZE + FOOT}",
        role="img",
        aria_label=label,
    )
    return element("figure", element("figcaption", label), picture, _table(bins))


def _dot(one: Bin, x: float, y: Callable[[float], float], colour: str) -> Markup:
    return joined(
        element("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=f"{y(one.low):.1f}", y2=f"{y(one.high):.1f}", stroke=colour),
        element(
            "circle",
            element("title", f"{one.count} pairs: said {one.said:.3f}, was {one.was:.3f}"),
            cx=f"{x:.1f}",
            cy=f"{y(one.was):.1f}",
            r=DOT,
            fill=colour,
        ),
    )


def _scales(most: float) -> Markup:
    steps = [most * part / 4 for part in range(5)]
    across = [
        element(
            "text",
            f"{step:.2f}",
            x=f"{LEFT + SIZE * step / most:.0f}",
            y=TOP + SIZE + 16,
            text_anchor="middle",
            class_="quiet",
        )
        for step in steps
    ]
    upwards = [
        element(
            "text",
            f"{step:.2f}",
            x=LEFT - 6,
            y=f"{TOP + SIZE * (1 - step / most) + 4:.0f}",
            text_anchor="end",
            class_="quiet",
        )
        for step in steps
    ]
    name = element(
        "text",
        "said · 预测概率 → / was · 实际比例 ↑",
        x=LEFT + SIZE / 2,
        y=TOP + SIZE + 34,
        text_anchor="middle",
        class_="quiet",
    )
    return joined(*across, *upwards, name)


def _table(bins: Sequence[Bin]) -> Markup:
    header = element(
        "tr", *(element("th", name) for name in ("Pairs · 对数", "Said · 预测", "Was · 实际", "95 % · 区间"))
    )
    rows = [
        element(
            "tr",
            element("td", one.count, class_="number"),
            element("td", f"{one.said:.3f}", class_="number"),
            element("td", f"{one.was:.3f}", class_="number"),
            element("td", f"{one.low:.3f} - {one.high:.3f}", class_="number"),
        )
        for one in bins
    ]
    return element("table", header, *rows)
