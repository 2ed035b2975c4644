"""Whether a row by itself is the header of a table, and of what; and whether two rows name the same columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from app.ingest.headings.headers import plan_columns, recognise
from app.ingest.headings.kinds import explains_columns, kind_of
from app.ingest.headings.levels import Known
from app.ingest.headings.synonyms import REQUIRED

NEW, AGAIN, OTHER = "new", "again", "other"
"""What a header row below the first is of: another table of the kind, the same table, a table of something else."""

LONGEST_NAME = 40
"""Characters of a header that is looked for below the first; a title of a record may be as short, and has no others
beside it."""
FEWEST = 2
"""Fields that a header row names."""
_SHARE = 3
"""One in so many headers is a known one."""
NUMBER = re.compile(r"\d{5}")
"""In ids, dates and amounts, and in no header."""


def cleaned_row(cells: Sequence[Any], known: Known) -> list[str]:
    """A row's cells as headers."""
    return [known.cleaned(str(cell).strip()) if cell is not None else "" for cell in cells]


def table_of(texts: Sequence[str], known: Known, profile: str | None = None) -> str | None:
    """`NEW` for the header of a table of the kind looked for, `OTHER` for one of something else, else ``None``."""
    filled = [text for text in texts if text]
    if len(filled) < FEWEST or any(len(text) > 2 * LONGEST_NAME or NUMBER.search(text) for text in filled):
        return None
    kind, mapping = known.kind, known.mapping
    other = None if mapping or profile else kind_of(filled, kind)
    if not mapping and explains_columns(filled, kind):
        return OTHER
    if other:
        return OTHER if _are_headers(filled, Known(other, {})) else None
    fields = plan_columns(texts, kind, mapping, profile).fields
    if len(fields) < FEWEST or not _are_headers(filled, known):
        return None
    return NEW if all(any(name in fields for name in group) for group in REQUIRED[kind]) else None


def translates(texts: Sequence[str], headers: Sequence[str], known: Known) -> bool:
    """Whether a row names the same columns as the one above it in other words: 公开号 and below it Publication No."""
    agreeing: set[str] = set()
    for text, header in zip(texts, headers, strict=False):
        if NUMBER.search(text) or len(text) > 2 * LONGEST_NAME:
            return False
        if not (text and header and known(text) and known(header)):
            continue
        common = fields_named(text, known.kind) & fields_named(header, known.kind)
        if not common:
            return False
        agreeing |= common
    filled = sum(1 for text in texts if text)
    return len(agreeing) >= FEWEST and _SHARE * sum(map(known, texts)) >= filled


def joined_languages(one: Sequence[str], other: Sequence[str], known: Known) -> list[str]:
    """The headers of two languages: of each column the first spelling that is known."""
    width = max(len(one), len(other))
    pairs = zip([*one, *[""] * (width - len(one))], [*other, *[""] * (width - len(other))], strict=True)
    return [first if known(first) or not known(second) else second for first, second in pairs]


def fields_named(header: str, kind: str) -> set[str]:
    """Our fields that ``header`` may stand for."""
    return {name for name, _ in recognise(header, kind)}


def _are_headers(filled: Sequence[str], known: Known) -> bool:
    """Whether enough of them are known, and stand side by side: a form has values between its labels."""
    hits = [known(text) for text in filled]
    beside = any(one and other for one, other in pairwise(hits))
    return beside and _SHARE * sum(hits) >= len(filled)
