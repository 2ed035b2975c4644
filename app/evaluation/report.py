"""The folder that `patmatch evaluate --report` writes: a page for people, and the same as files for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from app.errors import JobError
from app.evaluation.collection import Qrels, QueryRun
from app.evaluation.comparison import comparison
from app.evaluation.measures import QueryMeasures
from app.evaluation.page import render_page
from app.evaluation.result import EvaluationResult
from app.evaluation.trec import write_run

PAGE, TABLE, MEASURES, RUN = "report.html", "per_query.tsv", "measures.json", "run.trec"
COMPARISON = "comparison.json"
FINGERPRINT_CHARS = 12
"""How much of a fingerprint names the folder of an encoder's report, as in the list of snapshots."""

TAG = "patmatch"
"""Name of the system in run files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContents:
    """What a report is written from.

    Attributes:
        result: measures and the table of queries.
        runs: what was answered, one run for every query.
        qrels: judgements, to show beside the answers.
        query_titles: what to call a query.
        document_titles: what to call a document.
    """

    result: EvaluationResult
    runs: Sequence[QueryRun]
    qrels: Qrels
    query_titles: Mapping[str, str]
    document_titles: Mapping[str, str]


def write_report(folder: Path, contents: ReportContents) -> tuple[Path, ...]:
    """Write ``report.html``, ``per_query.tsv``, ``measures.json`` and ``run.trec`` into ``folder``, over older ones.

    The page needs no network: styles and pictures are inside it.

    Returns:
        The files written.

    Raises:
        JobError: the folder cannot be written.
    """
    table = worst_first(contents.result.per_query)
    texts = {
        PAGE: render_page(contents.result, table, contents),
        TABLE: _table(table, contents.query_titles),
        MEASURES: _json(contents.result.as_json()),
    }
    _write(folder, texts)
    write_run_file(folder / RUN, contents.runs)
    return tuple(folder / name for name in (*texts, RUN))


def write_comparison(folder: Path, sources: Sequence[str], contents: Sequence[ReportContents]) -> tuple[Path, ...]:
    """Write ``comparison.json``, and the report of each encoder into a folder of its own beside it.

    Args:
        folder: where to.
        sources: what each encoder was asked for as.
        contents: what the encoders' evaluations gave, in the same order.

    Returns:
        The files written, the comparison first.

    Raises:
        JobError: the folder cannot be written.
    """
    entries = comparison(sources, [each.result for each in contents])
    files: list[Path] = []
    for place, (entry, each) in enumerate(zip(entries, contents, strict=True), start=1):
        entry["report"] = f"{place}-{str(entry['fingerprint'])[:FINGERPRINT_CHARS]}"
        files += write_report(folder / entry["report"], each)
    _write(folder, {COMPARISON: _json({"comparison": entries})})
    return folder / COMPARISON, *files


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise JobError(
            f"cannot write the report: {reason}; choose another folder", f"无法写入报告：{reason}；请换一个文件夹"
        ) from error


def write_run_file(path: Path, runs: Sequence[QueryRun]) -> None:
    """Write the ranked lists as a TREC run, over an older one.

    Raises:
        JobError: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8") as file:
            write_run(runs, file, TAG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise JobError(
            f"cannot write {path.name}: {reason}; choose another place",
            f"无法写入 {path.name}：{reason}；请换一个位置",
        ) from error


def worst_first(table: Sequence[QueryMeasures]) -> list[QueryMeasures]:
    """The rows in the order in which to look at them: the lowest judged nDCG first, then nDCG; uncounted last."""

    def urgency(row: QueryMeasures) -> tuple[bool, float, bool, float]:
        return row.judged_ndcg is None, row.judged_ndcg or 0.0, row.ndcg is None, row.ndcg or 0.0

    return sorted(table, key=urgency)


def _table(table: Sequence[QueryMeasures], titles: Mapping[str, str]) -> str:
    names = [column.name for column in fields(QueryMeasures)]
    lines = ["\t".join([*names, "title"])]
    for row in table:
        values = asdict(row) | {"title": titles.get(row.query_id, "")}
        lines.append("\t".join(_cell(values[name]) for name in [*names, "title"]))
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever a column holds
    if value is None:
        return ""
    return f"{value:.6f}" if isinstance(value, float) else " ".join(str(value).split())
