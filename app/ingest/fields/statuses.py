"""A cell about a record's status to our word for it: single words, compounds (失效-未缴年费) and lists of events.

What words mean is in `statuses.toml`. Of a list the last event that decides counts: by the days of the events where
they have days, else as the list stands, turned round where the stages of a patent's life show the newest first.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

from app.domain import Kind
from app.text.normalising import HAN, KANA_OR_HANGUL
from app.text.reading import term_reading

UNKNOWN = "unknown"
"""The status of a record whose source says that it does not know."""

_LISTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("statuses.toml").read_text(encoding="utf-8"))

_EAST_ASIAN = re.compile(f"[{HAN}]|{KANA_OR_HANGUL.pattern}")
_NO_LETTERS = re.compile(r"[\W_]+")
_NO_LETTERS_OR_OF = re.compile(r"[\W_的]+")
_LIST = re.compile(r"[|;,\n\t。]|[-=]?>|[→⇒]")
_ENUMERATION = re.compile(r"[、\s]+")
_COMPOUND, _LATIN_COMPOUND = re.compile(r"[()\[\]/:\-–—]+"), re.compile(r"[()\[\]/:]+|--+|\s[-–—]\s|—")
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})日?|(\d\d)(\d\d))(?!\d)")

_Day = tuple[int, int, int]


class StatusRead(NamedTuple):
    """What a cell says.

    Attributes:
        status: ours, `UNKNOWN`, or ``None`` where no word of it says one.
        strange: the words in it that nobody knows.
    """

    status: str | None
    strange: tuple[str, ...]


class _Meaning(NamedTuple):
    """What an event or a state says: a status, how far in a patent's life it is, and whether it is a state."""

    status: str | None
    stage: float | None = None
    state: bool = False


_PATENTS = {
    "filed": _Meaning("pending", 1),
    "examined": _Meaning("pending", 2),
    "refused": _Meaning("inactive", 2.5),
    "granted": _Meaning("active", 3),
    "ended": _Meaning("inactive", 4),
    "restored": _Meaning("active"),
    "under_way": _Meaning("pending", 1, state=True),
    "in_force": _Meaning("active", 3, state=True),
    "dead": _Meaning("inactive", 4, state=True),
    "traded": _Meaning(None),
    "unchanged": _Meaning(None),
    "unknown": _Meaning(None),
}
_RESTORED = "restored"


class _Event(NamedTuple):
    """One event of a list: the name of what it means, ``None`` where nobody knows, and its day where it has one."""

    word: str
    name: str | None
    day: _Day | None = None


def status_read(kind: Kind, text: str) -> StatusRead:
    """What ``text`` says of the status of a record of ``kind``."""
    return _patent(text) if kind is Kind.PATENTS else _state(kind, text)


@lru_cache(maxsize=16384)
def _patent(text: str) -> StatusRead:
    name = _whole(Kind.PATENTS, normalize("NFKC", text))
    events = [_Event(text, name)] if name else _events(normalize("NFKC", text))
    strange = tuple(dict.fromkeys(event.word for event in events if event.name is None))
    known = [event for event in events if event.name is not None]
    deciding = [event for event in known if _PATENTS[event.name or ""].status is not None]
    if deciding:
        last = _PATENTS[_last(deciding)]
        return StatusRead(last.status, strange)
    names = {event.name for event in known}
    if "traded" in names:
        return StatusRead("active", strange)
    return StatusRead(UNKNOWN if names else None, strange)


@lru_cache(maxsize=4096)
def _state(kind: Kind, text: str) -> StatusRead:
    """Of needs and firms: the status of the whole, of which lists and compounds (吊销，未注销) are one state."""
    normal = normalize("NFKC", text)
    name = _whole(kind, normal) or _contained(kind, normal)
    if name is None:
        return StatusRead(None, (text,))
    return StatusRead(name, ())


def _last(events: Sequence[_Event]) -> str:
    """The name of the event that decides, of events that all have a status."""
    names = [event.name or "" for event in events]
    if all(event.day for event in events):
        return _newest(events)
    turned = _falls([event.day for event in events if event.day]) or _falls([_PATENTS[name].stage for name in names])
    ordered = names[::-1] if turned else names
    # A list may begin or end with a summary: what is dead stays so unless something revives it.
    if "dead" in ordered:
        after = ordered[len(ordered) - ordered[::-1].index("dead") :]
        if not {_RESTORED, "in_force", "under_way"} & set(after):
            return "dead"
    if names[0] == "in_force" and all(_PATENTS[name].status != "inactive" for name in names):
        return "in_force"
    return ordered[-1]


