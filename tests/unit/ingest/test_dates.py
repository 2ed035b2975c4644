"""Days and moments: every usual form, and the zone that counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import Kind, Patent
from app.ingest import IngestOptions, feedback_of, read_records
from app.ingest.fields.dates import day_read, moment_read

CASES = Path(__file__).parent / "cases"
SHANGHAI = ZoneInfo("Asia/Shanghai")
DATES = st.dates(date(1900, 1, 1), date(2199, 12, 31))


@given(DATES, st.sampled_from(["{0:%Y-%m-%d}", "{0.year}/{0.month}/{0.day}", "{0:%Y%m%d}", "{0:%Y.%m.%d}",
"{0.year}年{0.month}月{0.day}日",
                               "{0:%Y-%m-%d} 00:00:00", "{0:%Y-%m-%d}T08:15:00Z", " {0:%Y-%m-%d} ",
                               "{0.year}年{0.month:02d}月{0.day:02d}日", "{0:%d.%m.%Y}", "{0.day}.{0.month}.{0.year}",
                               "{0.year}. {0.month}. {0.day}.", "{0.day} {0:%B} {0.year}",
                               "{0:%b} {0.day}, {0.year}", "{0:%d-%b-%Y}", "申请日：{0:%Y-%m-%d}",
                               "{0:%a %b %d %Y} 00:00:00 GMT+0800 (中国标准时间)"]))  # fmt: skip
def test_ingest_dates_are_read_in_every_usual_form(day: date, form: str) -> None:
    """Whatever form the day is written in, the same day is read."""
    assert day_read(form.format(day), SHANGHAI) == (day, True, False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (date(2010, 7, 28), date(2010, 7, 28)),
        (
            datetime(2010, 7, 28, 13, 5),  # noqa: DTZ001 - spreadsheets have no time zones
            date(2010, 7, 28),
        ),
        (20190718, date(2019, 7, 18)),
        (20190718.0, date(2019, 7, 18)),
        (43556.0, date(2019, 4, 1)),
        ("43556", date(2019, 4, 1)),
        ("43672.0", date(2019, 7, 26)),
        ("43672.75", date(2019, 7, 26)),
        ("２０１８－０７－１１", date(2018, 7, 11)),
        ("民國110年5月3日", date(2021, 5, 3)),
        ("平成22年7月28日(2010.7.28)", date(2010, 7, 28)),
        ("令和元年5月7日", date(2019, 5, 7)),
        ("二〇一九年五月七日", date(2019, 5, 7)),
        ("二零一九年十二月三十一日", date(2019, 12, 31)),
        ("27.03.2013", date(2013, 3, 27)),
        ("05.03.2013", date(2013, 3, 5)),
        ("28/07/2010", date(2010, 7, 28)),
        ("07/28/2010", date(2010, 7, 28)),
        ("7/28/2010 4:00:00 PM", date(2010, 7, 28)),
        ("05-05-2010", date(2010, 5, 5)),
        ("28-Jul-10", date(2010, 7, 28)),
        ("2010–07–28", date(2010, 7, 28)),
        ("2010‑07‑28", date(2010, 7, 28)),
        ('"2010-07-28"', date(2010, 7, 28)),
        ("2010 07 28", date(2010, 7, 28)),
        ("H22.7.28", date(2010, 7, 28)),
        ("R1.5.1", date(2019, 5, 1)),
        ("28-Jul-98", date(1998, 7, 28)),
        ("2010年7月28日 星期三", date(2010, 7, 28)),
        ("2010-07-28 下午 3:05", date(2010, 7, 28)),
        ("20100728130500", date(2010, 7, 28)),
        ("2019-13-45", None),
        ("2020年2月30日", None),
        ("2010-07-28 25:70", None),
        ("07-08-2010", None),
        ("07/08/2010", None),
        ("2010-07-28至2020-07-28", None),
        ("2010", None),
        ("2019年第三季度", None),
        ("0000-00-00", None),
        ("近期", None),
        ("200512", None),
        ("20190718.5", None),
        ("9" * 5000, None),
        ("2010-07-28 " * 5000, None),
        (200920194832.6, None),
        (float("nan"), None),
        (True, None),
        (12, None),
        ([], None),
    ],
)
def test_ingest_dates_that_leave_doubt_are_none(value: Any, expected: date | None) -> None:
    """Typed dates, day numbers and other calendars are read; impossible and ambiguous ones are not guessed."""
    assert day_read(value, SHANGHAI).day == expected


@pytest.mark.parametrize(
    "value",
    [
        "2010-07-27T16:00:00.000Z",
        "2010-07-27T16:00:00+0000",
        "2010-07-28T00:00:00+08:00",
        "2010-07-28T00:00:00+08:00[Asia/Shanghai]",
        "2010-07-28+08:00",
        1280246400000,
        1280246400,
        1280246400000.0,
        "1280246400000",
        "Wed Jul 28 2010 00:00:00 GMT+0800 (中国标准时间)",
        "Wed Jul 28 00:00:00 CST 2010",
        "Tue, 27 Jul 2010 16:00:00 GMT",
        datetime(2010, 7, 27, 16, tzinfo=UTC),
        datetime(2010, 7, 28, 1, tzinfo=timezone(timedelta(hours=9))),
    ],
)
def test_ingest_dates_with_a_zone_become_the_day_in_ours(value: Any) -> None:
    """What programs write of midnight in Shanghai is that day there, and the day before in London."""
    assert day_read(value, SHANGHAI).day == date(2010, 7, 28)
    if str(value)[-6:] != "+08:00" or "T" in str(value):
        early = ZoneInfo("America/New_York")
        expected = date(2010, 7, 28) if "CST" in str(value) else date(2010, 7, 27)
        assert day_read(value, early).day == expected


@pytest.mark.parametrize("value", ["2019年5月", "2019-05", "2019/5", "201905", "2019年5月份", "May 2019", "2019.05"])
def test_ingest_dates_of_a_month_are_its_first_day(value: str) -> None:
    """The month is known and the day is not; who reads it is told."""
    assert day_read(value, SHANGHAI) == (date(2019, 5, 1), False, True)


def test_ingest_dates_of_several_lines_are_the_first(tmp_path: Path) -> None:
    """The source's text stays in original; a month is warned of."""
    assert day_read("2019-07-12\n2021-03-12", SHANGHAI) == (date(2019, 7, 12), False, False)
    assert day_read("2019-07-12; 2021-03-12", SHANGHAI) == (date(2019, 7, 12), False, False)
    path = tmp_path / "rows.csv"
    path.write_text('公开号,名称,申请日,公开日\nA,题,2019年5月,"2019-07-12\n2021-03-12"\n', encoding="utf-8")
    (outcome,) = read_records(path, Kind.PATENTS)
    assert isinstance(record := outcome.record, Patent)
    assert (record.filed_on, record.published_on) == (date(2019, 5, 1), date(2019, 7, 12))
    assert record.original == {"filed_on": "2019年5月", "published_on": "2019-07-12\n2021-03-12"}
    assert [(found.code, found.field) for found in outcome.warnings] == [("month_only", "filed_on")]


