"""One spelling for each publication, each application and each record: what ids are kept as, and looked up by.

``CN-109999907-B``, ``CN 109999907 (B)`` and ``ｃｎ109999907ｂ`` are ``CN109999907B``; ``ZL 2019 1 0012345.6`` and
``2019100123456`` are ``CN201910012345.6``. Only a text that is a number and nothing else is read here; numbers within
texts are found by `app.text.identifiers`. What is no number of an office stays as it is.

Sources: ZC 0006-2003 and ZC 0007-2012 for China, WIPO ST.3 for offices, ST.13 for applications, ST.16 for kind codes;
DOCDB's and EPODOC's forms as Espacenet and Lens write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from unicodedata import normalize

from app.domain import Kind
from app.text.identifiers import check_digit
from app.text.normalising import fold_line

LONGEST_NUMBER = 80
"""Characters of a text that may be a number with its label; what is longer is none."""
CREDIT_CODE_CHARS = 18
_CACHED = 65_536
_MOST_FOLDS = 5

_KEPT = re.compile(
    r"(?:CN[0-9]{7,9}|US[0-9]{7,8}|US[0-9]{11}|EP[0-9]{7}|WO[0-9]{10}|JP[0-9]{7,10}|KR[0-9]{9}|KR1[0-9]{12})"
    r"(?:[A-Z][0-9]?)?"
)
"""Publications as they are kept: nearly every id of a bank is one, and is looked at no further."""
_OFFICES = frozenset(
    ("AT", "AU", "BE", "BR", "CA", "CH", "CN", "CZ", "DD", "DE", "DK", "EA", "EP", "ES", "FI", "FR", "GB", "GR", "HK",
     "HU", "IE", "IL", "IN", "IT", "JP", "KR", "LU", "MX", "MY", "NL", "NO", "NZ", "PH", "PL", "PT", "RO", "RU", "SE",
     "SG", "SK", "SU", "TH", "TR", "TW", "UA", "US", "VN", "WO", "ZA")
)  # fmt: skip
"""Of ST.3 those that publish patents and whose letters are hardly a bank's own."""
_LENGTHS = {"CN": (7, 8, 9), "US": (5, 6, 7, 8, 10, 11), "EP": (6, 7), "WO": (7, 8, 10), "KR": (9, 11, 13)}
"""Digits of a publication; other offices have 5 to 13 of them."""
_OTHER_LENGTHS = range(5, 14)
_FEWEST_BARE = 7
"""Digits of another office's number that has no kind code: with fewer it may be a bank's own."""

_SPACE = re.compile(r"\s+")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\u00ad", "-") | {"×": "X"})
_MARKS = re.compile(r"[,./:_'\-\[\]()]+")
_LABEL = re.compile(
    r"(?:中国)?(?:发明|实用新型|外观设计)?(?:授权公告号|公开\(公告\)号|公开公告号|公开号|公布号|公告号|专利申请号|申请号|专利号|PATENTNO|NO)"
    r"[.:为是]{0,2}"
)
_REMARK = re.compile(r"[(\[](?![A-Z][0-9]?[)\]])[^()\[\]]{1,20}[)\]]$")
"""Behind a number, in brackets: (已授权). A kind code in brackets is none."""

_PUBLICATION = re.compile(r"(?P<office>[A-Z]{2})(?P<letters>[A-Z]{0,2})(?P<digits>[0-9]{4,13})(?P<kind>[A-Z][0-9]?)?")
_LETTERS = {
    "US": ("D", "RE", "PP", "H", "T"), "JP": ("H", "S", "R", "T", "WO"), "TW": ("I", "M", "D"), "BR": ("PI", "MU"),
    "IT": ("MI", "TO", "RM", "BO"), "WO": ("WO",),
}  # fmt: skip
"""What may stand between the office and its digits."""
_CHINESE_ALONE = re.compile(r"[1-3][0-9]{8}[ABCUYS]")
_JAPANESE = re.compile(
    r"(?:JP)?(?:特開|特开|特表|再表)?(?P<era>平|昭|令|H|S|R)?(?P<year>[0-9]{1,4})-(?P<serial>[0-9]{1,6})(?P<kind>[A-Z][0-9]?)?"
)
_ERAS = {"平": "H", "昭": "S", "令": "R", "H": "H", "S": "S", "R": "R"}
_JAPANESE_GRANT = re.compile(r"(?:JP)?(?:特許|特许)第?([0-9]{6,7})号?")

