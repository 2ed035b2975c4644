"""What a report keeps for later: enough to measure and compare again without a model, and to see what has changed.

``judged.jsonl`` is written and read here and nowhere else; the ranked lists are in the report's TREC run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import InputError
from app.evaluation.collection import RELEVANT_FROM, UNKNOWN_LANGUAGE, Qrels, QueryRun, Ranked, Served, Words
from app.evaluation.files import BAD_FILE, Place, numbered_lines
from app.evaluation.result import ReportContents
from app.evaluation.trec import read_run

JUDGED, MEASURES, RUN = "judged.jsonl", "measures.json", "run.trec"
COMPARISON, MEASURED = "comparison.json", "measured"
"""The file of a comparison, and what in it names the folder of the system that was measured then."""

_ORIGIN = ("encoder", "snapshot", "settings", "material", "slices")
"""What of ``measures.json`` is kept; all else is measured again."""
SHOWN_IDS = 5
"""How many query ids a note names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierReport:
    """A report folder as read.

    Attributes:
        runs: query id -> its answer at that time.
        qrels: judgements at that time.
        query_digests: query id -> digest of its text at that time.
        origin: ``encoder``, ``snapshot``, ``settings``, ``material`` and ``slices`` of ``measures.json``.
    """

    runs: Mapping[str, QueryRun]
    qrels: Qrels
    query_digests: Mapping[str, str]
    origin: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Sameness:
    """How far an earlier report is about the queries and judgements of today.

    Attributes:
        common: ids of the queries with the same text and judgements in both.
        notes: what differs, a sentence each; empty where nothing does.
    """

    common: frozenset[str]
    notes: tuple[Words, ...]


def judged_lines(contents: ReportContents) -> Iterator[str]:
    """One JSON object a query: its text's digest and each judgement with what was served, best first."""
    for run in contents.runs:
        levels = contents.qrels.get(run.query_id, {})
        order = [doc_id for doc_id in run.served if doc_id in levels]
        order += [doc_id for doc_id in levels if doc_id not in run.served]
        row = {
            "id": run.query_id,
            "digest": contents.query_digests.get(run.query_id),
            "error": run.error,
            "levelled": run.levelled,
            "judged": [_pair(doc_id, levels[doc_id], run, contents) for doc_id in order],
        }
        yield json.dumps(row, ensure_ascii=False, allow_nan=False)


def read_report(folder: Path) -> EarlierReport:
    """The evaluation that ``--report`` wrote into ``folder``; of a comparison, that of what was measured then.

    Raises:
        InputError: a file is missing or damaged, or the report is of a version that did not keep what is needed.
    """
    if (folder / COMPARISON).is_file():
        folder = folder / str(_json_object(folder / COMPARISON).get(MEASURED, ""))
    missing = [name for name in (JUDGED, MEASURES, RUN) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder.name} has no {', '.join(missing)}: it is no report of one system that can be compared with; "
            "write it again with --report",
            f"{folder.name} 中缺少 {'、'.join(missing)}，不是可供比较的单系统报告；请用 --report 重新生成",
            code=BAD_FILE,
        )
    ranked = read_run(folder / RUN, by_rank=True)
    runs, qrels, digests = {}, {}, {}
    for place, line in numbered_lines(folder / JUDGED):
        row = _object(line, place)
        try:
            run = _run(row, ranked.get(row["id"], ()))
            levels = {pair["id"]: int(pair["level"]) for pair in row["judged"]}
        except (KeyError, TypeError, ValueError):
            place.reject("is not a line that a report writes; copy it again", "不是报告写入的内容；请重新复制该文件")
        runs[run.query_id], digests[run.query_id] = run, str(row.get("digest"))
        if levels:
            qrels[run.query_id] = levels
    measures = _json_object(folder / MEASURES)
    origin = {name: dict(measures.get(name) or {}) for name in _ORIGIN}
    return EarlierReport(runs=runs, qrels=qrels, query_digests=digests, origin=origin)


