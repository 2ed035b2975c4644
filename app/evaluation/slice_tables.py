"""Slices of one or several systems as HTML tables."""

from __future__ import annotations

from collections.abc import Sequence

from app.evaluation.cells import header, number
from app.evaluation.elements import Markup, element, joined
from app.evaluation.slices import LENGTHS, Slices

PAIR_SIZES = ("pairs", "queries", "documents")
PAIR_MEASURES = ("recall@10", "recall@100", "mrr", "recall@10_alone")
"""Sizes and measures of a pair of languages, in the order shown."""


def slice_tables(names: Sequence[str], found: Sequence[Slices]) -> Markup:
    """Both kinds of slices, a row for each slice and system.

    Args:
        names: of the systems; one system needs no name.
        found: each system's slices.
    """
    return joined(
        element("h2", "By languages, query to document · 按语言对"),
        element(
            "p",
            "Relevant judged pairs in the ranking of the whole corpus; alone: asked among documents of that language "
            "only, so the difference to recall@10 is what the mix of languages costs. · "
            "相关评判对在全库排序中的表现；alone 为仅在该语言文档中检索，与 recall@10 之差即多语言混合的代价。",
            class_="quiet",
        ),
        _languages(names, found),
        element("h2", "By length of the query · 按查询长度"),
        _lengths(names, found),
    )


def _languages(names: Sequence[str], found: Sequence[Slices]) -> Markup:
    keys = sorted({key for each in found for key in each.languages})
    if not keys:
        return element("p", "No relevant pair is judged. · 没有相关的评判对。")
    rows = []
    for key in keys:
        for name, each in zip(names, found, strict=True):
            values = each.languages.get(key)
            if values is not None:
                sizes = (element("td", values[size], class_="number") for size in PAIR_SIZES)
                cells = (number(values[measure]) for measure in PAIR_MEASURES)
                rows.append(element("tr", element("td", key), element("td", name), *sizes, *cells))
    columns = ("Languages · 语言", "System · 系统", "Pairs · 对数", "Queries · 查询数", "Documents · 文档数")
    return element("table", header(*columns, *PAIR_MEASURES), *rows)


def _lengths(names: Sequence[str], found: Sequence[Slices]) -> Markup:
    rows = []
    for key in LENGTHS:
        for name, each in zip(names, found, strict=True):
            values = each.query_length.get(key)
            if values is not None:
                low, high = values["characters"]
                interval = values["interval"]
                spread = f"{interval[0]:.4f} - {interval[1]:.4f}" if interval else ""
                rows.append(
                    element(
                        "tr",
                        element("td", _LENGTH_NAMES[key]),
                        element("td", name),
                        element("td", f"{low} - {high}", class_="number"),
                        element("td", values["queries"], class_="number"),
                        number(values["judged_ndcg@10"]),
                        element("td", spread, class_="number"),
                    )
                )
    columns = ("Third · 分组", "System · 系统", "Characters · 字符数", "Queries · 查询数")
    return element("table", header(*columns, "judged_ndcg@10", "95 % interval · 区间"), *rows)


_LENGTH_NAMES = {"short": "short 短", "middle": "middle 中", "long": "long 长"}