_YEAR = r"(?:198[5-9]|199[0-9]|20[0-4][0-9])"
_CHINESE = re.compile(
    rf"(?P<office>CN|ZL|CNZL|ZLCN)?[.\-]?(?P<year>{_YEAR})-?(?P<type>[12389])-?(?P<serial>[0-9]{{7}})"
    r"(?:(?P<dot>[.\-])?(?P<check>[0-9X]))?(?P<kind>[AUDSW])?"
)
_OLD_CHINESE = re.compile(
    r"(?P<office>CN|ZL|CNZL|ZLCN)?[.\-]?(?P<number>(?:8[5-9]|9[0-9]|0[0-4])[12389][0-9]{5})(?:(?P<dot>\.)?(?P<check>[0-9X]))?"
)
"""Until October 2003: two digits of the year, the type, five of the serial number."""
_SHORT_CHINESE = re.compile(rf"CN({_YEAR})([12389])([0-9]{{6}})[AUDSW]?")
"""As EPODOC has it: the serial number without its first zero."""
_PADDED_CHINESE = re.compile(rf"(?P<type>[123])0(?P<year>{_YEAR})00(?P<serial>[0-9]{{7}})")
"""As some sources fill it up to fifteen digits: 202016000607615 is 201620607615."""
_PCT = re.compile(r"PCT/?(?P<office>[A-Z]{2})/?(?P<year>[0-9]{4}|[0-9]{2}(?=/))/?0?(?P<serial>[0-9]{5,6})")
_PCT_DOCDB = re.compile(rf"WO(?P<year>{_YEAR})(?P<office>[A-Z]{{2}})(?P<serial>[0-9]{{5,6}})W?")
_PCT_LENS = re.compile(rf"(?P<office>[A-Z]{{2}})(?P<year>{_YEAR})(?P<serial>[0-9]{{6}})W")
_AMERICAN = re.compile(r"US(?:(?:19|20)[0-9]{2}/?)?([0-9]{2})/?([0-9]{3}),?([0-9]{3})[AEP]?")
_AMERICAN_ALONE = re.compile(r"([0-9]{2})/([0-9]{3}),?([0-9]{3})")
_EUROPEAN = re.compile(r"EP(?:19|20)([0-9]{2})0([0-9]{6})A?|EP([0-9]{2})([0-9]{6})(?:\.[0-9])?A?")
_KOREAN = re.compile(rf"(?:KR)?([123]0)-?({_YEAR})-?([0-9]{{7}})[AU]?")
_JAPANESE_APPLICATION = re.compile(rf"(?:JP|特願|特愿)({_YEAR})-?([0-9]{{1,6}})[AU]?")

_MARKS_BUT_POINT = re.compile(r"[^0-9A-Z.]")
_CHECK_DIGIT = re.compile(r"\.[0-9X]$")
_COUNTRY = re.compile("[A-Z]{2}")
_FEWEST_DIGITS = 5
"""Of an application's number; what has fewer is a remark (申请中)."""

_ORGANISATION = re.compile(r"([0-9A-Z]{8})-([0-9X])")


def patent_number(text: str, *, bare: bool = False) -> str | None:
    """The publication or application that a text names and nothing else, as ids are kept; ``None`` where it is none.

    Args:
        text: in any spelling.
        bare: whether twelve digits alone are an application, as in a column of such; else they may be anything.
    """
    if _KEPT.fullmatch(text):
        return text
    return _patent_number(text, bare) if len(text) <= LONGEST_NUMBER else None


def application_number(text: str) -> str | None:
    """The application that a text names, in one spelling; ``None`` where its form is none that is known.

    Chinese ones are ``CN201910012345.6``, the check digit reckoned where it is not given; others begin with their
    office (``US17848330``), international ones stay ``PCT/BR2013/000094``.
    """
    return _application_number(text) if len(text) <= LONGEST_NUMBER else None


