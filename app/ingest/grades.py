"""Gradings of patents, from a file's rows or one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from app.domain import Grading
from app.ingest.building import identity_of
from app.ingest.draft import Draft
from app.ingest.feedback import MAX_NOTE_CHARS, MAX_WORD_CHARS
from app.ingest.headers import plan_columns
from app.ingest.outcomes import IngestLimits, Problem, RawRow, RowOutcome
from app.ingest.problems import problem
from app.ingest.reading import open_rows
from app.ingest.row_files import RowFile
from app.ingest.synonyms import GRADES, SYNONYMS
from app.ingest.values import as_maturity, as_text
from app.ingest.words import yes_or_no
from app.text.normalising import fold_body, fold_line

_GRADED = ("grade", "maturity", "agreed")
_LETTERS = ("A", "B", "C")


class GradingRow(NamedTuple):
    """What became of one row; its outcome holds no record."""

    grading: Grading | None
    outcome: RowOutcome


class GradingFile(RowFile[GradingRow]):
    """One file of gradings. Iterate once."""

    def _read(self, row: RawRow) -> GradingRow:
        raw = dict(zip(row.headers, row.cells, strict=False))
        if row.rejected is not None:
            return GradingRow(None, RowOutcome(row.number, None, (row.rejected,), (), raw))
        grading, rejected = _grading(row.headers, row.cells, self._mapping, self._limits)
        warnings = () if row.warning is None else (row.warning,)
        return GradingRow(grading, RowOutcome(row.number, None, rejected, warnings, raw))


def read_grades(
    path: Path, *, mapping: Mapping[str, str] | None = None, limits: IngestLimits | None = None
) -> GradingFile:
    """Open a file of gradings and recognise its format, encoding and headers.

    Args:
        path: any format that records are read from.
        mapping: their header -> our field, for headers that are not recognised.
        limits: what a row may hold; the defaults where ``None``.

    Raises:
        InputError: the file as a whole cannot be used.
    """
    limits = limits or IngestLimits()
    rows, source = open_rows(path, GRADES, mapping or {}, limits)
    return GradingFile(rows, source, mapping or {}, limits)


def grading_of(patent_id: str, fields: Mapping[str, Any]) -> GradingRow:
    """The grading of one patent from an object with our names; another name is a mistake."""
    strange = tuple(
        problem("unknown_field", name[:MAX_WORD_CHARS])
        for name in list(fields)[:MAX_WORD_CHARS]
        if name == "id" or name not in SYNONYMS[GRADES]
    )
    given = {"id": patent_id, **fields}
    grading, rejected = _grading(tuple(given), tuple(given.values()), {}, IngestLimits())
    rejected = (*strange, *rejected)
    return GradingRow(None if rejected else grading, RowOutcome(0, None, rejected, (), fields))


def _grading(
    headers: tuple[str, ...], cells: Sequence[Any], mapping: Mapping[str, str], limits: IngestLimits
) -> tuple[Grading | None, tuple[Problem, ...]]:
    draft = Draft(plan_columns(headers, GRADES, mapping), cells, limits)
    patent_id = identity_of(draft)
    grade, maturity, agreed = _letter(draft), _maturity(draft), _agreed(draft)
    if not draft.rejected and grade is None and maturity is None and agreed is None:
        draft.reject("nothing_graded", next((name for name in _GRADED if name in draft.plan.fields), "grade"))
    by, note = _text(draft, "by", MAX_WORD_CHARS), _text(draft, "note", MAX_NOTE_CHARS)
    if draft.rejected:
        return None, tuple(draft.rejected)
    return Grading(patent_id=patent_id, grade=grade, maturity=maturity, agreed=agreed, by=by, note=note), ()


def _letter(draft: Draft) -> str | None:
    value = draft.present.get("grade")
    if value is None:
        return None
    letter = fold_line(as_text(value) or "").upper().removesuffix("级").removesuffix("类").strip()
    if letter not in _LETTERS:
        draft.reject("bad_grade", "grade", value)
        return None
    return letter


def _maturity(draft: Draft) -> int | None:
    value = draft.present.get("maturity")
    level = None if value is None else as_maturity(value)
    if value is not None and level is None:
        draft.reject("bad_maturity", "maturity", value)
    return level


def _agreed(draft: Draft) -> bool | None:
    value = draft.present.get("agreed")
    truth = None if value is None else yes_or_no(value)
    if value is not None and truth is None:
        draft.reject("bad_boolean", "agreed", value)
    return truth


def _text(draft: Draft, name: str, limit: int) -> str | None:
    value = draft.present.get(name)
    if value is None:
        return None
    source = as_text(value)
    if source is None:
        draft.reject("wrong_type", name, value, found=type(value).__name__)
        return None
    text = fold_body(source[: 4 * limit])
    if len(text) > limit or len(source) > 4 * limit:
        draft.reject("too_long", name, source, length=len(source), limit=limit)
        return None
    return text or None
