"""Places of records: one code of several columns, and what has no code kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain import Kind
from app.ingest import RowOutcome, read_records


def _outcome(folder: Path, kind: Kind, headers: str, row: str) -> RowOutcome:
    path = folder / "a.csv"
    path.write_text(f"{headers}\n{row}\n", encoding="utf-8")
    (outcome,) = read_records(path, kind)
    return outcome


@pytest.mark.parametrize(
    ("headers", "row", "region", "kept"),
    [
        ("省份,城市,区县", "江苏省,苏州,昆山市", "3205", {"省份": "江苏省", "城市": "苏州", "区县": "昆山市"}),
        ("所在地市", "苏州", "3205", {}),
        ("所在省份,所在市县", "重庆,渝北区", "500112", {}),
        ("地市,县（市、区）", "成都,武侯区", "5101", {"地市": "成都", "县（市、区）": "武侯区"}),
        ("省份,地市", "广东省,苏州", "44", {"地市": "苏州"}),
        ("地区代码,城市", "320000,苏州", "320000", {"城市": "苏州"}),
        ("城市", "吉林市", "2202", {}),
    ],
)
def test_ingest_places_closest_of_several_columns(
    tmp_path: Path, headers: str, row: str, region: str, kept: dict[str, str]
) -> None:
    """Province, city and district in columns of their own are one place; none of them is lost."""
    outcome = _outcome(tmp_path, Kind.NEEDS, f"需求名称,需求描述,{headers}", f"泵,要一个泵,{row}")
    assert outcome.record is not None
    assert outcome.record.region == region
    for header, place in kept.items():
        assert outcome.record.extra.get(header, outcome.record.original.get("region")) == place
    assert outcome.warnings == ()


@pytest.mark.parametrize(
    ("row", "region", "extra"),
    [
        ("上海市,上海市,浦东新区", "310115", {}),
        ("北京市,-,朝阳区", "110105", {}),
        (",,浦东新区", "310115", {}),
        ("江苏省,苏州市,昆山市", "3205", {"所属区县": "昆山市"}),
        (",,鼓楼区", None, {"所属区县": "鼓楼区"}),
        (",吉林市,昌邑区", "2202", {"所属区县": "昌邑区"}),
    ],
)
def test_ingest_places_of_a_firm_with_a_district(
    tmp_path: Path, row: str, region: str | None, extra: dict[str, str]
) -> None:
    """A district counts within the firm's province and city; one without a code stays in ``extra``, unwarned."""
    outcome = _outcome(tmp_path, Kind.FIRMS, "企业名称,所属省份,所属城市,所属区县", f"甲公司,{row}")
    assert outcome.record is not None
    assert (outcome.record.region, outcome.record.extra) == (region, extra)
    assert outcome.warnings == ()


def test_ingest_places_firm_named_by_its_code(tmp_path: Path) -> None:
    """A need whose firm's name column holds the credit code is of that firm."""
    outcome = _outcome(tmp_path, Kind.NEEDS, "需求名称,需求描述,需求单位", "泵,要一个泵,91320594MA1XK7Q3PB")
    assert outcome.record is not None
    assert outcome.record.firm_id == "91320594MA1XK7Q3PB"
