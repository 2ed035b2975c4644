"""One row on its way to a record: its cells by field, and what was found wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

from app.domain import Kind
from app.ingest.fields.dates import day_read
from app.ingest.fields.statuses import UNKNOWN, status_read
from app.ingest.fields.values import as_text, json_safe
from app.ingest.fields.words import LONGEST_MISSING, is_missing
from app.ingest.headings.headers import Plan
from app.ingest.outcomes import IngestOptions, Problem, RowOutcome
from app.ingest.problems import problem
from app.text.normalising import fold_body, fold_line

R = TypeVar("R")

_NOTHING: tuple[int, ...] = ()
_LONGEST_STATUS = 200
"""Characters of a status that nobody knows; longer ones are texts about it."""

_fold_word = lru_cache(maxsize=16384)(fold_line)
"""For fields whose few words repeat from row to row."""


_given = lru_cache(maxsize=4096)(frozenset[str])
"""Rows have few sets of fields, and one object for each is quick to count."""


class Draft:
    """Reads fields from a row's cells and notes problems, originals and extras on the way.

    Every reader answers with a usable value or with an empty one; it never raises for what a file may hold.

    Args:
        plan: where each field is in ``cells``.
        cells: the row's values, as many as the plan has headers.
        options: what a row may hold.
        id_expected: whether a row that states no id is a mistake; else it gets one made of what it says.
        placeholders: whether words such as 申请中 are no ids, as in files that people fill in.
    """

    __slots__ = (
        *("cells", "extra", "id_expected", "lacking", "options", "original", "placeholders", "plan", "present"),
        "rejected",
        "warnings",
    )

    def __init__(
        self,
        plan: Plan,
        cells: Sequence[Any],
        options: IngestOptions,
        *,
        id_expected: bool = True,
        placeholders: bool = False,
    ) -> None:
        self.plan = plan
        self.cells = cells
        self.options = options
        self.id_expected = id_expected
        self.placeholders = placeholders
        self.rejected: list[Problem] = []
        self.lacking = 0
        self.warnings: list[Problem] = []
        self.original: dict[str, str] = {}
        self.extra: dict[str, Any] = {}
        # Field -> the first value that its columns have in this row. This loop runs for every cell of every row.
        self.present: dict[str, Any] = {}
        for name, position in plan.singles:
            value = cells[position]
            if (value.__class__ is str and len(value) > LONGEST_MISSING) or not is_missing(value):
                self.present[name] = value
        for name, positions in plan.multiples:
            for position in positions:
                if not is_missing(cells[position]):
                    self.present[name] = cells[position]
                    break

    def cells_of(self, name: str) -> list[Any]:
        """The values of all of ``name``'s columns, lists among them opened."""
        if name not in self.present:
            return []
        values: list[Any] = []
        for position in self.plan.fields[name]:
            value = self.cells[position]
            values.extend(value if isinstance(value, (list, tuple)) else (value,))
        return [value for value in values if not is_missing(value)]

    def reject(self, code: str, name: str | None, value: object = "", **facts: Any) -> None:  # noqa: ANN401
        """Note that the row cannot be used."""
        self.rejected.append(problem(code, name, value, **facts))

    def lack(self, code: str, name: str, value: object = "") -> None:
        """Note that the row lacks what a new record cannot be without; it may still be part of one that is there."""
        self.reject(code, name, value)
        self.lacking += 1

    @property
    def unusable(self) -> bool:
        """Whether there is more against the row than what it lacks."""
        return len(self.rejected) > self.lacking

    def warn(self, code: str, name: str | None, value: object = "", **facts: Any) -> None:  # noqa: ANN401
        """Note something that does not keep the row out."""
        self.warnings.append(problem(code, name, value, **facts))

    def outcome(self, row: int, record: R | None, raw: Mapping[str, Any], sheet: str | None = None) -> RowOutcome[R]:
        """What became of the row of this number: the record, unless something was found that keeps it out."""
        given = _given(tuple(self.present))
        if not self.rejected:
            return RowOutcome(row, record, (), tuple(self.warnings), raw, sheet, given)
        partial = None if self.unusable else record
        return RowOutcome(row, None, tuple(self.rejected), tuple(self.warnings), raw, sheet, given, partial)

    def keep(self, name: str) -> None:
        """Keep in ``extra`` what stands in ``name``'s columns, because the field itself cannot hold it."""
        for position in self.plan.fields.get(name, _NOTHING):
            self.keep_cell(position)

    def line(self, name: str) -> str:
        """A title or a name as one line, ``""`` when missing or unusable."""
        return self._text(name, fold_line, self.options.max_title_chars)

    def body(self, name: str) -> str:
        """A longer text with its line breaks, ``""`` when missing or unusable."""
        return self._text(name, fold_body, self.options.max_text_chars)

    def short(self, name: str) -> str | None:
        """A word or a code of an optional field, ``None`` when missing or unusable."""
        if name not in self.present:
            return None
        return self._text(name, _fold_word, self.options.max_title_chars) or None

    def day(self, name: str) -> date | None:
        """A date; what cannot be read as one is kept in ``extra`` with a warning.

        Of a month its first day stands for it, of several dates the first; the source's text is in ``original``.
        """
        value = self.present.get(name)
        if value is None:
            return None
        read = day_read(value, self.options.zone, day_first=self.plan.day_first)
        if read.day is None:
            self.warn("bad_date", name, value)
            self.keep(name)
        elif not read.whole:
            self.original.setdefault(name, str(json_safe(as_text(value) or "")))
            if read.month_only:
                self.warn("month_only", name, value)
        return read.day

    def status(self, kind: Kind) -> str | None:
        """The status in our words, `UNKNOWN`, or the source's own word; what nobody knows is warned of."""
        first = self._text("status", fold_body, self.options.max_text_chars)
        if not first:
            return self._unknown_status(kind)
        found = status_read(kind, first)
        for cell in self.cells_of("status")[1:]:
            if found.status in (None, UNKNOWN) and isinstance(cell, str):
                other = status_read(kind, fold_body(cell[: self.options.max_text_chars]))
                found = other if other.status not in (None, UNKNOWN) else found
        status = found.status or fold_line(first)
        if found.status is None:
            # Read as one line: what is given out is taken back as the same.
            found = status_read(kind, status)
            status = found.status or (status if len(status) <= _LONGEST_STATUS else UNKNOWN)
        for word in found.strange:
            self.warn("unknown_word", "status", word)
        if status != first:
            self.original.setdefault("status", first)
        return status

    def _unknown_status(self, kind: Kind) -> str | None:
        """`UNKNOWN` where a cell says 未知 or the like, which of any other field means that it has no value."""
        for position in self.plan.fields.get("status", _NOTHING):
            cell = self.cells[position]
            if isinstance(cell, str) and cell and status_read(kind, cell).status == UNKNOWN:
                if cell != UNKNOWN:
                    self.original.setdefault("status", str(json_safe(cell)))
                return UNKNOWN
        return None

    def worded(self, name: str, translate: Callable[[str], str | None]) -> str | None:
        """A field whose words are translated to ours; the source's word is kept in ``original`` where it changed.

        A word that ``translate`` does not know stays as it came, with a warning.
        """
        word = self.short(name)
        if word is None:
            return None
        ours = translate(word)
        if ours is None:
            self.warn("unknown_word", name, word)
            return word
        if ours != word:
            self.original.setdefault(name, word)
        return ours

    def _text(self, name: str, fold: Callable[[str], str], limit: int) -> str:
        value = self.present.get(name)
        if value is None:
            return ""
        source = value if isinstance(value, str) else as_text(value)
        if source is None:
            self.reject("wrong_type", name, value, found=type(value).__name__)
            return ""
        # Entities and tags may make a text a little shorter; what is many times too long is not even looked at.
        text = fold(source) if len(source) <= 4 * limit else source
        if len(text) > limit:
            self.reject("too_long", name, source, length=len(text), limit=limit)
            return ""
        if text is not value and len(text) <= LONGEST_MISSING and is_missing(text):
            return ""  # <b>N/A</b>: read again without its markup, it would be no value
        if text != source:
            self.original[name] = json_safe(source)
        if "\ufffd" in text:
            self.warn("damaged_characters", name, text)
        return text

    def gather_extra(self) -> dict[str, Any]:
        """What the source has beyond our fields, within the limits."""
        for position in self.plan.extras:
            self.keep_cell(position)
        for name, position in self.plan.spares:
            if self.cells[position] != self.present.get(name):
                self.keep_cell(position)
        return self.extra

    def keep_cell(self, position: int) -> None:
        """Keep one cell in ``extra`` under its header."""
        value = self.cells[position]
        if value is None or value == "":
            return
        header = self.plan.headers[position]
        limit = self.options.max_extra_chars
        safe = json_safe(value)
        if isinstance(safe, str) and len(safe) > limit:
            safe = safe[:limit]
            self.warn("extra_cut", None, value, header=header, limit=limit)
        elif isinstance(safe, (list, dict)) and len(repr(safe)) > limit:
            safe = repr(safe)[:limit]
            self.warn("extra_cut", None, value, header=header, limit=limit)
        if safe is None:
            return
        if len(self.extra) >= self.options.max_extra_columns and header not in self.extra:
            if not any(warning.code == "extra_dropped" for warning in self.warnings):
                self.warn("extra_dropped", None, header, limit=self.options.max_extra_columns)
            return
        self.extra[header] = safe
