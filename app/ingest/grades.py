"""Gradings of patents, from a file's rows or one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.domain import Grading
from app.ingest.draft import Draft
from app.ingest.feedback import MAX_NOTE_CHARS, MAX_WORD_CHARS
from app.ingest.fields.values import as_maturity, as_text
from app.ingest.fields.words import yes_or_no
from app.ingest.headings.headers import plan_columns
from app.ingest.headings.synonyms import GRADES, SYNONYMS
from app.ingest.identities import identity_of
from app.ingest.outcomes import IngestOptions, RowOutcome
from app.ingest.problems import problem
from app.text.normalising import fold_body, fold_line

_GRADED = ("grade", "maturity", "agreed")
_LETTERS = ("A", "B", "C")


def grading_of(patent_id: str, fields: Mapping[str, Any]) -> RowOutcome[Grading]:
    """The grading of one patent from an object with our names; another name is a mistake."""
    given = {"id": patent_id, **fields}
    draft = Draft(plan_columns(tuple(given), GRADES, {}), tuple(given.values()), IngestOptions())
    grading = grading_in(draft)
    draft.rejected[:0] = [
        problem("unknown_field", name[:MAX_WORD_CHARS])
        for name in list(fields)[:MAX_WORD_CHARS]
        if name == "id" or name not in SYNONYMS[GRADES]
    ]
    return draft.outcome(0, grading, fields)


def grading_in(draft: Draft) -> Grading | None:
    """The grading that a row holds, ``None`` where it cannot be used."""
    patent_id = identity_of(draft)
    grade, maturity, agreed = _letter(draft), _maturity(draft), _agreed(draft)
    if not draft.rejected and grade is None and maturity is None and agreed is None:
        draft.reject("nothing_graded", next((name for name in _GRADED if name in draft.plan.fields), "grade"))
    by, note = _text(draft, "by", MAX_WORD_CHARS), _text(draft, "note", MAX_NOTE_CHARS)
    if draft.rejected:
        return None
    return Grading(patent_id=patent_id, grade=grade, maturity=maturity, agreed=agreed, by=by, note=note)


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
