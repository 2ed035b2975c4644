"""The catalogue: records in and out, each change numbered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.catalogue import schema
from app.catalogue.backend import Backend, backend_of
from app.catalogue.failures import problem, translated
from app.catalogue.rows import CODECS, EncodedRow
from app.catalogue.tables import COUNTER, TABLES, Table
from app.domain import AnyRecord, Kind

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


class Catalogue:
    """All records, in SQLite or PostgreSQL. Safe to call from many threads and processes at once."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

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
        encode = CODECS[kind].encode
        rows = {row.id: row for row in map(encode, records)}
        table = TABLES[kind]
        with self._reading() as connection:
            counts, differing = self._compare(connection, table, rows)
        if not differing:
            return counts
        with self._writing() as connection:
            base = _take_counter(connection)
            # Again, and for all: another writer may have been faster, and a call counts as one moment.
            counts, differing = self._compare(connection, table, rows)
            if differing:
                self._write(connection, kind, differing, base)
        return counts

    def delete(self, kind: Kind, ids: Iterable[str]) -> int:
        """Delete records; those that are not there are passed over.

        The row stays, marked and with a new revision, so that an index can learn of it.

        Returns:
            How many were deleted.
        """
        table = TABLES[kind]
        wanted = list(dict.fromkeys(ids))
        done = 0
        with self._writing() as connection:
            revision = _take_counter(connection)
            now = datetime.now(UTC)
            for chunk in _chunks(wanted, _IDS_A_STATEMENT):
                live = sa.select(table.c.id).where(self._backend.id_in(table.c.id, chunk), sa.not_(table.c.deleted))
                doomed = [
                    {"doomed": row.id, "number": revision + number, "now": now}
                    for number, row in enumerate(connection.execute(live).all(), start=1)
                ]
                if doomed:
                    connection.execute(_mark_deleted(table), doomed)
                revision += len(doomed)
                done += len(doomed)
            _put_counter(connection, revision)
        return done

    # Reading

    def get(self, kind: Kind, id: str) -> AnyRecord | None:  # noqa: A002 - the field's own name
        """The record with this id, or ``None``."""
        return self.get_many(kind, (id,)).get(id)

    def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, AnyRecord]:
        """Those of the records that are there, by id."""
        table, codec = TABLES[kind], CODECS[kind]
        found: dict[str, AnyRecord] = {}
        with self._reading() as connection:
            for chunk in _chunks(ids, _IDS_A_STATEMENT):
                statement = _live_records(kind).where(self._backend.id_in(table.c.id, chunk))
                found |= {row[0]: codec.decode(row) for row in connection.execute(statement)}
        return found

    def count(self, kind: Kind) -> int:
        """How many records there are, without deleted ones."""
        with self._reading() as connection:
            return _count(connection, TABLES[kind])

    def revision(self) -> int:
        """The number of the last committed change over all kinds; 0 in a new catalogue."""
        with self._reading() as connection:
            return _read_counter(connection)

    def iterate(self, kind: Kind, *, after: str | None = None, batch_size: int = 1000) -> Iterator[list[AnyRecord]]:
        """All records in the order of their ids (by code point), a batch at a time.

        Each batch is a short transaction of its own: memory stays flat and no writer waits, but a record that is
        written meanwhile may be seen in its old state or its new.

        Args:
            kind: which.
            after: begin behind this id, to go on where an earlier walk stopped.
            batch_size: records in a batch; the last may have fewer.
        """
        table, codec = TABLES[kind], CODECS[kind]
        statement = _live_records(kind).order_by(table.c.id).limit(batch_size)
        while True:
            page = statement if after is None else statement.where(table.c.id > after)
            with self._reading() as connection:
                rows = connection.execute(page).all()
            if rows:
                yield [codec.decode(row) for row in rows]
            if len(rows) < batch_size:
                return
            after = rows[-1][0]

    def changed_since(self, kind: Kind, revision: int) -> Iterator[Change]:
        """The records that changed after a revision, each with its last change, in the order of the changes.

        It can be stopped anywhere and resumed with the last revision seen: no change of a lower number becomes visible
        later.
        """
        table = TABLES[kind]
        columns = (
            sa.select(table.c.id, table.c.revision, table.c.deleted).order_by(table.c.revision).limit(_CHANGES_A_PAGE)
        )
        while True:
            with self._reading() as connection:
                rows = connection.execute(columns.where(table.c.revision > revision)).all()
            for row in rows:
                yield Change(*row)
            if len(rows) < _CHANGES_A_PAGE:
                return
            revision = rows[-1].revision

    def status(self) -> CatalogueStatus:
        """What stands in the catalogue, all seen at one moment."""
        with self._reading() as connection:
            return CatalogueStatus(
                backend=self._backend.name,
                schema=schema.current(connection),
                counts={kind: _count(connection, table) for kind, table in TABLES.items()},
                revision=_read_counter(connection),
                size_bytes=self._backend.size_bytes(connection),
            )

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with translated(), self._backend.engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with translated(), self._backend.writing() as connection:
            yield connection

    def _compare(
        self, connection: sa.Connection, table: Table, rows: dict[str, EncodedRow]
    ) -> tuple[UpsertCounts, list[EncodedRow]]:
        """How rows differ from what is stored, and those that do."""
        stored: dict[str, tuple[bytes, bool]] = {}
        for chunk in _chunks(list(rows), _IDS_A_STATEMENT):
            columns = sa.select(table.c.id, table.c.content_hash, table.c.deleted)
            found = connection.execute(columns.where(self._backend.id_in(table.c.id, chunk)))
            stored |= {row.id: (bytes(row.content_hash), row.deleted) for row in found}
        live = {key: digest for key, (digest, deleted) in stored.items() if not deleted}
        differing = [row for key, row in rows.items() if live.get(key) != row.digest]
        added = len(rows) - len(live)
        changed = len(differing) - added
        return UpsertCounts(added, changed, len(rows) - len(differing)), differing

    def _write(self, connection: sa.Connection, kind: Kind, rows: list[EncodedRow], base: int) -> None:
        names = (*CODECS[kind].names, "content_hash", "revision", "deleted", "updated_at")
        now = datetime.now(UTC)
        values = [(*row.values, row.digest, base + number, False, now) for number, row in enumerate(rows, start=1)]
        self._backend.write_rows(connection, TABLES[kind], names, values)
        _put_counter(connection, base + len(rows))


def _chunks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _live_records(kind: Kind) -> sa.Select[Any]:
    table = TABLES[kind]
    return sa.select(*(table.c[name] for name in CODECS[kind].names)).where(sa.not_(table.c.deleted))


def _count(connection: sa.Connection, table: Table) -> int:
    return connection.execute(
        sa.select(sa.func.count()).select_from(table).where(sa.not_(table.c.deleted))
    ).scalar_one()


def _mark_deleted(table: Table) -> sa.Update:
    changes = {"deleted": True, "revision": sa.bindparam("number"), "updated_at": sa.bindparam("now")}
    return sa.update(table).where(table.c.id == sa.bindparam("doomed")).values(changes)


def _read_counter(connection: sa.Connection) -> int:
    value: int = connection.execute(sa.select(COUNTER.c.value)).scalar_one()
    return value


def _take_counter(connection: sa.Connection) -> int:
    """The last revision, with its row held where rows are locked: revisions become visible in their order."""
    value: int = connection.execute(sa.select(COUNTER.c.value).with_for_update()).scalar_one()
    return value


def _put_counter(connection: sa.Connection, revision: int) -> None:
    connection.execute(sa.update(COUNTER).values(value=revision))
