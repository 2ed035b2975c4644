"""The folders that ``--report`` writes: a page for people, and the same as files for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from app.errors import JobError
from app.evaluation.calibration import CalibrationCheck
from app.evaluation.collection import Words
from app.evaluation.comparison import comparison
from app.evaluation.earlier import COMPARISON, JUDGED, MEASURED, MEASURES, RUN, judged_lines
from app.evaluation.measures import QueryMeasures
from app.evaluation.pages import render_calibration, render_comparison, render_evaluation
from app.evaluation.result import MEANS, ReportContents
from app.evaluation.trec import write_run

PAGE, TABLE, CALIBRATION = "report.html", "per_query.tsv", "calibration.json"
COMPARISON_TABLE = "per_query_comparison.tsv"
FINGERPRINT_CHARS = 12
"""How much of a fingerprint names the folder of an encoder's report; the list of snapshots shows as much."""

NAME_CHARS = 40
"""How much of a run file's name names its folder: its end, in which files usually differ."""

_UNSAFE = re.compile(r"[^\w.-]+")

COMPARED = (*MEANS.values(), "level_error")
"""Columns of the table of queries that are compared."""


def write_report(folder: Path, contents: ReportContents) -> tuple[Path, ...]:
    """Write page, table of queries, measures, run and judged pairs into ``folder``, over older ones.

    The page needs no network: styles and pictures are inside it.

    Returns:
        The files written.

    Raises:
        JobError: the folder cannot be written.
    """
    table = worst_first(contents.result.per_query)
    texts = {
        PAGE: render_evaluation(contents, table),
        TABLE: _table(table, contents.query_titles),
        MEASURES: _json(contents.result.as_json()),
        JUDGED: "".join(f"{line}\n" for line in judged_lines(contents)),
    }
    _write(folder, texts, instead_of=(COMPARISON, COMPARISON_TABLE))
    write_run(folder / RUN, contents.runs)
    return tuple(folder / name for name in (*texts, RUN))


def write_comparison(
    folder: Path,
    sources: Sequence[str],
    contents: Sequence[ReportContents],
    notes: Sequence[Words] = (),
    *,
    now: int = 0,
) -> tuple[Path, ...]:
    """Write the comparison as JSON, page and table of queries, and the report of each system into a folder beside it.

    Args:
        folder: where to.
        sources: how each system was asked for, the reference of the comparison first.
        contents: the systems' evaluations, in the same order and over the same queries.
        notes: what a reader must know about the comparison.
        now: place of the system that was measured now, with which a later comparison with this folder is made.

    Returns:
        The files written, those of the comparison first.

    Raises:
        JobError: the folder cannot be written.
    """
    entries = comparison(sources, [each.result for each in contents])
    files: list[Path] = []
    for place, (entry, each) in enumerate(zip(entries, contents, strict=True), start=1):
        entry["report"] = f"{place}-{_folder_name(entry)}"
        files += write_report(folder / entry["report"], each)
    described = {
        "comparison": entries,
        "notes": [note._asdict() for note in notes],
        MEASURED: entries[now]["report"],
    }
    texts = {
        COMPARISON: _json(described),
        PAGE: render_comparison(numbered(sources), contents, notes),
        COMPARISON_TABLE: _compared_table(contents),
    }
    _write(folder, texts, instead_of=(TABLE, MEASURES, JUDGED, RUN))
    return (*(folder / name for name in texts), *files)


def write_calibration_report(folder: Path, check: CalibrationCheck, described: Mapping[str, Any]) -> tuple[Path, ...]:
    """Write ``report.html`` and ``calibration.json`` into ``folder``, over older ones.

    Args:
        folder: where to; it is made.
        check: the measures.
        described: what `patmatch calibrate --json` prints.

    Returns:
        The files written.

    Raises:
        JobError: the folder cannot be written.
    """
    texts = {PAGE: render_calibration(check, described), CALIBRATION: _json(described)}
    _write(folder, texts)
    return tuple(folder / name for name in texts)


def numbered(sources: Sequence[str]) -> list[str]:
    """What a comparison calls its systems, numbered since two may have been asked for in the same way."""
    return [f"{place} {source}" for place, source in enumerate(sources, start=1)]


def _folder_name(entry: Mapping[str, Any]) -> str:
    """The start of the fingerprint, or of a system without one its name, as far as it can name a folder."""
    if entry["fingerprint"] is not None:
        return str(entry["fingerprint"])[:FINGERPRINT_CHARS]
    return _UNSAFE.sub("-", str(entry["source"])).strip("-.")[-NAME_CHARS:] or "run"


def _compared_table(contents: Sequence[ReportContents]) -> str:
    """Every query with each measure of each system, and the later systems' differences to the first."""
    tables = [{row.query_id: row for row in each.result.per_query} for each in contents]
    places = range(1, len(tables) + 1)
    names = ["query_id", "title"]
    for measure in COMPARED:
        names += [f"{measure}_{place}" for place in places]
        names += [f"{measure}_{place}-1" for place in places[1:]]
    rows: list[Sequence[Any]] = [names]
    for query_id in tables[0]:
        cells: list[Any] = [query_id, contents[0].query_titles.get(query_id, "")]
        for measure in COMPARED:
            values = [getattr(table[query_id], measure) for table in tables]
            cells += values
            cells += [None if None in (values[0], value) else value - values[0] for value in values[1:]]
        rows.append(cells)
    return _tsv(rows)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _write(folder: Path, texts: Mapping[str, str], *, instead_of: Sequence[str] = ()) -> None:
    """Write the files, and remove those of the other kind of report, which a reader would take for this one's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in instead_of:
            (folder / name).unlink(missing_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise JobError(
            f"cannot write the report: {reason}; choose another folder", f"无法写入报告：{reason}；请换一个文件夹"
        ) from error


def worst_first(table: Sequence[QueryMeasures]) -> list[QueryMeasures]:
    """The rows in the order in which to look at them: the lowest judged nDCG first, then nDCG; uncounted last."""

    def urgency(row: QueryMeasures) -> tuple[bool, float, bool, float]:
        return row.judged_ndcg is None, row.judged_ndcg or 0.0, row.ndcg is None, row.ndcg or 0.0

    return sorted(table, key=urgency)


def _table(table: Sequence[QueryMeasures], titles: Mapping[str, str]) -> str:
    names = [column.name for column in fields(QueryMeasures)]
    return _tsv([(*names, "title"), *((*astuple(row), titles.get(row.query_id, "")) for row in table)])


def _tsv(rows: Iterable[Sequence[Any]]) -> str:
    return "".join("\t".join(map(_cell, row)) + "\n" for row in rows)


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever a column holds
    if value is None:
        return ""
    return f"{value:.6f}" if isinstance(value, float) else " ".join(str(value).split())
