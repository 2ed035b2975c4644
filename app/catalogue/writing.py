"""Writing: records and deletions in one transaction, each change with its number."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.catalogue import statements as sql
from app.catalogue.backend import Backend
from app.catalogue.grade_history import with_gradings, write_lines
from app.catalogue.industries import IndustryMap
from app.catalogue.load_history import own, pass_on, remember
from app.catalogue.rows import CODECS, EncodedRow
from app.catalogue.tables import TABLES
from app.domain import AnyRecord, Kind

steps = logging.getLogger("patmatch.failpoints")
"""Logs where a write is. The tests that kill a process at each of its steps listen to it."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What one transaction did, in distinct records.

    Attributes:
        added: records that were not there, or deleted.
        changed: records whose content differed.
        unchanged: records that were there as they are.
        deleted: records that were deleted.
        missing: ids to delete that were not there.
        revision: a number of the catalogue's last change at which all of this can be seen.
        added_ids: of the records that were added.
        changed_ids: of those that were changed.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    missing: tuple[str, ...] = ()
    revision: int = 0
    added_ids: tuple[str, ...] = ()
    changed_ids: tuple[str, ...] = ()


def _ignored(_records: Sequence[AnyRecord]) -> None:
    """Nothing is to be seen."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Records that are made of what is stored. Its functions may be called again: what the last call made counts.

    Attributes:
        ids: of all records that may come of it.
        complete: makes the records, given those of the ids that are there.
        settled: is shown them as they go in, with the gradings that stand.
    """

    ids: Sequence[str]
    complete: Callable[[Mapping[str, AnyRecord]], Sequence[AnyRecord]]
    settled: Callable[[Sequence[AnyRecord]], None] = _ignored


_Stands = dict[str, bytes | None]
"""The digests of stored rows by id, ``None`` of deleted ones."""


class _Wanted(NamedTuple):
    """What is to be stored: the records as they were given or merged, the same with gradings, and lines of history.

    Attributes:
        merged_with: the digests of the live rows that records were merged with.
    """

    records: Sequence[AnyRecord]
    completed: Sequence[AnyRecord]
    lines: list[dict[str, Any]]
    merged_with: _Stands


class _Difference(NamedTuple):
    """What is not stored as it is wanted: rows never seen, deleted earlier or of other content, and ids to delete."""

    new: list[EncodedRow]
    returned: list[EncodedRow]
    changed: list[EncodedRow]
    live: list[str]

    @property
    def size(self) -> int:
        return len(self.new) + len(self.returned) + len(self.changed) + len(self.live)

    def applied(self, records: int, deletes: Sequence[str], revision: int) -> Applied:
        there = set(self.live)
        added, changed = len(self.new) + len(self.returned), len(self.changed)
        return Applied(
            added=added,
            changed=changed,
            unchanged=records - added - changed,
            deleted=len(self.live),
            missing=tuple(key for key in deletes if key not in there),
            revision=revision,
            added_ids=tuple(row.id for rows in (self.new, self.returned) for row in rows),
            changed_ids=tuple(row.id for row in self.changed),
        )