def application_key(number: str, record_id: str) -> str | None:
    """What two spellings of one application share, without its check digit; ``None`` where there is no number.

    Args:
        number: of the application, in any spelling.
        record_id: of the publication, whose office counts where the number names none: two offices may give one.
    """
    plain = application_number(number) or _MARKS_BUT_POINT.sub("", number.upper())
    plain = _CHECK_DIGIT.sub("", plain).replace(".", "")
    if sum(map(str.isdigit, plain)) < _FEWEST_DIGITS:
        return None
    return plain if _COUNTRY.match(plain) else f"{record_id[:2] if _COUNTRY.match(record_id) else ''}{plain}"


def firm_code(text: str) -> str:
    """A firm's code without spaces: credit codes and organisation codes in capitals, any other id in its own case."""
    code = settled(text.translate(_DASHES) if not text.isascii() else text)
    if not code.isascii() or code.isdigit():
        return code
    capitals = code.upper()
    if len(capitals) == CREDIT_CODE_CHARS:
        return capitals
    bare = capitals.replace("-", "")
    if len(bare) == CREDIT_CODE_CHARS and bare.isalnum() and bare[2:8].isdigit():
        return bare
    return capitals if _ORGANISATION.fullmatch(capitals) else code


def kept_id(kind: Kind, text: str) -> str:
    """An id as records of a kind are kept under it, from any spelling of it; what is in one already stays as it is."""
    if kind is Kind.PATENTS and (number := patent_number(text)) is not None:
        return number
    if kind is Kind.FIRMS:
        return firm_code(text)
    return text if text.isascii() and text.isalnum() else settled(text)


def settled(text: str) -> str:
    """An id folded until folding it again changes nothing, so that what is given out is taken back as the same."""
    for _ in range(_MOST_FOLDS):
        before, text = text, "".join(fold_line(text).split())
        if text == before:
            break
    return text


@lru_cache(maxsize=_CACHED)
def _patent_number(text: str, bare: bool) -> str | None:
    plain = _plain(text)
    found = _chinese_application(plain, bare=bare, dotted=True)
    return found or _publication(plain) or _chinese_application(plain, bare=bare, dotted=False)


@lru_cache(maxsize=_CACHED)
def _application_number(text: str) -> str | None:
    plain = _plain(text)
    for read in _APPLICATIONS:
        if (found := read(plain)) is not None:
            return found
    return None


def _plain(text: str) -> str:
    """A number in capitals without spaces, its label and a remark behind it."""
    plain = _SPACE.sub("", normalize("NFKC", text)).upper().translate(_DASHES).strip("='\"`;,。、")
    if label := _LABEL.match(plain):
        plain = plain[label.end() :]
    return _REMARK.sub("", plain)


def _publication(plain: str) -> str | None:
    joined = _MARKS.sub("", plain)
    if _CHINESE_ALONE.fullmatch(joined):
        return f"CN{joined}"
    if (japanese := _japanese(plain)) is not None:
        return japanese
    if joined.startswith("ZL"):  # people put it before publications, too
        joined = f"CN{joined[2:]}"
    match = _PUBLICATION.fullmatch(joined)
    if match is None or match["office"] not in _OFFICES:
        return None
    office, letters, digits, kind = match["office"], match["letters"], match["digits"], match["kind"] or ""
    if letters:
        fits = letters in _LETTERS.get(office, ())
    else:
        fits = len(digits) in _LENGTHS.get(office, _OTHER_LENGTHS)
        fits = fits and (bool(kind) or len(digits) >= _FEWEST_BARE or office in _LENGTHS)
    return f"{office}{letters}{_filled(office, letters, digits, kind)}{kind}" if fits else None


