"""TREC files, which every retrieval tool of the field reads.

Runs are ``qid Q0 docid rank score tag``, judgements ``qid 0 docid relevance``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

from app.evaluation.collection import Qrels, QueryRun, Ranked, Served
from app.evaluation.files import LOWEST, Place, numbered_lines
from app.evaluation.identifiers import escaped, unescaped
from app.evaluation.measures import RECALL_DEPTH

COLUMNS = 6


def write_run(runs: Iterable[QueryRun], file: TextIO, tag: str) -> None:
    """Write the ranked lists, best first. White space separates columns, so white space in an id is percent-encoded.

    Scores are written with as many digits as tell them apart, so reading gives the same order again.
    """
    name = escaped(tag)
    for run in runs:
        query_id = escaped(run.query_id)
        file.writelines(
            f"{query_id} Q0 {escaped(match.doc_id)} {rank} {match.score!r} {name}\n"
            for rank, match in enumerate(run.ranked, start=1)
        )


def write_qrels(qrels: Qrels, file: TextIO) -> None:
    """Write judgements; a level's relevance is one less, so that `app.evaluation.files.read_qrels` gives them back."""
    for query_id, levels in qrels.items():
        name = escaped(query_id)
        file.writelines(f"{name} 0 {escaped(doc_id)} {level - LOWEST}\n" for doc_id, level in levels.items())


def read_run(path: Path, *, by_rank: bool = False) -> dict[str, tuple[Ranked, ...]]:
    """The ranked lists of a run file, by query in the file's order.

    As TREC's own tools do, the score decides the order; where two are equal, the rank does.

    Args:
        path: the file.
        by_rank: the rank decides instead, as in a file of ours, whose order is final whatever the scores are.

    Raises:
        InputError: the file cannot be read, a line is not of six columns, or a document appears twice for one query.
    """
    found: dict[str, dict[str, tuple[float, int]]] = {}
    for place, line in numbered_lines(path):
        query_id, doc_id, rank, score = _parsed(line, place)
        places = found.setdefault(query_id, {})
        if doc_id in places:
            place.reject(
                f"document {doc_id} appears a second time for query {query_id}; keep one line",
                f"查询 {query_id} 的文档 {doc_id} 重复出现；请只保留一行",
            )
        places[doc_id] = (-score, rank)

    def order(item: tuple[str, tuple[float, int]]) -> tuple[float, int]:
        negated, rank = item[1]
        return (rank, 0) if by_rank else (negated, rank)

    return {
        query_id: tuple(Ranked(doc_id, -negated) for doc_id, (negated, _) in sorted(places.items(), key=order))
        for query_id, places in found.items()
    }


def answered(lists: Mapping[str, tuple[Ranked, ...]], query_ids: Iterable[str], qrels: Qrels) -> list[QueryRun]:
    """A run file's lists as if a service without levels had answered: its first 100, and judged documents anywhere.

    Args:
        lists: as `read_run` gives them.
        query_ids: every query that is asked; one that the file lacks got an empty answer.
        qrels: the judgements. What is judged and not in the file has no score and ranks behind all that is.
    """
    runs = []
    for query_id in query_ids:
        found, levels = lists.get(query_id, ()), qrels.get(query_id, {})
        served = {match.doc_id: Served(match.score, None) for match in found if match.doc_id in levels}
        runs.append(QueryRun(query_id=query_id, ranked=found[:RECALL_DEPTH], served=served, levelled=False))
    return runs


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
