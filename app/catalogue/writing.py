"""What writes: records and deletions in one transaction, and the mapping of industries."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple, cast

import sqlalchemy as sa

from app.catalogue import statements as sql
from app.catalogue.backend import IDS, Backend
from app.catalogue.failures import translated
from app.catalogue.industries import IndustryMap, ipc_key
from app.catalogue.kept_grades import with_gradings, write_lines
from app.catalogue.rows import CODECS, EncodedRow, codes_of
from app.catalogue.statements import Statements
from app.catalogue.tables import TABLES
from app.domain import AnyRecord, Kind, Patent

steps = logging.getLogger("patmatch.steps")
"""Says where a write is. Silent unless somebody listens: the tests that kill a process at each of its steps do."""


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
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    missing: tuple[str, ...] = ()
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """A batch of patents that were looked at for their industries: how many, and how many changed."""

    looked: int
    changed: int


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
        )


class Writer:
    """Writes to one catalogue. Safe to call from many threads.

    Patents without an industry of their own get it here, with the mapping that stands when their transaction does:
    so that whichever way a record comes, and whoever changes the mapping meanwhile, none keeps what another mapping
    told.

    Args:
        backend: the database.
        statements: of each kind's table.
    """

    def __init__(self, backend: Backend, statements: Mapping[Kind, Statements]) -> None:
        self._backend = backend
        self._statements = statements
        self._mapping = (0, IndustryMap())

    def apply(
        self, kind: Kind, upserts: Sequence[AnyRecord], deletes: Sequence[str], *, source: str | None = None
    ) -> Applied:
        """Add, replace and delete in one transaction; nothing is locked when nothing differs.

        Args:
            kind: of all of them.
            upserts: records; graded patents keep what theirs leave out.
            deletes: ids.
            source: where the records come from, for the history of gradings.
        """
        deletes = list(dict.fromkeys(deletes))
        with self._reading() as connection:
            mapping = self._mapping_at(connection, self._mapping_revision(connection)) if kind is Kind.PATENTS else None
            kept, lines = self._with_gradings(connection, kind, upserts, source)
            rows = _encoded(kind, kept, mapping)
            difference = self._compare(connection, kind, rows, deletes)
            if not difference.size and not lines:
                # Read behind the comparison: what was seen there is then never of a later change.
                revision: int = connection.execute(sql.READ_COUNTER).scalar_one()
                return difference.applied(len(rows), deletes, revision)
        with self._writing() as (connection, (revision, mapping_revision)):
            # Again, and for all: another writer may have been faster, and a call counts as one moment.
            now = self._mapping_at(connection, mapping_revision) if kind is Kind.PATENTS else None
            regraded, lines = self._with_gradings(connection, kind, upserts, source)
            if now is not mapping or regraded is not kept:
                rows = _encoded(kind, regraded, now)
            difference = self._compare(connection, kind, rows, deletes)
            write_lines(connection, lines)
            if difference.size:
                self._write(connection, kind, difference, revision)
        steps.debug("catalogue.committed")
        return difference.applied(len(rows), deletes, revision + difference.size)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A transaction that holds the counter, for what is written beside records and for `put_within`."""
        with self._writing() as (connection, _):
            yield connection
        steps.debug("catalogue.committed")

    def put_within(self, connection: sa.Connection, kind: Kind, records: Sequence[AnyRecord]) -> int:
        """Add what is new and replace what differs, in an open `transaction`; how many records that were.

        Raises:
            InputError: a value that no database can hold.
        """
        revision, mapping_revision = connection.execute(sql.TAKE_COUNTER).one()
        rows = _encoded(kind, records, self._mapping_at(connection, mapping_revision) if kind is Kind.PATENTS else None)
        difference = self._compare(connection, kind, rows, ())
        if difference.size:
            self._write(connection, kind, difference, revision)
        return difference.size

    def replace_mapping(self, rows: Sequence[tuple[str, str]]) -> bool:
        """Put a mapping in place of the one that stands; whether it differs."""
        wanted = list(dict.fromkeys((ipc_key(symbol), industry) for symbol, industry in rows))
        with self._writing() as (connection, (revision, _)):
            stands = [(symbol, industry) for symbol, industry in connection.execute(sql.READ_MAPPING)]
            if stands == wanted:
                return False
            connection.execute(sql.CLEAR_MAPPING)
            if wanted:
                lines = [{"ipc": ipc, "industry": code, "position": n} for n, (ipc, code) in enumerate(wanted)]
                connection.execute(sql.ADD_TO_MAPPING, lines)
            connection.execute(sql.PUT_MAPPING_REVISION, {"revision": revision + 1})
            steps.debug("catalogue.written")
        steps.debug("catalogue.committed")
        return True

    def tell_industries(self, batch_size: int) -> Iterator[Told]:
        """Bring the industries of all patents without their own up to the mapping, a transaction a batch."""
        after: str | None = None
        full = True
        while full:
            with self._reading() as connection:
                mapping = self._mapping_at(connection, self._mapping_revision(connection))
                statement = sql.FIRST_WITHOUT_INDUSTRY if after is None else sql.NEXT_WITHOUT_INDUSTRY
                page = {"size": batch_size} | ({} if after is None else {"after": after})
                rows = connection.execute(statement, page).all()
            stale = [key for key, ipc, industry, _ in rows if mapping.industries(codes_of(ipc)) != codes_of(industry)]
            yield Told(len(rows), self._tell(stale) if stale else 0)
            after = rows[-1][0] if rows else None
            full = len(rows) == batch_size

    def _tell(self, ids: Sequence[str]) -> int:
        """Write patents again with what the mapping tells now. They are read inside: another writer may be faster."""
        decode = CODECS[Kind.PATENTS].decode
        ask = self._statements[Kind.PATENTS].by_ids
        with self._writing() as (connection, (revision, mapping_revision)):
            mapping = self._mapping_at(connection, mapping_revision)
            wanted = self._backend.ids_parameter(ids)
            records = [decode(row) for row in connection.execute(ask, {IDS: wanted})]
            rows = _encoded(Kind.PATENTS, records, mapping)
            difference = self._compare(connection, Kind.PATENTS, rows, ())
            if difference.size:
                self._write(connection, Kind.PATENTS, difference, revision)
        steps.debug("catalogue.committed")
        return difference.size

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with translated(), self._backend.reading() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[tuple[sa.Connection, tuple[int, int]]]:
        """A transaction that holds the counter, with the numbers of the last change and of the mapping's last."""
        with translated(), self._backend.writing() as connection:
            revision, mapping_revision = connection.execute(sql.TAKE_COUNTER).one()
            steps.debug("catalogue.began")
            yield connection, (revision, mapping_revision)

    @staticmethod
    def _mapping_revision(connection: sa.Connection) -> int:
        revision: int = connection.execute(sql.READ_MAPPING_REVISION).scalar_one()
        return revision

    def _mapping_at(self, connection: sa.Connection, revision: int) -> IndustryMap:
        """The mapping of a revision, read again where the one that is remembered is of another."""
        known, mapping = self._mapping
        if known != revision:
            mapping = IndustryMap((symbol, industry) for symbol, industry in connection.execute(sql.READ_MAPPING))
            self._mapping = (revision, mapping)
        return mapping

    def _with_gradings(
        self, connection: sa.Connection, kind: Kind, records: Sequence[AnyRecord], source: str | None
    ) -> tuple[Sequence[AnyRecord], list[dict[str, Any]]]:
        """Records as they go in, and the lines that they add to the history of gradings."""
        if kind is not Kind.PATENTS or not records:
            return records, []
        return with_gradings(connection, self._backend, cast(Sequence[Patent], records), source)

    def _compare(
        self, connection: sa.Connection, kind: Kind, rows: dict[str, EncodedRow], deletes: Sequence[str]
    ) -> _Difference:
        """How what is wanted differs from what is stored."""
        ask, stored, live = self._statements[kind], dict[str, bytes | None](), list[str]()
        if rows:
            wanted = self._backend.ids_parameter(list(rows))
            stored = {
                key: None if deleted else digest
                for key, digest, deleted in connection.execute(ask.digests, {IDS: wanted})
            }
        if deletes:
            live = list(connection.execute(ask.live_ids, {IDS: self._backend.ids_parameter(deletes)}).scalars())
        return _Difference(
            new=[row for key, row in rows.items() if key not in stored],
            returned=[row for key, row in rows.items() if key in stored and stored[key] is None],
            changed=[row for key, row in rows.items() if stored.get(key, row.digest) not in (None, row.digest)],
            live=live,
        )

    def _write(self, connection: sa.Connection, kind: Kind, difference: _Difference, revision: int) -> None:
        now, numbers = datetime.now(UTC), count(revision + 1)
        added, changed = (
            [[*row.values, row.digest, number, number, False, now] for row, number in zip(rows, numbers, strict=False)]
            for rows in (difference.new, [*difference.returned, *difference.changed])
        )
        if added or changed:
            self._backend.write_rows(connection, TABLES[kind], added, changed)
        if difference.live:
            first = revision + len(added) + len(changed) + 1
            marks = [
                {"row_id": key, "row_revision": number, "now": now} for number, key in enumerate(difference.live, first)
            ]
            connection.execute(self._statements[kind].mark_deleted, marks)
        connection.execute(sql.PUT_COUNTER, {"revision": revision + difference.size})
        steps.debug("catalogue.written")


def _encoded(kind: Kind, records: Sequence[AnyRecord], mapping: IndustryMap | None) -> dict[str, EncodedRow]:
    """The rows of records, patents with what the mapping tells; of two with one id the last counts."""
    told = records if mapping is None else map(mapping.told, records)
    return {row.id: row for row in map(CODECS[kind].encode, told)}