def _filled(office: str, letters: str, digits: str, kind: str) -> str:
    """The digits as most sources have them: some leave zeros, the century or the kind of right out."""
    if office == "EP" and not letters:
        return digits.zfill(7)
    if office == "US" and len(digits) == 10 and digits[:2] == "20":
        return f"{digits[:4]}{digits[4:].zfill(7)}"  # DOCDB: US2020999902A1 is US 2020/0999902 A1
    if office == "WO" and len(digits) < 10 and not letters:
        century = "19" if digits[0] in "789" else "20"  # WO 98/12345 is WO 1998/012345
        return f"{century}{digits[:2]}{digits[2:].zfill(6)}"
    if office == "KR" and len(digits) == 11 and digits[:2] in ("19", "20") and kind[:1] in ("A", "U"):
        return f"{'10' if kind.startswith('A') else '20'}{digits}"
    return digits


def _japanese(plain: str) -> str | None:
    if grant := _JAPANESE_GRANT.fullmatch(plain):
        return f"JP{grant[1]}B"
    match = _JAPANESE.fullmatch(plain)
    if match is None or plain[:1].isdigit():
        return None
    era, year, serial, kind = match["era"], match["year"], match["serial"], match["kind"] or ""
    if not plain.startswith("JP"):
        if plain[0] not in "特再":
            return None
        kind = kind or "A"
    if era is None:
        return f"JP{year}{serial.zfill(6)}{kind}" if len(year) == 4 else None
    return f"JP{_ERAS[era]}{year.zfill(2)}{str(int(serial)).zfill(5)}{kind}" if len(year) <= 2 else None


def _chinese_application(plain: str, *, bare: bool, dotted: bool) -> str | None:
    """A Chinese application; only one with an office, its dot or the right check digit, unless ``bare``."""
    match = _CHINESE.fullmatch(plain)
    if match is None:
        old = _OLD_CHINESE.fullmatch(plain)
        if old is None or not (old["dot"] or (old["office"] and "ZL" in old["office"]) or (bare and old["check"])):
            return None
        return _with_check(old["number"], old["check"])
    if dotted and match["dot"] != ".":
        return None
    number = f"{match['year']}{match['type']}{match['serial']}"
    certain = match["office"] or match["dot"] == "." or match["check"] == check_digit(number)
    return _with_check(number, match["check"]) if certain or bare else None


def _with_check(number: str, given: str | None) -> str:
    return f"CN{number}.{given or check_digit(number)}"


def _column_application(plain: str) -> str | None:
    if short := _SHORT_CHINESE.fullmatch(plain):
        return _with_check(f"{short[1]}{short[2]}0{short[3]}", None)
    if padded := _PADDED_CHINESE.fullmatch(plain):
        return _with_check(f"{padded['year']}{padded['type']}{padded['serial']}", None)
    return _chinese_application(plain, bare=True, dotted=False)


def _international(plain: str) -> str | None:
    match = _PCT.fullmatch(plain) or _PCT_DOCDB.fullmatch(plain) or _PCT_LENS.fullmatch(plain)
    if match is None:
        return None
    year = match["year"]
    if len(year) == 2:
        year = f"{'19' if year[0] in '789' else '20'}{year}"
    return f"PCT/{match['office']}{year}/{match['serial'].zfill(6)}"


def _american(plain: str) -> str | None:
    match = _AMERICAN.fullmatch(plain) or _AMERICAN_ALONE.fullmatch(plain)
    return f"US{match[1]}{match[2]}{match[3]}" if match else None


def _european(plain: str) -> str | None:
    match = _EUROPEAN.fullmatch(plain)
    return f"EP{match[1] or match[3]}{match[2] or match[4]}" if match else None


def _korean(plain: str) -> str | None:
    match = _KOREAN.fullmatch(plain)
    return f"KR{match[1]}{match[2]}{match[3]}" if match and ("-" in plain or plain.startswith("KR")) else None


def _japanese_application(plain: str) -> str | None:
    match = _JAPANESE_APPLICATION.fullmatch(plain)
    return f"JP{match[1]}{match[2].zfill(6)}" if match else None


_APPLICATIONS: tuple[Callable[[str], str | None], ...] = (
    _international, _column_application, _american, _european, _korean, _japanese_application
)  # fmt: skip
