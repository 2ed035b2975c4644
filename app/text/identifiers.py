"""What in a text names a patent or a class of patents: numbers of publications and applications, and IPC codes.

Everything here reads folded text (`app.text.normalising.fold_body`), so that full-width spellings are none of their
own. Each pattern is bounded and begins at a border of letters and digits: the cost grows with the text, never faster.

Sources: numbers of Chinese applications and their check digit, ZC 0006-2003 (专利申请号标准); of Chinese publications,
ZC 0007-2012; kind codes, WIPO ST.16; offices, WIPO ST.3; IPC symbols, WIPO ST.8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

IdentifierKind = Literal["publication_number", "application_number", "ipc"]

MOST_IDENTIFIERS = 50
"""In one text. A page of citations has fewer; each is looked up, so that a text cannot ask for thousands."""

_OFFICES = "CN|US|EP|WO|JP|KR"
_OTHER_OFFICES = "AU|CA|DE|FR|GB|TW|RU|IN|CH|ES|IT"
"""Offices whose codes are also words and standards (``GB 32100``): a number of theirs counts where the bank has it."""
_KIND_CODES = (
    *("A", "A1", "A2", "A3", "A4", "A8", "A9", "B", "B1", "B2", "B3", "B8", "B9", "C", "C1", "C2"),
    *("U", "U1", "U8", "Y", "Y1", "Y2", "S", "S1", "D", "D0", "E", "E1", "T", "T1", "T3", "P", "P1"),
)
"""Kind codes of ST.16 that banks write behind a number."""
_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9)
"""Of a Chinese application number's digits, over and over; the check digit is the weighed sum modulo 11, 10 being X."""

_BEGIN, _END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_ALONE, _ENDS = r"(?<![0-9A-Za-z.,/\-])", r"(?![0-9A-Za-z]|[.,/\-][0-9])"
"""Borders of a number without an office's code, which could else be a piece of a longer figure."""
_KIND = r"(?:[ .\-]?(?P<kind>[A-Z][0-9]?))?"
_YEAR = r"(?:198[5-9]|199[0-9]|20[0-4][0-9])"

_PUBLICATION = re.compile(
    rf"{_BEGIN}(?P<office>{_OFFICES})[ .:\-]{{0,2}}(?P<body>"
    r"(?<=CN)[0-9]{7,9}|(?<=CN[ .:\-])[0-9]{7,9}"
    r"|(?:WO)?(?:19|20)[0-9]{2}[ \-]?/?[ \-]?[0-9]{6,7}"  # WO 2016/123456, US 2016/0123456, JP 2016-123456
    r"|[1-3]0-?(?:19|20)[0-9]{2}-?[0-9]{7}|[1-3]0-?[0-9]{7}"  # KR 10-2016-0123456, KR 10-1234567
    r"|[HSTR][0-9]{1,2}-?[0-9]{5,6}"  # JP H05-53868
    r"|[0-9]{2}/[0-9]{5,6}"  # WO 98/12345
    r"|[0-9]{3}[ ,][0-9]{3}[ ,][0-9]{3}|[0-9]{1,2}[ ,][0-9]{3}[ ,][0-9]{3}"  # CN 102 932 380, US 9,876,543
    rf"|[0-9]{{7,9}}){_KIND}{_END}",
    re.IGNORECASE,
)
_OTHER_PUBLICATION = re.compile(
    rf"{_BEGIN}(?P<office>{_OTHER_OFFICES})[ \-]?(?P<body>[0-9]{{6,12}}){_KIND}{_END}", re.IGNORECASE
)
_APPLICATION = re.compile(
    rf"{_ALONE}(?:(?P<office>CN|ZL)[ .:]{{0,2}})?(?P<year>{_YEAR})(?P<gap> ?)(?P<type>[12389]) ?(?P<serial>[0-9]{{7}})"
    rf"(?: ?(?P<dot>\.) ?(?P<check>[0-9X×])|(?P<plain>[0-9X×]))?{_ENDS}",
    re.IGNORECASE,
)
_OLD_APPLICATION = re.compile(
    rf"{_ALONE}(?:(?P<office>CN|ZL)[ .:]{{0,2}})?(?P<number>(?:8[5-9]|9[0-9]|0[0-4])[12389][0-9]{{5}})"
    rf"\.(?P<check>[0-9X×]){_ENDS}",
    re.IGNORECASE,
)
"""Until October 2003: two digits of the year, the type, five of the serial number."""
_PADDED_APPLICATION = re.compile(rf"{_ALONE}(?P<type>[123])0(?P<year>{_YEAR})00(?P<serial>[0-9]{{7}}){_ENDS}")
"""As some sources fill it up to fifteen digits: 202016000607615 is 201620607615."""
_PCT = re.compile(rf"{_BEGIN}PCT[/ ]?([A-Z]{{2}})[/ ]?({_YEAR})[/ ]?([0-9]{{6}}){_END}", re.IGNORECASE)
_KOREAN = re.compile(rf"{_ALONE}([123]0)-({_YEAR})-([0-9]{{7}}){_ENDS}")
_AMERICAN = re.compile(rf"{_ALONE}(?:US ?)?([0-9]{{2}})/([0-9]{{3}}),?([0-9]{{3}}){_ENDS}", re.IGNORECASE)
_IPC = re.compile(
    rf"{_BEGIN}(?P<subclass>[A-H][0-9]{{2}}[A-Z])(?: ?(?P<main>[0-9]{{1,4}}) ?/ ?(?P<group>[0-9]{{2,6}}))?{_END}"
    r"(?: ?\((?:19|20)[0-9]{2}\.[0-9]{2}\)[A-Z]?)?",
    re.IGNORECASE,
)
_IPC_ALONE = re.compile(r"[A-H][0-9]{2}(?:[A-Z](?:[0-9]{1,4}/?)?)?", re.IGNORECASE)
"""A class, a subclass or a main group: of a text that is nothing else, in any case."""

