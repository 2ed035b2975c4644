"""The page of a push run: one HTML file, readable without a network, in English and Chinese side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.evaluation.cells import document, header
from app.evaluation.elements import Markup, element
from app.evaluation.push_charts import bars, curve, grouped

EXPOSURE: Mapping[str, str] = {
    "places": "places in all lists · 全部推送位",
    "patents": "patents that could be shown · 可推送专利",
    "shown": "patents shown · 已推送专利",
    "coverage": "share of them · 覆盖率",
    "never": "share never shown · 从未推送的比例",
    "gini": "Gini of exposures · 曝光基尼系数",
    "largest": "largest exposure · 最大曝光次数",
    "hub_share": "places of the 1 % most shown · 最多 1% 专利所占推送位",
}
WHY_SHORT: Mapping[str, str] = {
    "no_text": "nothing to ask with · 没有可用文本",
    "nothing_near": "no patent passes the rules of industry and region · 行业、地区规则下没有专利",
    "too_few_candidates": "too few over the level, or pushed and rejected before · 达到等级的不足，或已推送、已拒绝",
    "limits": "caps, holders or families left too few · 受曝光上限、持有人或同族限制",
}
_LEVELS = ("strong", "fairly_strong", "weak", "none")
_MOST_ROWS = 40


def render_push_page(report: Mapping[str, Any], lists: Sequence[Mapping[str, Any]]) -> str:
    """The page as text.

    Args:
        report: of `app.push.report.PushReport.as_json`.
        lists: sampled ones: ``firm``, ``name``, ``profile`` and ``entries``.
    """
    exposure = report["exposure"] or {}
    points = report.get("curve") or []
    return document(
        f"patmatch push {report['run']} · 推送批次报告",
        _facts(report),
        element("h2", "Exposure · 曝光"),
        _exposure(exposure, report["exposure_plain"] or {}),
        bars(grouped(exposure.get("histogram", {})), "Patents by places · 按推送次数的专利数"),
        element("h2", "What limits cost: cap/floor · 上限/下限的代价") if points else None,
        curve(points, "Value against coverage · 价值与覆盖率") if points else None,
        _points(points) if points else None,
        element("h2", "Levels · 等级"),
        bars({level: report["levels"].get(level, 0) for level in _LEVELS}, "Levels · 等级"),
        element("h2", "What placed entries · 入选原因"),
        bars(report["placed"], "What placed entries · 入选原因"),
        element("h2", "Firms with too few, and why · 推送不足的企业及原因"),
        _short(report["short"] or {}),
        *_tables(report),
        element("h2", "Ten lists for reading · 十份抽样清单"),
        *(_list(one) for one in lists),
    )


def _facts(report: Mapping[str, Any]) -> Markup:
    overlap = report["overlap"]
    rows = {
        "Firms reached · 覆盖企业": f"{report['firms_reached']:,} / {report['firms'] or 0:,}",
        "Entries · 推送条目": f"{report['entries']:,}",
        "In the last run too · 与上一批次重合": "-" if overlap is None else f"{overlap:.1%} ({report['previous']})",
        "Arms · 分组": ", ".join(f"{arm}: {count:,}" for arm, count in report["arms"].items()),
    }
    return element("table", *(element("tr", element("th", name), element("td", value)) for name, value in rows.items()))


def _exposure(found: Mapping[str, Any], plain: Mapping[str, Any]) -> Markup:
    rows = [
        element(
            "tr",
            element("td", meaning),
            element("td", _shown(plain.get(name)), class_="number"),
            element("td", _shown(found.get(name)), class_="number"),
        )
        for name, meaning in EXPOSURE.items()
    ]
    return element("table", header("Measure · 指标", "Plain lists · 无限制", "This run · 本批次"), *rows)


def _points(points: Sequence[Mapping[str, Any]]) -> Markup:
    names = ("cap", "floor", "value", "kept", "coverage", "gini", "largest", "missed", "gap")
    rows = [element("tr", *(element("td", _shown(point[name]), class_="number") for name in names)) for point in points]
    return element("table", header(*names), *rows)


def _short(short: Mapping[str, Any]) -> Markup:
    rows = [
        element(
            "tr",
            element("td", meaning),
            element("td", f"{short.get(name, {}).get('firms', 0):,}", class_="number"),
            element("td", ", ".join(short.get(name, {}).get("examples", ())), class_="quiet"),
        )
        for name, meaning in WHY_SHORT.items()
    ]
    return element("table", header("Why · 原因", "Firms · 企业", "Examples · 示例"), *rows)


def _tables(report: Mapping[str, Any]) -> list[Markup]:
    named = {
        "industries": "By industry of the firm · 按企业行业",
        "regions": "By province of the firm · 按企业省份",
        "holder_types": "By holder · 按持有人类型",
        "sizes": "Lists by length · 清单长度",
    }
    made = []
    for name, title in named.items():
        ordered = sorted(report[name].items(), key=lambda item: (-item[1], str(item[0])))[:_MOST_ROWS]
        made += [element("h2", title), bars({str(key): count for key, count in ordered}, title)]
    return made


def _list(one: Mapping[str, Any]) -> Markup:
    rows = [
        element("tr", *(element("td", _shown(entry[name])) for name in ("rank", "score", "level", "title", "reason",
                                                                       "firm_rank", "placed")))
        for entry in one["entries"]
    ]  # fmt: skip
    names = (
        "#",
        "Score · 得分",
        "Level · 等级",
        "Title · 标题",
        "Shared · 共同词",
        "Firm's rank · 企业名次",
        "Placed · 入选",
    )
    return element(
        "details",
        element("summary", element("strong", one["name"]), " ", element("span", one["firm"], class_="quiet")),
        element("p", one["profile"], class_="quiet"),
        element("table", header(*names), *rows),
    )


def _shown(value: Any) -> str:  # noqa: ANN401 - of any measure
    if isinstance(value, float):
        return f"{value:.4f}"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
