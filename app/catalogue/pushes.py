"""Push runs and their lists: written by blocks of firms, read by firm, by run, or all of a run in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from app.catalogue.backend import IDS, AnyRow
from app.catalogue.outbox import NewMessage, put
from app.catalogue.tables import PUSH_LISTS, PUSH_RUNS
from app.catalogue.writing import Part

RUNNING, DONE = "running", "done"
_C = PUSH_LISTS.c
_A_PAGE = 1_000
"""Lists that are read at once: some 20,000 places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRun:
    """One run.

    Attributes:
        status: ``running`` until every list is in the catalogue, then ``done``; only then it is shown to firms.
        inputs: digest of what was asked for.
        manifest: JSON: what the run was made from, and what it measured.
    """

    name: str
    status: str
    inputs: str
    manifest: str
    started_at: datetime
    finished_at: datetime | None = None
    firms: int = 0
    entries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PushEntry:
    """One patent in one firm's list.

    Attributes:
        rank: from 1.
        score: probability of being at least fairly strong.
        level: as `match` serves it.
        reason: terms that both sides share, separated by spaces; may be empty.
        need_id: which of the firm's needs it was found for; ``None`` where the profile was asked with.
        firm_rank: place of the firm among the patent's own best firms, of those that it was a candidate for.
        placed: ``choice``, ``cap``, ``floor``, ``diversity`` or ``agreed``.
        arm: ``a`` or ``b``, the ranking that the firm was assigned to.
        patent_revision: of the patent when it was pushed.
    """

    run: str
    firm_id: str
    rank: int
    patent_id: str
    score: float
    level: str
    reason: str
    need_id: str | None
    firm_rank: int | None
    placed: str
    arm: str
    patent_revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PushList:
    """A firm's list, field by field; each holds one value a place, in the order of ranks from 1. See `PushEntry`."""

    firm_id: str
    arm: str
    patent_ids: Sequence[str] = ()
    scores: Sequence[float] = ()
    levels: Sequence[str] = ()
    reasons: Sequence[str] = ()
    need_ids: Sequence[str | None] = ()
    firm_ranks: Sequence[int | None] = ()
    placed: Sequence[str] = ()
    patent_revisions: Sequence[int] = ()

    def entries(self, run: str) -> list[PushEntry]:
        """Its places."""
        places = zip(*(getattr(self, name) for name in _FIELDS), strict=True)
        # Written out: a run has millions of places, and names looked up for each would take a third longer.
        return [
            PushEntry(
                run=run,
                firm_id=self.firm_id,
                arm=self.arm,
                rank=rank,
                patent_id=patent,
                score=score,
                level=level,
                reason=reason,
                need_id=need,
                firm_rank=firm_rank,
                placed=placed,
                patent_revision=revision,
            )
            for rank, (patent, score, level, reason, need, firm_rank, placed, revision) in enumerate(places, 1)
        ]


_FIELDS = tuple(field.name for field in fields(PushList) if field.name not in ("firm_id", "arm"))


