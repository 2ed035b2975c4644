"""The rows of a file of records into the catalogue: joined with what is stored, or in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.catalogue import Applied, Catalogue, Merge
from app.domain import AnyRecord, Kind
from app.ingest import RowOutcome, problem
from app.records.linking import Linker
from app.records.merging import emptied, merged
from app.records.repeats import Became, Earlier, Repeats, Seen, content_of
from app.records.report import LoadReport

RecordOutcome = RowOutcome[AnyRecord]


@dataclass(frozen=True, slots=True)
class How:
    """How rows are written.

    Attributes:
        replace: whether a row is the whole record.
        dry_run: whether only to look what would become of them.
        load: the number of the load, so that it can be taken back.
    """

    replace: bool = False
    dry_run: bool = False
    load: int | None = None


class RecordWriter:
    """Writes the rows of one file, a batch at a time, and counts in its report what became of them."""

    def __init__(self, catalogue: Catalogue, kind: Kind, report: LoadReport, how: How) -> None:
        self._catalogue = catalogue
        self._kind = kind
        self._report = report
        self._how = how
        self._linker = Linker(catalogue, writes=not how.dry_run, load=how.load)
        self._repeats = Repeats()
        self._changed_later: set[str] = set()

    def write(self, outcomes: Sequence[RecordOutcome]) -> Sequence[RecordOutcome]:
        """Write a batch in one transaction; the outcomes as they are then."""
        outcomes = self._linked(outcomes)
        batch = _Batch(outcomes, replace=self._how.replace)
        if not batch.rows:
            return outcomes
        merge = Merge(batch.ids, batch.complete, batch.settled)
        if self._how.dry_run:
            applied = self._catalogue.preview(self._kind, merge, source=self._report.file)
        else:
            applied = self._catalogue.apply(self._kind, merge, source=self._report.file, load=self._how.load)
        self._report.merged += batch.kept
        self._report.apart += batch.apart
        self._report.emptied.update(batch.emptied)
        return self._with_repeats(batch.outcomes(), applied)

    def _linked(self, outcomes: Sequence[RowOutcome[AnyRecord]]) -> Sequence[RowOutcome[AnyRecord]]:
        """The outcomes with each firm and each need under the firm that it belongs to."""
        if self._kind is Kind.PATENTS:
            return outcomes
        places = [place for place, outcome in enumerate(outcomes) if outcome.record is not None]
        linked = self._linker.prepare([record for outcome in outcomes if (record := outcome.record) is not None])
        written = list(outcomes)
        for number, (place, record) in enumerate(zip(places, linked.records, strict=True)):
            outcome, warning = outcomes[place], linked.warnings.get(number)
            if warning is not None or record is not outcome.record:
                warnings = outcome.warnings if warning is None else (*outcome.warnings, warning)
                written[place] = replace(outcome, record=record, warnings=warnings)
        return written

    def _with_repeats(self, outcomes: list[RecordOutcome], applied: Applied) -> list[RecordOutcome]:
        """Count the records, each once in a file, and warn of rows whose id came before with other content."""
        places = [place for place, outcome in enumerate(outcomes) if outcome.record is not None]
        rows = [_seen(outcomes[place]) for place in places]
        became = dict.fromkeys(applied.added_ids, Became.ADDED) | dict.fromkeys(applied.changed_ids, Became.CHANGED)
        first: list[Seen] = []
        counts: Counter[Became] = Counter()
        for place, row, earlier in zip(places, rows, self._repeats.earlier(rows), strict=True):
            now = became.get(row.id, Became.UNCHANGED)
            if earlier is None:
                first.append(row)
                counts[now] += 1
                continue
            self._report.repeated += 1
            if earlier.became is Became.UNCHANGED and now is Became.CHANGED and row.id not in self._changed_later:
                self._changed_later.add(row.id)
                counts[Became.UNCHANGED] -= 1
                counts[Became.CHANGED] += 1
            if earlier.differs:
                outcomes[place] = _warned(outcomes[place], earlier)
        self._report.added += counts[Became.ADDED]
        self._report.changed += counts[Became.CHANGED]
        self._report.unchanged += counts[Became.UNCHANGED]
        self._repeats.add(first, [became.get(row.id, Became.UNCHANGED) for row in first])
        return outcomes


@dataclass(slots=True)
class _Batch:
    """The rows of a transaction. What `complete` counts is that of its last call."""

    given: Sequence[RecordOutcome]
    replace: bool
    rows: list[tuple[int, RecordOutcome]] = field(init=False)
    stored: Mapping[str, AnyRecord] = field(default_factory=dict, init=False)
    joined: dict[int, AnyRecord] = field(default_factory=dict, init=False)
    emptied: Counter[str] = field(default_factory=Counter, init=False)
    kept: int = field(default=0, init=False)
    apart: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.rows = [
            (place, outcome)
            for place, outcome in enumerate(self.given)
            if outcome.record is not None or (outcome.partial is not None and not self.replace)
        ]

    @property
    def ids(self) -> list[str]:
        """Of the rows that may become records."""
        return [record.id for _, outcome in self.rows if (record := outcome.record or outcome.partial) is not None]

    def complete(self, stored: Mapping[str, AnyRecord]) -> Sequence[AnyRecord]:
        """The records that the rows make of those that are stored, in the rows' order."""
        self.stored, self.kept, self.apart = stored, 0, 0
        self.joined.clear()
        records: dict[str, AnyRecord] = {}
        for place, outcome in self.rows:
            record = outcome.record or outcome.partial
            if record is None:
                continue
            before = None if self.replace else records.get(record.id) or stored.get(record.id)
            if before == record:
                records[record.id] = before  # a file that is loaded again: most rows say what is known
            elif before is not None:
                found = merged(before, record, outcome.given)
                self.kept += found.kept
                self.apart += found.apart
                records[record.id] = found.record
            elif outcome.record is not None:
                records[record.id] = record
            else:
                continue  # it lacks what a new record cannot be without
            if outcome.record is None:
                self.joined[place] = records[record.id]
        return list(records.values())

    def settled(self, records: Sequence[AnyRecord]) -> None:
        """Count what whole rows empty."""
        self.emptied.clear()
        if self.replace and self.stored:
            for record in records:
                if (before := self.stored.get(record.id)) is not None:
                    self.emptied.update(emptied(before, record))

    def outcomes(self) -> list[RecordOutcome]:
        """The batch's outcomes: a row that lacks something is none the worse where a record was there."""
        settled = list(self.given)
        for place, record in self.joined.items():
            settled[place] = replace(settled[place], record=record, rejected=(), partial=None)
        return settled


def _seen(outcome: RecordOutcome) -> Seen:
    record_id = "" if outcome.record is None else outcome.record.id
    return Seen(record_id, outcome.row, outcome.sheet, content_of(outcome.raw))


def _warned(outcome: RecordOutcome, earlier: Earlier) -> RecordOutcome:
    of, of_zh = (f" of sheet {earlier.sheet}", f"（工作表“{earlier.sheet}”）") if earlier.sheet else ("", "")
    record_id = "" if outcome.record is None else outcome.record.id
    found = problem("repeated_id", "id", record_id, row=earlier.row, of=of, of_zh=of_zh)
    return replace(outcome, warnings=(*outcome.warnings, found))
