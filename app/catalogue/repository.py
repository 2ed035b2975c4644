"""The catalogue: records in and out, each change numbered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.catalogue import schema
from app.catalogue.alerts import AlertLog, WatchList
from app.catalogue.backend import Backend, Finding, problem, translated
from app.catalogue.checks import check
from app.catalogue.feedback import FeedbackLog, OptOutList
from app.catalogue.firms import FirmNames
from app.catalogue.grades import GradeLog
from app.catalogue.loads import LoadLog
from app.catalogue.mapping import IndustryMapping
from app.catalogue.numbers import PatentNumbers
from app.catalogue.outbox import Outbox
from app.catalogue.pools import PoolShelf
from app.catalogue.pushes import PushStore
from app.catalogue.rows import CODECS, field_value
from app.catalogue.sqlite import SqliteBackend
from app.catalogue.statements import READ_COUNTER
from app.catalogue.tables import COUNTER, TABLES
from app.catalogue.writing import Applied, Merge, Writer
from app.domain import AnyRecord, Kind
from app.errors import CatalogueProblem

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
    """The catalogue's state.

    Attributes:
        backend: ``sqlite`` or ``postgresql``.
        counts: records of each kind, without deleted ones.
        revision: the number of the last change.
    """

    backend: str
    counts: dict[Kind, int]
    revision: int


class Catalogue:
    """All records, in SQLite or PostgreSQL. Safe to call from many threads and processes at once.

    Attributes:
        industries: the mapping of IPC symbols to industries.
        numbers: patents by the numbers that people write.
        firms: firms by their names.
        pushes: push runs with their lists.
        feedback: what came back.
        opt_outs: firms that want no lists.
        grades: gradings of patents, with their history.
        pools: named selections of patents.
        outbox: messages to a webhook.
        watches: needs with a level of their own for alerts.
        alerts: new patents that fit watched needs.
        loads: files that were loaded, and what each changed.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._writer = Writer(backend)
        self.industries = IndustryMapping(self._writer)
        self.numbers = PatentNumbers(self._writer)
        self.firms = FirmNames(self._writer)
        self.pushes = PushStore(self._writer)
        self.outbox = Outbox(self._writer)
        self.feedback = FeedbackLog(self._writer)
        self.opt_outs = OptOutList(self._writer)
        self.grades = GradeLog(self._writer)
        self.pools = PoolShelf(self._writer)
        self.watches = WatchList(self._writer)
        self.alerts = AlertLog(self._writer)
        self.loads = LoadLog(self._writer)

    @classmethod
    def open(cls, url: str) -> Catalogue:
        """Connect, and make the schema or bring it up to date.

        Args:
            url: ``sqlite:///FILE`` or ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.

        Raises:
            CatalogueProblem: the database cannot be reached, read or migrated. The message never holds the URL.
        """
        backend = _backend_of(url)
        try:
            with translated():
                backend.prepare()
                schema.migrate(backend)
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
        two records with one id the last counts. Nothing is locked when nothing differs. Of a patent that was
        graded, grade, maturity and agreement stay where its record leaves them out; other values are a line of its
        history.

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
        self,
        kind: Kind,
        upserts: Sequence[AnyRecord] | Merge,
        deletes: Iterable[str] = (),
        *,
        source: str | None = None,
        load: int | None = None,
    ) -> Applied:
        """`upsert` and `delete` in one transaction, and the revision at which both can be seen.

        Args:
            kind: of all records.
            upserts: records, or how to make them of those that are stored, which the same transaction reads.
            deletes: ids.
            source: as `upsert` takes it.
            load: the number of the load that does this, so that it can be taken back.

        Raises:
            ValueError: a record of another kind, or one to write and to delete at once; else as `upsert` does.
        """
        deletes = list(deletes)
        if isinstance(upserts, Merge):
            ids = set(upserts.ids)
        else:
            ids = {record.id for record in upserts}
            if any(record.kind is not kind for record in upserts):
                raise ValueError(f"a record that is not of the {kind}")
        if not ids.isdisjoint(deletes):
            raise ValueError("a record to write and to delete at once")
        return self._writer.apply(kind, upserts, deletes, source=source, load=load)

    def preview(self, kind: Kind, upserts: Sequence[AnyRecord] | Merge, *, source: str | None = None) -> Applied:
        """What `apply` would do now; nothing is written."""
        return self._writer.preview(kind, upserts, source=source)

    # Reading

    def get(self, kind: Kind, id: str) -> AnyRecord | None:  # noqa: A002 - the field's own name
        """The record with this id, or ``None``."""
        return self.get_many(kind, (id,)).get(id)

    def get_many(self, kind: Kind, ids: Sequence[str]) -> dict[str, AnyRecord]:
        """Those of the records that are there, by id, in no order."""
        with self._backend.reading() as connection:
            asked = self._writer.statements[kind].by_ids
            return CODECS[kind].by_id(self._backend.rows_of(connection, asked, ids))

    def values_of(self, kind: Kind, field: str, ids: Sequence[str]) -> dict[str, Any]:
        """One field of records by id; of deleted ones, too: what was sent to them stays."""
        columns = TABLES[kind].c
        rows = self._backend.read_of(sa.select(columns.id, columns[field]), columns.id, ids)
        return {key: field_value(field, stored) for key, stored in rows}

    def family_members(self, families: Sequence[str]) -> dict[str, list[str]]:
        """Family -> ids of its patents. Reads all patents once for every ten thousand families: no index has them."""
        columns, found = TABLES[Kind.PATENTS].c, dict[str, list[str]]()
        asked = sa.select(columns.family, columns.id).where(sa.not_(columns.deleted)).order_by(columns.id)
        for family, patent_id in self._backend.read_of(asked, columns.family, families):
            found.setdefault(family, []).append(patent_id)
        return found

    def count(self, kind: Kind) -> int:
        """How many records there are, without deleted ones."""
        return int(self._backend.value(self._writer.statements[kind].count))

    def revision(self) -> int:
        """The number of the last committed change over all kinds; 0 in a new catalogue."""
        return int(self._backend.value(READ_COUNTER))

    def identity(self) -> str:
        """A name that no other catalogue has, drawn when this one was made: revisions of two cannot be compared."""
        return str(self._backend.value(sa.select(COUNTER.c.identity)))

    def iterate(self, kind: Kind, *, after: str | None = None, batch_size: int = 1000) -> Iterator[list[AnyRecord]]:
        """All records in the order of their ids (by code point), a batch at a time.

        Each batch is a short transaction of its own: memory stays flat and no writer waits, but a record that is
        written meanwhile may be seen in its old state or its new.

        Args:
            kind: which.
            after: begin behind this id, to go on where an earlier walk stopped.
            batch_size: records in a batch; the last may have fewer.
        """
        decode, asked = CODECS[kind].decode, self._writer.statements[kind].records
        for rows in self._backend.pages(asked, TABLES[kind].c.id, batch_size, after=after):
            yield [decode(row) for row in rows]

    def changed_since(self, kind: Kind, revision: int) -> Iterator[Change]:
        """The records that changed after a revision, each with its last change, in the order of the changes.

        It can be stopped anywhere and resumed with the last revision seen: no change of a lower number becomes visible
        later.
        """
        asked, number = self._writer.statements[kind].changes, TABLES[kind].c.revision
        for rows in self._backend.pages(asked, number, _CHANGES_A_PAGE, after=revision):
            yield from map(Change._make, rows)

    def count_changed(self, kind: Kind, revision: int) -> int:
        """How many records have their last change behind a revision, deleted ones included."""
        table = TABLES[kind]
        return int(
            self._backend.value(sa.select(sa.func.count()).select_from(table).where(table.c.revision > revision))
        )

    def walk_ids(self, kind: Kind, *, batch_size: int = 50_000) -> Iterator[list[tuple[str, int]]]:
        """Id and revision of all records in the order of their ids, a batch at a time, each a short transaction."""
        columns = TABLES[kind].c
        asked = sa.select(columns.id, columns.revision).where(sa.not_(columns.deleted))
        for rows in self._backend.pages(asked, columns.id, batch_size):
            yield [(row[0], row[1]) for row in rows]

    def status(self) -> CatalogueStatus:
        """The catalogue's state."""
        counts = {kind: ask.count for kind, ask in self._writer.statements.items()}
        with self._backend.reading() as connection:
            return CatalogueStatus(
                backend=self._backend.name,
                counts={kind: connection.execute(count).scalar_one() for kind, count in counts.items()},
                revision=connection.execute(READ_COUNTER).scalar_one(),
            )

    def check(self) -> list[Finding]:
        """What the database, its schema and its counter look like. Does not raise for what it finds; reads the file."""
        return check(self._backend)


def _backend_of(url: str) -> Backend:
    """The backend that a URL names; nothing is connected yet.

    Raises:
        CatalogueProblem: the URL cannot be read, names another database, or its driver is not installed.
    """
    try:
        parsed = sa.make_url(url)
        dialect = parsed.get_backend_name()
    except (sa.exc.ArgumentError, ValueError):
        # Without the cause: it may quote the URL, and with it a password.
        raise problem("catalogue_url", "the database URL cannot be read", "无法识别数据库 URL") from None
    if dialect == "sqlite":
        return SqliteBackend(parsed)
    if dialect in ("postgresql", "postgres"):
        try:
            from app.catalogue.postgres import PostgresBackend
        except ImportError as error:
            raise problem(
                "catalogue_driver",
                "the PostgreSQL driver is not installed: pip install 'patmatch[postgres]'",
                "未安装 PostgreSQL 驱动:pip install 'patmatch[postgres]'",
            ) from error
        return PostgresBackend(parsed)
    raise problem(
        "catalogue_url",
        f"databases of the kind {dialect!r} are not supported; use sqlite:/// or postgresql://",
        f"不支持 {dialect!r} 数据库,请使用 sqlite:/// 或 postgresql://",
    )
