"""Judgements as a workbook: who judged what, and which of it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any

from app.catalogue import Catalogue
from app.domain import AnyRecord, Event, Feedback, Kind
from app.sheets import EVENTS, LEVELS, About, Column, Fact, Lang, Words, open_book, table_format

COLUMNS = (
    Column(key="need_id", header=Words("需求编号", "Need id")),
    Column(key="firm_id", header=Words("企业编号", "Firm id")),
    Column(key="query_id", header=Words("查询编号", "Query id")),
    Column(key="asked", header=Words("所评需求", "Asked with"), width=36),
    Column(key="patent_id", header=Words("专利编号", "Patent id")),
    Column(key="title", header=Words("专利名称", "Title"), width=36),
    Column(key="event", header=Words("反馈", "Event"), kind="word", words=EVENTS),
    Column(key="level", header=Words("相关级别", "Level"), kind="word", words=LEVELS),
    Column(key="by", header=Words("评价人", "By")),
    Column(key="at", header=Words("评价时间", "Time"), kind="moment"),
    Column(key="reason", header=Words("原因", "Reason"), width=24),
    Column(key="note", header=Words("备注", "Note"), width=24),
    Column(
        key="stands",
        header=Words("是否采用", "Stands"),
        kind="word",
        words={"yes": Words("是", "Yes"), "no": Words("否", "No")},
        about=Words(
            "同一评价人对同一对需求和专利的最新评价有效；不同评价人不一致时，导出的评判取较高级别。",
            "The newest word of a judge on a pair counts; where judges disagree, the higher level is exported.",
        ),
    ),
    Column(key="run", header=Words("推送批次", "Run")),
)
_NAME = Words("评价记录", "Judgements")
_A_LOOK = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetWanted:
    """Where the workbook goes, and what is in it.

    Attributes:
        events: of which kinds; a judge's levels alone, or firms' answers too.
        zone: of its times.
    """

    path: Path
    events: tuple[Event, ...]
    zone: tzinfo
    lang: Lang = "zh"


def write_judgements(catalogue: Catalogue, wanted: SheetWanted, judge_of: Callable[[Feedback], object]) -> int:
    """Write all that was said, whole or not at all, in the order in which it was recorded.

    Args:
        catalogue: where it is.
        wanted: where it goes.
        judge_of: who said it of what; ``None`` of what is no judgement. Of the same the newest stands.

    Returns:
        How many rows.

    Raises:
        InputError: the file's name has another ending.
    """
    table_format(wanted.path, (".xlsx",))
    standing: dict[object, tuple[datetime, str]] = {}
    for item in catalogue.feedback.iterate(wanted.events):
        judge = judge_of(item)
        if judge is not None and (judge not in standing or standing[judge][0] <= item.at):
            standing[judge] = (item.at, item.key)
    count = 0
    with open_book(wanted.path, wanted.lang) as book:
        table = book.table(_NAME.of(wanted.lang), COLUMNS)
        for item, names in _with_names(catalogue, catalogue.feedback.iterate(wanted.events)):
            judge = judge_of(item)
            stands = None if judge is None else "yes" if standing[judge][1] == item.key else "no"
            table.add(_row(item, names, wanted.zone) | {"stands": stands})
            count += 1
        book.about(_about(wanted, count), COLUMNS)
    return count


_Names = Mapping[tuple[Kind, str], AnyRecord]


def _with_names(catalogue: Catalogue, items: Iterable[Feedback]) -> Iterator[tuple[Feedback, _Names]]:
    """Feedback with the records that it names, some at a time."""
    rest = iter(items)
    while some := list(islice(rest, _A_LOOK)):
        names: dict[tuple[Kind, str], AnyRecord] = {}
        for kind, ids in (
            (Kind.NEEDS, {item.need_id for item in some}),
            (Kind.FIRMS, {item.firm_id for item in some}),
            (Kind.PATENTS, {item.patent_id for item in some}),
        ):
            found = catalogue.get_many(kind, sorted(filter(None, ids)))
            names |= {(kind, key): record for key, record in found.items()}
        for item in some:
            yield item, names


def _row(item: Feedback, names: _Names, zone: tzinfo) -> dict[str, Any]:
    asked = names.get((Kind.NEEDS, item.need_id or "")) or names.get((Kind.FIRMS, item.firm_id or ""))
    patent = names.get((Kind.PATENTS, item.patent_id or ""))
    return {
        "need_id": item.need_id,
        "firm_id": item.firm_id,
        "query_id": item.query_id,
        "asked": item.query_text if asked is None else asked.heading,
        "patent_id": item.patent_id,
        "title": None if patent is None else patent.heading,
        "event": item.event.value,
        "level": None if item.level is None else item.level.value,
        "by": item.by,
        "at": item.at.astimezone(zone),
        "reason": item.reason,
        "note": item.note,
        "run": item.run,
    }


def _about(wanted: SheetWanted, count: int) -> About:
    return About(
        title=Words("评价记录说明", "About these judgements"),
        facts=(
            Fact(Words("导出时间", "Exported at"), f"{datetime.now(wanted.zone):%Y-%m-%d %H:%M}"),
            Fact(Words("评价条数", "Judgements"), str(count)),
            Fact(Words("时间所用时区", "Zone of the times"), str(wanted.zone)),
            Fact(
                Words("包含的反馈", "Kinds of feedback"),
                Words(
                    "、".join(EVENTS[event.value].zh for event in wanted.events),
                    ", ".join(EVENTS[event.value].en for event in wanted.events),
                ),
            ),
        ),
    )