def test_ingest_dates_case_of_programs() -> None:
    """Every row of the case is 28 July 2010, and one was published on the first day of 2012."""
    records = [outcome.record for outcome in read_records(CASES / "dates.jsonl", Kind.PATENTS)]
    patents = [record for record in records if isinstance(record, Patent)]
    assert [patent.filed_on for patent in patents] == [date(2010, 7, 28)] * 4
    assert patents[0].published_on == date(2012, 1, 1)
    abroad = IngestOptions(zone=ZoneInfo("UTC"))
    first = next(iter(read_records(CASES / "dates.jsonl", Kind.PATENTS, options=abroad))).record
    assert isinstance(first, Patent)
    assert (first.filed_on, first.published_on) == (date(2010, 7, 27), date(2011, 12, 31))


def test_ingest_dates_are_guessed_where_the_source_is_known() -> None:
    """Who knows that a source writes the day first, or the month, says so."""
    assert day_read("07/08/2010", SHANGHAI, day_first=True).day == date(2010, 8, 7)
    assert day_read("07/08/2010", SHANGHAI, day_first=False).day == date(2010, 7, 8)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-24 18:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026/11/24 18:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24T18:00:00.5", datetime(2026, 11, 24, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026年11月24日 18时00分", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026/11/24 下午6:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24T20:00:00+08:00", datetime(2026, 11, 24, 12, tzinfo=UTC)),
        ("2026-11-24T12:00:00Z", datetime(2026, 11, 24, 12, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 23, 16, tzinfo=UTC)),
        (date(2026, 11, 24), datetime(2026, 11, 23, 16, tzinfo=UTC)),
        (datetime(2026, 11, 24, 18), datetime(2026, 11, 24, 10, tzinfo=UTC)),  # noqa: DTZ001 - of a spreadsheet
        (46350.75, datetime(2026, 11, 24, 10, tzinfo=UTC)),
        (1795515600, datetime(2026, 11, 24, 9, tzinfo=UTC) + timedelta(seconds=1795515600 - 1795510800)),
        ("18:00", None),
        ("2026-11", None),
        ("gestern", None),
    ],
)
def test_ingest_dates_moments(value: Any, expected: datetime | None) -> None:
    """A time without a zone is of ours; a time without a day is none."""
    assert moment_read(value, SHANGHAI) == expected


def test_ingest_dates_of_feedback_are_of_the_zone() -> None:
    """A contact at 18:00 is before a rejection at 20:00+08:00, unless the clocks of Shanghai are not meant."""
    contact = {"event": "contacted", "firm_id": "F", "patent_id": "P", "at": "2025-11-24 18:00"}
    rejection = contact | {"event": "rejected", "reason": "no", "at": "2025-11-24T20:00:00+08:00"}
    one, other = feedback_of(contact).record, feedback_of(rejection).record
    assert one is not None
    assert other is not None
    assert one.feedback.at < other.feedback.at
    in_london = feedback_of(contact, IngestOptions(zone=ZoneInfo("UTC"))).record
    assert in_london is not None
    assert in_london.feedback.at > other.feedback.at