class PushStore(Part):
    """Push runs and their lists. Written without the counter: a run's lists are no changes of records."""

    def begin(self, run: PushRun) -> None:
        """Write a new run, or put one that is still running in its state at the start.

        Its lists stay where it goes on by the same manifest; made by another, they are of firms and records that are no
        more.
        """
        made_by = sa.select(PUSH_RUNS.c.manifest).where(PUSH_RUNS.c.name == run.name, PUSH_RUNS.c.status == RUNNING)
        with self._backend.writing() as connection:
            if connection.execute(made_by).scalar_one_or_none() not in (None, run.manifest):
                connection.execute(sa.delete(PUSH_LISTS).where(_C.run == run.name))
            connection.execute(sa.delete(PUSH_RUNS).where(PUSH_RUNS.c.name == run.name, PUSH_RUNS.c.status == RUNNING))
            connection.execute(sa.insert(PUSH_RUNS).values(asdict(run)))

    def write(self, run: str, firms: Sequence[str], lists: Sequence[PushList]) -> None:
        """Put the lists of some firms in place of what the run has of them, in one transaction.

        Args:
            run: its name.
            firms: whose lists are replaced; those without one in ``lists`` have none.
            lists: with at least one place each.
        """
        of_firms = sa.and_(_C.run == run, self._backend.is_one_of(_C.firm_id))
        with self._backend.writing() as connection:
            if firms:
                connection.execute(sa.delete(PUSH_LISTS).where(of_firms), {IDS: self._backend.ids_parameter(firms)})
            if lists:
                connection.execute(sa.insert(PUSH_LISTS), [_row(run, one) for one in lists])

    def finish(self, run: str, manifest: str, *, firms: int, entries: int, messages: Sequence[NewMessage] = ()) -> None:
        """Say that all lists of a run are there, and put the messages that say so elsewhere, in one transaction."""
        done = sa.update(PUSH_RUNS).where(PUSH_RUNS.c.name == run)
        with self._backend.writing() as connection:
            connection.execute(
                done.values(status=DONE, manifest=manifest, firms=firms, entries=entries, finished_at=datetime.now(UTC))
            )
            put(connection, messages)

    def get(self, name: str) -> PushRun | None:
        """The run of this name."""
        return next(iter(self._runs(PUSH_RUNS.c.name == name)), None)

    def runs(self) -> list[PushRun]:
        """All runs, the latest first."""
        return self._runs(sa.true())

    def of_firm(self, run: str, firm_id: str, *, after: int = 0, size: int = 1000) -> list[PushEntry]:
        """A firm's list in a run, in order, from behind the rank ``after``."""
        rows = self._backend.read(_of(run).where(_C.firm_id == firm_id))
        return [entry for row in rows for entry in _list(row).entries(run)[after : after + size]]

    def between(self, run: str, after: str, to: str) -> list[PushEntry]:
        """The lists in a run of all firms with ids behind ``after`` up to and with ``to``, by firm and rank."""
        rows = self._backend.read(_of(run).where(_C.firm_id > after, _C.firm_id <= to).order_by(_C.firm_id))
        return [entry for row in rows for entry in _list(row).entries(run)]

    def firms(self, run: str) -> Iterator[str]:
        """The ids of all firms that have a list in a run, in order, each page a short transaction."""
        asked = sa.select(_C.firm_id).where(_C.run == run)
        for rows in self._backend.pages(asked, _C.firm_id, _A_PAGE):
            yield from (row[0] for row in rows)

    def lists(self, run: str) -> Iterator[list[PushList]]:
        """All lists of a run by firm, in the order of code points, a page at a time, each a short transaction."""
        for rows in self._backend.pages(_of(run), _C.firm_id, _A_PAGE):
            yield list(map(_list, rows))

    def iterate(self, run: str) -> Iterator[list[PushEntry]]:
        """All entries of a run by firm and rank, those of some firms at a time."""
        for page in self.lists(run):
            yield [entry for one in page for entry in one.entries(run)]

    def _runs(self, condition: sa.ColumnElement[bool]) -> list[PushRun]:
        asked = sa.select(PUSH_RUNS).where(condition).order_by(PUSH_RUNS.c.started_at.desc(), PUSH_RUNS.c.name)
        return [PushRun(**row._mapping) for row in self._backend.read(asked)]


def _of(run: str) -> sa.Select[Any]:
    return sa.select(_C.firm_id, _C.arm, _C.entries).where(_C.run == run)


def _list(row: AnyRow) -> PushList:
    return PushList(firm_id=row.firm_id, arm=row.arm, **json.loads(row.entries))


def patent_ids_of(entries: str) -> list[str]:
    """The patents of a list as its row holds it."""
    ids: list[str] = json.loads(entries)["patent_ids"]
    return ids


def _row(run: str, one: PushList) -> dict[str, str]:
    entries = json.dumps({name: getattr(one, name) for name in _FIELDS}, ensure_ascii=False, separators=(",", ":"))
    return {"run": run, "firm_id": one.firm_id, "arm": one.arm, "entries": entries}
