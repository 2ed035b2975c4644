"""What the tests of the live index share: random records and filters, and the exact answer to any search.

The oracle holds records in a dictionary, asks each one whether it passes, and sorts inner products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields as dataclass_fields
from datetime import date
from functools import lru_cache
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from app.domain import (
    AnyRecord,
    Filter,
    Firm,
    HolderType,
    Kind,
    Licence,
    MatchRequest,
    Need,
    Patent,
    Query,
    QueryResult,
)
from app.ranking.relevance import PLAIN_SCALE
from app.ranking.space import combine_text_parts, text_part_weights
from models import Encoder, Role

Floats = npt.NDArray[np.float32]

WORDS = ("电池", "电解液", "隔膜", "纳滤膜", "水处理", "钢材", "防腐", "涂料", "水稻", "育种", "laser", "separator")
IPC = ("A61K", "A61K31/00", "C02F1/44", "C09D5/08", "H01M", "H01M10/05", "H01M10/0567")
INDUSTRIES = ("C26", "C2614", "C3841", "A01")
REGIONS = ("62", "6201", "620102", "110000", "31")
STATUSES = ("active", "pending", "inactive", "open", "closed")
LANGUAGES = ("zh", "en", "ja")
HOLDERS = tuple(kind.value for kind in HolderType)
LICENCES = tuple(way.value for way in Licence)
NAMES = ("华中科技大学", "兰州(甘肃)新材料有限责任公司", "兰州新材料有限公司", "Acme Co., Ltd.", "中国科学院")
ONE_NAME = {
    **{"兰州(甘肃)新材料有限责任公司": "兰州", "兰州新材料有限公司": "兰州", "兰州（甘肃）新材料有限公司": "兰州"},
    **{"Acme Co., Ltd.": "acme", "ACME CO.,LTD": "acme", "华中科技大学": "hust", "华中": "hz", "中国科学院": "cas"},
}
"""Which spellings are of one holder."""
DOCUMENTS = ("invention", "utility", "design")
DAYS = tuple(date(year, month, 15) for year in (2019, 2020, 2021) for month in (1, 7))


def text(random: Random) -> str:
    """One to three words: few enough that texts repeat."""
    return " ".join(random.choices(WORDS, k=random.randint(1, 3)))


def record(random: Random, kind: Kind, key: str) -> AnyRecord:
    """A record with some of its fields."""

    def maybe(values: Sequence[Any]) -> Any:
        return random.choice([None, *values])

    def several(values: Sequence[str]) -> tuple[str, ...]:
        return tuple(random.sample(values, random.randint(0, 2)))

    common: dict[str, Any] = {
        "id": key,
        "lang": maybe(LANGUAGES),
        "region": maybe(REGIONS),
        "industry": several(INDUSTRIES),
        "status": maybe(STATUSES),
        "filed_on": maybe(DAYS),
    }
    title, body = text(random), random.choice(["", text(random)])
    if kind is Kind.NEEDS:
        return Need(title=title, text=body, **common)
    if kind is Kind.FIRMS:
        return Firm(name=title, business_scope=body, **common)
    return Patent(
        title=title,
        abstract=body,
        ipc=several(IPC),
        holder_type=maybe(HOLDERS),
        licence=several(LICENCES),
        grade=maybe(("A", "B", "C")),
        agreed=maybe((True, False)),
        dormant=maybe((True, False)),
        maturity=maybe(range(1, 10)),
        holders=several(NAMES),
        published_on=maybe(DAYS),
        document_kind=maybe(DOCUMENTS),
        **common,
    )


def asked(random: Random, ids: Sequence[str], *, fields: int = 3) -> Filter:
    """A filter with none to some of its fields, by values and prefixes that records have and such as none has."""

    def some(values: Sequence[str]) -> tuple[str, ...]:
        return tuple(random.sample(values, random.randint(0, 3)))

    makers: dict[str, Callable[[], Any]] = {
        "ids": lambda: tuple(random.choices(ids, k=random.randint(0, 40))),
        "not_ids": lambda: tuple(random.choices(ids, k=random.randint(0, 40))),
        "ipc": lambda: some((*IPC, "H", "h01m 10/05", "C0", "G06")),
        "industry": lambda: some((*INDUSTRIES, "C", "c38", "Z")),
        "region": lambda: some((*REGIONS, "6", "11", "9")),
        "status": lambda: some((*STATUSES, "activ")),
        "holder_type": lambda: some(HOLDERS),
        "licence": lambda: some(LICENCES),
        "grade": lambda: some(("A", "B", "C")),
        "agreed": lambda: random.random() < 0.5,
        "dormant": lambda: random.random() < 0.5,
        "maturity_min": lambda: random.randint(1, 9),
        "filed_from": lambda: random.choice(DAYS),
        "filed_to": lambda: random.choice(DAYS),
        "lang": lambda: some((*LANGUAGES, "z")),
        "holder": lambda: some((*NAMES, "华中", "ACME CO.,LTD", "兰州（甘肃）新材料有限公司")),
        "published_from": lambda: random.choice(DAYS),
        "published_to": lambda: random.choice(DAYS),
        "kind": lambda: some((*DOCUMENTS, "util")),
    }
    assert set(makers) == {field.name for field in dataclass_fields(Filter)}
    chosen = random.sample(sorted(makers), random.randint(0, fields))
    return Filter(**{name: makers[name]() for name in chosen})


def _published(there: AnyRecord, wanted: Filter) -> bool:
    """Whether holders, day and kind of publication pass."""
    day, holders = getattr(there, "published_on", None), getattr(there, "holders", ())
    named = {ONE_NAME[name] for name in wanted.holder or ()}
    return (
        (wanted.holder is None or bool(named & {ONE_NAME[name] for name in holders}))
        and (wanted.kind is None or getattr(there, "document_kind", None) in wanted.kind)
        and (wanted.published_from is None or (day is not None and day >= wanted.published_from))
        and (wanted.published_to is None or (day is not None and day <= wanted.published_to))
    )


def passes(there: AnyRecord, wanted: Filter) -> bool:
    """Whether a record passes a filter, as `Filter` says it."""

    def codes(name: str) -> tuple[str, ...]:
        held = getattr(there, name, None)
        return held if isinstance(held, tuple) else () if held is None else (str(held),)

    for name in ("ipc", "industry", "region"):
        prefixes = getattr(wanted, name)
        if prefixes is not None:
            plain = [prefix.upper().replace(" ", "") for prefix in prefixes]
            if not any(code.startswith(prefix) for code in codes(name) for prefix in plain):
                return False
    for name in ("status", "holder_type", "licence", "grade", "lang"):
        values = getattr(wanted, name)
        if values is not None and not set(values) & set(codes(name)):
            return False
    for name in ("agreed", "dormant"):
        flag = getattr(wanted, name)
        if flag is not None and getattr(there, name, None) is not flag:
            return False
    day, maturity = getattr(there, "filed_on", None), getattr(there, "maturity", None)
    return (
        (wanted.ids is None or there.id in wanted.ids)
        and (wanted.not_ids is None or there.id not in wanted.not_ids)
        and _published(there, wanted)
        and (wanted.maturity_min is None or (maturity is not None and maturity >= wanted.maturity_min))
        and (wanted.filed_from is None or (day is not None and day >= wanted.filed_from))
        and (wanted.filed_to is None or (day is not None and day <= wanted.filed_to))
    )


@lru_cache(maxsize=100_000)
def _encoded(encoder: Encoder, words: str) -> Floats:
    return encoder.encode([words], Role.PASSAGE).vectors[0]


def question(encoder: Encoder, text_parts: tuple[str, ...], *, titled: bool = True) -> Floats:
    """The vector float32 ``[d]`` of a query of these texts."""
    vectors = np.stack([_encoded(encoder, index_state) for index_state in text_parts])
    return combine_text_parts(vectors, [len(text_parts)], text_part_weights(len(text_parts), titled=titled))[0]


def ranking(encoder: Encoder, query: Floats, texts: Mapping[str, str]) -> list[tuple[str, float]]:
    """Ids with cosines, best first, equal ones by id, in the space of the encoder.

    Args:
        encoder: what the texts are embedded with.
        query: float32 ``[d]``.
        texts: by id, what each record is found by.
    """
    products = {
        key: _encoded(encoder, words).astype(np.float64) @ query.astype(np.float64) for key, words in texts.items()
    }
    cosines = {key: float(np.float32(product)) for key, product in products.items()}
    return sorted(cosines.items(), key=by_logit)


def by_logit(pair: tuple[str, float]) -> tuple[float, str]:
    """What ids with cosines are ordered by: the logit, of which float32 tells fewer apart far from 0, and the id."""
    key, cosine = pair
    return -float(np.float32(PLAIN_SCALE.logits(cosine, 0.0, False))), key


def one(words: str, target: Kind, k: int = 10, wanted: Filter | None = None) -> MatchRequest:
    """A request of one text."""
    return MatchRequest(queries=(Query(id="q", text=words),), target=target, k=k, filter=wanted or Filter())


def assert_answer(
    result: QueryResult, expected: list[tuple[str, float]], k: int, wanted: Filter, records: Mapping[str, AnyRecord]
) -> None:
    """The first ``k`` of a ranking in its order, with its cosines and the records as they are now; why it is short.

    Args:
        result: what was answered.
        expected: the whole ranking.
        k: how many were asked for.
        wanted: the filter.
        records: by id, as they are now.
    """
    assert result.error is None
    assert [match.id for match in result.matches] == [key for key, _ in expected[:k]]
    np.testing.assert_allclose(
        [match.cosine for match in result.matches], [cosine for _, cosine in expected[:k]], rtol=0, atol=2e-6
    )
    assert [match.rank for match in result.matches] == list(range(1, len(result.matches) + 1))
    assert all(match.record == records[match.id] for match in result.matches)
    short = None if len(expected) >= k else "index_exhausted" if wanted.empty else "filter"
    assert result.shortfall == short
