"""The mapping of IPC codes to industries: a file's rows to pairs or rejects."""

from __future__ import annotations

import re
from unicodedata import normalize

from app.ingest.draft import Draft
from app.ingest.fields.codes import ipc_codes
from app.ingest.fields.trades import industry_codes, with_section
from app.ingest.fields.values import as_text

_SECTION = re.compile("[A-H]")


Pairs = tuple[tuple[str, str], ...]
"""IPC symbols, each with the code of an industry."""


def pairs_in(draft: Draft) -> Pairs:
    """The pairs of symbol and industry that a row of the mapping holds."""
    symbols, industries = _symbols(draft), _industries(draft)
    return tuple((symbol, code) for symbol in symbols for code in industries)


def _symbols(draft: Draft) -> list[str]:
    """The IPC symbols of a row; a section's letter is one, and a star behind a symbol says what holds anyway."""
    found: dict[str, None] = {}
    for value in draft.cells_of("ipc"):
        text = normalize("NFKC", as_text(value) or repr(value)).replace("*", "").strip().upper()
        codes, rest = ((text,), ()) if _SECTION.fullmatch(text) else ipc_codes(text)
        found.update(dict.fromkeys(codes))
        for entry in rest:
            draft.reject("bad_ipc", "ipc", entry)
    if not found and not draft.rejected:
        draft.reject("missing_ipc", "ipc")
    return list(found)


def _industries(draft: Draft) -> list[str]:
    """The industry codes of the best column that has any; another one may hold their names."""
    best = draft.present.get("industry")
    entries = best if isinstance(best, (list, tuple)) else () if best is None else (best,)
    found: dict[str, None] = {}
    before = len(draft.rejected)
    for entry in entries:
        codes, rest = industry_codes(as_text(entry) or repr(entry))
        for code in codes:
            if (whole := with_section(code)) is None:
                draft.reject("bad_industry", "industry", code)
            else:
                found[whole] = None
        for other in rest:
            draft.reject("bad_industry", "industry", other)
    if not found and len(draft.rejected) == before:
        draft.reject("missing_industry", "industry")
    return list(found)
