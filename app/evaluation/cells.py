"""What the report's pages share: the document around them, and cells of their tables."""

from __future__ import annotations

from app.evaluation.charts import COLOURS, LEVEL_NAMES
from app.evaluation.elements import Markup, element

STYLE = """
body{font:15px/1.5 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;margin:2rem auto;
max-width:1000px;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}h3{font-size:1rem;margin-top:1.6rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e2e2e2;
vertical-align:top}th{font-weight:600;background:#f6f6f6}.number{text-align:right;font-variant-numeric:tabular-nums;
white-space:nowrap}.quiet{color:#666;fill:#666;font-size:13px}.failed,.worse{color:#b3261e}.better{color:#1a7f4b}
.level{color:#fff;border-radius:3px;padding:0 .4rem;font-size:13px;white-space:nowrap}
.unjudged{color:#666;font-size:13px}.verdict{background:#f6f6f6;padding:.6rem .8rem;border-left:4px solid #35618f}
summary{cursor:pointer}details{border-bottom:1px solid #e2e2e2;padding:.35rem 0}details table{margin:.5rem 0 1rem}
td details{border:0;padding:0}
svg{width:100%;height:auto;font-size:13px}
"""


def document(title: str, *sections: Markup | None) -> str:
    """A whole HTML file with its style inside, and nothing from elsewhere."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    body = element("body", element("h1", title), *sections)
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def header(*names: str) -> Markup:
    """The first row of a table."""
    return element("tr", *(element("th", name) for name in names))


def number(value: float | None) -> Markup:
    """A cell with a measure."""
    return element("td", shown(value), class_="number")


def shown(value: float | None) -> str:
    """A measure as text."""
    return "-" if value is None else f"{value:.4f}"


def signed(value: float | None) -> Markup:
    """A cell with a difference."""
    return element("td", "-" if value is None else f"{value:+.4f}", class_="number")


def chip(level: int | None) -> Markup:
    """A judged level in its colour."""
    if level is None:
        return element("span", "unjudged 未评判", class_="unjudged")
    return element("span", LEVEL_NAMES[level], class_="level", style=f"background:{COLOURS[level]}")
