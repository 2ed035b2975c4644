"""Feedback, stored as it came: nothing is changed or removed, and what is sent again is known by its key.

Beside it firms that want no lists, with the time and the reason; an opt-out that was taken back stays on record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.catalogue.backend import AnyRow
from app.catalogue.pushes import patent_ids_of
from app.catalogue.rows import CODECS
from app.catalogue.statements import next_number
from app.catalogue.tables import FEEDBACK, OPT_OUTS, PUSH_LISTS, PUSH_RUNS
from app.catalogue.writing import Part
from app.domain import DECISIVE, Event, Feedback, FeedbackFilter, Kind, Need, OptOut

_FIELDS = tuple(field.name for field in fields(Feedback))
_COLUMNS = FEEDBACK.c
_READ = sa.select(_COLUMNS.number, *(_COLUMNS[name] for name in _FIELDS))
_A_PAGE = 10_000
_OUT = OPT_OUTS.c
_CURRENT = _OUT.undone_at.is_(None)
_READ_OUT = sa.select(_OUT.firm_id, _OUT.at, _OUT.reason, _OUT.by, _OUT.undone_at)
_REFERENCES = {
    "firm_id": Kind.FIRMS,
    "need_id": Kind.NEEDS,
    "patent_id": Kind.PATENTS,
    "new_need_id": Kind.NEEDS,
}
"""Which of its fields name records, and of which kind."""


class Entry(NamedTuple):
    """Feedback on its way in.

    Attributes:
        digest: 16 bytes over what was sent, without what the service filled in: the same key with another digest is a
            mistake.
        need: a need that joins the catalogue with it.
    """

    feedback: Feedback
    digest: bytes
    need: Need | None = None


class Refusal(NamedTuple):
    """Why an entry cannot go in, or what is odd about one that can.

    The codes are ``unknown_record``, ``unknown_run``, ``key_used``, ``query_id_used``, ``need_id_used``; and of what is
    odd ``not_in_run``.
    """

    field: str
    code: str
    value: str


class Recorded(NamedTuple):
    """What became of one entry; its number, or why it has none.

    Attributes:
        known: whether it was there already.
        odd: what is unusual, and does not refuse it.
    """

    number: int | None
    known: bool
    refusals: tuple[Refusal, ...] = ()
    odd: tuple[Refusal, ...] = ()


@dataclass(slots=True)
class _Known:
    """What is known of what a batch names, and what the batch itself adds to it."""

    live: Mapping[Kind, Collection[str]]
    need_firms: Mapping[str, str | None]
    need_digests: dict[str, bytes]
    keys: dict[str, tuple[bytes, int]]
    texts: dict[str, str]
    runs: Collection[str]
    pushed: Collection[tuple[str, str, str]]
    added: set[str] = field(default_factory=set)


class FeedbackLog(Part):
    """The feedback of one catalogue, in the order in which it was written."""

    def add(self, entries: Sequence[Entry]) -> list[Recorded]:
        """Record what can be recorded, with the needs that came with it, in one transaction; durable at the return.

        Args:
            entries: with keys, each looked at in its order.

        Returns:
            One outcome an entry.

        Raises:
            CatalogueProblem: the database failed; nothing is written.
        """
        if not entries:
            return []
        with self._writer.transaction() as connection:
            known = self._look(connection, entries)
            number = next_number(connection, FEEDBACK)
            outcomes, rows, needs = list[Recorded](), list[dict[str, Any]](), list[Need]()
            for entry in entries:
                outcome = _judge(entry, known, number + len(rows))
                outcomes.append(outcome)
                if outcome.number is None or outcome.known:
                    continue
                rows.append(_row(entry, known, outcome.number))
                if entry.need is not None:
                    needs.append(entry.need)
            if needs:
                self._writer.put_within(connection, Kind.NEEDS, needs)
            if rows:
                connection.execute(sa.insert(FEEDBACK), rows)
        return outcomes

    def page(self, wanted: FeedbackFilter, *, after: int, size: int) -> list[tuple[int, Feedback]]:
        """Feedback with its numbers, in their order, behind a number."""
        given = ((item.name, getattr(wanted, item.name)) for item in fields(wanted))
        conditions = [_COLUMNS[name] == value for name, value in given if value is not None]
        asked = _READ.where(_COLUMNS.number > after, *conditions).order_by(_COLUMNS.number).limit(size)
        return [(row[0], _feedback(row)) for row in self._backend.read(asked)]

    def iterate(self, events: Collection[Event], *, run: str | None = None) -> Iterator[Feedback]:
        """All feedback of some events, of one run or all, in the order in which it was written."""
        asked = _READ.where(_COLUMNS.event.in_(events))
        if run is not None:
            asked = asked.where(_COLUMNS.run == run)
        for rows in self._backend.pages(asked, _COLUMNS.number, _A_PAGE):
            yield from map(_feedback, rows)

    def last_words(self, firm_ids: Sequence[str] | None = None) -> dict[str, dict[str, Event]]:
        """Firm -> patent -> the latest of its decisive events, of these firms or of all.

        The latest is what happened last, and of two at one moment what was recorded last.
        """
        said = sa.select(_COLUMNS.firm_id, _COLUMNS.patent_id, _COLUMNS.event).order_by(_COLUMNS.at, _COLUMNS.number)
        said = said.where(_COLUMNS.event.in_(DECISIVE), _COLUMNS.firm_id.is_not(None), _COLUMNS.patent_id.is_not(None))
        found: dict[str, dict[str, Event]] = {}
        for firm_id, patent_id, event in self._backend.read_of(said, _COLUMNS.firm_id, firm_ids):
            found.setdefault(firm_id, {})[patent_id] = event
        return found

    def _look(self, connection: sa.Connection, entries: Sequence[Entry]) -> _Known:
        live: dict[Kind, set[str]] = {kind: set() for kind in Kind}
        for name, kind in _REFERENCES.items():
            live[kind] |= {key for entry in entries if (key := getattr(entry.feedback, name)) is not None}
        need_ids = [*live[Kind.NEEDS], *(entry.need.id for entry in entries if entry.need is not None)]
        needs = list(self._backend.rows_of(connection, self._writer.statements[Kind.NEEDS].by_ids, need_ids))
        codec = CODECS[Kind.NEEDS]
        firm = codec.names.index("firm_id")
        rows_of = self._backend.rows_of
        keys = [entry.feedback.key for entry in entries]
        texts = [entry.feedback.query_id for entry in entries if entry.feedback.query_id is not None]
        known_keys = sa.select(_COLUMNS.key, _COLUMNS.content_hash, _COLUMNS.number)
        known_keys = known_keys.where(self._backend.is_one_of(_COLUMNS.key))
        known_texts = sa.select(_COLUMNS.query_id, _COLUMNS.query_text).distinct()
        known_texts = known_texts.where(self._backend.is_one_of(_COLUMNS.query_id))
        known_runs = sa.select(PUSH_RUNS.c.name).where(self._backend.is_one_of(PUSH_RUNS.c.name))
        runs = [entry.feedback.run for entry in entries if entry.feedback.run is not None]
        need_firms = {row[0]: row[firm] for row in needs}
        return _Known(
            live={
                kind: {row[0] for row in rows_of(connection, self._writer.statements[kind].live_ids, list(ids))}
                for kind, ids in live.items()
            },
            need_firms=need_firms,
            need_digests={row[0]: codec.digest(row) for row in needs},
            keys={row[0]: (bytes(row[1]), row[2]) for row in rows_of(connection, known_keys, keys)},
            texts={row[0]: row[1] for row in rows_of(connection, known_texts, texts)},
            runs={row[0] for row in rows_of(connection, known_runs, runs)},
            pushed=self._pushed(connection, entries, need_firms),
        )

    def _pushed(
        self, connection: sa.Connection, entries: Sequence[Entry], need_firms: Mapping[str, str | None]
    ) -> set[tuple[str, str, str]]:
        """Run, firm and patent of what was pushed to the firms of entries in the runs that these name."""
        found: set[tuple[str, str, str]] = set()
        firms: dict[str, set[str]] = {}
        for entry in entries:
            firm_id = _firm_of(entry.feedback, need_firms)
            if entry.feedback.run is not None and firm_id is not None:
                firms.setdefault(entry.feedback.run, set()).add(firm_id)
        columns = PUSH_LISTS.c
        asked = sa.select(columns.firm_id, columns.entries).where(self._backend.is_one_of(columns.firm_id))
        for run, ids in firms.items():
            for firm_id, listed in self._backend.rows_of(connection, asked.where(columns.run == run), sorted(ids)):
                found |= {(run, firm_id, patent_id) for patent_id in patent_ids_of(listed)}
        return found


def _judge(entry: Entry, known: _Known, number: int) -> Recorded:
    """Whether an entry is known, new or refused; what it adds is noted for the entries behind it."""
    given = entry.feedback
    odd = tuple(_odd(given, known))
    if given.key in known.keys:
        digest, earlier = known.keys[given.key]
        if digest == entry.digest:
            return Recorded(earlier, known=True, odd=odd)
        return Recorded(None, known=False, refusals=(Refusal("key", "key_used", given.key),))
    refusals = tuple(_refusals(entry, known))
    if refusals:
        return Recorded(None, known=False, refusals=refusals)
    known.keys[given.key] = (entry.digest, number)
    if given.query_id is not None and given.query_text is not None:
        known.texts[given.query_id] = given.query_text
    if entry.need is not None:
        known.need_digests[entry.need.id] = CODECS[Kind.NEEDS].encode(entry.need).digest
        known.added.add(entry.need.id)
    return Recorded(number, known=False, odd=odd)


def _firm_of(given: Feedback, need_firms: Mapping[str, str | None]) -> str | None:
    """Whose feedback it is: of a need alone, its firm's."""
    return given.firm_id or need_firms.get(given.need_id or "")


