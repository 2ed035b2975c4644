"""The page of a comparison: which system is better, on what, for which queries, and whether it is luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.evaluation.cells import chip, document, header, number, shown, signed
from app.evaluation.charts import score_histogram, scores_by_level
from app.evaluation.comparison import Difference, Differences, all_differences, paired
from app.evaluation.comparison_charts import forest, frequencies, query_bars
from app.evaluation.contents import ReportContents
from app.evaluation.elements import Markup, element, joined
from app.evaluation.movement import Moved, moved
from app.evaluation.page import LABELS
from app.evaluation.result import MEANS
from app.evaluation.significance import TIE
from app.evaluation.slice_tables import slice_tables
from app.evaluation.verdict import VERDICTS, Words, chance, summary

QUERIES_SHOWN = 40
"""Queries of the table of those that changed most; ``per_query_comparison.tsv`` has all of them."""

DOCUMENTS_SHOWN = 8
"""Documents of one query that moved; the first of them explain most of its difference."""

TITLE = "patmatch comparison · 对比评测报告"
MAIN = "judged_ndcg@10"
"""The measure by which queries are sorted, where it has values in both."""


@dataclass(frozen=True, slots=True)
class _Side:
    """One system with its name on the page."""

    name: str
    contents: ReportContents


def render_comparison(names: Sequence[str], contents: Sequence[ReportContents], notes: Sequence[Words] = ()) -> str:
    """The page as text.

    Args:
        names: of the systems, the one that the others are compared with first.
        contents: their evaluations, over the same queries.
        notes: what a reader must know of what was compared.
    """
    sides = [_Side(name, each) for name, each in zip(names, contents, strict=True)]
    results = [each.result for each in contents]
    found = all_differences(results)
    sections = [_against(sides[0], side, each) for side, each in zip(sides[1:], found[1:], strict=True)]
    return document(
        TITLE,
        *(element("p", note.en, element("br"), note.zh, class_="quiet") for note in notes),
        element("h2", "Measures · 指标"),
        _measures(sides),
        *sections,
        slice_tables(names, [result.slices for result in results]),
        element(
            "h2", "Places of all top tens, by how often their document comes up · 前 10 名位次按文档出现次数的分布"
        ),
        element("p", "Share of places · number of documents. · 位次占比 · 文档数。", class_="quiet"),
        frequencies(names, [each.runs for each in contents]),
        element("h2", "Scores by judged level · 各评判等级的得分分布"),
        *(_scores(side) for side in sides),
    )


def _measures(sides: Sequence[_Side]) -> Markup:
    rows = []
    for name, (english, chinese) in LABELS.items():
        values = [side.contents.result.measures.get(name) for side in sides]
        cells = (number(value if isinstance(value, float) else None) for value in values)
        meaning = element("td", english, element("br"), element("span", chinese, class_="quiet"))
        rows.append(element("tr", element("td", element("code", name)), *cells, meaning))
    columns = ["Measure · 指标", *(side.name for side in sides), "Meaning · 含义"]
    return element("table", header(*columns), *rows)


def _against(first: _Side, side: _Side, found: Differences) -> Markup:
    """One system beside the first."""
    told = summary(side.name, first.name, found)
    main = next((name for name in (MAIN, *MEANS) if name in found), MAIN)
    charts = [_bars(name, first, side) for name in MEANS if name in found and name != main]
    return joined(
        element("h2", f"{side.name} against {first.name} · 对比"),
        element("p", told.en, element("br"), told.zh, class_="verdict"),
        _differences(found),
        element(
            "p",
            "p: two-sided paired randomisation test; Holm: adjusted for all differences on this page. "
            "Shows from: half the interval's width. · p 为双侧配对随机化检验；Holm 为对本页全部差异的校正；"
            "“可见差异”为区间宽度的一半。",
            class_="quiet",
        ),
        forest(found),
        element("h3", "Queries, gained most to lost most · 各查询的差异（从提升到下降）"),
        _bars(main, first, side),
        element("details", element("summary", "The other measures · 其他指标"), *charts) if charts else None,
        element("h3", "Queries that changed most · 变化最大的查询"),
        _changed(main, first, side),
    )


def _differences(found: Differences) -> Markup:
    columns = (
        "Measure · 指标",
        "Difference · 差异",
        "95 % interval · 区间",
        "p",
        "Holm",
        "Better / same / worse · 更好/相同/更差",
        "Shows from · 可见差异",
        "Verdict · 结论",
    )
    return element("table", header(*columns), *(_difference(name, each) for name, each in found.items()))


def _difference(name: str, found: Difference) -> Markup:
    interval, verdict = found.interval, found.verdict
    words = VERDICTS[verdict] if verdict else None
    return element(
        "tr",
        element("td", element("code", name)),
        signed(found.value),
        element("td", f"{interval.low:+.4f} to {interval.high:+.4f}" if interval else "", class_="number"),
        element("td", chance(found.p_value), class_="number"),
        element("td", chance(found.p_holm), class_="number"),
        element("td", " / ".join(map(str, found.tally)) if found.tally else "", class_="number"),
        number(found.visible_from),
        element("td", f"{words.en} {words.zh}" if words else "", class_=verdict),
    )


def _bars(measure: str, first: _Side, side: _Side) -> Markup:
    rows = paired(MEANS[measure], first.contents.result.per_query, side.contents.result.per_query)
    return query_bars([after - before for _, before, after in rows], measure)


def _changed(main: str, first: _Side, side: _Side) -> Markup:
    """The queries by the size of their difference, each with the documents that moved in a row below it."""
    others = {name: _deltas(column, first, side) for name, column in MEANS.items() if name != main}
    rows = paired(MEANS[main], first.contents.result.per_query, side.contents.result.per_query)
    moves = sorted((row for row in rows if abs(row[2] - row[1]) > TIE), key=lambda row: -abs(row[2] - row[1]))
    runs = [{run.query_id: run for run in each.contents.runs} for each in (first, side)]
    contents, lines = side.contents, []
    for query_id, before, after in moves[:QUERIES_SHOWN]:
        documents = moved(runs[0][query_id], runs[1][query_id], contents.qrels.get(query_id, {}))
        title = contents.query_titles.get(query_id) or query_id
        lines += [
            element(
                "tr",
                element("td", title, element("br"), _quiet(query_id)),
                element("td", f"{shown(before)} → {shown(after)}", class_="number"),
                element("td", f"{after - before:+.4f}", class_=f"number {'better' if after > before else 'worse'}"),
                *(signed(deltas.get(query_id)) for deltas in others.values()),
            ),
            element("tr", element("td", _moves(documents, contents.document_titles), colspan=len(others) + 3)),
        ]
    columns = ("Query · 查询", main, "Difference · 差异", *(f"Δ {name}" for name in others))
    told = (
        f"{len(moves)} of {len(rows)} queries changed, {len(moves[:QUERIES_SHOWN])} of them are shown; "
        f"per_query_comparison.tsv has all. · {len(rows)} 个查询中有 {len(moves)} 个发生变化，"
        f"此处列出 {len(moves[:QUERIES_SHOWN])} 个；全部见 per_query_comparison.tsv。"
    )
    return joined(element("p", told, class_="quiet"), element("table", header(*columns), *lines))


def _deltas(column: str, first: _Side, side: _Side) -> dict[str, float]:
    rows = paired(column, first.contents.result.per_query, side.contents.result.per_query)
    return {query_id: after - before for query_id, before, after in rows}


def _moves(documents: Sequence[Moved], titles: Mapping[str, str]) -> Markup:
    rows = [
        element(
            "tr",
            element("td", chip(each.level)),
            element("td", titles.get(each.doc_id) or each.doc_id, element("br"), _quiet(each.doc_id)),
            element("td", _places(each.judged), class_="number"),
            element("td", _places(each.corpus), class_="number"),
        )
        for each in documents[:DOCUMENTS_SHOWN]
    ]
    columns = ("Level · 等级", "Document · 文档", "Among judged · 已评判名次", "In the corpus · 全库名次")
    said = f"{len(documents)} judged documents moved · {len(documents)} 个已评判文档名次变化"
    return element("details", element("summary", said), element("table", header(*columns), *rows))


def _places(places: tuple[int | None, int | None]) -> str:
    before, after = ("-" if place is None else str(place) for place in places)
    return f"{before} → {after}"


def _scores(side: _Side) -> Markup:
    picture = score_histogram(scores_by_level(side.contents.runs, side.contents.qrels))
    return joined(element("h3", side.name), picture)


def _quiet(text: str) -> Markup:
    return element("span", text, class_="quiet")
