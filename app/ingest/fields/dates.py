"""Cells to days and moments: every usual way of writing one that leaves no doubt, in the zone that a source means.

A moment with a zone of its own (``2010-07-27T16:00:00Z``, an epoch number) is the day that it falls on in the zone of
the reader; a day or a time without one is of that zone as it stands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple
from unicodedata import normalize

from app.ingest.fields.values import as_text

_YEAR = r"(?:1[89]|2[01])\d\d"
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH_NAME = rf"(?:{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,?\s+)?"
_SHORT_ERAS = {"M": 1867, "T": 1911, "S": 1925, "H": 1988, "R": 2018}
_ERAS = _SHORT_ERAS | {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018, "民國": 1911, "民国": 1911}
"""Each calendar's year before its first, of Japan and of the Republic of China."""

# How each begins; what follows is read as a time.
_YEAR_FIRST = re.compile(
    rf"(?P<year>{_YEAR})\s*[-/.年년]\s*(?P<month>\d{{1,2}})\s*[-/.月월]\s*(?P<day>\d{{1,2}})(?!\d)\s*[日號号일.]?"
)
_PACKED = re.compile(rf"(?P<year>{_YEAR})(?P<month>\d\d)(?P<day>\d\d)(?!\d)")
_SPACED = re.compile(rf"(?P<year>{_YEAR})[\s_](?P<month>\d{{1,2}})[\s_](?P<day>\d{{1,2}})(?!\d)")
_OF_ERA = re.compile(
    rf"(?:中華|中华)?(?P<era>{'|'.join(_ERAS)})\s*(?P<year>\d{{1,3}}|元)\s*年\s*(?P<month>\d{{1,2}})\s*月\s*(?P<day>\d{{1,2}})\s*日?"
)
_OF_SHORT_ERA = re.compile(
    r"(?P<era>[MTSHR])\s?(?P<year>\d{1,2})\s?[./-]\s?(?P<month>\d{1,2})\s?[./-]\s?(?P<day>\d{1,2})(?!\d)"
)
"""H31.1.7 of Japanese registers."""
_NAMED = (
    re.compile(
        rf"{_WEEKDAY}(?P<name>{_MONTH_NAME})\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>{_YEAR})", re.IGNORECASE
    ),
    re.compile(
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s-](?P<name>{_MONTH_NAME})[\s,-]\s*(?P<year>{_YEAR})(?!\d)",
        re.IGNORECASE,
    ),
    re.compile(rf"(?P<year>{_YEAR})[\s-](?P<name>{_MONTH_NAME})[\s-](?P<day>\d{{1,2}})(?!\d)", re.IGNORECASE),
    re.compile(rf"(?P<day>\d{{1,2}})-(?P<name>{_MONTH_NAME})-(?P<short>\d\d)(?!\d)", re.IGNORECASE),
)
_YEAR_LAST = re.compile(
    rf"(?P<one>\d{{1,2}})\s?(?P<mark>[-/.])\s?(?P<two>\d{{1,2}})\s?(?P=mark)\s?(?P<year>{_YEAR})(?!\d)"
)
_JAVA = re.compile(
    rf"{_WEEKDAY}(?P<name>{_MONTH_NAME})\s+(?P<day>\d{{1,2}})\s+(?P<time>\d\d:\d\d:\d\d)\s+(?P<zone>[A-Z]{{2,4}})\s+(?P<year>{_YEAR})",
    re.IGNORECASE,
)
_MONTH_ONLY = (
    re.compile(rf"(?P<year>{_YEAR})\s*[-/.年년]\s*(?P<month>\d{{1,2}})\s*(?:月份?|월)?"),
    re.compile(rf"(?P<name>{_MONTH_NAME})[\s,-]\s*(?P<year>{_YEAR})", re.IGNORECASE),
    re.compile(rf"(?P<year>{_YEAR})[\s-](?P<name>{_MONTH_NAME})", re.IGNORECASE),
)
_WEEKDAY_BEHIND = re.compile(r"\s*[(\[]?(?:星期|周|週|礼拜)[一二三四五六日天][)\]]?")
_TIME = re.compile(
    r"[T\s,]*(?P<half>上午|下午|凌晨|早上|中午|晚上|오전|오후|[ap]\.?m\.?)?\s*(?P<hour>\d{1,2})\s?[:时時点시]\s?(?P<minute>\d{1,2})"
    r"(?:\s?[:分분]\s?(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,9}))?\s?[秒초]?|分|분)?"
    r"\s*(?P<behind>[ap]\.?m\.?)?",
    re.IGNORECASE,
)
_ZONE = re.compile(
    r"\s*(?:(?P<name>Z|UTC|GMT|JST|KST)?\s?(?:(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?)?)(?![A-Za-z\d])",
    re.IGNORECASE,
)
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_AROUND = " \t\r\"'“”‘’"
_ASIDE = re.compile(r"\s*(?:\([^()]{0,60}\)|[^\d]{0,24})\s*")
_LATER_HALF = frozenset("下晚오p")
_DIGITS = re.compile(r"(?P<whole>\d{5,14})(?:\.(?P<fraction>\d{1,12}))?")
_LABEL = re.compile(r"[^\W\d]{1,12}\s?[::]?\s*(?=\d)")
_NUMERAL = re.compile("[一二三]?十[一二三四五六七八九]?|[〇零一二三四五六七八九]")
_NUMERALS = {character: value for value, character in enumerate("〇一二三四五六七八九")} | {"零": 0}
_LISTED = re.compile(r"\s*[;|,、]\s*")