_NUMBER_LABELS = r"授权公告号|公开\(?公告\)?号|公开号|公布号|公告号|专利号|申请号"
_FILLERS = re.compile(
    rf"{_NUMBER_LABELS}|专利权人|专利|申请人|权利人|持有人|分类号|分类|IPC|CPC|Int\.? ?Cl\.?"
    r"|\b(?:patents?|applications?|publications?|publ|numbers?|no|of|by|the|and|or|held)\b|[的号和与及或]",
    re.IGNORECASE,
)
"""What stands around identifiers and asks for nothing more."""
_LABEL = re.compile(rf"(?:{_NUMBER_LABELS}|分类号|IPC|Int\.? ?Cl\.?)[为是 :]{{0,3}}$", re.IGNORECASE)
_LABEL_CHARS = 16
_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """An identifier in a text.

    Attributes:
        text: as the text has it.
        value: as offices and the standard write it.
        start: where it begins in the text.
        end: where it ends.
        certain: whether its form can be nothing else; what is not certain counts where the bank has it.
        ids: spellings of the record's id that may stand for it, the likeliest group first.
        application_numbers: spellings of the application number that may stand for it.
    """

    kind: IdentifierKind
    text: str
    value: str
    start: int
    end: int
    certain: bool = True
    ids: tuple[tuple[str, ...], ...] = ()
    application_numbers: tuple[str, ...] = ()


def identifiers_in(text: str) -> list[Identifier]:
    """The numbers and IPC codes of a folded text, in their order, none within another; the first `MOST_IDENTIFIERS`."""
    found = [
        one
        for pattern, read in _READERS
        for _, match in zip(range(MOST_IDENTIFIERS), pattern.finditer(text), strict=False)
        if (one := read(match)) is not None
    ]
    stripped = text.strip()
    if _IPC_ALONE.fullmatch(stripped):
        start = text.index(stripped)
        value = stripped.upper().rstrip("/")
        found.append(Identifier(kind="ipc", text=stripped, value=value, start=start, end=start + len(stripped)))
    # The longest of those that begin at one place, and of equal ones the one that can be nothing else.
    found.sort(key=lambda one: (one.start, -one.end, not one.certain))
    kept: list[Identifier] = []
    for one in found:
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept[:MOST_IDENTIFIERS]


def whole_number(text: str) -> Identifier | None:
    """The number that a folded line is and nothing else; ``None`` where it is none."""
    found = identifiers_in(text)
    if len(found) == 1 and found[0].kind != "ipc" and found[0].text == text.strip():
        return found[0]
    return None


def without_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """A text without some stretches and the labels before them (公开号:); empty where nothing is left that asks."""
    kept, last = [], 0
    for start, end in sorted(spans):
        before = text[last:start]
        if label := _LABEL.search(before[-_LABEL_CHARS:]):
            before = before[: len(before) - len(label.group())]
        kept.append(before)
        last = end
    rest = " ".join((*kept, text[last:])).strip()
    return rest if _WORD.search(_FILLERS.sub("", rest)) else ""


def check_digit(number: str) -> str:
    """The check digit of the 8 or 12 digits of a Chinese application number (ZC 0006-2003)."""
    remainder = sum(int(digit) * _WEIGHTS[n % len(_WEIGHTS)] for n, digit in enumerate(number)) % 11
    return "X" if remainder == 10 else str(remainder)


def _publication(match: re.Match[str]) -> Identifier | None:
    office, body = match["office"].upper(), match["body"].upper()
    kind = (match["kind"] or "").upper()
    number = re.sub(r"[ ,/\-]", "", body)
    if office == "WO":  # which some sources write twice
        number = number.removeprefix("WO")
    if not _plausible(office, number):
        return None
    numbers = _written(office, number)
    ids = [
        tuple(f"{one}{kind}" for one in numbers) if kind else numbers,
        *((numbers,) if kind else ()),
        tuple(f"{one}{code}" for one in numbers for code in _KIND_CODES),
    ]
    applications: tuple[str, ...] = ()
    if office in ("KR", "JP"):  # whose two kinds of number look alike
        dashed = f"{number[:2]}-{number[2:6]}-{number[6:]}" if len(number) == 13 else f"{number[:4]}-{number[4:]}"
        applications = (number, f"{office}{number}", dashed)
    return _of(
        "publication_number",
        match,
        f"{office}{number}{kind}",
        certain=office in _OFFICES.split("|"),
        ids=tuple(ids),
        application_numbers=applications,
    )


