"""The catalogue: records in and out, each change numbered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import NamedTuple

import sqlalchemy as sa

from app.catalogue import schema
from app.catalogue.backend import IDS, Backend, Finding, backend_of
from app.catalogue.checks import check
from app.catalogue.failures import problem, translated
from app.catalogue.rows import CODECS, EncodedRow
from app.catalogue.statements import PUT_COUNTER, READ_COUNTER, TAKE_COUNTER, statements_of
from app.catalogue.tables import TABLES
from app.domain import AnyRecord, Kind
from app.errors import CatalogueProblem

_IDS_A_STATEMENT = 10_000
"""Ids in one look-up: bounds the parameter's size without costing round trips for the batches that callers use."""
_CHANGES_A_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class UpsertCounts:
    """What an upsert did, in distinct records."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: UpsertCounts) -> UpsertCounts:
        return UpsertCounts(self.added + other.added, self.changed + other.changed, self.unchanged + other.unchanged)


class Change(NamedTuple):
    """One line of the change log: the record's last change. Its revision is its own; no two changes share one."""

    id: str
    revision: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class CatalogueStatus:
    """What stands in the catalogue.

    Attributes:
        backend: ``sqlite`` or ``postgresql``.
        schema: the migration that the database is at; ``None`` before the first.
        counts: records of each kind, without deleted ones.
        revision: the number of the last change.
        size_bytes: disk that the catalogue takes.
    """

    backend: str
    schema: str | None
    counts: dict[Kind, int]
    revision: int
    size_bytes: int


class _Difference(NamedTuple):
    """The rows of an upsert that are not stored as they are: never seen, deleted earlier, or with other content."""

    new: list[EncodedRow]
    returned: list[EncodedRow]
    changed: list[EncodedRow]

    @property
    def size(self) -> int:
        return len(self.new) + len(self.returned) + len(self.changed)

    def counts(self, records: int) -> UpsertCounts:
        return UpsertCounts(len(self.new) + len(self.returned), len(self.changed), records - self.size)


