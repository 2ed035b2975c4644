"""The text of a need from the columns that lists and forms have for it: background, contents, figures, budget."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import normalize

from app.ingest.draft import Draft
from app.ingest.fields.dates import day_read
from app.ingest.fields.values import as_text
from app.ingest.fields.words import is_missing
from app.ingest.headings.folding import BRACKETED
from app.ingest.headings.synonyms import PARTS
from app.text.normalising import fold_body

KEPT_PARTS = ("firm_name", "budget", "deadline")
"""Fields of a need that its text may name and that no field of the record holds: they stay in ``extra``, too."""

_SUBJECT = ("background", "text", "problem", "figures")
"""The parts that say what is wanted. A need without an id is known by them: who pays, and until when, may change."""

_BUDGET_WORDS = ("投资", "投入", "预算", "经费", "资金", "总额", "出资")
"""By these a sum of money is known as one, and says nothing of a subject (`app/text/boilerplate.toml`)."""
_BUDGET_LABEL = "经费预算"
_UNIT = re.compile(
    r"(?:人民币|单位[:：]?|\s)*(?P<unit>[十百千]?[万亿]?元|[万亿]|个?月|年|天|周|[kKmM]?USD|[wW])(?:人民币)?"
)
_NUMBER = re.compile(r"[\d.,]*\d(?:\s*[-~至]\s*\d[\d.,]*)?")


def need_text(draft: Draft) -> tuple[str, str]:
    """The text of a need, and that of it which says what is wanted.

    One column alone is the text as it stands. Of several, each becomes a line with its header before it, in the order
    of `PARTS`; a number gets the unit that its header has in brackets.
    """
    body = draft.body("text")
    found = [(name, *part) for name in PARTS if name != "text" for part in _parts(draft, name)]
    if not found:
        return body, body
    subject = [value for name, _, value in found if name in _SUBJECT]
    if not body and len(found) == 1 and subject:
        return subject[0], subject[0]
    if body:
        found.append(("text", _label(_header(draft, "text")), body))
    found.sort(key=lambda part: PARTS.index(part[0]))
    text = _joined(found)
    if len(text) > draft.options.max_text_chars:
        draft.reject("too_long", "text", text, length=len(text), limit=draft.options.max_text_chars)
        return "", ""
    said = [part for part in found if part[0] in _SUBJECT]
    return text, said[0][2] if len(said) == 1 else _joined(said)


def _joined(parts: list[tuple[str, str, str]]) -> str:
    return "\n".join(f"{label}{':' if not label.isascii() else ': '}{value}" for _, label, value in parts)


def _parts(draft: Draft, name: str) -> list[tuple[str, str]]:
    """Label and value of each of a field's columns that has one."""
    found: list[tuple[str, str]] = []
    for position in draft.plan.fields.get(name, ()):
        header = draft.plan.headers[position]
        value = _text(draft, name, draft.cells[position])
        if not value or is_missing(value):
            continue
        if _NUMBER.fullmatch(value):
            value += _unit(header)
        label = _label(header)
        if name == "budget" and not label.isascii() and not any(word in label for word in _BUDGET_WORDS):
            label = _BUDGET_LABEL
        found.append((label, value))
    return found


def _text(draft: Draft, name: str, cell: object) -> str:
    if name == "deadline":
        read = day_read(cell, draft.options.zone, day_first=draft.plan.day_first)
        if read.day is not None and read.whole:
            return read.day.isoformat()
    return fold_body(as_text(cell) or "")


def _header(draft: Draft, name: str) -> str:
    cells = draft.cells
    positions = draft.plan.fields[name]
    return draft.plan.headers[next((place for place in positions if cells[place] is draft.present[name]), positions[0])]


@lru_cache(maxsize=1024)
def _label(header: str) -> str:
    return BRACKETED.sub("", normalize("NFKC", header)).strip(" :") or header


@lru_cache(maxsize=1024)
def _unit(header: str) -> str:
    for match in BRACKETED.finditer(normalize("NFKC", header)):
        if unit := _UNIT.fullmatch(match["inside"].strip()):
            return "万元" if unit["unit"] in ("w", "W") else unit["unit"]
    return ""
