"""What loads changed: the revisions that are theirs, and the rows that stood before.

A record that a load added is known by its revision alone, so a first load costs a line a transaction. Of a record that
was there before, the former row is kept. A record whose revision is not among a load's was changed since by somebody
else; what puts a record back as a load had left it gives its new revision to that load.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.catalogue.backend import Backend
from app.catalogue.rows import CODECS
from app.catalogue.tables import FEEDBACK, FIRMS, LOAD_FORMER, LOAD_RANGES, OPT_OUTS, PUSH_LISTS, TABLES
from app.domain import AnyRecord, Kind

_FORMER = LOAD_FORMER.c
_RANGES = LOAD_RANGES.c

_MET = "met"
"""The kind of lines that say what was moved from a firm to the one that it turned out to be."""
_BESIDE_FIRMS = {FEEDBACK: "number", OPT_OUTS: "number", PUSH_LISTS: "run"}
"""What is kept under a firm's id, and by which column a row of it is known beside that."""


class Former(NamedTuple):
    """A record as it stood before a load changed it, with the revision that it had; deleted ones, too."""

    record: AnyRecord
    revision: int
    deleted: bool


def remember(connection: sa.Connection, backend: Backend, kind: Kind, load: int, ids: Sequence[str]) -> None:
    """Keep the rows of records that a load is about to change, but for those that are as it left them itself."""
    table, codec = TABLES[kind], CODECS[kind]
    columns = [*(table.c[name] for name in codec.names), table.c.revision, table.c.deleted]
    asked = sa.select(*columns).where(backend.is_one_of(table.c.id))
    own = _owner_of(connection.execute(sa.select(LOAD_RANGES).where(_RANGES.load == load)))
    lines = []
    for *values, revision, deleted in backend.rows_of(connection, asked, ids):
        if own(revision) is None:
            content = json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=date.isoformat)
            key = {"load": load, "kind": kind.value, "id": values[0]}
            lines.append({**key, "revision": revision, "deleted": deleted, "content": content})
    if lines:
        # One that another writer changed between two batches of the load goes back to what that writer made of it.
        forget(connection, backend, kind, load, [line["id"] for line in lines])
        connection.execute(sa.insert(LOAD_FORMER), lines)


def forget(connection: sa.Connection, backend: Backend, kind: Kind, load: int, ids: Sequence[str]) -> None:
    """Drop the former rows of these records."""
    gone = sa.delete(LOAD_FORMER).where(_FORMER.load == load, _FORMER.kind == kind.value)
    gone = gone.where(backend.is_one_of(_FORMER.id))
    backend.for_ids(connection, gone, ids)


def formers(
    connection: sa.Connection, backend: Backend, kind: Kind, load: int, ids: Sequence[str]
) -> dict[str, Former]:
    """Those of the former rows that were kept, by id."""
    asked = sa.select(_FORMER.content, _FORMER.revision, _FORMER.deleted)
    asked = asked.where(_FORMER.load == load, _FORMER.kind == kind.value, backend.is_one_of(_FORMER.id))
    rows = backend.rows_of(connection, asked, ids)
    found = (Former(_record(kind, content), revision, deleted) for content, revision, deleted in rows)
    return {former.record.id: former for former in found}


def remember_met(connection: sa.Connection, load: int, old: str, new: str) -> None:
    """Keep which answers, opt-outs and lists of a firm another one is about to take over, in whose place it comes."""
    moved: dict[str, list[Any]] = {}
    for table, key in _BESIDE_FIRMS.items():
        rows = connection.execute(sa.select(table.c[key]).where(table.c.firm_id == old)).scalars()
        moved[table.name] = list(rows)
    if any(moved.values()):
        line = {"load": load, "kind": _MET, "id": old, "revision": 0, "deleted": False}
        gone = sa.delete(LOAD_FORMER).where(_FORMER.load == load, _FORMER.kind == _MET, _FORMER.id == old)
        connection.execute(gone)
        connection.execute(sa.insert(LOAD_FORMER), [line | {"content": json.dumps({"to": new, **moved})}])


def hand_back(connection: sa.Connection, load: int) -> None:
    """Give firms that stand again what was theirs, as far as it still is where it was moved to."""
    met = sa.select(_FORMER.id, _FORMER.content).where(_FORMER.load == load, _FORMER.kind == _MET)
    for old, content in connection.execute(met).all():
        deleted = connection.execute(sa.select(FIRMS.c.deleted).where(FIRMS.c.id == old)).scalar_one_or_none()
        if deleted:
            continue  # somebody else deleted it since
        moved = json.loads(content)
        for table, key in _BESIDE_FIRMS.items():
            own_key = table.alias()
            theirs = sa.select(own_key.c[key]).where(own_key.c.firm_id == old)
            back = sa.update(table).where(table.c.firm_id == moved["to"], table.c[key] == sa.bindparam("moved"))
            back = back.where(table.c[key].not_in(theirs)).values(firm_id=old)
            if moved[table.name]:
                connection.execute(back, [{"moved": value} for value in moved[table.name]])
        connection.execute(sa.delete(LOAD_FORMER).where(_FORMER.load == load, _FORMER.kind == _MET, _FORMER.id == old))


def own(connection: sa.Connection, load: int, first: int, last: int) -> None:
    """Give a load the revisions from ``first`` to ``last``; a range of its own that ends there goes on."""
    last_of_all = sa.select(sa.func.max(_RANGES.first)).where(_RANGES.first < first).scalar_subquery()
    before = sa.update(LOAD_RANGES).where(_RANGES.first == last_of_all, _RANGES.load == load, _RANGES.last == first - 1)
    if not connection.execute(before.values(last=last)).rowcount:
        connection.execute(sa.insert(LOAD_RANGES), [{"first": first, "last": last, "load": load}])


def pass_on(connection: sa.Connection, numbers: Mapping[int, int]) -> None:
    """Give each load whose revisions these were the new ones in their place.

    Args:
        connection: in a transaction that holds the counter.
        numbers: the record's former revision -> its new one.
    """
    least, most = min(numbers, default=0), max(numbers, default=-1)
    asked = sa.select(LOAD_RANGES).where(_RANGES.last >= least, _RANGES.first <= most)
    owner = _owner_of(connection.execute(asked))
    found = sorted((new, load) for old, new in numbers.items() if (load := owner(old)) is not None)
    for load, first, last in _runs(found):
        own(connection, load, first, last)


def _runs(numbers: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Numbers with their loads, in order, as load, first and last of those that follow each other."""
    for (load, _), run in groupby(enumerate(numbers), key=lambda item: (item[1][1], item[1][0] - item[0])):
        members = [number for _, (number, _) in run]
        yield load, members[0], members[-1]


def _owner_of(rows: Iterable[Any]) -> Callable[[int], int | None]:
    """The load that a revision belongs to, by rows of ranges, which never overlap."""
    ranges = sorted((row.first, row.last, row.load) for row in rows)
    firsts = [first for first, _, _ in ranges]

    def owner(revision: int) -> int | None:
        place = bisect_right(firsts, revision) - 1
        return ranges[place][2] if place >= 0 and revision <= ranges[place][1] else None

    return owner


def _record(kind: Kind, content: str) -> AnyRecord:
    codec, table = CODECS[kind], TABLES[kind]
    values = json.loads(content)
    for place, name in enumerate(codec.names):
        if values[place] is not None and isinstance(table.c[name].type, sa.Date):
            values[place] = date.fromisoformat(values[place])
    return codec.decode(values)