def _plausible(office: str, number: str) -> bool:
    """Whether an office writes numbers of this length; the pattern takes all forms of all offices."""
    digits = len(number.lstrip("WOHSTR"))
    return digits in {
        "CN": (7, 8, 9),
        "US": (7, 8, 11),
        "EP": (7,),
        "WO": (7, 8, 10),
        "JP": (6, 7, 8, 10),
        "KR": (9, 13),
    }.get(office, range(6, 13))


def _written(office: str, number: str) -> tuple[str, ...]:
    """A publication without its kind code, as banks write it."""
    written = [f"{office}{number}"]
    if office == "CN":
        written.append(number)
    if office == "WO":
        written.append(f"WOWO{number}")
        if len(number) < 10:  # 98/12345 is 1998/012345
            century = "19" if number[0] in "789" else "20"
            long = f"{century}{number[:2]}{number[2:].zfill(6)}"
            written += [f"WO{long}", f"WOWO{long}"]
    return tuple(written)


def _application(match: re.Match[str]) -> Identifier | None:
    number = f"{match['year']}{match['type']}{match['serial']}"
    given = (match["check"] or match["plain"] or "").upper().replace("×", "X")
    holds = given == check_digit(number)
    if match["gap"] and not (match["office"] or match["dot"]):
        return None
    certain = bool(match["office"]) or holds  # a figure of thirteen digits has the right check digit one time in eleven
    return _of_application(match, number, certain=certain, given=given)


def _old_application(match: re.Match[str]) -> Identifier:
    given = match["check"].upper().replace("×", "X")
    return _of_application(match, match["number"], certain=bool(match["office"]), given=given)


def _padded_application(match: re.Match[str]) -> Identifier:
    return _of_application(match, f"{match['year']}{match['type']}{match['serial']}", certain=True)


def _of_application(match: re.Match[str], number: str, *, certain: bool, given: str = "") -> Identifier:
    checks = dict.fromkeys((check_digit(number), given)) if given else {check_digit(number): None}
    cores = [number, *(f"{number}{dot}{check}" for check in checks for dot in (".", ""))]
    spellings = [f"{office}{core}" for core in cores for office in ("", "CN", "ZL")]
    if len(number) == 12:
        spellings.append(f"{number[4]}0{number[:4]}00{number[5:]}")
    return _of(
        "application_number",
        match,
        f"{number}.{given or check_digit(number)}",
        certain=certain,
        application_numbers=tuple(spellings),
    )


def _pct(match: re.Match[str]) -> Identifier:
    office, year, serial = match[1].upper(), match[2], match[3]
    spellings = (f"PCT/{office}{year}/{serial}", f"PCT{office}{year}{serial}", f"PCT/{office}/{year}/{serial}")
    return _of("application_number", match, spellings[0], application_numbers=spellings)


def _korean(match: re.Match[str]) -> Identifier:
    number = "".join(match.groups())
    return _of(
        "application_number",
        match,
        "-".join(match.groups()),
        certain=False,
        ids=((f"KR{number}",), tuple(f"KR{number}{code}" for code in _KIND_CODES)),
        application_numbers=("-".join(match.groups()), number, f"KR{number}"),
    )


def _american(match: re.Match[str]) -> Identifier:
    number = "".join(match.groups())
    written = f"{match[1]}/{match[2]},{match[3]}"
    spellings = (number, written, f"US{number}", f"{match[1]}/{match[2]}{match[3]}")
    return _of("application_number", match, written, certain=False, application_numbers=spellings)


def _ipc(match: re.Match[str]) -> Identifier | None:
    if match["group"]:
        value = f"{match['subclass']}{match['main']}/{match['group']}".upper()
        return _of("ipc", match, value)
    if not match["subclass"].isupper():  # g06f is a class in capitals only, else it may be any code
        return None
    return _of("ipc", match, match["subclass"], certain=False)


def _of(
    kind: IdentifierKind,
    match: re.Match[str],
    value: str,
    *,
    certain: bool = True,
    ids: Sequence[tuple[str, ...]] = (),
    application_numbers: tuple[str, ...] = (),
) -> Identifier:
    return Identifier(
        kind=kind,
        text=match.group(),
        value=value,
        start=match.start(),
        end=match.end(),
        certain=certain,
        ids=tuple(ids),
        application_numbers=application_numbers,
    )


_READERS = (
    (_PUBLICATION, _publication),
    (_OTHER_PUBLICATION, _publication),
    (_APPLICATION, _application),
    (_OLD_APPLICATION, _old_application),
    (_PADDED_APPLICATION, _padded_application),
    (_PCT, _pct),
    (_KOREAN, _korean),
    (_AMERICAN, _american),
    (_IPC, _ipc),
)