class Writer:
    """Writes to one catalogue. Safe to call from many threads.

    Patents without an industry of their own get it here, with the mapping that stands when their transaction does:
    so that whichever way a record comes, and whoever changes the mapping meanwhile, none is left with industries of
    another mapping.

    Attributes:
        backend: the database.
        statements: of each kind's table.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.statements = {kind: sql.Statements(kind, backend) for kind in Kind}
        self._mapping = (0, IndustryMap())

    def apply(
        self,
        kind: Kind,
        upserts: Sequence[AnyRecord] | Merge,
        deletes: Sequence[str],
        *,
        source: str | None = None,
        load: int | None = None,
    ) -> Applied:
        """Add, replace and delete in one transaction; nothing is locked when nothing differs.

        Args:
            kind: of all of them.
            upserts: records; graded patents get what theirs leave out.
            deletes: ids.
            source: where the records come from, for the history of gradings.
            load: the number of the load that does this; the log gets what it changes.
        """
        deletes = list(dict.fromkeys(deletes))
        with self.backend.reading() as connection:
            mapping = self._mapping_read(connection, kind)
            wanted = self._wanted(connection, kind, upserts, source)
            rows = _encoded(kind, wanted.completed, mapping)
            difference = self._compare(connection, kind, rows, deletes)
            if not difference.size and not wanted.lines:
                # Read behind the comparison: what was seen there is then never of a later change.
                revision: int = connection.execute(sql.READ_COUNTER).scalar_one()
                return difference.applied(len(rows), deletes, revision)
        with self._writing() as (connection, (revision, mapping_revision)):
            # Again, and for all: another writer may have been faster, and a call counts as one moment.
            now = self._mapping_at(connection, mapping_revision) if kind is Kind.PATENTS else None
            again = self._wanted(connection, kind, upserts, source, before=wanted)
            if now is not mapping or again.completed is not wanted.completed:
                rows = _encoded(kind, again.completed, now)
            difference = self._compare(connection, kind, rows, deletes)
            write_lines(connection, again.lines)
            if difference.size:
                self._write(connection, kind, difference, revision, load)
        steps.debug("catalogue.committed")
        return difference.applied(len(rows), deletes, revision + difference.size)

    def preview(self, kind: Kind, upserts: Sequence[AnyRecord] | Merge, *, source: str | None = None) -> Applied:
        """What `apply` would do now; nothing is written."""
        with self.backend.reading() as connection:
            mapping = self._mapping_read(connection, kind)
            rows = _encoded(kind, self._wanted(connection, kind, upserts, source).completed, mapping)
            difference = self._compare(connection, kind, rows, ())
            return difference.applied(len(rows), (), connection.execute(sql.READ_COUNTER).scalar_one())

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A transaction that holds the counter, for what is written beside records and for `put_within`."""
        with self._writing() as (connection, _):
            yield connection
        steps.debug("catalogue.committed")

    def put_within(
        self,
        connection: sa.Connection,
        kind: Kind,
        records: Sequence[AnyRecord],
        *,
        deletes: Sequence[str] = (),
        load: int | None = None,
        passed_on: bool = False,
    ) -> int:
        """Add what is new, replace what differs and delete, in an open `transaction`; how many records that were.

        Args:
            connection: of the transaction.
            kind: of all records.
            records: what is wanted.
            deletes: ids.
            load: the number of the load that does this.
            passed_on: whether the change is no one's own, as that of a derived field: what a load had made of a
                record stays that load's.

        Raises:
            InputError: a value that no database can hold.
        """
        revision, mapping_revision = connection.execute(sql.TAKE_COUNTER).one()
        rows = _encoded(kind, records, self._mapping_at(connection, mapping_revision) if kind is Kind.PATENTS else None)
        difference = self._compare(connection, kind, rows, deletes)
        if difference.size:
            former = self._revisions(connection, kind, [row.id for row in difference.changed]) if passed_on else {}
            self._write(connection, kind, difference, revision, load)
            if former:
                new = self._revisions(connection, kind, list(former))
                pass_on(connection, {number: new[key] for key, number in former.items()})
        return difference.size

    def _revisions(self, connection: sa.Connection, kind: Kind, ids: Sequence[str]) -> dict[str, int]:
        rows = self.backend.rows_of(connection, self.statements[kind].revisions, ids)
        return {row[0]: row[1] for row in rows}

    def current_mapping(self) -> IndustryMap:
        """The current mapping of industries."""
        with self.backend.reading() as connection:
            return self._mapping_at(connection, connection.execute(sql.READ_MAPPING_REVISION).scalar_one())

    def records(self, connection: sa.Connection, kind: Kind, ids: Sequence[str]) -> dict[str, AnyRecord]:
        """Those of the records that are there, by id, as an open connection sees them."""
        return CODECS[kind].by_id(self.backend.rows_of(connection, self.statements[kind].by_ids, ids))

    def is_live(self, connection: sa.Connection, kind: Kind, record_id: str) -> bool:
        """Whether there is a record with this id, as an open transaction sees it."""
        return any(True for _ in self.backend.rows_of(connection, self.statements[kind].live_ids, [record_id]))

    @contextmanager
    def _writing(self) -> Iterator[tuple[sa.Connection, tuple[int, int]]]:
        """A transaction that holds the counter, with the numbers of the last change and of the mapping's last."""
        with self.backend.writing() as connection:
            revision, mapping_revision = connection.execute(sql.TAKE_COUNTER).one()
            steps.debug("catalogue.began")
            yield connection, (revision, mapping_revision)

    def _mapping_at(self, connection: sa.Connection, revision: int) -> IndustryMap:
        """The mapping of a revision, read again where the one that is remembered is of another."""
        known, mapping = self._mapping
        if known != revision:
            mapping = IndustryMap((symbol, industry) for symbol, industry in connection.execute(sql.READ_MAPPING))
            self._mapping = (revision, mapping)
        return mapping

    def _mapping_read(self, connection: sa.Connection, kind: Kind) -> IndustryMap | None:
        """The current mapping where records of this kind are completed by it."""
        if kind is not Kind.PATENTS:
            return None
        return self._mapping_at(connection, connection.execute(sql.READ_MAPPING_REVISION).scalar_one())

    def _wanted(
        self,
        connection: sa.Connection,
        kind: Kind,
        upserts: Sequence[AnyRecord] | Merge,
        source: str | None,
        *,
        before: _Wanted | None = None,
    ) -> _Wanted:
        """What is to be stored as things stand; the same objects as ``before`` where nothing of it has changed."""
        stands: _Stands = {}
        if isinstance(upserts, Merge):
            if before is not None:
                stands = {k: d for k, d in self._stands(connection, kind, upserts.ids).items() if d is not None}
            if before is not None and stands == before.merged_with:
                records = before.records
            else:
                stored, stands = self._stored(connection, kind, upserts.ids)
                records = upserts.complete(stored)
        else:
            records = upserts
        completed, lines = with_gradings(connection, self.backend, records, source)
        if isinstance(upserts, Merge):
            upserts.settled(completed)
        return _Wanted(records, completed, lines, stands)

    def _stored(
        self, connection: sa.Connection, kind: Kind, ids: Sequence[str]
    ) -> tuple[dict[str, AnyRecord], _Stands]:
        """Live records by id, with the digests of their rows."""
        decode, records, digests = CODECS[kind].decode, dict[str, AnyRecord](), _Stands()
        for *values, digest in self.backend.rows_of(connection, self.statements[kind].with_digests, ids):
            record = decode(values)
            records[record.id], digests[record.id] = record, bytes(digest)
        return records, digests

    def _stands(self, connection: sa.Connection, kind: Kind, ids: Sequence[str]) -> _Stands:
        found = self.backend.rows_of(connection, self.statements[kind].digests, ids)
        return {key: None if deleted else digest for key, digest, deleted in found}

    def _compare(
        self, connection: sa.Connection, kind: Kind, rows: dict[str, EncodedRow], deletes: Sequence[str]
    ) -> _Difference:
        """How what is wanted differs from what is stored."""
        ask, rows_of = self.statements[kind], self.backend.rows_of
        stored = self._stands(connection, kind, list(rows))
        live = [row[0] for row in rows_of(connection, ask.live_ids, deletes)]
        return _Difference(
            new=[row for key, row in rows.items() if key not in stored],
            returned=[row for key, row in rows.items() if key in stored and stored[key] is None],
            changed=[row for key, row in rows.items() if stored.get(key, row.digest) not in (None, row.digest)],
            live=live,
        )

    def _write(
        self, connection: sa.Connection, kind: Kind, difference: _Difference, revision: int, load: int | None = None
    ) -> None:
        if load is not None:
            there = [row.id for row in (*difference.returned, *difference.changed)] + difference.live
            remember(connection, self.backend, kind, load, there)
            own(connection, load, revision + 1, revision + difference.size)
        now, numbers = datetime.now(UTC), count(revision + 1)
        added, changed = (
            [[*row.values, row.digest, number, number, False, now] for row, number in zip(rows, numbers, strict=False)]
            for rows in (difference.new, [*difference.returned, *difference.changed])
        )
        if added or changed:
            self.backend.write_rows(connection, TABLES[kind], added, changed)
        if difference.live:
            first = revision + len(added) + len(changed) + 1
            marks = [
                {"row_id": key, "row_revision": number, "now": now} for number, key in enumerate(difference.live, first)
            ]
            connection.execute(self.statements[kind].mark_deleted, marks)
        connection.execute(sql.PUT_COUNTER, {"revision": revision + difference.size})
        steps.debug("catalogue.written")


def _encoded(kind: Kind, records: Sequence[AnyRecord], mapping: IndustryMap | None) -> dict[str, EncodedRow]:
    """The rows of records, patents with the industries of the mapping; of two with one id the last counts."""
    complete = records if mapping is None else map(mapping.with_industries, records)
    return {row.id: row for row in map(CODECS[kind].encode, complete)}


class Part:
    """A part of a catalogue beside its records. Safe to call from many threads and processes."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._backend = writer.backend
