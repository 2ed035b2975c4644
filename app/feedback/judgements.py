"""Feedback as judgements: the three files that `patmatch evaluate`, `calibrate` and `train` read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import IO, Any

from app.catalogue import Catalogue
from app.domain import AnyRecord, Event, Feedback, Firm, Kind, Need, Patent
from app.errors import InputError
from app.feedback.sheet import SheetWanted, write_judgements
from app.ingest import SHANGHAI
from app.sheets import Lang

EVENT_LEVELS: Mapping[Event, int] = {
    Event.SIGNED: 4,
    Event.NEED_RETURNED: 3,
    Event.CONTACTED: 3,
    Event.INTERESTED: 3,
    Event.REJECTED: 1,
}
"""What an event says of a pair, 4 strong to 1 none, where events are wanted. A view says nothing: a title is enough to
make somebody look."""

_RECORDS_A_LOOK = 1000
_PREFIXES = {Kind.FIRMS: "firm:", None: "text:"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked with: a record, or a free text where ``kind`` is ``None``."""

    kind: Kind | None
    id: str


@dataclass(frozen=True, slots=True)
class ExportFiles:
    """Where to write; corpus and queries are left out where ``None``."""

    qrels: Path
    corpus: Path | None = None
    queries: Path | None = None


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written.

    Attributes:
        judgements: pairs in the qrels.
        disagreements: pairs that two judges put at different levels; the higher one counts.
        gone: pairs left out because what was asked with, or the patent, is no longer in the catalogue.
        queries: different queries.
        documents: rows of the corpus; 0 where none was asked for.
    """

    judgements: int
    disagreements: int
    gone: int
    queries: int
    documents: int

    def as_json(self) -> dict[str, int]:
        """The report as JSON types."""
        return asdict(self)


class JudgementService:
    """Writes judgements as files.

    Args:
        catalogue: where feedback and records are.
        zone: of the times that workbooks say.
    """

    def __init__(self, catalogue: Catalogue, zone: tzinfo = SHANGHAI) -> None:
        self._catalogue, self._zone = catalogue, zone

    def export(self, files: ExportFiles, *, events: bool = False, judged_only: bool = False) -> ExportReport:
        """Write the judgements that stand. Each file gets its name once it is complete.

        The newest judgement of a judge counts, and of two judges the higher level. A firm is the judge of its own
        events. Ids are those of the records; a firm or a text with the id of another query is told apart by a prefix.

        Args:
            files: where to write.
            events: whether events count as `EVENT_LEVELS` says.
            judged_only: whether the corpus has the judged patents alone; else all patents of the catalogue.

        Raises:
            InputError: there is no judgement to write.
        """
        levels, disagreements, texts = self._levels(events)
        asked = list(dict.fromkeys(pair[0] for pair in levels))
        queries = _named(self._rows(asked, texts))
        documents = {one.id for page in self._judged({patent_id for _, patent_id in levels}) for one in page}
        kept = sorted(
            (str(queries[who]["id"]), patent_id, level)
            for (who, patent_id), level in levels.items()
            if who in queries and patent_id in documents
        )
        if not kept:
            raise InputError(
                "There are no judgements of records in the catalogue; record some with `patmatch feedback import`.",
                "目录库中没有可用的评判记录，请先用 `patmatch feedback import` 导入。",
                code="no_judgements",
            )
        with _written(files.qrels) as stream:
            stream.write("query_id\tdoc_id\tlevel\n")
            stream.writelines(f"{query_id}\t{patent_id}\t{level}\n" for query_id, patent_id, level in kept)
        judged = {query_id for query_id, _, _ in kept}
        if files.queries is not None:
            _write_lines(files.queries, (row for row in queries.values() if row["id"] in judged))
        written = 0
        if files.corpus is not None:
            ids = {patent_id for _, patent_id, _ in kept} if judged_only else None
            written = _write_lines(files.corpus, self._documents(ids))
        return ExportReport(len(kept), disagreements, len(levels) - len(kept), len(judged), written)

    def sheet(self, path: Path, *, events: bool = False, lang: Lang = "zh") -> int:
        """Write who judged what as a workbook, also of records that are gone; how many rows.

        Args:
            path: an .xlsx file.
            events: whether firms' events are in it, beside judges' levels.
            lang: of headers and words.

        Raises:
            InputError: the file's name has another ending.
        """
        wanted = SheetWanted(path=path, events=_wanted(events), lang=lang, zone=self._zone)
        return write_judgements(self._catalogue, wanted, _judged_pair)

    def _levels(self, events: bool) -> tuple[dict[tuple[Asked, str], int], int, dict[str, str]]:
        """Pair -> level; how many pairs judges disagree about; and the texts by their ids."""
        newest: dict[tuple[Asked, str], dict[str, tuple[datetime, int]]] = {}
        texts: dict[str, str] = {}
        for item in self._catalogue.feedback.iterate(_wanted(events)):
            who, level = _asked(item), _level(item)
            if who is None or level is None or item.patent_id is None:
                continue
            if who.kind is None:
                texts[who.id] = item.query_text or ""
            judges = newest.setdefault((who, item.patent_id), {})
            judge = _judge(item)
            if judge not in judges or judges[judge][0] <= item.at:
                judges[judge] = (item.at, level)
        said = {pair: {level for _, level in judges.values()} for pair, judges in newest.items()}
        disagreements = sum(len(levels) > 1 for levels in said.values())
        return {pair: max(levels) for pair, levels in said.items()}, disagreements, texts

    def _rows(self, asked: Iterable[Asked], texts: Mapping[str, str]) -> dict[Asked, dict[str, Any]]:
        """The queries that are still there, as rows of the file."""
        found: dict[Asked, dict[str, Any]] = {}
        for kind in (Kind.NEEDS, Kind.FIRMS):
            ids = [who.id for who in asked if who.kind is kind]
            found |= {Asked(kind, key): _row(one) for key, one in self._catalogue.get_many(kind, ids).items()}
        rows = {who: found[who] for who in asked if who in found}
        return rows | {who: {"id": who.id, "text": texts[who.id]} for who in asked if who.kind is None}

    def _documents(self, ids: set[str] | None) -> Iterator[dict[str, Any]]:
        pages = self._catalogue.iterate(Kind.PATENTS) if ids is None else self._judged(ids)
        return (_row(record) for page in pages for record in page)

    def _judged(self, ids: set[str]) -> Iterator[list[AnyRecord]]:
        """Those of the patents that are in the catalogue, in the order of their ids, a page at a time."""
        chosen = sorted(ids)
        for start in range(0, len(chosen), _RECORDS_A_LOOK):
            found = self._catalogue.get_many(Kind.PATENTS, chosen[start : start + _RECORDS_A_LOOK])
            yield [found[key] for key in sorted(found)]


def _wanted(events: bool) -> tuple[Event, ...]:
    return (Event.LEVEL, *(EVENT_LEVELS if events else ()))


def _judge(item: Feedback) -> str:
    """Whose word it is, of whose words on a pair the newest stands."""
    return f"judge {item.by or ''}" if item.event is Event.LEVEL else f"firm {item.asker}"


def _judged_pair(item: Feedback) -> tuple[Asked, str, str] | None:
    """The pair and whose word it is, ``None`` where nothing is judged."""
    who = _asked(item)
    if who is None or item.patent_id is None or _level(item) is None:
        return None
    return who, item.patent_id, _judge(item)


def _asked(item: Feedback) -> Asked | None:
    if item.need_id is not None:
        return Asked(Kind.NEEDS, item.need_id)
    if item.query_id is not None:
        return Asked(None, item.query_id)
    return None if item.firm_id is None else Asked(Kind.FIRMS, item.firm_id)


def _level(item: Feedback) -> int | None:
    if item.event is not Event.LEVEL:
        return EVENT_LEVELS.get(item.event)
    return None if item.level is None else item.level.grade


def _named(rows: Mapping[Asked, dict[str, Any]]) -> dict[Asked, dict[str, Any]]:
    """The rows with ids that differ: needs keep theirs, others only where no need and no firm has it."""
    taken: set[str] = set()
    named: dict[Asked, dict[str, Any]] = {}
    for kind in (Kind.NEEDS, Kind.FIRMS, None):
        for who in (who for who in rows if who.kind is kind):
            name = who.id
            while name in taken:
                name = f"{_PREFIXES[kind]}{name}"
            taken.add(name)
            named[who] = rows[who] | {"id": name}
    return named


def _row(record: AnyRecord) -> dict[str, Any]:
    """A record as evaluations read it, its title and its body apart, without what is empty."""
    match record:
        case Patent():
            title, text = record.title, record.abstract
        case Need():
            title, text = record.title, record.text
        case Firm():
            title, text = record.name, record.business_scope
    given = {"id": record.id, "title": title, "text": text, "lang": record.lang}
    return {name: value for name, value in given.items() if value}


@contextmanager
def _written(path: Path) -> Iterator[IO[str]]:
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("w", encoding="utf-8", newline="\n") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    with _written(path) as stream:
        for count, row in enumerate(rows, start=1):  # noqa: B007 - counted
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count
