"""One record from one object: as a line of a file, and as the service itself gives it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalogue.rows import CODECS
from app.domain import AnyRecord, Kind, Patent
from app.ingest import IngestOptions, read_records, record_of
from app.ingest.headings.synonyms import SYNONYMS
from app.records.read import RecordOut

SAMPLE = Path(__file__).parents[3] / "sample"
TEXT = st.text(max_size=30) | st.sampled_from(
    ["<b>高镍&amp;三元</b>", "N/A", "2024-05-31", "20100728", "H01M10/0567;G06F", "C3841", "甘肃省", "发明", "有效",
     "是", "TRL 5", "zh", "a\0b", "\ud800", "CN 104127172 A", "ＬＥＤ（红）", "甲;乙、丙", "9.1310E+17"]
)  # fmt: skip
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def as_given(record: AnyRecord) -> dict[str, Any]:
    """A record as the service answers with it."""
    body = json.loads(RecordOut(**record.shown).model_dump_json(exclude_unset=True))
    assert isinstance(body, dict)
    return body


def bodies(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with known keys, unknown ones, and those that only the service writes."""
    known = sorted(
        {*SYNONYMS[kind], "kind", "original", "extra", "industry_derived", "名称", "申请号", "备注", "column 3"}
    )
    return st.dictionaries(st.sampled_from(known) | TEXT, VALUE, max_size=8)


@pytest.mark.parametrize("kind", list(Kind))
@settings(deadline=None, max_examples=300, derandomize=True)  # a rare example must not stop a release
@given(data=st.data())
def test_ingest_objects_take_anything_and_take_back_what_they_give(kind: Kind, data: st.DataObject) -> None:
    """Any JSON makes a record or says why not; a record given out and taken back is the same record."""
    body = {"title": "电解液", "name": "甲公司"} | data.draw(bodies(kind))
    outcome = record_of(kind, body, record_id="A1")
    assert (outcome.record is None) == bool(outcome.rejected)
    if outcome.record is not None:
        CODECS[kind].encode(outcome.record)  # whatever is accepted can be stored
        again = record_of(kind, as_given(outcome.record), record_id=outcome.record.id)
        assert again.rejected == ()
        assert again.record == outcome.record


@pytest.mark.parametrize("value", [["NA"], ["", None], ["无", "N/A"], []])
def test_ingest_objects_see_a_list_of_nothing_as_nothing(value: list[Any]) -> None:
    """A list that holds only words for no value holds no value: no record gets the id ``NA``."""
    outcome = record_of(Kind.FIRMS, {"name": "甲公司", "id": value}, record_id="A1")
    assert outcome.record is not None
    assert outcome.record.id == "A1"
    assert record_of(Kind.FIRMS, {"name": "甲公司", "id": value}).record is None


@pytest.mark.parametrize("kind", list(Kind))
def test_ingest_objects_take_back_the_whole_sample(kind: Kind) -> None:
    """Every record of the sample, as the service gives it, is the same record again."""
    records = [outcome.record for outcome in read_records(SAMPLE / f"{kind.value}.jsonl", kind)]
    assert len(records) >= 40
    for record in records:
        assert record is not None
        assert record_of(kind, as_given(record), record_id=record.id).record == record


def test_ingest_objects_say_what_a_line_of_a_file_says(tmp_path: Path) -> None:
    """The same keys and values give the same record and the same warnings."""
    line = {
        "公开号": "CN 104127172 A", "专利名称": "<b>电解液</b>", "IPC分类号": "H01M10/0567; nonsense", "申请日": "soon",
        "法律状态": "有效", "备注": "x",
    }  # fmt: skip
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(line, ensure_ascii=False), encoding="utf-8")
    (from_file,) = read_records(path, Kind.PATENTS)
    from_object = record_of(Kind.PATENTS, line)
    assert from_object.record == from_file.record
    assert from_object.warnings == from_file.warnings
    assert {warning.code for warning in from_object.warnings} == {"bad_ipc", "bad_date"}


