"""Judging sheets: what a search finds for needs, without what it thinks of it, for people to judge.

A sheet goes out as a workbook and comes back by `patmatch feedback import` as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from random import Random
from typing import Any

from app.catalogue import Catalogue
from app.domain import Filter, Kind, MatchAnswer, MatchRequest, Need, Patent, Query, SnapshotRef
from app.errors import InputError, UsageError, unknown_record
from app.ingest import IngestOptions, read_records
from app.match.service import MatchService
from app.sheets import LEVELS, About, Column, Fact, Lang, Words, link_of, open_book, table_format

_NAME = Words("评价表", "Judging")
_QUERY_ID = Column(
    key="query_id",
    header=Words("查询编号", "Query id"),
    about=Words("不在目录库中的需求在其文件中的编号。", "Id of a need that is in a file and in no catalogue."),
)
_COLUMNS = (
    Column(
        key="need_id", header=Words("需求编号", "Need id"), about=Words("文本，请勿修改。", "Text; leave it alone.")
    ),
    Column(key="need_text", header=Words("需求内容", "Need text"), width=34),
    Column(
        key="patent_id", header=Words("专利编号", "Patent id"), about=Words("文本，请勿修改。", "Text; leave it alone.")
    ),
    Column(key="title", header=Words("专利名称", "Title"), width=30),
    Column(key="abstract", header=Words("摘要", "Abstract"), width=54),
    Column(key="holders", header=Words("权利人", "Holders"), width=20),
    Column(
        key="level",
        header=Words("相关级别", "Level"),
        choices=tuple(LEVELS.values()),
        width=14,
        hint=Words(
            "强相关：直接解决该需求；较强相关：改进后可用；弱相关：领域相同；无相关：不相干。",
            "Strong: solves the need; Fairly strong: would with changes; Weak: same field; None: no relation.",
        ),
        about=Words(
            "请逐行选择。强相关：直接解决该需求；较强相关：经改进可用于该需求；弱相关：领域相同，但不解决该需求；"
            "无相关：与该需求不相干。未选择的行不导入。",
            "Choose in each row. Strong: solves the need; Fairly strong: would with changes; Weak: of the same field, "
            "but does not solve it; None: has nothing to do with it. Rows left empty are not imported.",
        ),
    ),
    Column(
        key="by",
        header=Words("评价人", "By"),
        fill=True,
        width=12,
        about=Words("每位评价人的最新评价有效。", "The newest judgement of each judge counts."),
    ),
    Column(key="note", header=Words("备注", "Note"), fill=True, width=20),
    Column(key="link", header=Words("链接", "Link"), kind="link", width=24, printed=False),
)
_NOTES = (
    Words(
        "请独立判断：同一需求的专利按随机顺序排列，不显示系统的名次、级别和得分。",
        "Judge for yourself: the patents of a need are in random order, without the system's rank, level and score.",
    ),
    Words(
        "用 Excel 或 WPS 填好保存后，用 patmatch feedback import 直接导入本文件；可只填一部分，再次导入不会重复记录。",
        "Saved by Excel or WPS, the file is taken by patmatch feedback import as it is; a part may be filled in, and "
        "importing it again records nothing twice.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingRequest:
    """What is to be judged.

    Attributes:
        need_ids: needs of the catalogue.
        needs: a file of needs, as `patmatch ingest needs` takes it; those that the catalogue has are its.
        texts: free texts.
        k: patents a need.
        filter: which patents.
        by: who will judge, where one person does.
        seed: of the order.
    """

    need_ids: Sequence[str] = ()
    needs: Path | None = None
    texts: Sequence[str] = ()
    k: int = 20
    filter: Filter = field(default_factory=Filter)
    by: str | None = None
    seed: int = 0
    lang: Lang = "zh"
    link: str | None = None


@dataclass(frozen=True, slots=True)
class JudgingReport:
    """What was written.

    Attributes:
        needs: needs and texts with something to judge.
        rows: pairs to judge.
        nothing_found: needs for which nothing was found.
        unusable: rows of the file of needs that could not be used.
    """

    needs: int
    rows: int
    nothing_found: int
    unusable: int


@dataclass(frozen=True, slots=True)
class _Asked:
    query: Query
    text: str
    need_id: str | None = None
    query_id: str | None = None


class JudgingService:
    """Makes judging sheets.

    Args:
        catalogue: needs.
        match: finds what is judged.
        max_queries: of one match request.
        options: how files of needs are read; their zone is that of the sheet's times.
    """

    def __init__(self, catalogue: Catalogue, match: MatchService, max_queries: int, options: IngestOptions) -> None:
        self._catalogue, self._match, self._max_queries, self._options = catalogue, match, max_queries, options

    def write(
        self, out: Path, wanted: JudgingRequest, report: Callable[[int, int], object] = lambda _done, _total: None
    ) -> JudgingReport:
        """Write a sheet, whole or not at all.

        Args:
            out: an .xlsx file.
            wanted: what is to be judged.
            report: called with needs done, and of how many.

        Raises:
            InputError: the file's name has another ending, or there is no need.
            NotFoundError: the catalogue has no such need.
            PatmatchError: a search failed.
        """
        table_format(out, (".xlsx",))
        asked, unusable = self._asked(wanted)
        if not asked:
            raise UsageError(
                "There is no need to judge for; give --needs, --need-id or --query.",
                "没有可评价的需求，请提供 --needs、--need-id 或 --query。",
            )
        columns = (_QUERY_ID, *_COLUMNS) if any(one.query_id for one in asked) else _COLUMNS
        needs = rows = done = 0
        snapshot: SnapshotRef | None = None
        with open_book(out, wanted.lang) as book:
            table = book.table(_NAME.of(wanted.lang), columns)
            for start in range(0, len(asked), self._max_queries):
                some = asked[start : start + self._max_queries]
                answer = self._search(some, wanted)
                snapshot = answer.snapshot
                for one, found in zip(some, answer.results, strict=True):
                    if found.error is not None:
                        raise found.error
                    patents = [match.record for match in found.matches if isinstance(match.record, Patent)]
                    for row in _rows(one, patents, wanted):
                        table.add(row)
                    needs, rows = needs + bool(patents), rows + len(patents)
                done += len(some)
                report(done, len(asked))
            book.about(_about(wanted, snapshot, needs, self._options.zone), columns)
        return JudgingReport(needs, rows, len(asked) - needs, unusable)

    def _search(self, asked: Sequence[_Asked], wanted: JudgingRequest) -> MatchAnswer:
        queries = tuple(one.query for one in asked)
        return self._match.match(MatchRequest(queries=queries, k=wanted.k, filter=wanted.filter))

    def _asked(self, wanted: JudgingRequest) -> tuple[list[_Asked], int]:
        """What is asked with, each once, and how many rows of the file are unusable."""
        given, unusable = _needs_of(wanted.needs, self._options)
        stored = self._catalogue.get_many(Kind.NEEDS, [*wanted.need_ids, *(need.id for need in given)])
        found: dict[tuple[str, str], _Asked] = {}
        for need_id in wanted.need_ids:
            if need_id not in stored:
                raise unknown_record(Kind.NEEDS, need_id)
        for need in (*(stored[need_id] for need_id in wanted.need_ids), *(stored.get(need.id, need) for need in given)):
            number, text = f"q{len(found)}", need.passage
            if need.id in stored:
                query = Query(id=number, record_kind=Kind.NEEDS, record_id=need.id)
                found.setdefault(("need", need.id), _Asked(query, text, need_id=need.id))
            elif isinstance(need, Need):
                query = Query(id=number, text=need.text or None, title=need.title or None)
                found.setdefault(("query", need.id), _Asked(query, text, query_id=need.id))
        for text in wanted.texts:
            found.setdefault(("text", text), _Asked(Query(id=f"q{len(found)}", text=text), text))
        return list(found.values()), unusable


def _needs_of(path: Path | None, options: IngestOptions) -> tuple[list[Need], int]:
    if path is None:
        return [], 0
    outcomes = list(read_records(path, Kind.NEEDS, options=options))
    needs = [outcome.record for outcome in outcomes if isinstance(outcome.record, Need)]
    if not needs:
        raise InputError(
            f"{path.name}: no row is a need that can be used; `patmatch ingest needs` says why.",
            f"{path.name}：没有可用的需求，原因可用 `patmatch ingest needs` 查看。",
            code="no_needs",
        )
    return needs, len(outcomes) - len(needs)


def _rows(asked: _Asked, patents: Sequence[Patent], wanted: JudgingRequest) -> Iterator[dict[str, Any]]:
    """The patents of one need in an order that says nothing of their ranks, the same for the same seed."""
    # By their ids first: then the order is that of the seed alone, whatever the search ranked.
    mixed = sorted(patents, key=lambda patent: patent.id)
    Random(f"{wanted.seed}\0{asked.need_id or asked.query_id or asked.text}").shuffle(mixed)  # noqa: S311 - no secret
    for patent in mixed:
        yield {
            "need_id": asked.need_id,
            "query_id": asked.query_id,
            "need_text": asked.text,
            "patent_id": patent.id,
            "title": patent.title,
            "abstract": patent.abstract,
            "holders": patent.holders,
            "link": link_of(patent.id, patent.extra, wanted.link),
            "by": wanted.by,
        }


def _about(wanted: JudgingRequest, snapshot: SnapshotRef | None, needs: int, zone: tzinfo) -> About:
    given = ((name, getattr(wanted.filter, name)) for name in Filter.__dataclass_fields__)
    return About(
        title=Words("评价表说明", "About this judging sheet"),
        notes=_NOTES,
        facts=(
            Fact(Words("制表时间", "Made at"), f"{datetime.now(zone):%Y-%m-%d %H:%M}"),
            Fact(Words("需求数", "Needs"), str(needs)),
            Fact(Words("每项需求最多专利数", "Most patents a need"), str(wanted.k)),
            Fact(Words("随机种子", "Seed of the order"), str(wanted.seed)),
            Fact(Words("筛选条件", "Filter"), "; ".join(f"{name} = {value}" for name, value in given if value)),
            Fact(Words("匹配模型", "Model"), "" if snapshot is None else snapshot.encoder),
            Fact(Words("索引快照编号", "Snapshot of the index"), "" if snapshot is None else snapshot.id),
        ),
    )
