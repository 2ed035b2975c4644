"""What leaves a push run: a firm's list as it may be shown now, and whole runs as files."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import chain, groupby
from pathlib import Path
from typing import Literal, NamedTuple

from app.catalogue import Catalogue, PushEntry, PushRun
from app.domain import AnyRecord, Firm, Kind, Patent, is_withdrawn
from app.errors import InputError, unknown_record, unknown_run
from app.feedback.funnel import PushedPair
from app.feedback.service import OutreachService
from app.ingest import SHANGHAI
from app.push.exports import EXPORTS, Exported, Placed, SheetLayout, check_sheets, write_export
from app.records.read import known_id
from app.sheets import table_format

WhyEmpty = Literal["opted_out", "not_in_run", "all_withdrawn"]


class ListedPatent(NamedTuple):
    """One place of a list with the patent as it is now."""

    entry: PushEntry
    record: Patent


@dataclass(frozen=True, slots=True)
class FirmList:
    """A firm's list, or a part of it.

    Attributes:
        cursor: where the next part begins; ``None`` where this is the last.
        why_empty: why there is nothing; ``None`` where there is something, or was before this part.
    """

    run: str
    firm_id: str
    patents: tuple[ListedPatent, ...]
    cursor: int | None
    why_empty: WhyEmpty | None = None


class PushDelivery:
    """Reads runs for firms and ops. Safe to call from many threads.

    Args:
        catalogue: records, runs, and who wants no list.
        zone: of the times that workbooks say.
    """

    def __init__(self, catalogue: Catalogue, zone: tzinfo = SHANGHAI) -> None:
        self._catalogue, self._outreach, self._zone = catalogue, OutreachService(catalogue), zone

    def runs(self) -> list[PushRun]:
        """All runs, the latest first."""
        return self._catalogue.pushes.runs()

    def get(self, name: str | None) -> PushRun:
        """A run by its name, or the latest that is done.

        Raises:
            NotFoundError: there is none.
        """
        found = next((run for run in self.runs() if (run.name == name if name else run.status == "done")), None)
        if found is None:
            raise unknown_run(name)
        return found

    def pushed_pairs(self, run: str | None) -> Iterator[PushedPair] | None:
        """What was pushed in a run, or in all of them, each pair once with the level and arm of the first time.

        ``None`` where there is no such run: then it is not known what was pushed.
        """
        runs = [one.name for one in reversed(self.runs()) if one.status == "done" and run in (None, one.name)]
        return self._pairs(runs) if runs else None

    def _pairs(self, runs: list[str]) -> Iterator[PushedPair]:
        """Runs side by side in the order of firms, so that only one firm's pairs are held."""
        streams = (chain.from_iterable(self._catalogue.pushes.lists(run)) for run in runs)
        by_firm = heapq.merge(*streams, key=lambda one: one.firm_id)
        for firm_id, lists in groupby(by_firm, key=lambda one: one.firm_id):
            first: dict[str, PushedPair] = {}
            for one in lists:
                for patent_id, level in zip(one.patent_ids, one.levels, strict=True):
                    first.setdefault(patent_id, PushedPair(firm_id, patent_id, level, one.arm))
            yield from first.values()

    def of_firm(self, firm_id: str, run: str | None = None, *, after: int = 0, size: int = 100) -> FirmList:
        """A firm's list as it may be shown now: withdrawn and deleted patents are left out, ranks stay.

        Withdrawn is also a patent whose status has become a word that nobody knows, unless the run's rules push such.

        Args:
            firm_id: whose.
            run: which; the latest that is done when not given.
            after: the cursor of the part before.
            size: places looked at.

        Raises:
            NotFoundError: there is no such firm or run.
        """
        firm_id = known_id(self._catalogue, Kind.FIRMS, firm_id)
        if self._catalogue.get(Kind.FIRMS, firm_id) is None:
            raise unknown_record(Kind.FIRMS, firm_id)
        found = self.get(run)
        if self._outreach.is_opted_out(firm_id):
            return FirmList(found.name, firm_id, (), None, "opted_out")
        ready = found.status == "done"
        entries = self._catalogue.pushes.of_firm(found.name, firm_id, after=after, size=size + 1) if ready else []
        part = entries[:size]
        records = self._catalogue.get_many(Kind.PATENTS, [entry.patent_id for entry in part])
        shown = _shown(part, records, _strange(found))
        why: WhyEmpty | None = None
        if not after and not shown:
            why = "all_withdrawn" if part else "not_in_run"
        return FirmList(found.name, firm_id, shown, part[-1].rank if len(entries) > size else None, why)

    def of_firms(self, run: str, *, after: str, to: str) -> list[FirmList]:
        """The whole lists of firms with ids behind ``after`` up to and with ``to``, as they may be shown now.

        Firms that are no more or want no list are left out; one whose patents are all withdrawn has an empty list.

        Raises:
            NotFoundError: there is no such run.
        """
        pushed = self.get(run)
        name, strange = pushed.name, _strange(pushed)
        entries = self._catalogue.pushes.between(name, after, to)
        firms, records = records_of(self._catalogue, entries)
        found = []
        for firm_id, part in groupby(entries, key=lambda entry: entry.firm_id):
            shown = _shown(part, records, strange)
            if firm_id in firms and not self._outreach.is_opted_out(firm_id):
                found.append(FirmList(name, firm_id, shown, None, None if shown else "all_withdrawn"))
        return found

    def export(
        self,
        name: str,
        out: Path,
        report: Callable[[int, int], None] = lambda _done, _total: None,
        *,
        firm_id: str | None = None,
        layout: SheetLayout | None = None,
    ) -> int:
        """Write a run to a file, whole or not at all; rows are read and written some thousands at a time.

        Args:
            name: of the run.
            out: the file; its folder is made where it is not there.
            report: called with rows done, and of how many entries.
            firm_id: whose list alone is written; all where not given.
            layout: of a workbook.

        Returns:
            How many rows.

        Raises:
            NotFoundError: there is no such run or firm.
            InputError: the run is not done, the file's name has another ending, or a workbook would have too many
                sheets.
        """
        run = self.get(name)
        if run.status != "done":
            raise InputError(
                f"The run {name} is not done; run the same `patmatch push run` again.",
                f"批次 {name} 尚未完成，请重新运行相同的 `patmatch push run`。",
                code="push_run_not_done",
            )
        suffix = table_format(out, EXPORTS)
        firm_id = None if firm_id is None else known_id(self._catalogue, Kind.FIRMS, firm_id)
        if firm_id is not None and self._catalogue.get(Kind.FIRMS, firm_id) is None:
            raise unknown_record(Kind.FIRMS, firm_id)
        layout = layout or SheetLayout()
        if suffix == ".xlsx" and firm_id is None:
            check_sheets(run, layout)
        exported = Exported(run, layout, self._zone)
        return write_export(out, self._placed(run, firm_id), exported, lambda done: report(done, run.entries))

    def _placed(self, run: PushRun, firm_id: str | None) -> Iterator[list[Placed]]:
        pushes, opted, strange = self._catalogue.pushes, self._outreach.opted_out(), _strange(run)
        for page in pushes.iterate(run.name) if firm_id is None else [pushes.of_firm(run.name, firm_id)]:
            firms, patents = records_of(self._catalogue, page)
            yield [
                Placed(entry, firm, record)
                for entry, record in _shown(page, patents, strange)
                if isinstance(firm := firms.get(entry.firm_id), Firm) and entry.firm_id not in opted
            ]


