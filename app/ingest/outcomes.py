"""What reading a file gives: outcomes of rows, the problems met, facts about the file, and the limits that hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from app.errors import FieldError

R_co = TypeVar("R_co", covariant=True)

SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one row, for people of both languages.

    Attributes:
        field: our field that it is about, ``None`` when it is about the row as a whole.
        value: the source's value, shortened for display.
        code: for programs and for counting.
        reason: what is wrong; ``reason_zh`` says it in Chinese.
        fix: what to do about it; ``fix_zh`` says it in Chinese.
    """

    field: str | None
    value: str
    code: str
    reason: str
    reason_zh: str
    fix: str
    fix_zh: str

    @property
    def message(self) -> str:
        """What is wrong, and what to do about it, as an answer over HTTP says it."""
        return f"{self.reason}; {self.fix}"

    @property
    def message_zh(self) -> str:
        """The same in Chinese."""
        return f"{self.reason_zh}；{self.fix_zh}"

    def as_field_error(self) -> FieldError:
        """The problem as an error names it; one of the whole row is of its ``body``."""
        return FieldError(self.field or "body", self.message, self.message_zh)


@dataclass(frozen=True, slots=True)
class RowOutcome(Generic[R_co]):
    """What became of one row: a record, or the reasons why there is none. Warnings come with a record or without.

    Attributes:
        record: what the row holds: a record of the catalogue, or of other files what their rows are read into.
        row: the row's number as a spreadsheet program shows it (the line's number in JSON Lines, from 1).
        raw: their header -> the value as it came.
        sheet: the sheet of a workbook, whose rows have numbers of their own.
        given: our fields that the row has a value for, whether or not it could be used.
        partial: of a row that is rejected for nothing but what a record cannot be without: the rest of it, which can
            still be joined with a record that is there.
    """

    row: int
    record: R_co | None
    rejected: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    raw: Mapping[str, Any]
    sheet: str | None = None
    given: frozenset[str] = frozenset()
    partial: R_co | None = None


@dataclass(slots=True)
class ColumnRead:
    """One column of a sheet.

    Attributes:
        header: theirs, the levels of a header of several rows joined by a space.
        field: ours that it fills, ``None`` where it is kept in ``extra`` or dropped.
        filled: cells with a value, over the rows read so far.
    """

    header: str
    field: str | None
    filled: int = 0


@dataclass(slots=True)
class SheetRead:
    """What was made of one sheet of a workbook, or of the one table that another file is. Filled while it is read.

    Attributes:
        name: of the sheet; ``None`` where the file has none.
        read: whether its rows are read; ``why`` and ``why_zh`` say why not.
        hidden: whether a spreadsheet program hides it.
        rows: below the header: those read, or of an unread sheet those that were left.
        hidden_rows: of them, those that a spreadsheet program hides; they are read as the others.
        header_rows: the numbers of the rows that hold the headers, as a spreadsheet program shows them.
        skipped: rows that are no records (titles of sections, totals, units, notes), by what they are.
    """

    name: str | None = None
    read: bool = True
    hidden: bool = False
    rows: int = 0
    hidden_rows: int = 0
    header_rows: tuple[int, ...] = ()
    columns: list[ColumnRead] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    why: str = ""
    why_zh: str = ""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What was recognised about a file.

    Attributes:
        name: its base name.
        format: what its content is, whatever its name says: ``jsonl``, ``csv``, ``tsv``, ``xlsx``, ``xlsb``, ``xls``,
            ``ods``, ``html``, ``xml`` (a spreadsheet of Excel 2003) or ``parquet``.
        compressed: whether it is gzipped.
        encoding: of a text file; ``None`` for xlsx and parquet.
        columns: their header -> our field, for the headers recognised.
        ignored: headers that are kept in ``extra`` only.
        sheets: every sheet, those left unread too; one without a name where the format has none.
        counters: headers of columns that look like ids and only count the rows.
        profile: the known export that it was read as, ``None`` where the general synonyms alone were used.
        notes: what people should know of the file as a whole, each in English and in Chinese.
    """

    name: str
    format: str
    compressed: bool
    encoding: str | None
    columns: Mapping[str, str]
    ignored: tuple[str, ...]
    sheets: tuple[SheetRead, ...] = ()
    counters: tuple[str, ...] = ()
    profile: str | None = None
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How rows are read. Each limit guards memory, the database or the page that shows the record.

    Attributes:
        zone: of dates and times that are written without one.
        max_text_chars: characters of an abstract, a need's text or a business scope; ten times the longest seen.
        max_title_chars: characters of a title or a name.
        max_id_chars: characters of an id; the catalogue's key column is as wide.
        max_row_chars: characters of one row of a text file; what is longer is an unclosed quote or no text file.
        max_extra_chars: characters of one value that goes to ``extra``; longer ones are cut, with a warning.
        max_extra_columns: values that one record's ``extra`` may have.
        max_fields: keys that one object sent over REST may have; a file's headers are looked at once, these each time.
        max_field_chars: characters of such a key.
        header_search_rows: how far down a header row is looked for, because spreadsheets have titles on top.
        sample_rows: rows of a JSON Lines file that are read ahead to learn its keys.
    """

    zone: tzinfo = SHANGHAI
    max_text_chars: int = 200_000
    max_title_chars: int = 2_000
    max_id_chars: int = 128
    max_row_chars: int = 4_000_000
    max_extra_chars: int = 20_000
    max_extra_columns: int = 200
    max_fields: int = 1_000
    max_field_chars: int = 200
    header_search_rows: int = 40
    sample_rows: int = 1_000


class RawRow(NamedTuple):
    """One row as a format's reader gives it: its place, headers and cells, or the reason why it cannot be read."""

    number: int
    headers: tuple[str, ...]
    cells: Sequence[Any]
    rejected: Problem | None = None
    warning: Problem | None = None
    sheet: str | None = None