def sameness(earlier: EarlierReport, contents: ReportContents) -> Sameness:
    """Which queries of ``contents`` the earlier report can be compared on, and what differs.

    Raises:
        InputError: no query is the same in both.
    """
    reasons = {
        query_id: reason
        for query_id in earlier.query_digests.keys() | contents.query_digests.keys()
        if (reason := _changed(query_id, earlier, contents)) is not None
    }
    common = frozenset(contents.query_digests.keys() - reasons.keys())
    if not common:
        raise InputError(
            "the earlier report has no query with the same text and judgements; evaluate on the same files",
            "先前的报告中没有文本和评判都相同的查询；请使用相同的文件进行评测",
            code="no_common_query",
        )
    notes = [
        _left_out(ids, words)
        for reason, words in _REASONS.items()
        if (ids := sorted(query_id for query_id, found in reasons.items() if found == reason))
    ]
    if reasons:
        notes.append(
            Words(
                f"Compared over the {len(common)} queries that are the same in both; every figure is over these.",
                f"仅在两次评测中相同的 {len(common)} 个查询上比较；所有数值均基于这些查询。",
            )
        )
    if earlier.origin["material"].get("corpus") != contents.result.material.get("corpus"):
        notes.append(
            Words(
                "The corpus was another one then: measures against the whole corpus differ for that reason too.",
                "文档库与当时不同：针对全库的指标也会因此产生差异。",
            )
        )
    return Sameness(common, tuple(notes))


_REASONS: Mapping[str, Words] = {
    "only_before": Words("are only in the earlier report", "只在先前的报告中"),
    "only_now": Words("are not in the earlier report", "不在先前的报告中"),
    "text": Words("had another text then", "当时的文本不同"),
    "judgements": Words("had other judgements then", "当时的评判不同"),
}


def _changed(query_id: str, earlier: EarlierReport, contents: ReportContents) -> str | None:
    """Why a query cannot be compared."""
    if query_id not in contents.query_digests:
        return "only_before"
    if query_id not in earlier.query_digests:
        return "only_now"
    if contents.query_digests[query_id] != earlier.query_digests[query_id]:
        return "text"
    return None if contents.qrels.get(query_id, {}) == earlier.qrels.get(query_id, {}) else "judgements"


def _left_out(ids: list[str], words: Words) -> Words:
    shown = ", ".join(ids[:SHOWN_IDS]) + (", …" if len(ids) > SHOWN_IDS else "")
    return Words(
        f"{len(ids)} queries {words.en} and are left out: {shown}.",
        f"{len(ids)} 个查询{words.zh}，不参与比较：{shown}。",
    )


def _pair(doc_id: str, level: int, run: QueryRun, contents: ReportContents) -> dict[str, Any]:
    served = run.served.get(doc_id)
    lang = contents.collection.document_langs.get(doc_id) or UNKNOWN_LANGUAGE
    asked = level >= RELEVANT_FROM and lang in run.alone
    return {
        "id": doc_id,
        "level": level,
        "score": served.score if served else None,
        "served_level": served.level if served else None,
        "language": lang,
        "found_alone": doc_id in run.alone[lang] if asked else None,
    }


def _run(row: Mapping[str, Any], ranked: tuple[Ranked, ...]) -> QueryRun:
    alone: dict[str, tuple[str, ...]] = {}
    for pair in row["judged"]:
        if pair["found_alone"] is not None:
            before = alone.get(pair["language"], ())
            alone[pair["language"]] = (*before, pair["id"]) if pair["found_alone"] else before
    return QueryRun(
        query_id=row["id"],
        ranked=ranked,
        served={
            pair["id"]: Served(float(pair["score"]), pair["served_level"])
            for pair in row["judged"]
            if pair["score"] is not None
        },
        error=row["error"],
        levelled=bool(row["levelled"]),
        alone=alone,
    )


def _json_object(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path.name} cannot be read as a report's ({type(error).__name__}); write the report again with --report",
            f"无法按报告格式读取 {path.name}（{type(error).__name__}）；请用 --report 重新生成报告",
            code=BAD_FILE,
        ) from error


def _object(line: str, place: Place) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        place.reject("is not a JSON object; copy the report again", "不是 JSON 对象；请重新复制该报告")
    return row
