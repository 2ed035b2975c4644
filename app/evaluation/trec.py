"""TREC files, which every retrieval tool of the field reads.

Runs are ``qid Q0 docid rank score tag``, judgements ``qid 0 docid relevance``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from operator import itemgetter
from pathlib import Path

from app.errors import JobError
from app.evaluation.collection import Qrels, QueryRun, Ranked, Served
from app.evaluation.files import LOWEST, Place, escaped, numbered_lines, unescaped
from app.evaluation.measures import RECALL_DEPTH

COLUMNS = 6
TAG = "patmatch"
"""Name of our system in run files."""


def write_run(path: Path, runs: Iterable[QueryRun], tag: str = TAG) -> None:
    """Write the ranked lists, best first, over an older file.

    Scores are written with all their digits, so reading gives the same order again.

    Raises:
        JobError: the file cannot be written.
    """
    name = escaped(tag)
    _write(
        path,
        (
            f"{escaped(run.query_id)} Q0 {escaped(match.doc_id)} {rank} {match.score!r} {name}\n"
            for run in runs
            for rank, match in enumerate(run.ranked, start=1)
        ),
    )


def write_qrels(path: Path, qrels: Qrels) -> None:
    """Write judgements, over an older file; relevance is the level less one, which `read_qrels` of files reads back.

    Raises:
        JobError: the file cannot be written.
    """
    pairs = ((query_id, *judged) for query_id, levels in qrels.items() for judged in levels.items())
    _write(path, (f"{escaped(query_id)} 0 {escaped(doc_id)} {level - LOWEST}\n" for query_id, doc_id, level in pairs))


def read_run(path: Path, *, by_rank: bool = False) -> dict[str, tuple[Ranked, ...]]:
    """The ranked lists of a run file, by query in the file's order.

    As TREC's own tools do, the score decides the order; where two are equal, the rank does.

    Args:
        path: the file.
        by_rank: the rank decides instead, as in our own files, whose order is final whatever the scores are.

    Raises:
        InputError: the file cannot be read, a line is not of six columns, or a document appears twice for one query.
    """
    found: dict[str, dict[str, tuple[tuple[float, float], Ranked]]] = {}
    for place, line in numbered_lines(path):
        query_id, doc_id, rank, score = _parsed(line, place)
        places = found.setdefault(query_id, {})
        if doc_id in places:
            place.reject(
                f"document {doc_id} appears a second time for query {query_id}; keep one line",
                f"查询 {query_id} 的文档 {doc_id} 重复出现；请只保留一行",
            )
        places[doc_id] = (rank, 0) if by_rank else (-score, rank), Ranked(doc_id, score)
    return {
        query_id: tuple(ranked for _, ranked in sorted(places.values(), key=itemgetter(0)))
        for query_id, places in found.items()
    }


def answered(lists: Mapping[str, tuple[Ranked, ...]], query_ids: Iterable[str], qrels: Qrels) -> list[QueryRun]:
    """A run file's lists as if a service without levels had answered: its first 100, and judged documents anywhere.

    Args:
        lists: as `read_run` gives them.
        query_ids: every query that is asked; one that the file lacks has an empty answer.
        qrels: the judgements. A judged document that the file lacks has no score and ranks behind all others.
    """
    runs = []
    for query_id in query_ids:
        found, levels = lists.get(query_id, ()), qrels.get(query_id, {})
        served = {match.doc_id: Served(match.score, None) for match in found if match.doc_id in levels}
        runs.append(QueryRun(query_id=query_id, ranked=found[:RECALL_DEPTH], served=served, levelled=False))
    return runs


def _write(path: Path, lines: Iterable[str]) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        reason = error.strerror or str(error)
        raise JobError(
            f"cannot write {path.name}: {reason}; choose another place",
            f"无法写入 {path.name}：{reason}；请换一个位置",
        ) from error


def _parsed(line: str, place: Place) -> tuple[str, str, int, float]:
    cells = line.split()
    try:
        query_id, _, doc_id, rank, score, _ = cells
        numbers = int(rank), float(score)
    except ValueError:
        numbers = 0, math.nan
    if len(cells) != COLUMNS or not math.isfinite(numbers[1]):
        place.reject(
            "is not a line of a run; write query id, Q0, document id, rank, score and tag",
            "不是有效的检索结果行；应为：查询编号、Q0、文档编号、名次、分数、标签",
        )
    return unescaped(query_id), unescaped(doc_id), *numbers
