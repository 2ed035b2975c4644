"""Single cells: dates, levels, words, places, holders, languages, and what extra may hold."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ingest.fields.values import as_maturity, as_text, json_safe
from app.ingest.fields.words import (
    document_kind_word,
    holder_type_word,
    is_missing,
    licence_words,
    yes_or_no,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        ("5", 5),
        ("TRL 5", 5),
        ("trl-9", 9),
        ("5级", 5),
        ("第六级", 6),
        (7.0, 7),
        ("Level 3", 3),
        (0, None),
        (10, None),
        ("高", None),
        (None, None),
    ],
)
def test_ingest_values_maturity(value: Any, expected: int | None) -> None:
    """Levels 1 to 9 in the words of forms; everything else is none."""
    assert as_maturity(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "N/A",
        "n/a",
        "-",
        "—",
        "无",
        "null",
        "None",
        "nan",
        "NaN",
        "暂无",
        "#N/A",
        float("nan"),
        [],
        {},
        [None, "NA"],
    ],
)
def test_ingest_values_words_for_nothing_are_missing(value: Any) -> None:
    """Cells that say in words that they are empty are empty."""
    assert is_missing(value)


@pytest.mark.parametrize("value", ["0", 0, False, "无线电", "NaN2", "None of these", [None, 0], [[]], "否"])
def test_ingest_values_other_values_are_not_missing(value: Any) -> None:
    """Zero, false and words that only begin like one for nothing are values."""
    assert not is_missing(value)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("转让", ("transfer",)),
        ("许可", ("licence",)),
        ("license", ("licence",)),
        ("开放许可", ("open_licence",)),
        ("先使用后付费", ("pay_after_use",)),
        ("先用后付", ("pay_after_use",)),
        ("pay_after_use", ("pay_after_use",)),
        ("作价入股", ("equity",)),
        ("作价投资", ("equity",)),
        ("质押", ("pledge",)),
        ("转让或许可", ("transfer", "licence")),
        ("专利开放许可声明", ("open_licence",)),
        ("可普通许可实施", ("licence",)),
        ("不转让", ()),
        ("面议", ()),
    ],
)
def test_ingest_values_licence_words(word: str, expected: tuple[str, ...]) -> None:
    """Ways of transfer in the words of the bank's forms, also inside longer ones."""
    assert licence_words(word) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("实用新型专利", "utility"),
        ("B1", "invention"),
        ("U", "utility"),
        ("Y", "utility"),
        ("S", "design"),
        ("PCT发明", "invention"),
        ("PCT实用新型", "utility"),
        ("发明授权", "invention"),
        ("发明公布", "invention"),
        ("Patent Application", "invention"),
        ("Granted Patent", "invention"),
        ("Limited Patent", "invention"),
        ("发明专利(B)", "invention"),
        ("外观设计授权", "design"),
        ("Design Patent", "design"),
        ("実用新案登録", "utility"),
        ("실용신안등록", "utility"),
        ("软件著作权", None),
        ("集成电路布图设计", None),
        ("Search Report", None),
    ],
)
def test_ingest_values_document_kinds(word: str, expected: str | None) -> None:
    """Kinds of documents and kind codes; what is no patent stays unknown."""
    assert document_kind_word(word) == expected


def test_ingest_values_other_vocabularies() -> None:
    """Kinds of holders, yes and no."""
    assert holder_type_word("高校") == "university"
    assert holder_type_word("科研院所") == "institute"
    assert holder_type_word("大专院校;工矿企业") == "university"
    assert holder_type_word("院校/研究所") == "university"
    assert holder_type_word("民营科技企业") == "firm"
    assert holder_type_word("军队") is None
    assert [yes_or_no(word) for word in ("是", "否", "YES", "0", 1, True, "也许", 2)] == [
        True,
        False,
        True,
        False,
        True,
        True,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3.0, "3"),
        (200920194832.6, "200920194832.6"),
        (12, "12"),
        (True, "true"),
        (Decimal("1.50"), "1.50"),
        (date(2020, 1, 2), "2020-01-02"),
        (["甲", None, "乙"], "甲\n乙"),
        ({"a": 1}, None),
        ([{"a": 1}], None),
    ],
)
def test_ingest_values_cells_as_text(value: Any, expected: str | None) -> None:
    """Numbers lose what a spreadsheet added; objects have no text."""
    assert as_text(value) == expected


JSON_LIKE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.dates(), st.binary(), st.decimals()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@given(JSON_LIKE)
def test_ingest_values_extra_can_always_be_written(value: Any) -> None:
    """Whatever a source holds, the catalogue can store it as JSON in UTF-8, and what JSON knows stays the same."""
    text = json.dumps(json_safe(value), ensure_ascii=False, allow_nan=False)
    text.encode("utf-8")
    assert json_safe(json.loads(text)) == json.loads(text)