_SERIAL_DAY_ZERO = date(1899, 12, 30)
_SERIALS = range(10_000, 80_000)
"""Spreadsheet day numbers of 1927 to 2119; other numbers in a date column are no dates."""
_SERIAL_DIGITS = 5
_EPOCH_SECONDS = range(100_000_000, 4_102_444_800)
"""Seconds since 1970 of 1973 to 2099; a thousand times as many are milliseconds."""
_LONGEST = 200
"""Characters of a date with all that may stand around it."""
_LAST_OF_CENTURY = 50
"""28-Jul-49 is of 2049, 28-Jul-50 of 1950."""
_NAMED_ZONES = {"Z": 0, "UTC": 0, "GMT": 0, "JST": 9, "KST": 9}
_HALF_DAY = 12


class DayRead(NamedTuple):
    """A day that a cell says.

    Attributes:
        day: ``None`` where the cell says none, or leaves doubt.
        whole: whether the cell says just that; else only the month is given, or several days of which this is first.
        month_only: whether only the month is given; ``day`` is its first.
    """

    day: date | None
    whole: bool = True
    month_only: bool = False


class _Stamp(NamedTuple):
    """A day as it is written, with its time and zone where it has them."""

    day: date
    clock: time | None = None
    zone: tzinfo | None = None
    month_only: bool = False
    first_of_several: bool = False

    def moment(self, zone: tzinfo) -> datetime:
        """The moment, at the day's beginning where there is no time."""
        return datetime.combine(self.day, self.clock or time.min, self.zone or zone)


_NOTHING = DayRead(None)


def day_read(value: Any, zone: tzinfo, *, day_first: bool | None = None) -> DayRead:  # noqa: ANN401
    """A cell as a day: a date, a spreadsheet's day number, an epoch number, or text.

    Args:
        value: the cell.
        zone: of the reader; moments with a zone of their own become the day there.
        day_first: whether the day stands before the month in 05/07/2010; where ``None`` such a text is not guessed.
    """
    if isinstance(value, datetime):
        return DayRead((value if value.tzinfo is None else value.astimezone(zone)).date())
    if isinstance(value, date):
        return DayRead(value)
    stamp = _stamp(value, day_first)
    if stamp is None:
        return _NOTHING
    moved = stamp.clock is not None and stamp.zone is not None
    day = stamp.moment(zone).astimezone(zone).date() if moved else stamp.day
    return DayRead(day, not stamp.month_only and not stamp.first_of_several, stamp.month_only)