def _odd(given: Feedback, known: _Known) -> Iterator[Refusal]:
    firm_id = _firm_of(given, known.need_firms)
    if given.run not in known.runs or firm_id is None or given.patent_id is None:
        return
    if (given.run, firm_id, given.patent_id) not in known.pushed:
        yield Refusal("run", "not_in_run", str(given.run))


def _refusals(entry: Entry, known: _Known) -> Iterator[Refusal]:
    given = entry.feedback
    for name, kind in _REFERENCES.items():
        key = getattr(given, name)
        if name == "new_need_id" and entry.need is not None:
            continue
        if key is not None and key not in known.live[kind] and not (kind is Kind.NEEDS and key in known.added):
            yield Refusal(name, "unknown_record", key)
    if entry.need is not None:
        there = known.need_digests.get(entry.need.id)
        if there is not None and there != CODECS[Kind.NEEDS].encode(entry.need).digest:
            yield Refusal("need.id", "need_id_used", entry.need.id)
    if given.run is not None and given.run not in known.runs:
        yield Refusal("run", "unknown_run", given.run)
    if given.query_id is not None and known.texts.get(given.query_id, given.query_text) != given.query_text:
        yield Refusal("query_id", "query_id_used", given.query_id)


def _row(entry: Entry, known: _Known, number: int) -> dict[str, Any]:
    given = replace(entry.feedback, firm_id=_firm_of(entry.feedback, known.need_firms))
    return asdict(given) | {"number": number, "content_hash": entry.digest, "received_at": datetime.now(UTC)}


