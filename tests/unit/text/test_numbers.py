"""One spelling for each publication, each application and each firm's code."""

from __future__ import annotations

import pytest

from app.domain import Kind
from app.text.numbers import application_key, application_number, firm_code, kept_id, patent_number


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("CN-109999907-B", "CN109999907B"),
        ("CN109999907(B)", "CN109999907B"),
        ("CN 109999907 B", "CN109999907B"),
        ("CN109999907 (B)", "CN109999907B"),
        ("cn109999907b", "CN109999907B"),
        ("ＣＮ１０９９９９９０７Ｂ", "CN109999907B"),
        ("CN109999907\u2002(B)", "CN109999907B"),
        ("CN 109 999 907 B", "CN109999907B"),
        ("公开号：CN109999907B", "CN109999907B"),
        ("CN109999907B（已授权）", "CN109999907B"),
        ("'CN109999907B", "CN109999907B"),
        ("109999907B", "CN109999907B"),
        ("ZL102932380B", "CN102932380B"),
        ("CN104127172", "CN104127172"),
        ("US 2023/0099901 A1", "US20230099901A1"),
        ("US2020999902A1", "US20200999902A1"),
        ("US 11,999,901 B2", "US11999901B2"),
        ("US RE45,678 E1", "USRE45678E1"),
        ("WO2019/199901", "WO2019199901"),
        ("WO 2019/199901 A1", "WO2019199901A1"),
        ("WO98/12345", "WO1998012345"),
        ("EP 1 234 567 B1", "EP1234567B1"),
        ("JP2020-123456A", "JP2020123456A"),
        ("特開2020-123456", "JP2020123456A"),
        ("JPH05-053868A", "JPH0553868A"),
        ("KR 10-2016-0123456 A", "KR1020160123456A"),
        ("KR20160123456A", "KR1020160123456A"),
        ("KR 101234567 B1", "KR101234567B1"),
        ("TW I512345 B", "TWI512345B"),
        ("DE 10 2015 001 234 A1", "DE102015001234A1"),
        ("GB 2512345 A", "GB2512345A"),
        ("ZL 2019 1 0012345.6", "CN201910012345.6"),
        ("ZL201910012345.6（发明）", "CN201910012345.6"),
        ("201910012345.6", "CN201910012345.6"),
        ("ZL98112345.6", "CN98112345.6"),
    ],
)
def test_numbers_of_patents_have_one_spelling(written: str, kept: str) -> None:
    """Spaces, marks, brackets, case and width make no difference; read again, a number stays what it is."""
    assert patent_number(written) == kept
    assert patent_number(kept) == kept


@pytest.mark.parametrize(
    "written",
    ["N001", "P-2019-0001", "ach-3e494596b06b", "0961870c-0a02-49ef-a566-734221427d7e", "202311081230", "CN1",
     "CN2019-12", "GB-123456", "申请中", "成果1", "", "9" * 200, "SBIR-00023", "201910012345"],
)  # fmt: skip
def test_numbers_leave_a_banks_own_ids_alone(written: str) -> None:
    """What is of no office is no number of a patent; twelve digits alone may be a time."""
    assert patent_number(written) is None
    assert kept_id(Kind.PATENTS, written) == written


@pytest.mark.parametrize(
    ("written", "one"),
    [
        ("201210501570.X", "CN201210501570.X"),
        ("CN201210501570.x", "CN201210501570.X"),
        ("201210501570X", "CN201210501570.X"),
        ("CN201210501570", "CN201210501570.X"),
        ("201210501570", "CN201210501570.X"),
        ("CN 201210501570 A", "CN201210501570.X"),
        ("ZL 2012 1 0501570.X", "CN201210501570.X"),
        ("102012000501570", "CN201210501570.X"),
        ("CN201910123456.7", "CN201910123456.7"),
        ("98112345.6", "CN98112345.6"),
        ("US 202217848330 A", "US17848330"),
        ("17/848,330", "US17848330"),
        ("US 17/848,330", "US17848330"),
        ("PCT/BR2013/000094", "PCT/BR2013/000094"),
        ("BR 2013000094 W", "PCT/BR2013/000094"),
        ("EP20190151234", "EP19151234"),
        ("10-2022-0123043", "KR1020220123043"),
        ("特願2019-123456", "JP2019123456"),
        ("12678891", None),
        ("申请中", None),
    ],
)
def test_numbers_of_applications_have_one_spelling(written: str, one: str | None) -> None:
    """The check digit is reckoned where it is left out; what is of no known form is told apart."""
    assert application_number(written) == one


def test_numbers_of_applications_are_one_without_their_check_digit() -> None:
    """A slip in the check digit, or none, makes no other application; the country of a bare number is the patent's."""
    keys = {application_key(text, "CN1A") for text in ("201910012345.6", "CN201910012345", "ZL 2019 1 0012345.1")}
    assert keys == {"CN201910012345"}
    assert application_key("12678891", "US1") == "US12678891"
    assert application_key("申请中", "CN1") is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("91320594ma1xk7q3pb", "91320594MA1XK7Q3PB"),
        (" 91320594 MA1XK7Q3PB", "91320594MA1XK7Q3PB"),
        ("９１３２０５９４ＭＡ１ＸＫ７Ｑ３ＰＢ", "91320594MA1XK7Q3PB"),
        ("91320594-MA1XK7Q3P-B", "91320594MA1XK7Q3PB"),
        ("ma1xk7q3-5", "MA1XK7Q3-5"),
        ("320594000123456", "320594000123456"),
        ("firm-0123456789ab", "firm-0123456789ab"),
    ],
)
def test_numbers_of_firms_have_one_spelling(written: str, kept: str) -> None:
    """Codes are in capitals; a firm's id of another kind keeps its case."""
    assert firm_code(written) == kept
