"""What a push list looks like in a workbook: its columns, its rows, and what the last sheet says of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from app.catalogue import PushEntry, PushRun
from app.domain import Event, Firm, Patent
from app.sheets import EVENTS, LEVEL_COLUMN, LEVELS, PLACED, STATUSES, About, Column, Fact, Words, link_of

_ANSWERS = tuple(
    EVENTS[event.value] for event in (Event.VIEWED, Event.INTERESTED, Event.CONTACTED, Event.SIGNED, Event.REJECTED)
)

NAME = Words("推送清单", "Push lists")
COLUMNS = (
    Column(key="firm_name", header=Words("企业名称", "Firm name"), width=22),
    Column(
        key="rank",
        header=Words("名次", "Rank"),
        kind="number",
        about=Words(
            "专利在该企业清单中的位次，1 为最佳。撤回的专利不再列出，位次不变。",
            "Place in the firm's list, from 1. Withdrawn patents are left out, and ranks stay.",
        ),
    ),
    Column(
        key="patent_id",
        header=Words("专利编号", "Patent id"),
        about=Words(
            "专利的公开（公告）号或其在目录库中的编号，为文本。", "Publication number or id in the catalogue, as text."
        ),
    ),
    Column(key="title", header=Words("专利名称", "Title"), width=36),
    Column(key="holders", header=Words("权利人", "Holders"), width=20),
    Column(
        key="legal_status",
        header=Words("法律状态", "Legal status"),
        kind="word",
        words=STATUSES,
        about=Words(
            "导出时目录库中的状态；空白表示来源未提供。",
            "As the catalogue has it at the export; empty where no source says it.",
        ),
    ),
    LEVEL_COLUMN,
    Column(
        key="score",
        header=Words("匹配度", "Score"),
        kind="score",
        about=Words(
            "专利与需求（或企业经营范围）至少较强相关的概率，0 至 1。",
            "Probability that the patent is at least fairly strong for the need or business scope, 0 to 1.",
        ),
    ),
    Column(
        key="why",
        header=Words("入选原因", "Why listed"),
        width=24,
        about=Words(
            "专利与需求（或经营范围）共有的词语。", "Terms that the patent and the need or business scope share."
        ),
    ),
    Column(
        key="event",
        header=Words("反馈", "Event"),
        choices=_ANSWERS,
        width=12,
        hint=Words(
            "请选择；没有反馈请留空。选择“拒绝”时请填写原因。", "Choose, or leave it empty. A rejection has a reason."
        ),
        about=Words(
            "由企业填写。填好后整个文件可直接导入；留空的行不导入。",
            "For the firm to fill in. The file is imported as it is; rows left empty are not.",
        ),
    ),
    Column(
        key="reason",
        header=Words("原因", "Reason"),
        fill=True,
        width=22,
        about=Words("拒绝时必填。", "Needed with a rejection."),
    ),
    Column(key="note", header=Words("备注", "Note"), fill=True, width=18),
    Column(key="link", header=Words("链接", "Link"), kind="link", width=30, printed=False),
    Column(key="ipc", header=Words("IPC分类号", "IPC"), width=16, printed=False),
    Column(
        key="need_id",
        header=Words("需求编号", "Need id"),
        about=Words(
            "所对应的企业需求；空白表示按企业经营范围匹配。",
            "The need it was found for; empty where the business scope was asked with.",
        ),
        printed=False,
    ),
    Column(
        key="placed",
        header=Words("入选方式", "Placed by"),
        kind="word",
        words=PLACED,
        about=Words(
            "优先入选：本来就在最匹配之列；限量后递补：更匹配的专利已推送足够多家；保底展示：每件专利的最低展示次数；"
            "多样性递补：避免同族、同名或同一权利人过多；双向认可优先：供需双方均认可产业化。",
            "First choice: among the best anyway; by the cap: better ones were shown often enough; by the floor: it "
            "had to be shown; for diversity: better ones were too many of a kind; as agreed: both sides rated it "
            "worth industrialising.",
        ),
        printed=False,
    ),
    Column(
        key="firm_id",
        header=Words("企业编号", "Firm id"),
        about=Words(
            "企业的统一社会信用代码或其在目录库中的编号，为文本。",
            "The firm's credit code or its id in the catalogue, as text.",
        ),
        printed=False,
    ),
    Column(
        key="run",
        header=Words("推送批次", "Run"),
        about=Words("本次推送的名称。", "Name of the push run."),
        printed=False,
    ),
)
"""Of a push list. `patmatch feedback import` knows its headers again, but not 推荐级别 and 法律状态: what the list says
is no judgement of who fills it in. What firms read and answer comes first and fits on paper."""

_NOTES = (
    Words(
        "请在“反馈”列选择企业的答复，可在“原因”“备注”列补充；其他列请勿修改。",
        "Choose the firm's answer in the column Event, fill in Reason and Note, and leave the other columns alone.",
    ),
    Words(
        "保存后（Excel 或 WPS）可用 patmatch feedback import 直接导入本文件。",
        "Saved by Excel or WPS, the file is taken by patmatch feedback import as it is.",
    ),
)


_NAMES_ZH = {
    "k": "每家企业件数", "candidates": "每家候选件数", "min_level": "最低级别", "min_score": "最低匹配度",
    "exclude_status": "不推送的专利状态", "exclude_firm_status": "不推送的企业状态",
    "unknown_status": "推送状态不明的专利", "region": "地域范围", "industry": "行业范围", "licence": "转化方式",
    "prefer_agreed": "双向认可加分", "months": "多少个月内不重复推送", "own_patents": "推送企业自有专利",
    "per_holder": "同一权利人最多件数", "per_family": "同族最多件数", "per_title": "同名同权利人最多件数",
    "per_subject": "同一小类最多件数", "cap": "每件专利最多推送家数", "floor": "每件专利最少推送家数",
    "fair_level": "计入保底的最低级别", "shared_terms": "共有词语参与排序", "terms_find": "共有词语参与检索",
    "ipc": "IPC分类", "status": "状态", "holder_type": "权利人类型", "grade": "分级", "agreed": "双向认可",
    "dormant": "沉睡专利", "maturity_min": "成熟度下限", "filed_from": "申请日起", "filed_to": "申请日止",
    "lang": "语言", "holder": "权利人", "published_from": "公开日起", "published_to": "公开日止", "kind": "文献类型",
}  # fmt: skip
"""Rules and filters, which are written with their own names in files of rules."""

_VALUES_ZH = {
    **{code: words.zh for code, words in (STATUSES | LEVELS).items()},
    "all": "不限", "province": "本省", "city": "本市", "section": "同门类", "division": "同大类", "group": "同中类",
    "true": "是", "false": "否",
}  # fmt: skip


def sheet_row(entry: PushEntry, firm: Firm, patent: Patent, link: str | None) -> dict[str, Any]:
    """A place as people read it, by the keys of `COLUMNS`."""
    return {
        "run": entry.run,
        "firm_id": entry.firm_id,
        "firm_name": firm.name,
        "rank": entry.rank,
        "patent_id": entry.patent_id,
        "title": patent.title,
        "holders": patent.holders,
        "ipc": patent.ipc,
        "legal_status": patent.status,
        "level": entry.level,
        "score": entry.score,
        "why": entry.reason,
        "need_id": entry.need_id,
        "placed": entry.placed,
        "link": link_of(patent.id, patent.extra, link),
    }


def about_run(run: PushRun, zone: tzinfo) -> About:
    """What made the run, from its manifest."""
    said = json.loads(run.manifest)
    state = said.get("state", {})
    asked = state.get("parameters", {})
    calibrations = sorted(set(state.get("calibration", {}).values()))
    return About(
        title=Words("推送清单说明", "About these push lists"),
        notes=_NOTES,
        facts=(
            Fact(Words("推送批次名称", "Name of the run"), run.name),
            Fact(Words("运行时间", "Run at"), _moments(run, zone)),
            Fact(Words("导出时间", "Exported at"), f"{datetime.now(zone):%Y-%m-%d %H:%M}"),
            Fact(Words("企业数", "Firms with a list"), str(run.firms)),
            Fact(Words("清单条数", "Places in all lists"), str(run.entries)),
            *_rules(asked),
            Fact(Words("专利筛选条件", "Filter of patents"), _said(asked.get("patents"))),
            Fact(Words("专利池", "Pool"), str(asked.get("pool") or "")),
            Fact(Words("企业筛选条件", "Filter of firms"), _said(asked.get("firms"))),
            Fact(Words("匹配模型", "Model"), str(state.get("encoder", ""))),
            Fact(Words("索引快照编号", "Snapshot of the index"), str(state.get("snapshot", ""))),
            Fact(Words("校准", "Calibration"), ", ".join(calibrations)),
        ),
    )


def _moments(run: PushRun, zone: tzinfo) -> str:
    moments = (run.started_at, run.finished_at)
    return " – ".join(f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" for moment in moments if moment is not None)


def _rules(asked: Mapping[str, Any]) -> list[Fact]:
    names = {"rules": Words("推送规则", "Rules"), "compare": Words("对照规则", "Rules of the other half")}
    return [Fact(name, _said(asked.get(key))) for key, name in names.items()]


def _said(values: object) -> Words:
    """Values that are set, in one line: ``k = 20; cap = 5``."""
    given = values if isinstance(values, Mapping) else {}
    shown = {name: _listed(value) for name, value in given.items() if value not in (None, "", [], {})}
    return Words(
        "；".join(
            f"{_NAMES_ZH.get(name, name)} = {'、'.join(_VALUES_ZH.get(one, one) for one in texts)}"
            for name, texts in shown.items()
        ),
        "; ".join(f"{name} = {', '.join(texts)}" for name, texts in shown.items()),
    )


def _listed(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False, default=str) for one in values]
