"""Numbers and classes in a text: every usual spelling is read, and nothing that only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text.identifiers import (
    MOST_IDENTIFIERS,
    Identifier,
    check_digit,
    identifiers_in,
    whole_number,
    without_spans,
)
from app.text.normalising import fold_body


def only(text: str) -> Identifier:
    """The one identifier of a text as a user writes it."""
    (found,) = identifiers_in(fold_body(text))
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("CN102932380", "CN102932380"),
        ("CN102932380A", "CN102932380A"),
        ("cn 102932380 a", "CN102932380A"),
        ("CN 102932380.A", "CN102932380A"),
        ("CN-102932380-B", "CN102932380B"),
        ("ＣＮ１０２９３２３８０Ａ", "CN102932380A"),
        ("CN 102 932 380 A", "CN102932380A"),
        ("CN2932495Y", "CN2932495Y"),
        ("WO2017/015863", "WO2017015863"),
        ("WO 2017 / 015863 A1", "WO2017015863A1"),
        ("WOWO2017015863", "WO2017015863"),
        ("WO 98/12345 A1", "WO9812345A1"),
        ("US 2010/0304433 A1", "US20100304433A1"),
        ("US9,876,543B2", "US9876543B2"),
        ("US 4292701", "US4292701"),
        ("EP2512454A1", "EP2512454A1"),
        ("JP2007-186126A", "JP2007186126A"),
        ("JPH0553868", "JPH0553868"),
        ("JPWO2008023438", "JPWO2008023438"),
        ("KR10-2016-0103673", "KR1020160103673"),
        ("KR1020160103673A", "KR1020160103673A"),
    ],
)
def test_identifiers_of_publications(text: str, value: str) -> None:
    """With and without kind code, dots, spaces, in any case and width."""
    found = only(text)
    assert (found.kind, found.value, found.certain) == ("publication_number", value, True)
    assert whole_number(fold_body(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "201210501570.X",
        "201210501570.x",
        "201210501570X",
        "ZL201210501570.X",
        "ZL 2012 1 0501570.X",
        "CN201210501570.X",
        "CN 201210501570",
        "２０１２１０５０１５７０．Ｘ",
        "102012000501570",
    ],
)
def test_identifiers_of_one_chinese_application(text: str) -> None:
    """Every spelling is the same number, and is looked up under every other."""
    found = only(text)
    assert (found.kind, found.value, found.certain) == ("application_number", "201210501570.X", True)
    spelled = {"201210501570.X", "201210501570X", "201210501570", "CN201210501570.X", "102012000501570"}
    assert spelled <= set(found.application_numbers)


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("PCT/CN2015/085321", "PCT/CN2015/085321"),
        ("202016000607615", "201620607615.5"),
        ("ZL98123456.7", "98123456.7"),
        ("2012105015704", "201210501570.X"),  # a wrong check digit, where the rest still names it
        ("02233545.5", "02233545.5"),
        ("201310309835", "201310309835"),
        ("10-2016-0096752", "10-2016-0096752"),
        ("12/678,891", "12678891"),
    ],
)
def test_identifiers_of_other_applications(text: str, spelling: str) -> None:
    """Of other offices and times."""
    found = only(text)
    assert (found.kind, spelling in found.application_numbers) == ("application_number", True)


@pytest.mark.parametrize(
    ("text", "value", "certain"),
    [
        ("H01M10/0567", "H01M10/0567", True),
        ("H01M 10/05", "H01M10/05", True),
        ("h01m 10/05", "H01M10/05", True),
        ("G06F17/30(2006.01)I", "G06F17/30", True),
        ("Ｇ０６Ｆ１７／３０", "G06F17/30", True),
        ("h01m", "H01M", True),
        ("H01", "H01", True),
        ("H01M10", "H01M10", True),
        ("电池 H01M", "H01M", False),
    ],
)
def test_identifiers_of_classes(text: str, value: str, certain: bool) -> None:
    """A group in any case; what is shorter where the text is nothing else, or in capitals where the bank has it."""
    found = only(text)
    assert (found.kind, found.value, found.certain) == ("ipc", value, certain)


@pytest.mark.parametrize(
    "text",
    [
        "2012 mm",
        "18650电池",
        "2016-01-02",
        "13800138000",
        "010-12345678",
        "20160101123000",
        "GB 32100-2015",
        "GB/T 4754-2017",
        "PT100 C60 A4 B12 5G",
        "WO3薄膜",
        "US 2012",
        "91620100MA73XXXX5L",
        "g06f的接口",
        "LiNi0.8Co0.1Mn0.1O2",
        "XCN102932380",
        "CN1029323801234",
        "¥1,234,567",
        "",
    ],
)
def test_identifiers_are_not_seen_where_there_are_none(text: str) -> None:
    """Figures, models, days, telephone numbers, standards and credit codes."""
    assert identifiers_in(fold_body(text)) == []


def test_identifiers_say_where_they_stand() -> None:
    """What is left of the text is what is asked for by meaning."""
    text = "公开号:CN102932380A的散热结构,见H01M 10/05"
    found = identifiers_in(text)
    assert [text[one.start : one.end] for one in found] == [one.text for one in found] == ["CN102932380A", "H01M 10/05"]
    assert without_spans(text, [(one.start, one.end) for one in found]).split() == ["的散热结构,见"]


@pytest.mark.parametrize(
    "text", ["公开号:CN102932380A", "专利CN102932380A和CN105669160", "IPC: G06F17/30", "patent no. US4292701"]
)
def test_identifiers_and_their_labels_leave_nothing(text: str) -> None:
    """A text of numbers and what they are called asks for nothing more."""
    assert without_spans(text, [(one.start, one.end) for one in identifiers_in(text)]) == ""


def test_identifiers_check_digit_is_that_of_the_standard() -> None:
    """Of real applications."""
    assert [check_digit(number) for number in ("201210501570", "201511027140", "02233545", "201621118412")] == [
        "X",
        "9",
        "5",
        "6",
    ]


@pytest.mark.parametrize(
    "piece",
    ["A", "(", "1", "CN", "CN ", "H01M", "H01M ", "201210501570.X ", "公开号", " ", "1-", "12/345,", "US 1 ", "公司"],
)
def test_identifiers_of_hostile_texts_are_bounded(piece: str) -> None:
    """A long text of one piece ends, with no more than the stated number of identifiers."""
    text = piece * (100_000 // len(piece))
    found = identifiers_in(text)
    assert len(found) <= MOST_IDENTIFIERS
    without_spans(text, [(one.start, one.end) for one in found])


@given(st.text(alphabet="CNZLH01M2/.- XA(,年电的", max_size=80))
def test_identifiers_never_overlap(text: str) -> None:
    """Spans are in their order, apart, and hold what they say."""
    last = 0
    for one in identifiers_in(text):
        assert last <= one.start < one.end
        assert text[one.start : one.end] == one.text
        last = one.end
