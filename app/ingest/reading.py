"""A file of other people, of any supported format, as a stream of outcomes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from app.domain import AnyRecord, Kind
from app.ingest.building import record_in
from app.ingest.counters import CounterWatch, without_counters
from app.ingest.draft import Draft
from app.ingest.fields.words import LONGEST_MISSING, is_missing
from app.ingest.headings.headers import Plan
from app.ingest.headings.heading import HeaderSearch
from app.ingest.identities import id_expected, is_named_id
from app.ingest.opening import FORMATS, RowSource, open_rows
from app.ingest.outcomes import ColumnRead, IngestOptions, RawRow, RowOutcome, SheetRead, SourceFile
from app.ingest.tables.grids import Table
from app.ingest.tables.streams import damage_named

__all__ = ["FORMATS", "Parse", "RowFile", "read_records", "read_rows"]

_MAX_PLANS = 1_000
"""Sets of keys whose plan is remembered; a JSON Lines file with more has keys that are data."""

_MAX_TOLD_COLUMNS = 2_000
"""Columns of one sheet that are told of; a JSON Lines file with more has keys that are data."""


R = TypeVar("R")
Parse = Callable[[Draft], R | None]
"""Reads what a row holds, and notes in the draft what is wrong with it."""


class RowFile(Generic[R]):
    """One file's rows as outcomes. Iterate once, or use as a context manager to close it early.

    Attributes:
        source: what was recognised about it. A JSON Lines file is read ahead for its keys; keys that first come later
            are added while iterating.
    """

    def __init__(
        self, rows: RowSource, source: SourceFile, search: HeaderSearch, options: IngestOptions, parse: Parse[R]
    ) -> None:
        self._rows = rows
        self._source = source
        self._search = search
        self._options = options
        self._parse = parse
        self._columns: dict[str, str] = {}
        self._ignored: dict[str, None] = {}
        self._profile: str | None = None
        self._readers = {table.sheet.name: _SheetReader(table) for table in rows.tables}
        for table in rows.tables:
            reader = self._readers[table.sheet.name]
            reader.id_expected = self._expects(reader, table.heading.headers)
        # The keys of a row of JSON Lines are its own; a table has the same headers down to the next header row.
        self._loose = source.format == "jsonl"
        self._counters = CounterWatch(
            self._plan_of, partial(is_named_id, mapping=search.mapping), one_table=self._loose
        )

    @property
    def source(self) -> SourceFile:
        """What was recognised about the file so far."""
        for reader in self._readers.values():
            reader.settle()
        return replace(
            self._source,
            columns=dict(self._columns),
            ignored=tuple(self._ignored),
            counters=tuple(dict.fromkeys(header for reader in self._readers.values() for header in reader.counters)),
            profile=self._profile,
        )

    def __enter__(self) -> RowFile[R]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; iterating to the end does it too."""
        self._rows.close()

    def __iter__(self) -> Iterator[RowOutcome[R]]:
        """The outcome of each row that is not blank, in the file's order.

        Raises:
            InputError: the file turns out to be damaged.
        """
        try:
            with damage_named(self._source.name):
                for row in self._counters.settled(self._rows.rows()):
                    reader = self._readers[row.sheet]
                    if len(reader.counters) < len(found := self._counters.found.get(row.sheet, ())):
                        self._leave_counters(reader, found, row.headers)
                    yield self._outcome(row, reader)
        finally:
            self.close()

    def _outcome(self, row: RawRow, reader: _SheetReader) -> RowOutcome[R]:
        raw = dict(zip(row.headers, row.cells, strict=False))
        reader.sheet.rows += reader.counting
        if row.rejected is not None:
            return RowOutcome(row.number, None, (row.rejected,), (), raw, row.sheet)
        known = reader.plans.get(row.headers) or self._learn(reader, row.headers)
        cells = known.plan.rewritten(row.cells)
        expected = reader.id_expected if self._loose else known.id_expected
        draft = Draft(known.plan, cells, self._options, id_expected=expected, placeholders=True)
        known.count(cells, draft.present)
        if row.warning is not None:
            draft.warnings.append(row.warning)
        while reader.unsaid:
            header = reader.unsaid.pop()
            draft.warn("counter_id", "id", raw.get(header), header=header)
        return draft.outcome(row.number, self._parse(draft), raw, row.sheet)

    def _leave_counters(self, reader: _SheetReader, found: Collection[str], headers: tuple[str, ...]) -> None:
        """Read a sheet's rows from here on without the columns that turned out to count; the next of them says so."""
        reader.unsaid = [header for header in found if header not in reader.counters]
        reader.counters = tuple(found)
        reader.plans.clear()
        for header in reader.unsaid:
            self._columns.pop(header, None)
        reader.id_expected = self._expects(reader, headers)

    def _expects(self, reader: _SheetReader, headers: tuple[str, ...]) -> bool:
        return (reader.plans.get(headers) or self._learn(reader, headers)).id_expected

    def _plan_of(self, row: RawRow) -> Plan:
        reader = self._readers[row.sheet]
        return (reader.plans.get(row.headers) or self._learn(reader, row.headers)).plan

    def _learn(self, reader: _SheetReader, headers: tuple[str, ...]) -> _Known:
        plan = self._search.plan(headers)
        self._profile = self._profile or plan.profile
        plan = without_counters(plan, reader.counters)
        known = _Known(plan, id_expected(self._search.kind, plan, self._search.mapping))
        if len(reader.plans) < _MAX_PLANS:
            reader.plans[headers] = known
            self._columns.update(plan.columns)
            unused = (plan.headers[position] for position in plan.extras)
            self._ignored.update(dict.fromkeys(header for header in unused if header not in plan.columns))
        return known