def _newest(events: Sequence[_Event]) -> str:
    days = [event.day or (0, 0, 0) for event in events]
    ordered = list(reversed(events)) if _falls(days) else list(events)  # of one day, as the list has them
    return max(enumerate(ordered), key=lambda placed: (placed[1].day or (0, 0, 0), placed[0]))[1].name or ""


def _falls(values: Iterable[Any]) -> bool:
    """Whether more values are followed by a smaller one than by a greater one."""
    known = [value for value in values if value is not None]
    steps = [int(later < earlier) - int(later > earlier) for earlier, later in pairwise(known)]
    return sum(steps) > 0


def _events(text: str) -> list[_Event]:
    """The events of a list, each with the day that stands beside it."""
    pieces: list[_Day | str] = []
    place = 0
    for match in _DATE.finditer(text):
        pieces += [entry for entry in _LIST.split(text[place : match.start()]) if _said(entry)]
        year, *rest = match.groups()
        month, day_of_month = (int(part) for part in rest if part)
        pieces.append((int(year), month, day_of_month))
        place = match.end()
    pieces += [entry for entry in _LIST.split(text[place:]) if _said(entry)]
    before = not pieces or not isinstance(pieces[0], str)  # days stand before their events, or behind them
    events: list[_Event] = []
    day: _Day | None = None
    for piece in pieces if before else reversed(pieces):
        if isinstance(piece, str):
            events += [_Event(word, name, day) for word, name in _entry(piece)]
        else:
            day = piece
    return events if before else events[::-1]


def _said(entry: str) -> bool:
    return bool(_NO_LETTERS.sub("", entry))


def _entry(entry: str) -> list[tuple[str, str | None]]:
    """What an entry of a list means: one thing, or several where it is a list of its own (公开、授权)."""
    entry = entry.strip()
    if name := _whole(Kind.PATENTS, entry):
        return [(entry, name)]
    if _EAST_ASIAN.search(entry):
        parts = [(part, _compound(part)) for part in _ENUMERATION.split(entry) if _said(part)]
        if len(parts) > 1 and all(name for _, name in parts):
            return list(parts)
    return [(entry, _compound(entry))]


def _compound(entry: str) -> str | None:
    """What a word with an explanation means: 失效-未缴年费, ``Abandoned -- Failure to Respond``."""
    if name := _whole(Kind.PATENTS, entry):
        return name
    marks = _COMPOUND if _EAST_ASIAN.search(entry) else _LATIN_COMPOUND
    parts = [part for part in marks.split(entry) if _said(part)]
    if len(parts) < 2:
        return _contained(Kind.PATENTS, entry)
    names = [name for part in parts if (name := _whole(Kind.PATENTS, part) or _contained(Kind.PATENTS, part))]
    deciding = [name for name in names if _PATENTS[name].status is not None]
    if not deciding:
        return names[0] if names else _contained(Kind.PATENTS, entry)
    first = _PATENTS[deciding[0]]
    if (first.state or first.status == "inactive") and _RESTORED not in deciding:
        return deciding[0]
    return _last([_Event(name, name) for name in deciding])


def _whole(kind: Kind, word: str) -> str | None:
    return _words(kind).get(_folded(word).strip())


def _contained(kind: Kind, word: str) -> str | None:
    folded = _folded(word)
    return next((name for name, parts in _parts(kind) if any(part in folded for part in parts)), None)


def _folded(word: str) -> str:
    """A word as it is compared: of East Asian script without marks, else between spaces, so that parts begin words."""
    if word.isascii():
        return f" {_NO_LETTERS.sub(' ', word.casefold()).strip()} "
    read = term_reading(word)
    if _EAST_ASIAN.search(read):
        return _NO_LETTERS_OR_OF.sub("", read)
    return f" {_NO_LETTERS.sub(' ', read).strip()} "


@cache
def _words(kind: Kind) -> Mapping[str, str]:
    table = _LISTS[kind.value]["words"]
    return {_folded(word).strip(): name for name, words in table.items() for word in words}


@cache
def _parts(kind: Kind) -> Sequence[tuple[str, tuple[str, ...]]]:
    rows: list[list[str]] = _LISTS[kind.value]["parts"]
    return [(name, tuple(_folded(word).removesuffix(" ") for word in words)) for name, *words in rows]
