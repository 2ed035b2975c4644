"""Matches as a file: a workbook for people with what was asked on its last sheet, CSV or JSON Lines for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from app.domain import AnyRecord, Firm, Kind, Match, MatchAnswer, MatchRequest, Need, Patent, Query, Why
from app.sheets import (
    FIRM_STATUSES,
    LEVEL_COLUMN,
    NEED_STATUSES,
    STATUSES,
    About,
    Column,
    Fact,
    Lang,
    Words,
    link_of,
    table_format,
    write_table,
)

_NAME = Words("匹配结果", "Matches")
_HEAD = (
    Column(
        key="rank", header=Words("名次", "Rank"), kind="number", about=Words("1 为最佳。", "From 1, the best first.")
    ),
)
_TAIL = (
    LEVEL_COLUMN,
    Column(
        key="score",
        header=Words("匹配度", "Score"),
        kind="score",
        about=Words("至少较强相关的概率，0 至 1。", "Probability of being at least fairly strong, 0 to 1."),
    ),
    Column(
        key="why",
        header=Words("入选原因", "Why listed"),
        width=30,
        about=Words(
            "双方共有或意思相同的词语；指标是否满足；按编号、权利人点名的注明。",
            "Terms that both share or that mean the same, figures that are met or not, and what the question names.",
        ),
    ),
    Column(
        key="passage",
        header=Words("关键语句", "Passage"),
        width=48,
        about=Words("记录中最能说明匹配的一句。", "The sentence of the record that carries the match."),
    ),
)
_LINK = Column(key="link", header=Words("链接", "Link"), kind="link", width=30, printed=False)
_OF_KIND: Mapping[Kind, Sequence[Column]] = {
    Kind.PATENTS: (
        Column(key="id", header=Words("专利编号", "Patent id"), about=Words("文本。", "As text.")),
        Column(key="name", header=Words("专利名称", "Title"), width=36),
        Column(key="holders", header=Words("权利人", "Holders"), width=24),
        Column(key="ipc", header=Words("IPC分类号", "IPC"), width=16),
        *_TAIL,
        Column(key="status", header=Words("法律状态", "Legal status"), kind="word", words=STATUSES),
        Column(key="filed_on", header=Words("申请日", "Filed on"), kind="date"),
        Column(key="published_on", header=Words("公开日", "Published on"), kind="date"),
        Column(key="application_number", header=Words("申请号", "Application number")),
        _LINK,
    ),
    Kind.NEEDS: (
        Column(key="id", header=Words("需求编号", "Need id"), about=Words("文本。", "As text.")),
        Column(key="name", header=Words("需求名称", "Need title"), width=36),
        Column(key="text", header=Words("需求内容", "Need text"), width=48),
        Column(key="firm_id", header=Words("企业编号", "Firm id")),
        *_TAIL,
        Column(key="status", header=Words("需求状态", "Need status"), kind="word", words=NEED_STATUSES),
        Column(key="filed_on", header=Words("发布日期", "Published on"), kind="date"),
        _LINK,
    ),
    Kind.FIRMS: (
        Column(key="id", header=Words("企业编号", "Firm id"), about=Words("文本。", "As text.")),
        Column(key="name", header=Words("企业名称", "Firm name"), width=30),
        Column(key="text", header=Words("经营范围", "Business scope"), width=48),
        Column(key="province", header=Words("省份", "Province")),
        Column(key="city", header=Words("城市", "City")),
        *_TAIL,
        Column(key="status", header=Words("登记状态", "Registration"), kind="word", words=FIRM_STATUSES),
        _LINK,
    ),
}
_STATES = {"met": Words("满足", "met"), "not_met": Words("不满足", "not met"), "silent": Words("未提及", "silent")}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchFile:
    """Where matches are written, and how.

    Attributes:
        path: ends in one of `app.sheets.files.TABLES`.
        zone: of the times that a workbook says.
        lang: of a workbook.
        link: template of the address of a record; ``None`` for its source's own link.
    """

    path: Path
    zone: tzinfo
    lang: Lang = "zh"
    link: str | None = None

    def asked(self, request: MatchRequest) -> MatchRequest:
        """The request with the reasons that the file says.

        Raises:
            InputError: the file's name has an ending that is no table's.
        """
        table_format(self.path)
        return replace(request, explain=True)


def write_matches(file: MatchFile, request: MatchRequest, answer: MatchAnswer) -> int:
    """Write the matches of an answer to one query, whole or not at all; how many there are."""
    columns = (*_HEAD, *_OF_KIND[request.target])
    result = answer.results[0]
    lang = file.lang if file.path.suffix.lower() == ".xlsx" else "zh"
    rows = _rows(result.matches, lang, file.link)
    return write_table(file.path, _NAME, columns, rows, _about(request, answer, file.zone), file.lang)


def _rows(matches: Sequence[Match], lang: Lang, link: str | None) -> Iterator[dict[str, Any]]:
    for match in matches:
        record = match.record
        yield {
            "rank": match.rank,
            "level": match.level.value,
            "score": match.score,
            "why": "" if match.why is None else reasons(match.why, lang),
            "passage": None if match.why is None else match.why.passage,
            "link": link_of(record.id, record.extra, link),
            **_of(record),
        }


def _of(record: AnyRecord) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": record.id, "name": record.heading, "status": record.status, "filed_on": record.filed_on,
    }  # fmt: skip
    match record:
        case Patent():
            said |= {"holders": record.holders, "ipc": record.ipc, "published_on": record.published_on}
            return said | {"application_number": record.application_number}
        case Need():
            return said | {"name": record.title, "text": record.text, "firm_id": record.firm_id}
        case Firm():
            return said | {"text": record.business_scope, "province": record.province, "city": record.city}


def reasons(why: Why, lang: Lang) -> str:
    """Why a record matched, in one cell."""
    named = "" if why.exact is None else Words(f"点名 {why.exact}", f"named by {why.exact}").of(lang)
    pairs = (f"{pair.query} = {pair.record}" for pair in why.meanings)
    figures = (
        f"{one.query}：{' '.join(filter(None, (one.record, _STATES[one.state].of(lang))))}" for one in why.figures
    )
    uses = Words("含已排除的词：", "uses what is excluded: ").of(lang) + "、".join(why.excluded) if why.excluded else ""
    return "；".join(filter(None, (named, "、".join((*why.terms, *pairs)), *figures, uses)))


def _about(request: MatchRequest, answer: MatchAnswer, zone: tzinfo) -> About:
    query, result, snapshot = request.queries[0], answer.results[0], answer.snapshot
    given = {name: value for name, value in asdict(request.filter).items() if value is not None}
    nothing = ""
    if result.nothing_fits:
        nothing = f"{min(result.no_match_probability or 0.0, 0.99):.0%}"
    return About(
        title=Words("匹配结果说明", "About these matches"),
        facts=(
            *_question(query),
            Fact(Words("匹配时间", "Matched at"), f"{datetime.now(zone):%Y-%m-%d %H:%M}"),
            Fact(Words("检索对象", "Target"), _TARGETS[request.target]),
            Fact(Words("筛选条件", "Filter"), "; ".join(f"{name} = {_value(value)}" for name, value in given.items())),
            Fact(Words("必须包含的词", "Must hold"), "; ".join(request.must)),
            Fact(Words("不得包含的词", "Must not hold"), "; ".join(request.must_not)),
            Fact(Words("原文排除的词", "Excluded by the text"), "; ".join(result.excluded)),
            Fact(Words("库中没有适合记录的概率", "Probability that nothing fits"), nothing),
            Fact(Words("匹配模型", "Model"), snapshot.encoder),
            Fact(Words("索引快照编号", "Snapshot of the index"), snapshot.id),
            Fact(Words("快照建立时间", "Snapshot built at"), snapshot.built_at),
            Fact(Words("校准", "Calibration"), snapshot.calibration),
        ),
    )


_TARGETS = {
    Kind.PATENTS: Words("专利", "patents"), Kind.NEEDS: Words("企业需求", "needs"), Kind.FIRMS: Words("企业", "firms"),
}  # fmt: skip


def _question(query: Query) -> Iterator[Fact]:
    if query.record_kind is not None:
        asked = _TARGETS[query.record_kind]
        yield Fact(Words("以记录提问", "Asked with a record"), Words(*(f"{one} {query.record_id}" for one in asked)))
    yield Fact(Words("提问标题", "Title asked with"), query.title or "")
    yield Fact(Words("提问内容", "Text asked with"), query.text or "")


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