def moment_read(value: Any, zone: tzinfo) -> datetime | None:  # noqa: ANN401
    """A cell as a moment in UTC: a day or a time without a zone is of ``zone``, a day alone its beginning."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=zone)
    elif isinstance(value, date):
        moment = datetime.combine(value, time.min, zone)
    else:
        stamp = _stamp(value, None)
        if stamp is None or stamp.month_only or stamp.first_of_several:
            return None
        moment = stamp.moment(zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def _stamp(value: Any, day_first: bool | None) -> _Stamp | None:  # noqa: ANN401
    if isinstance(value, bool):
        return None
    value = repr(value) if isinstance(value, float) and math.isfinite(value) else as_text(value)
    return _stamp_of_cell(value, day_first) if isinstance(value, str) else None


@lru_cache(maxsize=32768)
def _stamp_of_cell(text: str, day_first: bool | None) -> _Stamp | None:
    normal = normalize("NFKC", text[: 20 * _LONGEST]).translate(_DASHES)
    lines = [line for line in normal.splitlines() if line.strip()]
    if not lines or len(lines[0]) > _LONGEST:
        return None
    first = lines[0].strip(_AROUND)
    found = _of_text(first, day_first)
    if found is None and len(parts := _LISTED.split(first)) > 1:
        read = [_of_text(part, day_first) for part in parts if part]
        found = read[0] if read and None not in read else None
        return found and found._replace(first_of_several=len(read) > 1)
    return found and found._replace(first_of_several=len(lines) > 1)


def _of_text(text: str, day_first: bool | None) -> _Stamp | None:
    """One date, perhaps behind a label (申请日：2010-07-28) or in the numerals of Chinese texts."""
    found = _attempt(text, day_first)
    if found is None and "年" in text and _NUMERAL.search(text):
        found = _attempt(_NUMERAL.sub(_arabic, text), day_first)
    if found is None and (label := _LABEL.match(text)):
        found = _attempt(text[label.end() :], day_first)
    return found


def _attempt(text: str, day_first: bool | None) -> _Stamp | None:
    try:
        if digits := _DIGITS.fullmatch(text):
            return _of_digits(digits["whole"], digits["fraction"])
        return _of_words(text, day_first)
    except (ValueError, OverflowError):  # 2019-13-45, 25:70
        return None


def _of_digits(whole: str, fraction: str | None) -> _Stamp | None:
    number, length = int(whole), len(whole)
    if length == _SERIAL_DIGITS:
        if number not in _SERIALS:
            return None
        seconds = round(float(f"0.{fraction or 0}") * 86_400)
        clock = _clock_of(min(seconds, 86_399)) if seconds else None
        return _Stamp(_SERIAL_DAY_ZERO + timedelta(days=number), clock)
    if (fraction or "").strip("0") and length != len("1280246400"):
        return None  # 20190718.5 is no date, and 200920194832.6 is an application
    if length in (8, 12, 14) and (packed := _packed(whole)):
        return packed
    if length == 6 and re.fullmatch(_YEAR, whole[:4]):
        # 201905 can be no year, month and day of two digits each; 200512 may be the 12th of May 2020.
        ambiguous = 1 <= int(whole[2:4]) <= 12
        return None if ambiguous else _Stamp(date(int(whole[:4]), int(whole[4:]), 1), month_only=True)
    if length == len("200910012345") and whole.startswith(("19", "20")):
        return None  # an application's number rather than milliseconds of 1976
    for unit in (1, 1000):
        if number // unit in _EPOCH_SECONDS:
            moment = datetime.fromtimestamp(number / unit, UTC)
            return _Stamp(moment.date(), moment.time(), UTC)
    return None


def _clock_of(seconds: int) -> time:
    minutes, second = divmod(seconds, 60)
    return time(minutes // 60, minutes % 60, second)


def _packed(digits: str) -> _Stamp | None:
    """20190718, with hours, minutes and seconds behind it or without."""
    if not (match := _PACKED.fullmatch(digits[:8])):
        return None
    try:
        day = _day(match)
        hour, minute, second = (int(digits[place : place + 2] or 0) for place in (8, 10, 12))
        return _Stamp(day, time(hour, minute, second) if len(digits) > len("20190718") else None)
    except ValueError:
        return None


def _of_words(text: str, day_first: bool | None) -> _Stamp | None:
    if match := _JAVA.fullmatch(text):
        hours = _NAMED_ZONES.get(match["zone"].upper())
        zone = None if hours is None else timezone(timedelta(hours=hours))
        return _Stamp(_day(match), time.fromisoformat(match["time"]), zone)
    for pattern in (_YEAR_FIRST, _PACKED, _SPACED, _OF_ERA, _OF_SHORT_ERA, *_NAMED):
        if match := pattern.match(text):
            return _timed(_day(match), text[match.end() :])
    if match := _YEAR_LAST.match(text):
        day = _year_last(match, day_first)
        return None if day is None else _timed(day, text[match.end() :])
    for pattern in _MONTH_ONLY:
        if match := pattern.fullmatch(text):
            return _Stamp(_day(match), month_only=True)
    return None


def _day(match: re.Match[str]) -> date:
    found: Mapping[str, str | None] = match.groupdict()
    month = found.get("month") or str(_MONTHS.index((found.get("name") or "")[:3].lower()) + 1)
    if short := found.get("short"):
        return date(int(short) + (2000 if int(short) < _LAST_OF_CENTURY else 1900), int(month), int(match["day"]))
    year = 1 if match["year"] == "元" else int(match["year"])
    return date(year + _ERAS.get(found.get("era") or "", 0), int(month), int(found.get("day") or 1))


def _year_last(match: re.Match[str], day_first: bool | None) -> date | None:
    """27.03.2013, 28/07/2010, 07/28/2010: the day is first behind dots, or where the other cannot be a month."""
    one, two, year = int(match["one"]), int(match["two"]), int(match["year"])
    if match["mark"] == "." or one > _HALF_DAY or one == two:
        return date(year, two, one)
    if two > _HALF_DAY:
        return date(year, one, two)
    if day_first is None:
        return None
    return date(year, two, one) if day_first else date(year, one, two)


def _timed(day: date, rest: str) -> _Stamp | None:
    """The day with what stands behind it, ``None`` where that is no time."""
    if weekday := _WEEKDAY_BEHIND.match(rest):
        rest = rest[weekday.end() :]
    if not rest.strip():
        return _Stamp(day)
    clock = None
    if match := _TIME.match(rest):
        clock, rest = _clock(match), rest[match.end() :]
    zone, rest = _zone(rest)
    if clock is None and zone is None and not rest.lstrip().startswith("("):
        return None
    return _Stamp(day, clock, zone) if _ASIDE.fullmatch(rest) else None


def _clock(match: re.Match[str]) -> time:
    hour, half = int(match["hour"]), (match["half"] or match["behind"] or "").lower()
    later = half[:1] in _LATER_HALF and half != "오전"
    if half and hour <= _HALF_DAY and half != "中午":
        hour = hour % _HALF_DAY + (_HALF_DAY if later else 0)
    fraction = int((match["fraction"] or "0").ljust(6, "0")[:6])
    return time(hour, int(match["minute"]), int(match["second"] or 0), fraction)


def _zone(rest: str) -> tuple[tzinfo | None, str]:
    match = _ZONE.match(rest)
    if match is None or not (match["name"] or match["sign"]):
        return None, rest
    if match["sign"]:
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        return timezone(-offset if match["sign"] == "-" else offset), rest[match.end() :]
    return timezone(timedelta(hours=_NAMED_ZONES[match["name"].upper()])), rest[match.end() :]


def _arabic(match: re.Match[str]) -> str:
    word = match[0]
    if "十" not in word:
        return str(_NUMERALS[word])
    tens, _, ones = word.partition("十")
    return str((_NUMERALS[tens] if tens else 1) * 10 + (_NUMERALS[ones] if ones else 0))
