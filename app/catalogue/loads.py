"""The log of loads, and taking one back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import sqlalchemy as sa

from app.catalogue import statements as sql
from app.catalogue.backend import AnyRow
from app.catalogue.grade_history import lines_since, write_lines
from app.catalogue.load_history import Former, forget, formers, hand_back, pass_on
from app.catalogue.rows import CODECS
from app.catalogue.statements import next_number
from app.catalogue.tables import ARRIVED, LOAD_FORMER, LOAD_RANGES, LOADS, TABLES
from app.catalogue.writing import Part, steps
from app.domain import Kind

RUNNING, DONE, FAILED, UNDOING, UNDONE = "running", "done", "failed", "undoing", "undone"

_UNDONE_AT_ONCE = 5000
"""Records that one transaction takes back: as many as one of a load."""
_SHOWN = 1000
"""Records that are named of those that could not be taken back; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Load:
    """One line of the log.

    Attributes:
        kind: of the file's rows.
        state: ``running``, ``done``, ``failed``, ``undoing`` or ``undone``, as its process last said.
        seen_at: when that process was last heard of.
        by: who asked for it.
        host: the machine of its process.
        pid: its process there, ``None`` before it has one.
        rows: read so far.
        options: how it was asked for.
        report: what came of it, once it has ended.
        undone: what taking it back has done.
    """

    number: int
    kind: str
    file: str
    state: str
    started_at: datetime
    seen_at: datetime
    finished_at: datetime | None
    by: str
    host: str
    pid: int | None
    rows: int
    options: Mapping[str, Any]
    report: Mapping[str, Any] | None
    undone: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Asked:
    """Who loads what, and how."""

    kind: str
    file: str
    by: str
    host: str
    pid: int | None
    options: Mapping[str, Any]