class _Known:
    """Headers that rows have had, and how many of these rows have a value under each.

    Rows are counted by the fields that they have a value for, which is known by then; only cells that share a field
    with others, or fill none of ours, are looked at again.
    """

    __slots__ = ("_alone", "_others", "empty", "id_expected", "plan", "shapes")

    def __init__(self, plan: Plan, id_expected: bool) -> None:
        self.plan = plan
        self.id_expected = id_expected
        self.shapes: dict[tuple[str, ...], int] = {}
        self._alone = dict(plan.singles)
        taken = set(self._alone.values())
        self._others = tuple(place for place in range(len(plan.headers)) if place not in taken)
        self.empty = [0] * len(plan.headers)

    def count(self, cells: Sequence[Any], present: Mapping[str, Any]) -> None:
        """Count a row with these cells, whose fields ``present`` have a value."""
        shape = tuple(present)
        self.shapes[shape] = self.shapes.get(shape, 0) + 1
        for place in self._others:
            cell = cells[place]
            if (cell.__class__ is not str or len(cell) <= LONGEST_MISSING) and is_missing(cell):
                self.empty[place] += 1

    def filled(self) -> list[int]:
        """For each header, the rows with a value under it."""
        rows = sum(self.shapes.values())
        counts = [rows - empty for empty in self.empty]
        for name, place in self._alone.items():
            counts[place] = sum(count for shape, count in self.shapes.items() if name in shape)
        return counts


class _SheetReader:
    """What is known of one sheet while its rows are read."""

    def __init__(self, table: Table) -> None:
        self.sheet: SheetRead = table.sheet
        # Sheets of cells count their rows themselves: they know which are hidden.
        self.counting = table.grid is None
        self.plans: dict[tuple[str, ...], _Known] = {}
        self.id_expected = False
        self.counters: tuple[str, ...] = ()
        self.unsaid: list[str] = []
        self._labels = table.heading.labels
        self._labelled = table.heading.headers

    def settle(self) -> None:
        """Bring what is told of the columns up to the rows read so far."""
        columns: dict[str, ColumnRead] = {}
        for headers, known in self.plans.items():
            labels = self._labels if headers == self._labelled[: len(headers)] else ()
            ours = known.plan.columns
            filled = known.filled()
            for place, header in enumerate(known.plan.headers):
                column = columns.get(header)
                if column is None:
                    if len(columns) >= _MAX_TOLD_COLUMNS:
                        continue
                    label = labels[place] if place < len(labels) else ""
                    column = columns[header] = ColumnRead(label or header, ours.get(header))
                column.filled += filled[place]
        self.sheet.columns = list(columns.values())


def read_records(
    path: Path,
    kind: Kind,
    *,
    mapping: Mapping[str, str] | None = None,
    profile: str | None = None,
    options: IngestOptions | None = None,
) -> RowFile[AnyRecord]:
    """Open a file of records; see `read_rows`."""
    return read_rows(path, kind, partial(record_in, kind), mapping=mapping, profile=profile, options=options)


def read_rows(
    path: Path,
    kind: str,
    parse: Parse[R],
    *,
    mapping: Mapping[str, str] | None = None,
    profile: str | None = None,
    options: IngestOptions | None = None,
) -> RowFile[R]:
    """Open a file and recognise its format, encoding and headers.

    Args:
        path: a table of any of `FORMATS`, told by its content, gzipped or not.
        kind: whose headers to look for: a kind of record, or another of `app.ingest.headings.synonyms.SYNONYMS`.
        parse: what a row of this kind is read into.
        mapping: their header -> our field, for headers that are not recognised or wrongly so.
        profile: the known export that it is to be read as; recognised by its headers where ``None``.
        options: what a row may hold; the defaults where ``None``.

    Raises:
        InputError: the file as a whole cannot be used. The message names it by its base name and says what to do.
    """
    options = options or IngestOptions()
    search = HeaderSearch(path.name, kind, mapping or {}, profile)
    with damage_named(path.name):
        opened = open_rows(path, search, options)
    source = SourceFile(
        name=path.name,
        format=opened.form,
        compressed=opened.compressed,
        encoding=opened.encoding,
        columns={},
        ignored=(),
        sheets=tuple(table.sheet for table in opened.rows.all_tables),
        notes=opened.notes,
    )
    return RowFile(opened.rows, source, search, options, parse)
