"""The HTML reports: one file each, readable without a network, in English and Chinese side by side.

Jinja2 fills templates/*.html and escapes whatever text it is given; pictures come from `app.evaluation.charts`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.evaluation import charts
from app.evaluation.calibration import SCORE, THRESHOLDS, CalibrationCheck, bins, median_levels
from app.evaluation.charts import LEVEL_NAMES
from app.evaluation.collection import Words
from app.evaluation.comparison import VERDICTS, Differences, all_differences, chance, moved, paired, summary
from app.evaluation.measures import QueryMeasures, served_level
from app.evaluation.result import MEANS, ReportContents
from app.evaluation.slices import PAIR_MEASURES, PAIR_SIZES, SCORE_SHIFT, SLICE_MEASURES
from app.evaluation.statistics import TIE

QUERIES_SHOWN = 500
"""Worst queries of an evaluation; the table beside the page has all. A browser stays quick with some 5,000 matches."""

CHANGED_SHOWN = 40
"""Queries of a comparison that changed most; ``per_query_comparison.tsv`` has all of them."""

DOCUMENTS_SHOWN = 8
"""Documents of one query that moved; the first of them explain most of its difference."""

ROWS_SHOWN = 40
"""Bars of one table of a push report."""

SLICE_NAMES = {
    "asked title_and_text": "title and text 标题与正文",
    "asked text": "text alone 仅正文",
    "asked title": "title alone 仅标题",
    "length short": "short 短",
    "length middle": "middle 中",
    "length long": "long 长",
    "single word": "one word 单个词",
}
"""What a page calls each slice of whole queries, in the order shown."""

MAIN = "judged_ndcg@10"
"""The measure by which queries are sorted, where it has values in both."""


def render_evaluation(contents: ReportContents, table: Sequence[QueryMeasures]) -> str:
    """The page of one system; ``table`` is the per-query table in the order to show it."""
    levelled = all(run.levelled for run in contents.runs)
    return _rendered(
        "evaluation.html",
        title="patmatch evaluation · 评测报告",
        result=contents.result,
        contents=contents,
        histogram=charts.score_histogram(charts.scores_by_level(contents.runs, contents.qrels)),
        confusion=_confusion(contents) if levelled else None,
        frequencies=charts.frequencies(("share of places · number of documents 位次占比 · 文档数",), (contents.runs,)),
        table=table,
        runs={run.query_id: run for run in contents.runs},
        most=QUERIES_SHOWN,
    )


def render_comparison(names: Sequence[str], contents: Sequence[ReportContents], notes: Sequence[Words] = ()) -> str:
    """The page of several systems: which is better, on what, for which queries, and whether it is luck.

    Args:
        names: of the systems, the reference of the comparison first.
        contents: their evaluations, over the same queries.
        notes: what a reader must know about the comparison.
    """
    systems = list(zip(names, contents, strict=True))
    found = all_differences([each.result for each in contents])
    return _rendered(
        "comparison.html",
        title="patmatch comparison · 对比评测报告",
        notes=notes,
        systems=systems,
        sections=[_against(systems[0], system, each) for system, each in zip(systems[1:], found[1:], strict=True)],
        slices=[(name, each.result.slices) for name, each in systems],
        frequencies=charts.frequencies(names, [each.runs for each in contents]),
        histograms=[
            (name, charts.score_histogram(charts.scores_by_level(each.runs, each.qrels))) for name, each in systems
        ],
        most_documents=DOCUMENTS_SHOWN,
    )


def render_calibration(check: CalibrationCheck, described: Mapping[str, Any]) -> str:
    """The page of a calibration.

    Args:
        check: its measures.
        described: what `patmatch calibrate --json` prints.
    """
    binned = {
        level: bins(check.probabilities[:, column], (check.levels >= level).astype(np.float64))
        for column, level in enumerate(THRESHOLDS)
    }
    scores, answered = check.probabilities[:, SCORE], median_levels(check.probabilities)
    return _rendered(
        "calibration.html",
        title="patmatch calibration · 校准报告",
        check=check,
        described=described,
        binned=binned,
        histogram=charts.score_histogram({level: scores[check.levels == level].tolist() for level in LEVEL_NAMES}),
        confusion=Counter(zip(check.levels.tolist(), answered.tolist(), strict=True)),
    )


def render_push(report: Mapping[str, Any], lists: Sequence[Mapping[str, Any]]) -> str:
    """The page of a push run.

    Args:
        report: of `app.push.report.PushReport.as_json`.
        lists: sampled ones: ``firm``, ``name``, ``profile`` and ``entries``.
    """
    return _rendered(
        "push.html",
        title=f"patmatch push {report['run']} · 推送批次报告",
        report=report,
        levels={level: report["levels"].get(level, 0) for level in ("strong", "fairly_strong", "weak", "none")},
        lists=lists,
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("app.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(number=_number, chance=chance, any=_any, largest=_largest)
    made.globals.update(
        charts=charts,
        VERDICTS=VERDICTS,
        PAIR_SIZES=PAIR_SIZES,
        PAIR_MEASURES=PAIR_MEASURES,
        SLICE_MEASURES=(*SLICE_MEASURES, SCORE_SHIFT),
        SLICE_NAMES=SLICE_NAMES,
    )
    return made


def _rendered(template: str, **values: object) -> str:
    return _environment().get_template(template).render(values)


def _confusion(contents: ReportContents) -> Counter[tuple[int, int]]:
    """Judged and served level -> how many judged pairs."""
    return Counter(
        (judged, served_level(run, doc_id))
        for run in contents.runs
        for doc_id, judged in contents.qrels.get(run.query_id, {}).items()
    )


def _against(
    reference: tuple[str, ReportContents], system: tuple[str, ReportContents], found: Differences
) -> dict[str, Any]:
    """One system beside the first: its tests, pictures, and the queries by the size of their difference."""
    (reference_name, first), (name, second) = reference, system
    rows = {
        measure: paired(column, first.result.per_query, second.result.per_query) for measure, column in MEANS.items()
    }
    pictures = {
        measure: charts.query_bars([after - before for _, before, after in rows[measure]], measure) for measure in MEANS
    }
    main = next((measure for measure in (MAIN, *MEANS) if measure in found), MAIN)
    others = {
        measure: {query_id: after - before for query_id, before, after in each}
        for measure, each in rows.items()
        if measure != main
    }
    changed = sorted((row for row in rows[main] if abs(row[2] - row[1]) > TIE), key=lambda row: -abs(row[2] - row[1]))
    before_runs, after_runs = ({run.query_id: run for run in each.runs} for each in (first, second))
    return {
        "name": name,
        "reference": reference_name,
        "words": summary(name, reference_name, found),
        "differences": found,
        "forest": charts.forest(found),
        "main": main,
        "bars": pictures.pop(main),
        "other_bars": [picture for measure, picture in pictures.items() if measure in found],
        "queries": len(rows[main]),
        "changed": len(changed),
        "others": list(others),
        "titles": second.document_titles,
        "rows": [
            {
                "query_id": query_id,
                "title": second.query_titles.get(query_id) or query_id,
                "before": before,
                "after": after,
                "others": [deltas.get(query_id) for deltas in others.values()],
                "moved": moved(before_runs[query_id], after_runs[query_id], second.qrels.get(query_id, {})),
            }
            for query_id, before, after in changed[:CHANGED_SHOWN]
        ],
    }


def _largest(counts: Mapping[Any, int]) -> dict[str, int]:
    """The largest counts, largest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:ROWS_SHOWN]
    return {str(name): count for name, count in ordered}


def _number(value: float | None, form: str = "%.4f") -> str:
    return "-" if value is None else form % value


def _any(value: object) -> str:
    """Any measure or text of a push report."""
    if isinstance(value, float):
        return f"{value:.4f}"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
