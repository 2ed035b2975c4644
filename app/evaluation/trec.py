"""TREC run files (``qid Q0 docid rank score tag``), which every retrieval tool of the field reads."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO
from urllib.parse import quote, unquote

from app.evaluation.collection import QueryRun, Ranked
from app.evaluation.files import Place, numbered_lines

COLUMNS = 6

_UNSAFE = re.compile(r"[\s%]")


def write_run(runs: Iterable[QueryRun], file: TextIO, tag: str) -> None:
    """Write the ranked lists, best first. White space separates columns, so white space in an id is percent-encoded.

    Scores are written with as many digits as tell them apart, so reading gives the same order again.
    """
    name = _escaped(tag)
    for run in runs:
        query_id = _escaped(run.query_id)
        file.writelines(
            f"{query_id} Q0 {_escaped(match.doc_id)} {rank} {match.score!r} {name}\n"
            for rank, match in enumerate(run.ranked, start=1)
        )


def read_run(path: Path) -> dict[str, tuple[Ranked, ...]]:
    """The ranked lists of a run file, by query in the file's order.

    As TREC's own tools do, the score decides the order; where two are equal, the rank does.

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
    return {
        query_id: tuple(Ranked(doc_id, -places[doc_id][0]) for doc_id in sorted(places, key=places.__getitem__))
        for query_id, places in found.items()
    }


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
    return unquote(query_id), unquote(doc_id), *numbers


def _escaped(identifier: str) -> str:
    return _UNSAFE.sub(lambda found: quote(found[0]), identifier) or "-"
