"""What ops read of a run: whom it reached, how fairly it spread patents, and what is short and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from random import Random
from typing import Any

from app.catalogue import Catalogue, PushEntry, PushRun
from app.domain import Firm, Kind, Patent
from app.push.delivery import PushDelivery, records_of

_SAMPLED = 10
_PROVINCE, _DIVISION = 2, 3


@dataclass(frozen=True, slots=True)
class SampledList:
    """One list for reading: the firm, and its entries with the patents as they are now."""

    firm_id: str
    name: str
    profile: str
    entries: tuple[tuple[PushEntry, str], ...]


@dataclass(slots=True)
class PushReport:
    """A run in figures.

    Attributes:
        run: the run.
        manifest: what it was made from and measured.
        levels: entries of each level.
        placed: entries by what placed them.
        arms: firms of each arm.
        sizes: firms by length of their list.
        industries: entries by GB/T 4754 division of the firm; ``-`` where it has none.
        regions: entries by province.
        holder_types: entries by who holds the patent.
        overlap: pairs that the last run has too, as a share of this run's; ``None`` where there is no run before.
        previous: the name of that run.
        sampled: lists for reading.
    """

    run: PushRun
    manifest: Mapping[str, Any]
    levels: Counter[str] = field(default_factory=Counter)
    placed: Counter[str] = field(default_factory=Counter)
    arms: Counter[str] = field(default_factory=Counter)
    sizes: Counter[int] = field(default_factory=Counter)
    industries: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    holder_types: Counter[str] = field(default_factory=Counter)
    overlap: float | None = None
    previous: str | None = None
    sampled: list[SampledList] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The figures, without the sampled lists."""
        return {
            "run": self.run.name,
            "status": self.run.status,
            "firms_reached": self.run.firms,
            "entries": self.run.entries,
            **{name: self.manifest.get(name) for name in ("firms", "patents", "exposure", "exposure_plain", "short")},
            **{
                name: self.manifest.get(name)
                for name in ("patents_without_status", "pushed_without_status", "left_out_by_status")
            },
            "curve": self.manifest.get("curve"),
            "machine": self.manifest.get("arms"),
            **{
                name: dict(sorted(getattr(self, name).items(), key=lambda item: str(item[0])))
                for name in ("levels", "placed", "arms", "sizes", "industries", "regions", "holder_types")
            },
            "overlap": self.overlap,
            "previous": self.previous,
        }


class PushReporter:
    """Makes reports of runs.

    Args:
        catalogue: records and runs.
        delivery: finds runs.
    """

    def __init__(self, catalogue: Catalogue, delivery: PushDelivery) -> None:
        self._catalogue, self._delivery = catalogue, delivery

    def report(self, name: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> PushReport:
        """The report of a run. Its entries are read once, some thousands at a time.

        Raises:
            NotFoundError: there is no such run.
        """
        run = self._delivery.get(name)
        made = PushReport(run, json.loads(run.manifest))
        drawn = _Sample()
        for page in self._catalogue.pushes.iterate(run.name):
            self._count(made, page)
            for firm_id, _ in groupby(page, key=lambda entry: entry.firm_id):
                drawn.offer(firm_id)
            progress(sum(made.levels.values()), run.entries)
        self._sizes(made)
        self._overlap(made)
        made.sampled = [self._sampled(run.name, firm_id) for firm_id in sorted(drawn.kept)]
        return made

    def _count(self, made: PushReport, page: list[PushEntry]) -> None:
        firms, patents = records_of(self._catalogue, page)
        made.levels.update(entry.level for entry in page)
        made.placed.update(entry.placed for entry in page)
        for entry in page:
            firm, patent = firms.get(entry.firm_id), patents.get(entry.patent_id)
            made.industries[firm.industry[0][:_DIVISION] if firm is not None and firm.industry else "-"] += 1
            made.regions[firm.region[:_PROVINCE] if firm is not None and firm.region else "-"] += 1
            made.holder_types[(patent.holder_type if isinstance(patent, Patent) else None) or "-"] += 1

    def _sizes(self, made: PushReport) -> None:
        for page in self._catalogue.pushes.lists(made.run.name):
            made.arms.update(one.arm for one in page)
            made.sizes.update(len(one.patent_ids) for one in page)

    def _overlap(self, made: PushReport) -> None:
        """How much of the run the one before it had too. Both are read side by side, in the order of firms."""
        done = [run for run in self._delivery.runs() if run.status == "done" and run.started_at < made.run.started_at]
        if not done or not made.run.entries:
            return
        made.previous = done[0].name
        shared, before = 0, self._pairs(done[0].name)
        other = next(before, None)
        for firm_id, patents in self._pairs(made.run.name):
            while other is not None and other[0] < firm_id:
                other = next(before, None)
            if other is not None and other[0] == firm_id:
                shared += len(patents & other[1])
        made.overlap = shared / made.run.entries

    def _pairs(self, name: str) -> Iterator[tuple[str, set[str]]]:
        for page in self._catalogue.pushes.lists(name):
            yield from ((one.firm_id, set(one.patent_ids)) for one in page)

    def _sampled(self, run: str, firm_id: str) -> SampledList:
        entries = self._catalogue.pushes.of_firm(run, firm_id)
        patents = self._catalogue.get_many(Kind.PATENTS, [entry.patent_id for entry in entries])
        named = tuple(
            (entry, patents[entry.patent_id].heading if entry.patent_id in patents else "-") for entry in entries
        )
        firm = self._catalogue.get(Kind.FIRMS, firm_id)
        if isinstance(firm, Firm):
            return SampledList(firm_id, firm.name, firm.business_scope, named)
        return SampledList(firm_id, firm_id, "", named)


class _Sample:
    """Ten of a stream, each as likely as any (Vitter's algorithm R, 1985); the same for the same stream."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self._seen = 0
        self._random = Random(0)  # noqa: S311 - a sample, no secret

    def offer(self, firm_id: str) -> None:
        """Take it in, perhaps."""
        self._seen += 1
        if len(self.kept) < _SAMPLED:
            self.kept.append(firm_id)
        elif (place := self._random.randrange(self._seen)) < _SAMPLED and firm_id not in self.kept:
            self.kept[place] = firm_id
