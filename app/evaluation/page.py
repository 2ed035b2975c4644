"""The report's page: one HTML file, readable without a network, in English and Chinese side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from app.evaluation.cells import chip, document, header, number, shown
from app.evaluation.charts import LEVEL_NAMES, score_histogram, scores_by_level
from app.evaluation.collection import Qrels, QueryRun
from app.evaluation.comparison_charts import frequencies
from app.evaluation.elements import Markup, element, joined
from app.evaluation.measures import NDCG_DEPTH, QueryMeasures, served_level
from app.evaluation.result import EvaluationResult
from app.evaluation.slice_tables import slice_tables

QUERIES_SHOWN = 500
"""Worst queries on the page; the table beside it has all of them. A browser stays quick with some 5,000 matches."""

LABELS: Mapping[str, tuple[str, str]] = {
    "judged_ndcg@10": ("order of the judged documents, first 10", "已评判文档的排序质量（前 10）"),
    "judged_spearman": ("correlation of score and judged level", "得分与评判等级的秩相关"),
    "ndcg@10": ("relevant documents high among all, first 10", "全库检索的排序质量（前 10）"),
    "mrr": ("1 / rank of the first relevant document", "首个相关文档名次的倒数"),
    "recall@100": ("relevant documents found among the first 100", "前 100 名的召回率"),
    "level_score": ("1 / (1 + mean error of the served level)", "等级准确度 1/(1+平均绝对误差)"),
    "hub_share@10": ("places taken by the 1 % most frequent documents", "最高频 1% 文档所占位次"),
    "reach@10": ("share of the corpus in any top 10", "进入任一前 10 名的文档比例"),
}


class PageContents(Protocol):
    """What the page shows besides the measures; see `app.evaluation.report.ReportContents`."""

    @property
    def runs(self) -> Sequence[QueryRun]:
        """What was answered."""
        ...

    @property
    def qrels(self) -> Qrels:
        """What judges said."""
        ...

    @property
    def query_titles(self) -> Mapping[str, str]:
        """What to call a query."""
        ...

    @property
    def document_titles(self) -> Mapping[str, str]:
        """What to call a document."""
        ...


def render_page(result: EvaluationResult, table: Sequence[QueryMeasures], contents: PageContents) -> str:
    """The page as text; ``table`` is the per-query table in the order to show it."""
    return document(
        "patmatch evaluation · 评测报告",
        _facts(result),
        element("h2", "Measures · 指标"),
        _measures(result),
        slice_tables(("",), (result.slices,)),
        element("h2", "Scores by judged level · 各评判等级的得分分布"),
        element("p", "Dashed: the median. · 虚线为中位数。", class_="quiet"),
        score_histogram(scores_by_level(contents.runs, contents.qrels)),
        element("h2", "Judged against served level · 评判等级与输出等级"),
        _confusion(contents),
        element("h2", "Languages of the first 10 places · 前 10 名的语种构成"),
        _language_mix(result),
        element(
            "h2", "Places of all top tens, by how often their document comes up · 前 10 名位次按文档出现次数的分布"
        ),
        frequencies(("share of places · number of documents 位次占比 · 文档数",), (contents.runs,)),
        element("h2", "Queries, worst first · 各查询（由差到好）"),
        _queries(table, contents),
    )


def _facts(result: EvaluationResult) -> Markup:
    groups = {
        "Encoder · 模型": result.encoder,
        "Snapshot · 索引快照": result.snapshot,
        "Settings · 设置": result.settings,
        "Counts · 数量": result.counts,
    }
    rows = [
        element("tr", element("th", name), element("td", " · ".join(f"{key} {value}" for key, value in group.items())))
        for name, group in groups.items()
        if group
    ]
    return element("table", *rows)


def _measures(result: EvaluationResult) -> Markup:
    names = header("Measure · 指标", "Value · 值", "95 % interval · 区间", "Queries · 查询数", "Meaning · 含义")
    return element("table", names, *(_measure(name, result) for name in LABELS))


def _measure(name: str, result: EvaluationResult) -> Markup:
    value, interval = result.measures.get(name), result.intervals.get(name)
    english, chinese = LABELS[name]
    return element(
        "tr",
        element("td", element("code", name)),
        number(value if isinstance(value, float) else None),
        element("td", f"{interval.low:.4f} - {interval.high:.4f}" if interval else "", class_="number"),
        element("td", result.counts.get(f"queries_in_{name}", ""), class_="number"),
        element("td", english, element("br"), element("span", chinese, class_="quiet")),
    )


def _language_mix(result: EvaluationResult) -> Markup:
    mix = result.measures.get("language_mix@10")
    if not isinstance(mix, dict) or not mix:
        return element("p", "No query was asked. · 没有查询。")
    languages = sorted({other for shares in mix.values() for other in shares})
    rows = [
        element("tr", element("td", lang), *(number(shares.get(other, 0.0)) for other in languages))
        for lang, shares in mix.items()
    ]
    return element("table", header("Query · 查询", *languages), *rows)


def _confusion(contents: PageContents) -> Markup:
    if not all(run.levelled for run in contents.runs):
        return element("p", "A run file says no levels. · 检索结果文件不含等级。")
    counts: dict[tuple[int, int], int] = {}
    for run in contents.runs:
        for doc_id, judged in contents.qrels.get(run.query_id, {}).items():
            pair = judged, served_level(run, doc_id)
            counts[pair] = counts.get(pair, 0) + 1
    rows = [
        element(
            "tr",
            element("td", chip(judged)),
            *(element("td", counts.get((judged, served), 0), class_="number") for served in LEVEL_NAMES),
        )
        for judged in LEVEL_NAMES
    ]
    return element("table", header("Judged \\ served · 评判 \\ 输出", *LEVEL_NAMES.values()), *rows)


def _queries(table: Sequence[QueryMeasures], contents: PageContents) -> Markup:
    runs = {run.query_id: run for run in contents.runs}
    shown = [_query(row, runs[row.query_id], contents) for row in table[:QUERIES_SHOWN]]
    rest = len(table) - len(shown)
    more = f"{rest} more in per_query.tsv · 其余 {rest} 条见 per_query.tsv"
    return joined(*shown, element("p", more, class_="quiet") if rest else None)


def _query(row: QueryMeasures, run: QueryRun, contents: PageContents) -> Markup:
    values = {
        "judged nDCG": row.judged_ndcg,
        "Spearman": row.judged_spearman,
        "nDCG": row.ndcg,
        "RR": row.reciprocal_rank,
        "recall": row.recall,
        "level error": row.level_error,
    }
    figures = " · ".join(f"{name} {shown(value)}" for name, value in values.items() if value is not None)
    summary = element(
        "summary",
        element("strong", contents.query_titles.get(row.query_id) or row.query_id),
        element("br"),
        element("span", f"{row.query_id} · {row.judged} judged, {row.relevant} relevant · {figures}", class_="quiet"),
    )
    failed = element("p", row.error, class_="failed") if row.error else None
    return element("details", summary, failed, _matches(run, contents))


def _matches(run: QueryRun, contents: PageContents) -> Markup | None:
    if not run.ranked:
        return None
    levels = contents.qrels.get(run.query_id, {})
    rows = [
        element(
            "tr",
            element("td", rank, class_="number"),
            number(match.score),
            element("td", chip(levels.get(match.doc_id))),
            element("td", contents.document_titles.get(match.doc_id) or match.doc_id),
            element("td", match.doc_id, class_="quiet"),
        )
        for rank, match in enumerate(run.ranked[:NDCG_DEPTH], start=1)
    ]
    return element("table", header("#", "Score · 得分", "Judged · 评判", "Title · 标题", "Id · 编号"), *rows)
