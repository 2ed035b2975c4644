"""The catalogue: records in and out, each change numbered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.catalogue import schema
from app.catalogue.alerts import AlertLog
from app.catalogue.backend import IDS, Backend, Finding, backend_of
from app.catalogue.checks import check
from app.catalogue.failures import problem, translated
from app.catalogue.feedback import FeedbackLog
from app.catalogue.grades import GradeLog
from app.catalogue.opt_outs import OptOutList
from app.catalogue.outbox import Outbox
from app.catalogue.pools import PoolShelf
from app.catalogue.pushes import PushStore
from app.catalogue.rows import CODECS, field_value
from app.catalogue.statements import READ_COUNTER, READ_IDENTITY, READ_MAPPING, statements_of
from app.catalogue.tables import TABLES
from app.catalogue.watches import WatchList
from app.catalogue.writing import Applied, Told, Writer
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


class Catalogue:
    """All records, in SQLite or PostgreSQL. Safe to call from many threads and processes at once.

    Attributes:
        feedback: what came back.
        opt_outs: firms that want no lists.
        grades: gradings of patents, with their history.
        pools: named selections of patents.
        outbox: messages to a webhook.
        watches: needs with a level of their own for alerts.
        alerts: new patents that fit watched needs.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._statements = {kind: statements_of(kind, backend) for kind in Kind}
        self._writer = Writer(backend, self._statements)
        self.pushes = PushStore(backend)
        self.outbox = Outbox(backend)
        self.feedback = FeedbackLog(backend, self._writer, self._statements)
        self.opt_outs = OptOutList(backend, self._writer, self._statements[Kind.FIRMS])
        self.grades = GradeLog(backend, self._writer, self._statements[Kind.PATENTS])
        self.pools = PoolShelf(backend, self._writer)
        self.watches = WatchList(backend, self._writer, self._statements[Kind.NEEDS])
        self.alerts = AlertLog(backend, self._writer)

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

    def upsert(self, records: Sequence[AnyRecord], *, source: str | None = None) -> UpsertCounts:
        """Add what is new and replace what differs, in one transaction; durable when this returns.

        A digest of all fields decides what differs. Rows that do not differ are not written and keep their revision. Of
        two records with one id the last counts. Nothing is locked when nothing differs. A patent that was graded keeps
        of grade, maturity and agreement what its record leaves out; other values are a line of its history.

        Args:
            records: of one kind.
            source: where they come from, as the history of gradings says it.

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
        applied = self._writer.apply(kinds.pop(), records, (), source=source)
        return UpsertCounts(applied.added, applied.changed, applied.unchanged)

    def delete(self, kind: Kind, ids: Iterable[str]) -> int:
        """Delete records in one transaction; those that are not there are passed over.

        The row stays, marked and with a new revision, so that an index can learn of it.

        Returns:
            How many were deleted.
        """
        return self._writer.apply(kind, (), list(ids)).deleted

    def apply(
        self, kind: Kind, upserts: Sequence[AnyRecord], deletes: Iterable[str], *, source: str | None = None
    ) -> Applied:
        """`upsert` and `delete` in one transaction, and the revision at which both can be seen.

        Args:
            kind: of all records and ids.
            upserts: records to add or replace.
            deletes: ids of other records.
            source: as in `upsert`.

        Raises:
            InputError: a value that no database can hold; nothing is written.
            CatalogueProblem: the database failed; nothing is written.
            ValueError: a record of another kind, or one to write and to delete at once.
        """
        deletes = list(deletes)
        if any(record.kind is not kind for record in upserts):
            raise ValueError(f"a record that is not of the {kind}")
        if not {record.id for record in upserts}.isdisjoint(deletes):
            raise ValueError("a record to write and to delete at once")
        return self._writer.apply(kind, upserts, deletes, source=source)

    # Industries

    def industry_mapping(self) -> list[tuple[str, str]]:
        """The mapping of IPC symbols to industries, in its order."""
        with self._reading() as connection:
            return [(symbol, industry) for symbol, industry in connection.execute(READ_MAPPING)]

    def replace_industry_mapping(self, rows: Sequence[tuple[str, str]]) -> bool:
        """Put a mapping of IPC symbols to industries in place of the one that stands; whether it differs.

        What is written from now on is told by it; `tell_industries` brings the records that stand up to it.
        """
        return self._writer.replace_mapping(rows)

    def tell_industries(self, *, batch_size: int = 5000) -> Iterator[Told]:
        """Look at all patents without an industry of their own, and write those of which the mapping says another now.

        Each batch is a short transaction; stopped anywhere, it is resumed by being run again.
        """
        return self._writer.tell_industries(batch_size)

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

    def values_of(self, kind: Kind, field: str, ids: Sequence[str]) -> dict[str, Any]:
        """One field of records by id; of deleted ones, too: what was sent to them stays."""
        table, found = TABLES[kind], dict[str, Any]()
        ask = sa.select(table.c.id, table.c[field]).where(self._backend.is_one_of(table.c.id))
        with self._reading() as connection:
            for start in range(0, len(ids), _IDS_A_STATEMENT):
                wanted = self._backend.ids_parameter(ids[start : start + _IDS_A_STATEMENT])
                found |= {row[0]: field_value(field, row[1]) for row in connection.execute(ask, {IDS: wanted})}
        return found

    def family_members(self, families: Sequence[str]) -> dict[str, list[str]]:
        """Family -> ids of its patents. Reads all patents once for every ten thousand families: no index has them."""
        table, found = TABLES[Kind.PATENTS], dict[str, list[str]]()
        ask = sa.select(table.c.family, table.c.id).where(self._backend.is_one_of(table.c.family))
        ask = ask.where(sa.not_(table.c.deleted)).order_by(table.c.id)
        with self._reading() as connection:
            for start in range(0, len(families), _IDS_A_STATEMENT):
                wanted = self._backend.ids_parameter(families[start : start + _IDS_A_STATEMENT])
                for family, patent_id in connection.execute(ask, {IDS: wanted}):
                    found.setdefault(family, []).append(patent_id)
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

    def identity(self) -> str:
        """A name that no other catalogue has, drawn when this one was made: revisions of two cannot be compared."""
        with self._reading() as connection:
            name: str = connection.execute(READ_IDENTITY).scalar_one()
        return name

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
