"""One record from one object, read as a line of JSON Lines is; what the service gives out is taken back unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.domain import AnyRecord, Kind
from app.ingest.building import record_in
from app.ingest.draft import Draft
from app.ingest.fields.values import json_safe
from app.ingest.fields.words import is_missing
from app.ingest.headings.headers import fields_of, plan_columns, recognise
from app.ingest.outcomes import IngestOptions, Problem, RowOutcome
from app.ingest.problems import problem

_KEPT_CHARS = 4
"""A source's own text in ``original`` may be this many times as long as what became of it; as in a file."""


def record_of(
    kind: Kind,
    fields: Mapping[str, Any],
    *,
    record_id: str | None = None,
    options: IngestOptions | None = None,
    row: int = 0,
) -> RowOutcome[AnyRecord]:
    """The record of one object: fields by our names or by those of other people, as in a file.

    Beyond what a file may hold it understands a record as the service gives it: ``kind``, ``original``, ``extra`` and
    ``industry_derived`` (industries that were derived from IPC codes are left out, and derived again).

    Args:
        kind: what the object is.
        fields: its keys and values, of JSON's types.
        record_id: its id, where the object names none. One that it does name counts.
        options: what it may hold; the defaults where ``None``.
        row: its place among others.
    """
    options = options or IngestOptions()
    refused = _refused(fields, options)
    if refused:
        return RowOutcome(row, None, refused, (), fields)
    given = {str(json_safe(str(key))): value for key, value in fields.items()}
    original = _taken_original(kind, given)
    extra = _taken_extra(given)
    _drop_derived(kind, given)
    if record_id is not None and not _names_id(kind, given):
        # First, so that it counts before any column of the same rank.
        given = {"id": record_id, **{key: value for key, value in given.items() if key != "id"}}
    plan = plan_columns(tuple(given), kind, {})
    places = range(len(plan.headers), len(plan.headers) + len(extra))
    plan = replace(plan, headers=(*plan.headers, *extra), extras=(*plan.extras, *places))
    try:
        draft = Draft(plan, (*plan.rewritten(tuple(given.values())), *extra.values()), options)
        record = record_in(kind, draft)
    except RecursionError:
        found = problem("bad_json", None, "", detail="nested too deeply")
        return RowOutcome(row, None, (found,), (), fields)
    if record is not None and original:
        # The texts that its source had, beneath those that were changed just now.
        record = replace(record, original={**original, **record.original})
    return draft.outcome(row, record, fields)


def _refused(fields: Mapping[str, Any], options: IngestOptions) -> tuple[Problem, ...]:
    """Why an object's keys cannot be used. They are looked at before anything is remembered about them."""
    extra = fields.get("extra")
    keys = [*fields, *(extra if isinstance(extra, Mapping) else ())]
    if len(keys) > options.max_fields:
        return (problem("too_many_fields", None, found=len(keys), limit=options.max_fields),)
    longest = max(keys, key=len, default="")
    if len(longest) > options.max_field_chars:
        return (problem("field_name_too_long", None, longest, length=len(longest), limit=options.max_field_chars),)
    original = fields.get("original")
    if isinstance(original, Mapping):
        limit = _KEPT_CHARS * options.max_text_chars
        length = max((len(text) for text in original.values() if isinstance(text, str)), default=0)
        if length > limit:
            return (problem("too_long", "original", length=length, limit=limit),)
    return ()


def _taken_original(kind: Kind, given: dict[str, Any]) -> dict[str, str]:
    """``original`` as the service gives it: texts by our fields. Anything else is a column as any other."""
    value = given.get("original")
    if not isinstance(value, Mapping) or not set(value) <= set(fields_of(kind)):
        return {}
    if not all(isinstance(text, str) for text in value.values()):
        return {}
    del given["original"]
    return {name: str(json_safe(text)) for name, text in value.items()}


def _taken_extra(given: dict[str, Any]) -> dict[str, Any]:
    """``extra`` as the service gives it: an object."""
    if not isinstance(given.get("extra"), Mapping):
        return {}
    return {str(json_safe(str(key))): value for key, value in given.pop("extra").items()}


def _drop_derived(kind: Kind, given: dict[str, Any]) -> None:
    """Leave out what the service adds: the kind's name, and industries that it derived itself."""
    if given.get("kind") == kind.value:
        del given["kind"]
    if kind is Kind.PATENTS and isinstance(given.get("industry_derived"), bool) and given.pop("industry_derived"):
        given.pop("industry", None)


def _names_id(kind: Kind, given: Mapping[str, Any]) -> bool:
    """Whether an object says its id in a field that is made for it, and not only a number that could stand for one."""
    best = ("id", 0)
    return any(best in recognise(key, kind) and not is_missing(value) for key, value in given.items())
