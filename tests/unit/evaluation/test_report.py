"""The report's files: complete, readable without a network, and safe with any text."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import Markup

from app.errors import JobError
from app.evaluation import pages
from app.evaluation.charts import element, score_histogram
from app.evaluation.collection import Collection, QueryRun, Ranked, Served
from app.evaluation.report import worst_first, write_report
from app.evaluation.result import ReportContents, evaluate_runs
from app.evaluation.trec import read_run

MEASURES = (
    ("judged_ndcg@10", "order of the judged documents, first 10", "已评判文档的排序质量（前 10）"),
    ("judged_spearman", "correlation of score and judged level", "得分与评判等级的秩相关"),
    ("ndcg@10", "relevant documents high among all, first 10", "全库检索的排序质量（前 10）"),
    ("mrr", "1 / rank of the first relevant document", "首个相关文档名次的倒数"),
    ("recall@100", "relevant documents found among the first 100", "前 100 名的召回率"),
    ("level_score", "1 / (1 + mean error of the served level)", "等级准确度 1/(1+平均绝对误差)"),
    ("hub_share@10", "places taken by the 1 % most frequent documents", "最高频 1% 文档所占位次"),
    ("reach@10", "share of the corpus in any top 10", "进入任一前 10 名的文档比例"),
)
HOSTILE = '<script>alert("1")</script>\n&'


def contents() -> ReportContents:
    """Three queries: a good one, a bad one with hostile texts, and one that failed."""
    qrels = {"good": {"a": 4, "b": 1}, "bad": {"a": 1, "<b>": 3}, "failed": {"a": 4}}
    runs = [
        QueryRun(query_id="good", ranked=(Ranked("a", 0.9),), served={"a": Served(0.9, 4), "b": Served(0.1, 1)}),
        QueryRun(
            query_id="bad",
            ranked=(Ranked("a", 0.9), Ranked("<b>", 0.2)),
            served={"a": Served(0.9, 4), "<b>": Served(0.2, 1)},
        ),
        QueryRun(query_id="failed", error=HOSTILE),
    ]
    langs = {"good": "zh", "bad": "en", "failed": None}
    collection = Collection(size=3, qrels=qrels, query_langs=langs, document_langs={"a": "zh"})
    titles = {"good": "电解液", "bad": HOSTILE}
    return ReportContents(
        result=evaluate_runs(runs, collection),
        runs=runs,
        qrels=qrels,
        query_titles=titles,
        document_titles={"a": "锂电池<i>", "<b>": HOSTILE},
    )


class Reader(HTMLParser):
    """Collects what a browser would build, and notes a tag that closes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [name for name, _ in attrs if name in {"src", "href"}]
        if tag not in {"br", "meta"}:  # which HTML never closes
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read_page(folder: Path) -> Reader:
    """The page as a browser reads it."""
    reader = Reader()
    reader.feed((folder / "report.html").read_text("utf-8"))
    reader.close()
    assert not reader.open
    return reader


def test_the_page_is_well_formed_and_needs_no_network(tmp_path: Path) -> None:
    """Every element is closed; there is no script, no link and no other file."""
    write_report(tmp_path / "new" / "report", contents())
    reader = read_page(tmp_path / "new" / "report")
    assert not {"script", "link", "img", "iframe"} & set(reader.seen)
    assert not reader.links
    assert "http" not in (tmp_path / "new" / "report" / "report.html").read_text("utf-8")
    assert "svg" in reader.seen


def test_texts_of_other_people_are_escaped(tmp_path: Path) -> None:
    """Titles, ids and messages show as they are and never become elements."""
    write_report(tmp_path, contents())
    reader = read_page(tmp_path)
    assert "".join(reader.text).count('<script>alert("1")</script>') == 3
    assert "锂电池<i>" in reader.text
    assert "i" not in reader.seen