def _feedback(row: AnyRow) -> Feedback:
    """The feedback of a row of `_READ`."""
    return Feedback(**dict(zip(_FIELDS, row[1:], strict=True)))


class OptOutList(Part):
    """The opt-outs of one catalogue."""

    def add(self, wanted: OptOut) -> bool | None:
        """Opt a firm out.

        Returns:
            Whether it is new; of a firm that is out already, the time and the reason of its first word stay. ``None``
            where there is no such firm.
        """
        with self._writer.transaction() as connection:
            if not self._writer.is_live(connection, Kind.FIRMS, wanted.firm_id):
                return None
            if connection.execute(_out_of(wanted.firm_id).where(_CURRENT)).first() is not None:
                return False
            row = asdict(wanted) | {"number": next_number(connection, OPT_OUTS), "undone_at": None}
            connection.execute(sa.insert(OPT_OUTS), [row])
        return True

    def undo(self, firm_id: str) -> bool:
        """Take a firm's opt-out back; whether there was one."""
        undone = sa.update(OPT_OUTS).where(_OUT.firm_id == firm_id, _CURRENT).values(undone_at=datetime.now(UTC))
        with self._writer.transaction() as connection:
            return bool(connection.execute(undone).rowcount)

    def current(self, firm_id: str) -> OptOut | None:
        """A firm's current opt-out."""
        rows = self._backend.read(_out_of(firm_id).where(_CURRENT))
        return OptOut(**rows[0]._mapping) if rows else None

    def history(self, firm_id: str) -> list[OptOut]:
        """Every opt-out of a firm, the latest first."""
        return [OptOut(**row._mapping) for row in self._backend.read(_out_of(firm_id).order_by(_OUT.number.desc()))]

    def opted_out(self, firm_ids: Sequence[str] | None = None) -> frozenset[str]:
        """Those of the firms that are out; of all firms where none are named."""
        asked = sa.select(_OUT.firm_id).where(_CURRENT)
        return frozenset(row[0] for row in self._backend.read_of(asked, _OUT.firm_id, firm_ids))


def _out_of(firm_id: str) -> sa.Select[Any]:
    return _READ_OUT.where(_OUT.firm_id == firm_id)
