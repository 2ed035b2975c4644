"""Codes as the standards write them: ids of documents, IPC symbols, unified social credit codes, industries."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import mul
from unicodedata import normalize

_ENTRY_SEPARATORS = re.compile(r"[;,|\n\r\t、。]+")
_VERSION = re.compile(r"\(\s*(?:19|20)\d\d[.\-]?\d{0,2}\s*\)\s*[A-Z]{0,2}|\[\s*\d{1,4}(?:[.\-]\d{1,2})?\s*\]")
_LABEL = re.compile(r"^\s*(?:INT\.?\s*CL\.?\s*\d?|IPC(?:-?R|\d)?)\s*[:.]?\s*")
_SYMBOL = re.compile(r"([A-H]\d{2}[A-Z])\s*(\d{1,4})\s*/\s*(\d{2,6})(?!\d)")
_SHORT_SYMBOL = re.compile(r"[A-H]\d{2}(?:[A-Z](?:\d{1,4})?)?")
_FIXED_WIDTH = re.compile(r"([A-H]\d{2}[A-Z])(\d{4})(\d{6})")

_INDUSTRY = re.compile(r"[A-T]?\d{0,4}")
# A code with its name before or behind it.
_NAMED_INDUSTRY = re.compile(r"([A-T]\d{2,4})[\u3400-\u9fff(:\-].*|[\u3400-\u9fff].*\(([A-T]\d{0,4})\)")
_DIGITS_ONLY = re.compile(r"\d{2,4}")
_LAST_DIVISIONS = (
    (5, "A"), (12, "B"), (43, "C"), (46, "D"), (50, "E"), (52, "F"), (60, "G"), (62, "H"), (65, "I"), (69, "J"),
    (70, "K"), (72, "L"), (75, "M"), (79, "N"), (82, "O"), (83, "P"), (85, "Q"), (90, "R"), (96, "S"), (97, "T"),
)  # fmt: skip
"""The last division of each section of GB/T 4754-2017."""
_PUNCTUATION = re.compile(r"[\s,、;]+")
_INDUSTRY_SECTIONS = {
    "农林牧渔业": "A", "采矿业": "B", "制造业": "C", "电力热力燃气及水生产和供应业": "D", "建筑业": "E",
    "批发和零售业": "F",
    "交通运输仓储和邮政业": "G", "住宿和餐饮业": "H", "信息传输软件和信息技术服务业": "I", "金融业": "J",
    "房地产业": "K",
    "租赁和商务服务业": "L", "科学研究和技术服务业": "M", "水利环境和公共设施管理业": "N",
    "居民服务修理和其他服务业": "O",
    "教育": "P", "卫生和社会工作": "Q", "文化体育和娱乐业": "R", "公共管理社会保障和社会组织": "S", "国际组织": "T",
}  # fmt: skip
"""The names of GB/T 4754's sections, without punctuation."""

_ROUNDED = re.compile(r"[+-]?\d(?:\.\d+)?[eE]\+?\d{1,3}")

# GB 32100-2015: the characters of a unified social credit code in the order of their values, and their weights.
_CREDIT_ALPHABET = {character: value for value, character in enumerate("0123456789ABCDEFGHJKLMNPQRTUWXY")}
_CREDIT_WEIGHTS = (*(pow(3, place, 31) for place in range(17)), 1)
CREDIT_CODE_LENGTH = 18


def compact(text: str) -> str:
    """An id without inner white space: ``CN 104127172 A`` is ``CN104127172A``. Case is kept."""
    return "".join(text.split())


def is_rounded_number(text: str) -> bool:
    """Whether a spreadsheet program has turned a long code into a number such as ``9.1310E+17``."""
    return bool(_ROUNDED.fullmatch(text))


def credit_code_holds(code: str) -> bool:
    """Whether the check digit of an 18-character unified social credit code is right (GB 32100-2015)."""
    if len(code) != CREDIT_CODE_LENGTH:
        return False
    try:
        # The check digit makes the weighted sum a multiple of 31; its own weight is 1.
        total: int = sum(map(mul, map(_CREDIT_ALPHABET.__getitem__, code), _CREDIT_WEIGHTS))
    except KeyError:
        return False
    return total % 31 == 0


@lru_cache(maxsize=16384)
def ipc_codes(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The IPC symbols in ``text`` without repeats, and the parts of it that are none.

    Reads lists with any separator, version marks as in ``H01M 10/0567 (2006.01)i``, and WIPO ST.8's fixed width.
    """
    found: dict[str, None] = {}
    invalid = []
    for entry in _ENTRY_SEPARATORS.split(_VERSION.sub(" ", normalize("NFKC", text).upper())):
        symbols, rest = _symbols(_LABEL.sub("", entry))
        found.update(dict.fromkeys(symbols))
        if rest:
            invalid.append(rest)
    return tuple(found), tuple(invalid)


def _symbols(entry: str) -> tuple[list[str], str]:
    joined = compact(entry)
    if fixed := _FIXED_WIDTH.fullmatch(joined):
        section, group, subgroup = fixed.groups()
        return [f"{section}{int(group)}/{subgroup.rstrip('0').ljust(2, '0')}"], ""
    if _SHORT_SYMBOL.fullmatch(joined):
        return [joined], ""
    symbols = [f"{match[1]}{int(match[2])}/{match[3]}" for match in _SYMBOL.finditer(entry)]
    rest = _SYMBOL.sub(" ", entry).split()
    symbols += [word for word in rest if _SHORT_SYMBOL.fullmatch(word)]
    return symbols, " ".join(word for word in rest if not _SHORT_SYMBOL.fullmatch(word))


@lru_cache(maxsize=4096)
def industry_codes(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The GB/T 4754 codes in ``text`` (``C3841``, ``3841``, ``C38 电气机械``, 制造业), and its parts that are none."""
    normal = normalize("NFKC", text)
    if section := _INDUSTRY_SECTIONS.get(_PUNCTUATION.sub("", normal)):
        return (section,), ()
    found: dict[str, None] = {}
    invalid = []
    for entry in _ENTRY_SEPARATORS.split(normal):
        word = compact(entry)
        if not word:
            continue
        code = word.upper()
        if _INDUSTRY.fullmatch(code):
            found[code] = None
        elif named := _NAMED_INDUSTRY.fullmatch(code):
            found[named[1] or named[2]] = None
        elif section := _INDUSTRY_SECTIONS.get(word):
            found[section] = None
        else:
            invalid.append(word)
    return tuple(found), tuple(invalid)


def with_section(code: str) -> str | None:
    """An industry code with its section's letter: ``3841`` is ``C3841``; ``None`` where there is no such division."""
    if not _DIGITS_ONLY.fullmatch(code):
        return code if code[:1].isalpha() else None
    division = int(code[:2])
    return next((letter + code for last, letter in _LAST_DIVISIONS if 0 < division <= last), None)
