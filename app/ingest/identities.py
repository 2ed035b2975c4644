"""Which id a row's record is kept under: the best that its cells state, in the one spelling of ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from app.domain import Kind
from app.ingest.draft import Draft
from app.ingest.fields.codes import credit_code_holds, is_rounded_number
from app.ingest.fields.numbers import is_placeholder, numbers_of_cell
from app.ingest.fields.values import as_text
from app.ingest.fields.words import is_missing
from app.ingest.headings.headers import Plan, recognise, same_header
from app.text.normalising import fold_line
from app.text.numbers import CREDIT_CODE_CHARS, kept_id, settled

_LAST_OWN_RANK = 1
"""Groups of a patent's id headers that each of its rows has a value for: own numbers and publications. What is granted
or filed (专利号, 申请号) is empty for an achievement without a patent."""


_CODE_WITHIN = re.compile(rf"(?<![0-9A-Z])[0-9A-Z]{{{CREDIT_CODE_CHARS}}}(?![0-9A-Z])")
_LONGEST_CODE_TEXT = 200
"""Characters of a cell that may hold a credit code beside other text."""


class Stated(NamedTuple):
    """What a row states as its id.

    Attributes:
        id: as records are kept under it; empty where the row states none and it is derived.
        place: of the number among the lines of its cell, from 0.
        total: of numbers in the cell.
    """

    id: str
    place: int = 0
    total: int = 1


_NOTHING = Stated("")


def is_named_id(header: str, mapping: Mapping[str, str]) -> bool:
    """Whether whoever loads the file says that this column is the id."""
    return any(ours == "id" and same_header(theirs, header) for theirs, ours in mapping.items())


def id_expected(kind: str, plan: Plan, mapping: Mapping[str, str]) -> bool:
    """Whether a row of a file with these columns that states no id is a mistake; else its id is derived."""
    places = plan.fields.get("id", ())
    if kind == Kind.FIRMS or not places:
        return False
    if kind != Kind.PATENTS:
        return True
    headers = [plan.headers[place] for place in places]
    mapped = any(is_named_id(header, mapping) for header in headers)
    return mapped or any(("id", rank) in recognise(h, kind) for h in headers for rank in range(_LAST_OWN_RANK + 1))


def identity_of(draft: Draft, kind: Kind = Kind.PATENTS) -> str:
    """The id of the record that a row is about; that there is none is noted, too."""
    stated = stated_id(draft, kind)
    if not stated.id and not any(found.field == "id" for found in draft.rejected):
        draft.reject("missing_id", "id")
    return stated.id


def stated_id(draft: Draft, kind: Kind) -> Stated:
    """The row's id, from its best column that has a usable one; what is wrong is noted in the draft."""
    places = draft.plan.fields.get("id", ())
    passed: list[tuple[str, str]] = []
    for place in _best_first(draft, places) if kind is Kind.FIRMS else places:
        source = _source(draft, draft.cells[place])
        if source is None:
            continue
        if draft.unusable:
            return _NOTHING
        if draft.placeholders and is_placeholder(source):
            passed.append(("placeholder", source))
            continue
        stated = _read(draft, kind, source, place)
        if is_rounded_number(stated.id):
            passed.append(("rounded", source))
            continue
        if not _checked(draft, stated, source):
            return _NOTHING
        _note(draft, stated, source, place, used_first=place == places[0])
        return stated
    return _without(draft, passed, known=bool(places))


def _source(draft: Draft, value: Any) -> str | None:  # noqa: ANN401 - a cell may be anything
    """A cell's text; ``None`` where it has no value."""
    if is_missing(value):
        return None
    source = as_text(value)
    if source is None:
        draft.reject("wrong_type", "id", value, found=type(value).__name__)
        return ""
    return None if source is not value and is_missing(source) else source


def _best_first(draft: Draft, places: tuple[int, ...]) -> tuple[int, ...]:
    """The columns of a firm's id, one with a credit code before the others: a list has numbers of its own, too."""
    if len(places) < 2:
        return places
    return tuple(sorted(places, key=lambda place: not is_credit_code(as_text(draft.cells[place]) or "")))


def is_credit_code(text: str) -> bool:
    """Whether a cell holds a unified social credit code, its check digit right or not."""
    code = kept_id(Kind.FIRMS, text)
    return len(code) == CREDIT_CODE_CHARS and (credit_code_holds(code) or code[2:8].isdigit())


def code_within(text: str) -> str | None:
    """The one credit code among other text (信用代码：9133…，已核): eighteen characters whose check digit is right."""
    if len(text) <= CREDIT_CODE_CHARS or len(text) > _LONGEST_CODE_TEXT:
        return None
    found = {code for code in _CODE_WITHIN.findall(fold_line(text).upper()) if credit_code_holds(code)}
    return found.pop() if len(found) == 1 else None


def _read(draft: Draft, kind: Kind, source: str, place: int) -> Stated:
    if kind is Kind.FIRMS:
        return Stated(code_within(source) or kept_id(kind, source))
    if kind is not Kind.PATENTS:
        return Stated(kept_id(kind, source))
    bare = place in draft.plan.fields.get("application_number", ())
    if (found := numbers_of_cell(source, bare=bare)) is not None:
        return Stated(found.chosen, found.place, found.total)
    return Stated(source if source.isascii() and source.isalnum() else settled(source))


def _checked(draft: Draft, stated: Stated, source: str) -> bool:
    limit = draft.options.max_id_chars
    if len(stated.id) > limit:
        draft.reject("too_long", "id", source, length=len(stated.id), limit=limit)
    elif not stated.id:
        draft.reject("missing_id", "id", source)
    elif "\ufffd" in stated.id or not stated.id.isprintable():
        draft.reject("bad_id", "id", source)
    else:
        return True
    return False


def _note(draft: Draft, stated: Stated, source: str, place: int, *, used_first: bool) -> None:
    """Note where an id is from, and what stood there."""
    if stated.id != source:
        draft.original["id"] = source
    if stated.total > 1:
        draft.warn("several_numbers", "id", source, used=stated.id, count=stated.total)
        draft.keep_cell(place)
    first, headers = draft.plan.fields["id"][0], draft.plan.headers
    if not used_first and not _has_better(draft, first):
        draft.warn("id_from_other_column", "id", stated.id, wanted=headers[first], used=headers[place])


def _has_better(draft: Draft, first: int) -> bool:
    """Whether the first column has an id of its own, which a firm's code was preferred to."""
    source = as_text(draft.cells[first])
    return not (source is None or is_missing(source) or is_placeholder(source) or is_rounded_number(source.strip()))


def _without(draft: Draft, passed: list[tuple[str, str]], *, known: bool) -> Stated:
    """A row whose cells state no id that can be used."""
    if destroyed := next((source for why, source in passed if why == "rounded"), None):
        draft.reject("id_destroyed", "id", destroyed)
    elif not passed and draft.id_expected:
        draft.reject("missing_id", "id")
    elif known:
        source = passed[0][1] if passed else ""
        draft.warn("id_derived", "id", source)
        if source:
            draft.original["id"] = source
    return _NOTHING