class Catalogue:
    """All records, in SQLite or PostgreSQL. Safe to call from many threads and processes at once."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._statements = {kind: statements_of(kind, backend) for kind in Kind}

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Catalogue:
        """Connect and bring the schema up to date.

        Args:
            url: ``sqlite:///FILE`` or ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.
            create: make what is missing. Without it a catalogue that is not there is an error, and one of an older
                schema is opened as it is, for `check` to say so.

        Raises:
            CatalogueProblem: the database cannot be reached, read or migrated. The message never holds the URL.
        """
        backend = backend_of(url)
        try:
            with translated():
                if create:
                    backend.prepare()
                    schema.migrate(backend)
                elif not backend.exists():
                    raise problem(
                        "catalogue_missing",
                        "there is none yet; load records with `patmatch ingest`",
                        "尚未建立,请先用 `patmatch ingest` 导入数据",
                    )
        except CatalogueProblem:
            backend.engine.dispose()
            raise
        return cls(backend)

    def close(self) -> None:
        """Close every connection. The object opens new ones if it is used again."""
        self._backend.engine.dispose()

    # Writing

    def upsert(self, records: Sequence[AnyRecord]) -> UpsertCounts:
        """Add what is new and replace what differs, in one transaction; durable when this returns.

        A digest of all fields decides what differs. Rows that do not differ are not written and keep their revision. Of
        two records with one id the last counts. Nothing is locked when nothing differs.

        Args:
            records: of one kind.

        Raises:
            InputError: a value that no database can hold; nothing is written.
            CatalogueProblem: the database failed; nothing is written.
            ValueError: records of several kinds.
        """
        kinds = {record.kind for record in records}
        if not kinds:
            return UpsertCounts()
        if len(kinds) > 1:
            raise ValueError(f"one kind a call, not {sorted(kinds)}")
        kind = kinds.pop()
        rows = {row.id: row for row in map(CODECS[kind].encode, records)}
        with self._reading() as connection:
            difference = self._compare(connection, kind, rows)
        if not difference.size:
            return difference.counts(len(rows))
        with self._writing() as connection:
            revision: int = connection.execute(TAKE_COUNTER).scalar_one()
            # Again, and for all: another writer may have been faster, and a call counts as one moment.
            difference = self._compare(connection, kind, rows)
            if difference.size:
                self._write(connection, kind, difference, revision)
        return difference.counts(len(rows))

    def delete(self, kind: Kind, ids: Iterable[str]) -> int:
        """Delete records in one transaction; those that are not there are passed over.

        The row stays, marked and with a new revision, so that an index can learn of it.

        Returns:
            How many were deleted.
        """
        ask = self._statements[kind]
        wanted = self._backend.ids_parameter(list(dict.fromkeys(ids)))
        with self._writing() as connection:
            revision: int = connection.execute(TAKE_COUNTER).scalar_one()
            live = connection.execute(ask.live_ids, {IDS: wanted}).scalars().all()
            if live:
                now = datetime.now(UTC)
                marks = [
                    {"row_id": key, "row_revision": number, "now": now} for number, key in enumerate(live, revision + 1)
                ]
                connection.execute(ask.mark_deleted, marks)
                connection.execute(PUT_COUNTER, {"revision": revision + len(live)})
        return len(live)

    # Reading

    def get(self, kind: Kind, id: str) -> AnyRecord | None:  # noqa: A002 - the field's own name
        """The record with this id, or ``None``."""
        return self.get_many(kind, (id,)).get(id)

    def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, AnyRecord]:
        """Those of the records that are there, by id, in no order."""
        decode, ask = CODECS[kind].decode, self._statements[kind]
        found: dict[str, AnyRecord] = {}
        with self._reading() as connection:
            for start in range(0, len(ids), _IDS_A_STATEMENT):
                wanted = self._backend.ids_parameter(ids[start : start + _IDS_A_STATEMENT])
                found |= {row[0]: decode(row) for row in connection.execute(ask.by_ids, {IDS: wanted})}
        return found

    def count(self, kind: Kind) -> int:
        """How many records there are, without deleted ones."""
        with self._reading() as connection:
            count: int = connection.execute(self._statements[kind].count).scalar_one()
        return count

    def revision(self) -> int:
        """The number of the last committed change over all kinds; 0 in a new catalogue."""
        with self._reading() as connection:
            value: int = connection.execute(READ_COUNTER).scalar_one()
        return value

    def iterate(self, kind: Kind, *, after: str | None = None, batch_size: int = 1000) -> Iterator[list[AnyRecord]]:
        """All records in the order of their ids (by code point), a batch at a time.

        Each batch is a short transaction of its own: memory stays flat and no writer waits, but a record that is
        written meanwhile may be seen in its old state or its new.

        Args:
            kind: which.
            after: begin behind this id, to go on where an earlier walk stopped.
            batch_size: records in a batch; the last may have fewer.
        """
        decode, ask = CODECS[kind].decode, self._statements[kind]
        full = True
        while full:
            page = ask.first_page if after is None else ask.next_page
            with self._reading() as connection:
                rows = connection.execute(
                    page, {"size": batch_size} | ({} if after is None else {"after": after})
                ).all()
            if rows:
                after = rows[-1][0]
                yield [decode(row) for row in rows]
            full = len(rows) == batch_size

    def changed_since(self, kind: Kind, revision: int) -> Iterator[Change]:
        """The records that changed after a revision, each with its last change, in the order of the changes.

        It can be stopped anywhere and resumed with the last revision seen: no change of a lower number becomes visible
        later.
        """
        full = True
        while full:
            with self._reading() as connection:
                page = {"revision": revision, "size": _CHANGES_A_PAGE}
                rows = connection.execute(self._statements[kind].changes, page).all()
            for row in rows:
                yield Change(*row)
                revision = row[1]
            full = len(rows) == _CHANGES_A_PAGE

    def count_changed(self, kind: Kind, revision: int) -> int:
        """How many records have their last change behind a revision, deleted ones included."""
        with self._reading() as connection:
            count: int = connection.execute(self._statements[kind].count_changes, {"revision": revision}).scalar_one()
        return count

    def walk_ids(self, kind: Kind, *, batch_size: int = 50_000) -> Iterator[list[tuple[str, int]]]:
        """Id and revision of all records in the order of their ids, a batch at a time, each a short transaction."""
        ask, after, full = self._statements[kind], None, True
        while full:
            statement = ask.first_ids if after is None else ask.next_ids
            with self._reading() as connection:
                page = {"size": batch_size} | ({} if after is None else {"after": after})
                rows = [(row[0], row[1]) for row in connection.execute(statement, page)]
            if rows:
                after = rows[-1][0]
                yield rows
            full = len(rows) == batch_size

    def status(self) -> CatalogueStatus:
        """What stands in the catalogue."""
        with self._reading() as connection:
            return CatalogueStatus(
                backend=self._backend.name,
                schema=schema.current(connection),
                counts={kind: connection.execute(ask.count).scalar_one() for kind, ask in self._statements.items()},
                revision=connection.execute(READ_COUNTER).scalar_one(),
                size_bytes=self._backend.size_bytes(connection),
            )

    def check(self) -> list[Finding]:
        """What the database, its schema and its counter look like. Does not raise for what it finds; reads the file."""
        return check(self._backend)

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with translated(), self._backend.reading() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with translated(), self._backend.writing() as connection:
            yield connection

    def _compare(self, connection: sa.Connection, kind: Kind, rows: dict[str, EncodedRow]) -> _Difference:
        """How rows differ from what is stored."""
        wanted = self._backend.ids_parameter(list(rows))
        stored = {
            key: None if deleted else digest
            for key, digest, deleted in connection.execute(self._statements[kind].digests, {IDS: wanted})
        }
        return _Difference(
            new=[row for key, row in rows.items() if key not in stored],
            returned=[row for key, row in rows.items() if key in stored and stored[key] is None],
            changed=[row for key, row in rows.items() if stored.get(key, row.digest) not in (None, row.digest)],
        )

    def _write(self, connection: sa.Connection, kind: Kind, difference: _Difference, revision: int) -> None:
        now, numbers = datetime.now(UTC), count(revision + 1)
        added, changed = (
            [[*row.values, row.digest, number, False, now] for row, number in zip(rows, numbers, strict=False)]
            for rows in (difference.new, [*difference.returned, *difference.changed])
        )
        self._backend.write_rows(connection, TABLES[kind], added, changed)
        connection.execute(PUT_COUNTER, {"revision": revision + len(added) + len(changed)})