def records_of(
    catalogue: Catalogue, entries: Sequence[PushEntry]
) -> tuple[Mapping[str, AnyRecord], Mapping[str, AnyRecord]]:
    """The firms and the patents that entries are about, by id."""
    firms = catalogue.get_many(Kind.FIRMS, list({entry.firm_id for entry in entries}))
    return firms, catalogue.get_many(Kind.PATENTS, list({entry.patent_id for entry in entries}))


def _strange(run: PushRun) -> frozenset[str]:
    """The arms of a run whose rules push patents of a status that nobody knows."""
    asked = json.loads(run.manifest).get("state", {}).get("parameters", {})
    rules = {"a": asked.get("rules"), "b": asked.get("compare")}
    return frozenset(arm for arm, said in rules.items() if said and said.get("unknown_status"))


def _shown(
    entries: Iterable[PushEntry], records: Mapping[str, AnyRecord], strange: frozenset[str]
) -> tuple[ListedPatent, ...]:
    """Those places whose patents are still there and not withdrawn.

    Args:
        entries: the places.
        records: the patents as they are now.
        strange: arms in which a status that nobody knows withdraws no patent.
    """
    return tuple(
        ListedPatent(entry, record)
        for entry in entries
        if isinstance(record := records.get(entry.patent_id), Patent)
        and not is_withdrawn(record.status, unknown_status=entry.arm in strange)
    )
