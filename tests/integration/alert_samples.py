"""A home with watched needs and published patents, for tests of alerts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hashing_encoder import HashingEncoder

from app.domain import Firm, Kind, MatchRequest, Need, Patent, Query
from app.settings import Settings
from app.wiring import Services

SUBJECTS = (
    "高镍三元锂电池电解液添加剂",
    "聚酰胺复合纳滤膜水处理",
    "耐候钢表面防腐涂料",
    "超声波焊接设备",
    "水稻抗病育种方法",
)
"""What needs ask for and what new patents are about."""


def patents(count: int) -> list[Patent]:
    """Patents of an old bank, each subject many times; enough that languages are centred and shared terms count."""
    return [
        Patent(
            id=f"OLD{n:04}",
            title=f"第{n}种{SUBJECTS[n % len(SUBJECTS)]}",
            abstract=f"涉及{SUBJECTS[n % len(SUBJECTS)]}，编号{n * 7919}，用于工业生产。",
            lang="zh",
            status="active",
        )
        for n in range(count)
    ]


def needs() -> list[Need]:
    """An open need a subject, each of a firm of its own."""
    return [
        Need(id=f"N{n}", title=f"寻求{subject}", text=f"企业希望获得{subject}的成熟技术。", lang="zh", firm_id=f"F{n}")
        for n, subject in enumerate(SUBJECTS)
    ]


def firms() -> list[Firm]:
    """The firms of these needs."""
    return [Firm(id=f"F{n}", name=f"兰州第{n}新材料有限公司", lang="zh") for n in range(len(SUBJECTS))]


def new_patent(subject: int, key: str = "NEW", **fields: Any) -> dict[str, Any]:
    """A new patent of a subject, close to the need of that number, as it is written over HTTP."""
    name = SUBJECTS[subject]
    return {"id": key, "title": f"一种{name}", "abstract": f"提供{name}的成熟技术。", "status": "active", **fields}


def alert_services(home: Path, *, count: int = 120, **settings: Any) -> Services:
    """Services over a home of their own: patents published and opened, then needs and firms; watching has begun."""
    services = opened(home, **settings)
    services.catalogue.upsert(patents(count))
    services.indexing.build(Kind.PATENTS, publish=True)
    services.serving.open()
    settle(services)
    services.catalogue.upsert(firms())
    services.catalogue.upsert(needs())
    return services


def opened(home: Path, **settings: Any) -> Services:
    """Services over a home; nothing follows in the background."""
    return Services(Settings(home=home, **settings), encoder=HashingEncoder)


def put(services: Services, *patents: dict[str, Any]) -> None:
    """Write patents as HTTP does."""
    for fields in patents:
        services.writing.put(Kind.PATENTS, fields["id"], fields)


def settle(services: Services) -> None:
    """Everything that the background does, until nothing is left: changes embedded, new patents looked at."""
    index = services.serving.indexes[Kind.PATENTS]
    index.refresh()
    while index.embed_pending():
        pass
    services.watcher._waiting_from = 0.0  # what waits is looked at now
    while services.watcher.round():
        pass


def found(services: Services, need_id: str) -> list[str]:
    """Ids of the patents that a need is alerted of."""
    return [shown.alert.patent_id for shown in services.alerts.of_need(need_id).alerts]


def all_found(services: Services) -> dict[str, list[str]]:
    """The same of every need that has some."""
    pairs: dict[str, list[str]] = {}
    for alert in services.catalogue.alerts.page(after=0, size=100_000):
        pairs.setdefault(alert.need_id, []).append(alert.patent_id)
    return pairs


def scores(services: Services, need_ids: Iterable[str], k: int = 1000) -> dict[tuple[str, str], tuple[float, str]]:
    """Score and level of every pair of need and patent, as `match` answers."""
    queries = tuple(Query(id=key, record_kind=Kind.NEEDS, record_id=key) for key in need_ids)
    answer = services.match.match(MatchRequest(queries=queries, target=Kind.PATENTS, k=k))
    return {
        (result.id, match.id): (match.score, match.level.value) for result in answer.results for match in result.matches
    }
