"""The report of a calibration: one HTML file, readable without a network, in English and Chinese side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import JobError
from app.evaluation.calibration_charts import reliability_plot
from app.evaluation.calibration_check import CalibrationCheck
from app.evaluation.cells import STYLE
from app.evaluation.charts import COLOURS, LEVEL_NAMES, score_histogram
from app.evaluation.elements import Markup, element
from app.evaluation.reliability import SCORE, THRESHOLDS, Quality, bins, median_levels

PAGE, JSON = "report.html", "calibration.json"
PLOTS_STYLE = """
.plots{display:flex;flex-wrap:wrap;gap:1.5rem}figure{flex:1 1 290px;margin:0}figcaption{font-weight:600;min-height:3em}
.warning{border-left:4px solid #c58a12;padding-left:.6rem}.objection{border-left:4px solid #b3261e;padding-left:.6rem}
"""
PLOT_LABELS: Mapping[int, str] = {
    2: "at least weak · 至少弱相关",
    3: "at least fairly strong (the score) · 至少较强相关（得分）",
    4: "strong · 强相关",
}


def write_calibration_report(folder: Path, check: CalibrationCheck, told: Mapping[str, Any]) -> tuple[Path, ...]:
    """Write ``report.html`` and ``calibration.json`` into ``folder``, over older ones.

    Args:
        folder: where to; it is made.
        check: the measures.
        told: what `patmatch calibrate --json` prints.

    Returns:
        The files written.

    Raises:
        JobError: the folder cannot be written.
    """
    texts = {
        PAGE: render_calibration(check, told),
        JSON: json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise JobError(
            f"cannot write the report: {reason}; choose another folder", f"无法写入报告：{reason}；请换一个文件夹"
        ) from error
    return tuple(folder / name for name in texts)


def render_calibration(check: CalibrationCheck, told: Mapping[str, Any]) -> str:
    """The page as text."""
    title = "patmatch calibration · 校准报告"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("title", title),
        element("style", Markup(STYLE + PLOTS_STYLE)),
    )
    held_out = "All pictures show pairs that the scale was not fitted to. · 以下各图均为未参与拟合的评判对。"
    body = element(
        "body",
        element("h1", title),
        _facts(told),
        *(element("p", f"{one.text} · {one.text_zh}", class_="warning") for one in check.warnings()),
        *(element("p", f"{one.text} · {one.text_zh}", class_="objection") for one in check.objections()),
        element("h2", "Measures · 指标"),
        _measures(check),
        element("h2", "Reliability · 可靠性"),
        element("p", held_out, class_="quiet"),
        _plots(check),
        element("h2", "Scores by judged level · 各评判等级的得分分布"),
        element("p", "Dashed: the median. · 虚线为中位数。", class_="quiet"),
        score_histogram(_by_level(check)),
        element("h2", "Judged against answered level · 评判等级与输出等级"),
        _confusion(check),
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _facts(told: Mapping[str, Any]) -> Markup:
    calibration = told["calibration"]
    ranking, levels = calibration["ranking"], told["measures"]["levels"]
    groups = {
        "Calibration · 校准": f"{calibration['id']}, {calibration['fitted_at']}",
        "Published · 发布": "yes · 是" if told["published"] else "no · 否",
        "Target · 对象": calibration["target"],
        "Ranking · 排序": f"{ranking['ranking']}, version {ranking['version']}, encoder {ranking['fingerprint'][:12]}",
        "Judgements · 评判": f"{told['measures']['needs']} needs · 需求, {told['measures']['pairs']} pairs · 对: "
        + ", ".join(f"{LEVEL_NAMES[int(level)]} {count}" for level, count in levels.items()),
        "Levels begin at a score of · 等级起始得分": ", ".join(
            f"{LEVEL_NAMES[level]} {told['level_bounds'][name]:.3f}"
            for level, name in ((4, "strong"), (3, "fairly_strong"), (2, "weak"))
        ),
    }
    return element("table", *(element("tr", element("th", name), element("td", text)) for name, text in groups.items()))


def _measures(check: CalibrationCheck) -> Markup:
    names = ("", "Brier", "skill · 技巧分", "log loss · 对数损失", "calibration error · 校准误差", "level_score")
    served = f"served now · 当前使用 ({check.served_by})"
    rows = [
        ("this calibration, held out · 本次校准（交叉验证）", check.held_out),
        ("spread over folds · 各折标准差", check.fold_spread),
        (served, check.served),
        ("built-in · 内置校准", check.built_in),
        ("base rate · 基准率", check.base_rate),
        ("most common level · 最常见等级", check.commonest),
    ]
    table = element(
        "table",
        element("tr", *(element("th", name) for name in names)),
        *(_row(name, one, check) for name, one in rows),
    )
    note = (
        "What is served, and the built-in scale, may have been fitted to some of these judgements; this calibration is "
        "measured on needs that it was not fitted to. · "
        "当前使用的校准和内置校准可能用过其中部分评判；本次校准只在未参与拟合的需求上评测。"
    )
    return element("div", table, element("p", note, class_="quiet"))


def _row(name: str, one: Quality, check: CalibrationCheck) -> Markup:
    skill = "" if one is check.fold_spread else f"{1 - one.brier / check.base_rate.brier:+.3f}"
    cells: tuple[str, ...] = (
        f"{one.brier:.4f}",
        skill,
        f"{one.log_loss:.4f}",
        f"{one.calibration_error:.4f}",
        f"{one.level_score:.4f}",
    )
    if one is check.commonest:  # a level without a probability
        cells = ("", "", "", "", cells[-1])
    return element("tr", element("td", name), *(element("td", cell, class_="number") for cell in cells))


def _plots(check: CalibrationCheck) -> Markup:
    plots = [
        reliability_plot(
            bins(check.probabilities[:, column], (check.levels >= level).astype(np.float64)),
            COLOURS[level],
            PLOT_LABELS[level],
        )
        for column, level in enumerate(THRESHOLDS)
    ]
    note = (
        "Each dot: pairs of like probability; its bar: 95 % (Wilson). On the dashed line, what is said happens. · "
        "每个点为概率相近的一组评判对，竖线为 95% 区间；落在虚线上表示预测与实际一致。"
    )
    return element("div", element("div", *plots, class_="plots"), element("p", note, class_="quiet"))


def _by_level(check: CalibrationCheck) -> dict[int, list[float]]:
    scores = check.probabilities[:, SCORE]
    return {level: scores[check.levels == level].tolist() for level in LEVEL_NAMES}


def _confusion(check: CalibrationCheck) -> Markup:
    said = median_levels(check.probabilities)
    rows = [
        element(
            "tr",
            element("td", LEVEL_NAMES[judged]),
            *(
                element("td", int(((check.levels == judged) & (said == level)).sum()), class_="number")
                for level in LEVEL_NAMES
            ),
        )
        for judged in LEVEL_NAMES
    ]
    header = element(
        "tr", *(element("th", name) for name in ("Judged \\ answered · 评判 \\ 输出", *LEVEL_NAMES.values()))
    )
    return element("table", header, *rows)
