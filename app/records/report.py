"""What is said of a load: how its file was read, and what became of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from app.domain import Kind
from app.ingest import FEEDBACK, GRADES, INDUSTRIES, Problem, RowOutcome, SheetRead, SourceFile

UNKNOWN_WORD = "unknown_word"
"""The code of problems that are counted by their values."""

_MOST_WORDS = 1_000
"""Different unknown words of a file that are counted each for itself; a column with more holds no words."""
FIRST_ROWS = 5
"""Rows that are named of each reason: enough to look one up without the rejects file."""

_RECORD_KEYS = (
    *("file", "kind", "load", "dry_run", "rows", "added", "changed", "unchanged", "repeated", "rejected", "reasons"),
    *("warnings", "first_rows", "merged", "apart", "emptied", "rejects_file", "format", "profile", "encoding"),
    *("notes", "sheets", "fields", "columns", "ignored_columns", "unknown_words", "counters"),
    *("seconds", "rows_per_second"),
)
_KEYS = {
    INDUSTRIES: (
        *("file", "kind", "load", "rows", "pairs", "rejected", "reasons", "rejects_file"),
        *("replaced", "differs", "patents", "changed", "notes", "sheets", "seconds"),
    ),
    GRADES: (
        *("file", "kind", "load", "rows", "changed", "unchanged", "rejected", "reasons", "rejects_file"),
        *("notes", "sheets", "seconds"),
    ),
    FEEDBACK: (
        *("file", "load", "rows", "recorded", "known", "unanswered", "needs", "rejected", "reasons", "warnings"),
        *("rejects_file", "notes", "sheets", "seconds"),
    ),
}
"""What the report of a kind has as JSON; kinds of records have `_RECORD_KEYS`."""


class Place(NamedTuple):
    """A row, in its sheet where the file has such."""

    sheet: str | None
    row: int


@dataclass(slots=True)
class LoadReport:
    """What became of one file's rows. Counts that a kind does not have stay 0.

    Each row is counted once: as rejected, or, of records as added, changed, unchanged or repeated, of grades as changed
    or unchanged, of feedback as recorded, known or unanswered.

    Attributes:
        load: its name in the log of loads; of a dry run ``None``.
        dry_run: whether nothing was written.
        rows: all rows read.
        reasons: how often each reason for a rejection was given.
        warnings: how often each warning was given; the rows went in.
        first_rows: the first rows of each reason and warning, with their sheets.
        rejects: the file that lists rejected rows and warnings, where there are any.
        repeated: rows whose id an earlier row has; they are joined with it, or replace it.
        merged: rows that were joined with a stored record, or an earlier row, which has more than they.
        apart: texts in another language than the stored ones that were kept in ``extra``.
        emptied: stored values that whole rows emptied, by field.
        changed: records or gradings; of industries patents that have another industry now.
        known: feedback that was recorded before.
        unanswered: places of a sheet that nobody filled in.
        needs: needs that joined the catalogue with feedback.
        pairs: different pairs of IPC symbol and industry.
        replaced: whether the file's pairs are the mapping of industries now; not where no row could be used.
        differs: whether that mapping is another than before.
        patents: patents without an industry of their own.
        given: sets of fields that rows had values for -> how many rows.
        words: field and word that nobody knows -> how often.
        source: what was recognised about the file.
        seconds: wall time.
    """

    file: str
    kind: str
    load: str | None = None
    dry_run: bool = False
    rows: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    first_rows: dict[str, list[Place]] = field(default_factory=dict)
    rejects: Path | None = None
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    merged: int = 0
    apart: int = 0
    emptied: Counter[str] = field(default_factory=Counter)
    recorded: int = 0
    known: int = 0
    unanswered: int = 0
    needs: int = 0
    pairs: int = 0
    replaced: bool = False
    differs: bool = False
    patents: int = 0
    given: Counter[frozenset[str]] = field(default_factory=Counter)
    words: Counter[tuple[str, str]] = field(default_factory=Counter)
    source: SourceFile | None = None
    seconds: float = 0.0

    def note(self, outcomes: Sequence[RowOutcome[object]]) -> None:
        """Count rows as they ended."""
        self.rows += len(outcomes)
        for outcome in outcomes:
            self.given[outcome.given] += 1
            if outcome.warnings:
                self.warnings.update(found.code for found in outcome.warnings)
                self._note_problems(Place(outcome.sheet, outcome.row), outcome.warnings)
            if outcome.record is None and not outcome.rejected:
                self.unanswered += 1
            elif outcome.record is None:
                self.rejected += 1
                self.reasons.update(found.code for found in outcome.rejected)
                self._note_problems(Place(outcome.sheet, outcome.row), outcome.rejected)

    def _note_problems(self, place: Place, problems: Sequence[Problem]) -> None:
        for found in problems:
            first = self.first_rows.setdefault(found.code, [])
            if len(first) < FIRST_ROWS and place not in first:
                first.append(place)
            if found.code == UNKNOWN_WORD:
                key = (found.field or "", found.value)
                self.words[key if key in self.words or len(self.words) < _MOST_WORDS else (found.field or "", "…")] += 1

    @property
    def encoding(self) -> str | None:
        """Of a text file."""
        return self.source.encoding if self.source else None

    @property
    def columns(self) -> Mapping[str, str]:
        """Recognised headers and the field each fills."""
        return self.source.columns if self.source else {}

    @property
    def ignored(self) -> tuple[str, ...]:
        """Headers whose values went to ``extra``."""
        return self.source.ignored if self.source else ()

    @property
    def fields(self) -> dict[str, int]:
        """Our fields -> rows with a value for them, the fullest first; those with a column but without a value, too."""
        counts: Counter[str] = Counter(dict.fromkeys(self.columns.values(), 0))
        for given, rows in self.given.items():
            for name in given:
                counts[name] += rows
        return dict(counts.most_common())

    @property
    def counters(self) -> tuple[str, ...]:
        """Headers of columns that look like ids and only count the rows."""
        return self.source.counters if self.source else ()

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """What people should know of the file as a whole, each in English and in Chinese."""
        return self.source.notes if self.source else ()

    @property
    def sheets(self) -> list[SheetRead]:
        """What was made of each sheet; of a file that is one table that table."""
        return list(self.source.sheets) if self.source else []

    def as_json(self) -> dict[str, Any]:
        """The report as JSON types, with the keys of its kind."""
        values = {name: getattr(self, name) for name in self.__slots__} | {
            "reasons": dict(self.reasons),
            "warnings": dict(self.warnings),
            "emptied": dict(self.emptied),
            "first_rows": {code: [place._asdict() for place in first] for code, first in self.first_rows.items()},
            "notes": [{"en": note, "zh": note_zh} for note, note_zh in self.notes],
            "rejects_file": str(self.rejects) if self.rejects else None,
            "format": self.source.format if self.source else None,
            "profile": self.source.profile if self.source else None,
            "encoding": self.encoding,
            "columns": dict(self.columns),
            "ignored_columns": list(self.ignored),
            "fields": self.fields,
            "sheets": [_sheet(sheet) for sheet in self.sheets],
            "unknown_words": self._words(),
            "counters": list(self.counters),
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(self.rows / self.seconds, 1) if self.seconds else None,
        }
        return {key: values[key] for key in _KEYS.get(self.kind, _RECORD_KEYS)}

    def _words(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for (name, word), times in self.words.most_common():
            found.setdefault(name, {})[word] = times
        return found


def _sheet(sheet: SheetRead) -> dict[str, Any]:
    return {
        "name": sheet.name,
        "read": sheet.read,
        "hidden": sheet.hidden,
        "rows": sheet.rows,
        "hidden_rows": sheet.hidden_rows,
        "header_rows": list(sheet.header_rows),
        "columns": [{"header": one.header, "field": one.field, "filled": one.filled} for one in sheet.columns],
        "skipped": dict(sheet.skipped),
        "why": sheet.why,
        "why_zh": sheet.why_zh,
    }


def is_record_kind(kind: str) -> bool:
    """Whether a file of this kind holds records of the catalogue."""
    return kind in set(Kind)