def test_templates_trust_no_text() -> None:
    """Escaping is on for every template, and none of them turns it off; only pictures are markup."""
    folder = Path(pages.__file__).parent / "templates"
    templates = list(folder.iterdir())
    assert len(templates) == 6
    assert not [file.name for file in templates if re.search(r"\|\s*safe|autoescape", file.read_text("utf-8"))]


def test_the_page_shows_measures_levels_and_the_worst_query_first(tmp_path: Path) -> None:
    """Each measure in both languages, each match with its judged level, the failed query on top."""
    write_report(tmp_path, contents())
    text = "\n".join(read_page(tmp_path).text)
    for name, english, chinese in MEASURES:
        assert name in text
        assert english in text
        assert chinese in text
    assert "strong 强相关" in text
    assert text.index("failed") < text.index("电解液")
    assert text.index("bad ·") < text.index("good ·")


def test_the_page_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of queries the page points at the table, which has them all."""
    monkeypatch.setattr(pages, "QUERIES_SHOWN", 1)
    write_report(tmp_path, contents())
    reader = read_page(tmp_path)
    assert reader.seen.count("details") == 1
    assert any("2 more in per_query.tsv" in text for text in reader.text)


def test_the_table_has_every_query_and_measure(tmp_path: Path) -> None:
    """Tab-separated, worst first, empty where a query does not count, one line a query whatever its title holds."""
    write_report(tmp_path, contents())
    with (tmp_path / "per_query.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [row["query_id"] for row in rows] == ["failed", "bad", "good"]
    assert rows[2]["judged_ndcg"] == "1.000000"
    assert rows[0]["judged_spearman"] == ""
    assert rows[1]["title"] == '<script>alert("1")</script> &'
    assert rows[0]["error"] == '<script>alert("1")</script> &'


def test_measures_and_run_are_files_of_their_own(tmp_path: Path) -> None:
    """The JSON is what the command prints; the run is read back as it was answered."""
    given = contents()
    files = write_report(tmp_path, given)
    names = ["judged.jsonl", "measures.json", "per_query.tsv", "report.html", "run.trec"]
    assert sorted(file.name for file in files) == names
    assert json.loads((tmp_path / "measures.json").read_text("utf-8")) == given.result.as_json()
    assert read_run(tmp_path / "run.trec") == {run.query_id: run.ranked for run in given.runs if run.ranked}


def test_a_second_report_replaces_the_first(tmp_path: Path) -> None:
    """The same folder may be used again."""
    write_report(tmp_path, contents())
    before = (tmp_path / "report.html").read_bytes()
    write_report(tmp_path, contents())
    assert (tmp_path / "report.html").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_a_job_error(tmp_path: Path) -> None:
    """The reason is said in both languages."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JobError, match="cannot write the report") as caught:
        write_report(tmp_path / "file" / "report", contents())
    assert "无法写入报告" in caught.value.message_zh


def test_worst_first_puts_uncounted_queries_last() -> None:
    """A query without an ideal is neither good nor bad."""
    rows = contents().result.per_query
    unjudged = evaluate_runs([QueryRun(query_id="new")], Collection(size=1, qrels={})).per_query
    assert [row.query_id for row in worst_first([*unjudged, *rows])] == ["failed", "bad", "good", "new"]


def test_the_histogram_shows_every_pair_once() -> None:
    """Rows by level, strongest on top; equal scores and missing levels do not break it."""
    picture = score_histogram({4: [0.5, 0.5], 1: []})
    assert "2 pairs" in picture
    assert "0 pairs" in picture
    assert "nan" not in picture
    assert picture.index("strong") < picture.index("none 无相关")
    assert "No judged pair" in score_histogram({4: []})


def test_elements_escape_text_and_attributes() -> None:
    """Only finished markup passes as it is; None leaves out."""
    assert element("td", "<", None, Markup("<b>x</b>"), class_='"') == '<td class="&#34;">&lt;<b>x</b></td>'
    assert element("line", x1=1, stroke_dasharray="3 3", fill=None) == '<line x1="1" stroke-dasharray="3 3"/>'
