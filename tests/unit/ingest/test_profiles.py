"""Known exports: each is recognised by its headers, and its sample has the right values."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.domain import Kind, Patent
from app.errors import InputError
from app.ingest import read_records
from app.ingest.headings.headers import fields_of, plan_columns
from app.ingest.headings.profiles import PROFILES, recognised_profile

EXPORTS = Path(__file__).parent / "exports"
CASES = Path(__file__).parent / "cases"
EXPECTED: dict[str, dict[str, Any]] = json.loads((EXPORTS / "expected.json").read_text(encoding="utf-8"))


def _sample(name: str) -> Path:
    return next(path for path in EXPORTS.iterdir() if path.stem == name and path.suffix != ".json")


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", [name for profiles in PROFILES.values() for name in profiles])
def test_ingest_profiles_a_sample_of_each_is_read_right(name: str) -> None:
    """The profile is recognised by itself, and every row has the right id, title, holders, codes, dates and status."""
    kind, rows = Kind(EXPECTED[name]["kind"]), EXPECTED[name]["rows"]
    source = read_records(_sample(name), kind)
    outcomes = list(source)
    assert source.source.profile == name
    assert len(outcomes) == len(rows)
    for outcome, wanted in zip(outcomes, rows, strict=True):
        assert outcome.record is not None, outcome.rejected
        for field, value in wanted.items():
            found = getattr(outcome.record, field)
            if field == "extra":
                assert {key: found.get(key) for key in value} == value
            else:
                assert _plain(found) == value, field


CASE_VALUES: dict[str, tuple[Kind, list[dict[str, Any]]]] = {
    "07_same_patent_google.csv": (
        Kind.PATENTS,
        [{"holders": ["Imaginary University", "Imaginary Membrane Co., Ltd."], "filed_on": "2019-01-07"}],
    ),
    "07_same_patent_espacenet.csv": (
        Kind.PATENTS,
        [
            {
                "ipc": ["B01D61/00", "C02F1/44"],
                "filed_on": "2019-01-07",
                "holders": ["UNIV IMAGINARY", "IMAGINARY MEMBRANE CO LTD"],
            }
        ],
    ),
    "08_lens_current.csv": (
        Kind.PATENTS,
        [
            {"ipc": ["B01D61/00", "C02F1/44"], "holders": ["IMAGINARY MEMBRANE INC", "UNIV IMAGINARY"]},
            {"id": "US11999901B2", "status": "active", "holders": ["IMAGINARY MEMBRANE INC"]},
        ],
    ),
    "09_patentscope.csv": (
        Kind.PATENTS,
        [{"id": "WO2013999934", "filed_on": "2013-03-27", "application_number": "PCT/BR2013/000094"}],
    ),
    "12_espacenet_family_row.csv": (
        Kind.PATENTS,
        [{"published_on": "2019-07-12", "holders": ["IMAGINARY MEMBRANE CO LTD", "IMAGINARY UNIV"]}],
    ),
    "19_derwent.csv": (
        Kind.PATENTS,
        [
            {
                "title": "Membrane separation device",
                "abstract": "A device with a membrane.",
                "holders": ["Imaginary Membrane Co., Ltd."],
                "ipc": ["B01D61/00"],
                "status": "active",
            }
        ],
    ),
}


@pytest.mark.parametrize("name", list(CASE_VALUES))
def test_ingest_profiles_exports_as_people_have_them(name: str) -> None:
    """Exports with lines before the header, lists in one cell and several documents in a row."""
    kind, rows = CASE_VALUES[name]
    outcomes = list(read_records(CASES / name, kind))
    assert len(outcomes) == len(rows)
    for outcome, wanted in zip(outcomes, rows, strict=True):
        assert {field: _plain(getattr(outcome.record, field)) for field in wanted} == wanted


def test_ingest_profiles_every_profile_has_a_sample() -> None:
    """There are at least 28, each name once, and each names fields of its kind."""
    names = [name for profiles in PROFILES.values() for name in profiles]
    assert len(names) == len(set(names)) >= 28
    assert set(names) == set(EXPECTED)
    for kind, profiles in PROFILES.items():
        for profile in profiles.values():
            assert {*profile.fields, *profile.lesser} <= {*fields_of(kind), "extra"}, profile.name


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        (
            "lens",
            "#,Jurisdiction,Kind,Publication Number,Lens ID,Publication Date,Title,Applicants,Inventors,Owners,Type",
        ),
        (
            "espacenet",
            "Title,Publication number,Publication date,Inventor(s),Applicant(s),International classification",
        ),
        ("derwent", "公开号,标题,标题 - DWPI,申请号,申请日期,公开日期,专利权人/申请人,IPC - 现版"),
        ("derwent", "公報番号,公報発行日,タイトル - DWPI,譲受人/出願人,IPC - 最新"),
        (
            "depatisnet",
            "Publication number,Application date,Publication date,Applicant/Owner,Inventor,Title,IPC main class",
        ),
        ("patsnap", "公开(公告)号,标题,当前申请(专利权)人,申请日,简单法律状态,受理局"),
        ("incopat", "序号,标题,标题（翻译）,标题（小语种原文）,摘要,申请人,公开（公告）号,专利有效性,公开国别"),
        (
            "google_patents",
            "id,title,assignee,inventor/author,priority date,filing/creation date,publication date,grant date",
        ),
        ("patentscope", "Application Id,Application Number,Application Date,Country,Title,I P C"),
        ("wanfang", "题名,申请/专利号,申请日期,公开/公告号,公开/公告日,主分类号,申请/专利权人"),
        ("kipris", "출원번호,출원일자,출원인,발명의명칭,등록번호,법적상태"),
        ("orbit", "Title,Publication numbers,Latest standardized assignees,Legal status (Pending, Alive, Dead)"),
    ],
)
def test_ingest_profiles_other_header_rows_of_the_same_source(name: str, headers: str) -> None:
    """Sources change their columns over time and by language; the title and the number are still found."""
    plan = plan_columns(tuple(re.split(r",(?! )", headers)), Kind.PATENTS, {})
    assert plan.profile == name
    assert {"id", "title"} <= set(plan.fields)


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        (Kind.PATENTS, ("公开号", "专利名称", "摘要", "申请人")),
        (Kind.PATENTS, ("id", "title", "abstract", "ipc", "holders")),
        (Kind.FIRMS, ("统一社会信用代码", "企业名称", "经营范围")),
        (Kind.NEEDS, ("id", "title", "text")),
    ],
)
def test_ingest_profiles_plain_lists_are_of_none(kind: Kind, headers: tuple[str, ...]) -> None:
    """Headers that anyone may write are read by the general synonyms alone."""
    assert recognised_profile(headers, kind) is None
    assert plan_columns(headers, kind, {}).profile is None


def test_ingest_profiles_a_named_one_is_used_and_an_unknown_one_lists_all(tmp_path: Path) -> None:
    """Naming a profile forces it on a file whose headers do not give it away; a name of no profile is refused."""
    path = tmp_path / "list.csv"
    path.write_text("Publication Number,Title,Application Date\nCN1A,Pump,03/04/2019\n", encoding="utf-8")
    with read_records(path, Kind.PATENTS, profile="depatisnet") as source:
        (outcome,) = source
    assert source.source.profile == "depatisnet"
    assert outcome.record is not None
    assert outcome.record.filed_on == date(2019, 4, 3)
    with pytest.raises(InputError, match=r"'lense'.*espacenet.*lens") as caught:
        read_records(path, Kind.PATENTS, profile="lense")
    assert caught.value.error_code == "unknown_profile"
    with pytest.raises(InputError, match="file of firms"):
        read_records(path, Kind.FIRMS, profile="lens")


def test_ingest_profiles_no_column_is_lost(tmp_path: Path) -> None:
    """What a profile rewrites and shortens stays in extra as it came, and so do columns that it does not know."""
    path = tmp_path / "list.csv"
    path.write_text(
        "Veröffentlichungs-Nummer,Titel,Anmelde-Datum,Sonstiges\nDE1A1,[DE] Pumpe [EN] Pump,03.04.2019,x\n",
        encoding="utf-8",
    )
    with read_records(path, Kind.PATENTS) as source:
        (outcome,) = source
    assert isinstance(outcome.record, Patent)
    assert outcome.record.title == "Pump"
    assert outcome.record.extra == {"Sonstiges": "x", "Titel": "[DE] Pumpe [EN] Pump"}
    assert outcome.raw["Titel"] == "[DE] Pumpe [EN] Pump"
    assert source.source.ignored == ("Sonstiges",)


def test_ingest_profiles_a_mapping_comes_before_the_profile(tmp_path: Path) -> None:
    """What the user says of a header counts more than what the export is known for."""
    path = tmp_path / "list.csv"
    path.write_text("Display Key,Lens ID,Jurisdiction,Title\nUS 1 A,000-1,US,Pump\n", encoding="utf-8")
    with read_records(path, Kind.PATENTS, mapping={"Lens ID": "id"}) as source:
        (outcome,) = source
    assert outcome.record is not None
    assert outcome.record.id == "000-1"


@pytest.mark.parametrize(
    ("name", "dropped", "id"),
    [
        ("patstat", "publn_kind", "CN109999907"),
        ("patstat", "publn_nr", "patent-"),
        ("patentsview", "wipo_kind", "US11999901"),
        ("wanfang", "公开/公告号", "CN201910012366.4"),
    ],
)
def test_ingest_profiles_an_id_of_the_columns_that_there_are(
    tmp_path: Path,
    name: str,
    dropped: str,
    id: str,  # noqa: A002
) -> None:
    """People leave columns out: a kind may be missing, an office alone is no id, an application's number is one."""
    with _sample(name).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    place = rows[0].index(dropped)
    path = tmp_path / "list.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(row[:place] + row[place + 1 :] for row in rows)
    records = [one.record for one in read_records(path, Kind.PATENTS)]
    assert records[0] is not None
    assert records[0].id.startswith(id)
    assert len({record.id for record in records if record}) == len(records)
