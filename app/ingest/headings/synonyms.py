"""Headers that other people write, which `synonyms.toml` lists: kind -> our field -> groups, the best group first."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from app.domain import Kind
from app.ingest.headings.folding import folded

Synonyms = dict[str, tuple[tuple[str, ...], ...]]

INDUSTRIES = "industries"
"""The mapping of IPC codes to industries: read as the kinds are, but its rows are no records."""

FEEDBACK = "feedback"
"""What came back from firms and judges."""

GRADES = "grades"
"""Gradings of patents."""

_LISTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("synonyms.toml").read_text(encoding="utf-8"))

TRANSLATION_MARKS = frozenset(_LISTS["translation_marks"])
"""In brackets behind a header, they say that the column is a translation of another."""

COLUMN_WORDS, MEANING_WORDS = (
    frozenset(map(folded, _LISTS[name])) for name in ("words_for_columns", "words_for_meanings")
)
"""Headers of a table that explains another's columns: for their names, and for what they mean."""


def _listed(kind: str) -> Synonyms:
    fields: dict[str, tuple[tuple[str, ...], ...]] = {}
    for name, entry in _LISTS[kind].items():
        groups = _LISTS[entry][name] if isinstance(entry, str) else entry
        fields[name] = tuple(map(tuple, groups))
    return fields


_PATENTS, _FEEDBACK = _listed(Kind.PATENTS.value), _listed(FEEDBACK)
# An application number serves as the id where there is no better one.
_PATENTS["id"] += _PATENTS["application_number"]

PARTS = ("background", "text", "problem", "figures", "budget", "deadline", "cooperation")
"""What the text of a need is made of, in the order in which it is told."""

MERGED = frozenset(("ipc", "licence", "industry", "firm_name", *PARTS)) - {"text"}
"""Fields that take the values of all their columns; the others take the best column that has a value."""

SYNONYMS: dict[str, Synonyms] = {
    Kind.PATENTS: _PATENTS,
    Kind.NEEDS: _listed(Kind.NEEDS.value),
    Kind.FIRMS: _listed(Kind.FIRMS.value),
    INDUSTRIES: {name: _PATENTS[name] for name in ("ipc", "industry")},
    FEEDBACK: _FEEDBACK,
    GRADES: {name: _PATENTS[name] for name in ("id", "grade", "maturity", "agreed")}
    | {name: _FEEDBACK[name] for name in ("note", "by")},
}
"""By kind, or `INDUSTRIES`, `FEEDBACK`, `GRADES`."""

PATTERNS: dict[str, tuple[tuple[str, re.Pattern[str]], ...]] = {
    Kind.NEEDS: tuple((name, re.compile(pattern)) for name, pattern in _LISTS["needs_patterns"].items())
}
"""By kind, fields with what whole headers of theirs look like, folded, where no list has them."""

REQUIRED: dict[str, tuple[tuple[str, ...], ...]] = {
    Kind.PATENTS: (("title",), ("id", "abstract", "holders")),
    Kind.NEEDS: (("title", "text", "problem"),),
    Kind.FIRMS: (("name",),),
    INDUSTRIES: (("ipc",), ("industry",)),
    FEEDBACK: (("event", "level"),),
    GRADES: (("id",), ("grade", "maturity", "agreed")),
}
"""What a file must have columns for: of each group at least one field."""