class LoadLog(Part):
    """The loads of one catalogue."""

    def begin(self, asked: Asked) -> int:
        """Note a load that begins; its number."""
        now = datetime.now(UTC)
        with self._writer.transaction() as connection:
            number = next_number(connection, LOADS)
            line = {
                "number": number,
                "kind": asked.kind,
                "file": asked.file,
                "state": RUNNING,
                "started_at": now,
                "seen_at": now,
                "by": asked.by,
                "host": asked.host,
                "pid": asked.pid,
                "rows": 0,
                "options": _text(asked.options),
            }
            connection.execute(sa.insert(LOADS), [line])
        return number

    def note(self, number: int, **changes: Any) -> None:  # noqa: ANN401 - columns of the table
        """Change a load's line, and note that its process was heard of."""
        values = {name: _text(value) if isinstance(value, Mapping) else value for name, value in changes.items()}
        with self._backend.writing() as connection:
            changed = sa.update(LOADS).where(LOADS.c.number == number)
            connection.execute(changed.values(seen_at=datetime.now(UTC), **values))

    def end(self, number: int, state: str, **changes: Any) -> None:  # noqa: ANN401 - columns of the table
        """Note how a load, or taking it back, ended."""
        self.note(number, state=state, finished_at=datetime.now(UTC), **changes)

    def get(self, number: int) -> Load | None:
        """The load of this number."""
        return next(map(_load, self._backend.read(sa.select(LOADS).where(LOADS.c.number == number))), None)

    def latest(self, most: int, *, before: int | None = None) -> list[Load]:
        """Loads, the latest first, below a number where one is given."""
        asked = sa.select(LOADS).order_by(LOADS.c.number.desc()).limit(most)
        return list(map(_load, self._backend.read(asked if before is None else asked.where(LOADS.c.number < before))))

    def take_back(self, load: Load, kind: Kind) -> bool:
        """Take back some of the records that are as a load left them, in one transaction; whether there were any.

        Former rows stand again, patents among them with the industries of the mapping as it is now; what was added is
        deleted. The load's line counts them. Stopped anywhere, it goes on by being called again.
        """
        with self._writer.transaction() as connection:
            found = connection.execute(_as_left(kind).limit(_UNDONE_AT_ONCE), {"load": load.number}).all()
            if not found:
                return False
            numbers = dict[str, int]((row.id, row.revision) for row in found)
            earlier = formers(connection, self._backend, kind, load.number, list(numbers))
            added = [row.id for row in found if row.id not in earlier]
            revision: int = connection.execute(sql.READ_COUNTER).scalar_one()
            if earlier:
                self._restore(connection, kind, list(earlier.values()), revision, f"undo {load.file}")
                forget(connection, self._backend, kind, load.number, list(earlier))
            if added:
                marks = [
                    {"row_id": key, "row_revision": number, "now": datetime.now(UTC)}
                    for number, key in enumerate(added, revision + len(earlier) + 1)
                ]
                connection.execute(self._writer.statements[kind].mark_deleted, marks)
            connection.execute(sql.PUT_COUNTER, {"revision": revision + len(found)})
            self._count(connection, load.number, restored=len(earlier), deleted=len(added))
            steps.debug("catalogue.written")
        return True

    def hand_back(self, load: Load) -> None:
        """Give firms that stand again their answers, opt-outs and lists, which others had taken over in the load."""
        with self._writer.transaction() as connection:
            hand_back(connection, load.number)

    def left_over(self, load: Load) -> dict[str, Any]:
        """Records that somebody else changed since: how many, and some of them by kind."""
        ids: dict[str, list[str]] = {}
        for kind in Kind:
            columns = TABLES[kind].c
            changed = sa.select(LOAD_FORMER.c.id).where(
                LOAD_FORMER.c.load == load.number, LOAD_FORMER.c.kind == kind.value
            )
            came = _in_ranges(columns[ARRIVED], load.number), sa.not_(columns.deleted)
            added = sa.select(columns.id).where(*came, sa.not_(_in_ranges(columns.revision, load.number)))
            found = sorted({row[0] for asked in (changed, added) for row in self._backend.read(asked)})
            if found:
                ids[kind.value] = found
        return {
            "changed_since": sum(map(len, ids.values())),
            "changed_since_ids": {kind: some[:_SHOWN] for kind, some in ids.items()},
        }

    def _restore(
        self, connection: sa.Connection, kind: Kind, earlier: Sequence[Former], revision: int, source: str
    ) -> None:
        mapping = self._writer.current_mapping()
        now, numbers, rows = datetime.now(UTC), count(revision + 1), []
        records = [mapping.with_industries(former.record) for former in earlier]
        for record, former, number in zip(records, earlier, numbers, strict=False):
            row = CODECS[kind].encode(record)
            rows.append([*row.values, row.digest, number, number, former.deleted, now])
        self._backend.write_rows(connection, TABLES[kind], [], rows)
        pass_on(connection, {former.revision: number for number, former in enumerate(earlier, revision + 1)})
        write_lines(connection, lines_since(connection, self._backend, records, source))

    def _count(self, connection: sa.Connection, number: int, **counts: int) -> None:
        before = connection.execute(sa.select(LOADS.c.undone).where(LOADS.c.number == number)).scalar_one()
        so_far = json.loads(before) if before else {}
        so_far |= {name: so_far.get(name, 0) + more for name, more in counts.items()}
        connection.execute(
            sa.update(LOADS).where(LOADS.c.number == number).values(undone=_text(so_far), seen_at=datetime.now(UTC))
        )


def _in_ranges(column: sa.ColumnElement[int], load: int | sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    ranges = LOAD_RANGES.c
    owned = sa.select(sa.literal(1)).where(ranges.load == load, column.between(ranges.first, ranges.last))
    return sa.exists(owned)


def _as_left(kind: Kind) -> sa.Select[Any]:
    """Id and revision of the records of a kind that are as a load left them [load]."""
    table, ranges, former = TABLES[kind], LOAD_RANGES.c, LOAD_FORMER.c
    load = sa.bindparam("load", type_=sa.BigInteger)
    kept = sa.exists(
        sa.select(sa.literal(1)).where(former.load == load, former.kind == kind.value, former.id == table.c.id)
    )
    return (
        sa.select(table.c.id, table.c.revision)
        .select_from(LOAD_RANGES.join(table, table.c.revision.between(ranges.first, ranges.last)))
        .where(ranges.load == load, sa.or_(sa.not_(table.c.deleted), kept))
    )


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _load(row: AnyRow) -> Load:
    values = dict(row._mapping)
    for name in ("options", "report", "undone"):
        values[name] = None if values[name] is None else json.loads(values[name])
    return Load(**values)
