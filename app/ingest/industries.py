"""The mapping of IPC codes to industries: a file's rows to pairs or rejects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from app.ingest.codes import industry_codes, ipc_codes, with_section
from app.ingest.draft import Draft
from app.ingest.headers import plan_columns
from app.ingest.outcomes import IngestLimits, RawRow, RowOutcome
from app.ingest.reading import open_rows
from app.ingest.row_files import RowFile
from app.ingest.synonyms import INDUSTRIES
from app.ingest.values import as_text

_SECTION = re.compile("[A-H]")


class MappingRow(NamedTuple):
    """What became of one row: pairs of symbol and industry, or reasons in the outcome, which holds no record."""

    pairs: tuple[tuple[str, str], ...]
    outcome: RowOutcome


class MappingFile(RowFile[MappingRow]):
    """One file of the mapping. Iterate once."""

    def _read(self, row: RawRow) -> MappingRow:
        raw = dict(zip(row.headers, row.cells, strict=False))
        if row.rejected is not None:
            return MappingRow((), RowOutcome(row.number, None, (row.rejected,), (), raw))
        draft = Draft(plan_columns(row.headers, INDUSTRIES, self._mapping), row.cells, self._limits)
        symbols, industries = _symbols(draft), _industries(draft)
        pairs = () if draft.rejected else tuple((symbol, code) for symbol in symbols for code in industries)
        warnings = () if row.warning is None else (row.warning,)
        return MappingRow(pairs, RowOutcome(row.number, None, tuple(draft.rejected), warnings, raw))


def read_industries(
    path: Path, *, mapping: Mapping[str, str] | None = None, limits: IngestLimits | None = None
) -> MappingFile:
    """Open a file of the mapping and recognise its format, encoding and headers.

    Args:
        path: any format that records are read from.
        mapping: their header -> ``ipc`` or ``industry``, for headers that are not recognised.
        limits: what a row may hold; the defaults where ``None``.

    Raises:
        InputError: the file as a whole cannot be used.
    """
    limits = limits or IngestLimits()
    rows, source = open_rows(path, INDUSTRIES, mapping or {}, limits)
    return MappingFile(rows, source, mapping or {}, limits)


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