@pytest.mark.parametrize(
    ("body", "identity"),
    [
        ({"title": "t"}, "PATH"),
        ({"title": "t", "申请号": "202410000001.1"}, "PATH"),
        ({"title": "t", "公开号": "CN1A"}, "PATH"),
        ({"title": "t", "id": None}, "PATH"),
        ({"title": "t", "id": "OTHER"}, "OTHER"),
        ({"title": "t", "编号": "OTHER"}, "OTHER"),
    ],
)
def test_ingest_objects_name_their_id_or_get_one(body: dict[str, Any], identity: str) -> None:
    """A field that is made for the id counts; a number that a file would fall back on does not."""
    record = record_of(Kind.PATENTS, body, record_id="PATH").record
    assert record is not None
    assert record.id == identity


def test_ingest_objects_told_industries_are_told_again() -> None:
    """What the service told is no industry of its own; `kind` as a document's kind stays one."""
    body = {"id": "P", "title": "t", "industry": ["C38"], "industry_derived": True, "kind": "patents"}
    assert record_of(Kind.PATENTS, body).record == Patent(id="P", title="t")
    body = {"id": "P", "title": "t", "industry": ["C38"], "industry_derived": False, "kind": "实用新型"}
    record = record_of(Kind.PATENTS, body).record
    assert isinstance(record, Patent)
    assert (record.industry, record.document_kind) == (("C38",), "utility")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"id": "P"}, "missing_title", "title"),
        ({"title": "t"}, "missing_id", "id"),
        ({"id": "P", "title": {"a": 1}}, "wrong_type", "title"),
        ({"id": "P", "title": "x" * 3000}, "too_long", "title"),
        ({"id": "P", "title": "t", "original": {"title": "x" * 900_000}}, "too_long", "original"),
        ({"id": "P", "title": "t", **{f"k{n}": n for n in range(1000)}}, "too_many_fields", None),
        ({"id": "P", "title": "t", "extra": {f"k{n}": n for n in range(1000)}}, "too_many_fields", None),
        ({"id": "P", "title": "t", "k" * 201: 1}, "field_name_too_long", None),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_ingest_objects_refuse_with_a_reason(body: dict[str, Any], code: str, field: str | None) -> None:
    """The field is named, the words are those of a file's rejects."""
    outcome = record_of(Kind.PATENTS, body)
    assert outcome.record is None
    assert [(found.code, found.field) for found in outcome.rejected] == [(code, field)]


def test_ingest_objects_nested_without_end_are_refused() -> None:
    """Depth that no program writes on purpose is a reason, not a crash."""
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert record_of(Kind.PATENTS, {"id": "P", "title": "t", "备注": deep}).rejected[0].code == "bad_json"


@pytest.mark.parametrize("field", sorted(SYNONYMS[Kind.PATENTS]))
@pytest.mark.parametrize("value", [float("inf"), 1e300, 10**400, [float("-inf")]], ids=lambda value: str(value)[:8])
def test_ingest_objects_survive_numbers_without_measure(field: str, value: object) -> None:
    """A number that JSON can write and nothing can hold is a warning or a reason."""
    outcome = record_of(Kind.PATENTS, {"id": "P", "title": "t", field: value})
    assert outcome.record is not None or outcome.rejected


def test_ingest_objects_keep_the_limits_of_extra_values() -> None:
    """What is given as `extra` is cut and left out as a file's columns are."""
    options = IngestOptions(max_extra_columns=2, max_extra_chars=5)
    outcome = record_of(
        Kind.PATENTS, {"id": "P", "title": "t", "extra": {"a": "123456", "b": 1, "c": 2}}, options=options
    )
    assert outcome.record is not None
    assert outcome.record.extra == {"a": "12345", "b": 1}
    assert {warning.code for warning in outcome.warnings} == {"extra_cut", "extra_dropped"}
