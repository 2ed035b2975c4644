"""Provinces of China and their GB/T 2260 codes."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import normalize

PROVINCES = {
    "北京": "11", "天津": "12", "河北": "13", "山西": "14", "内蒙古": "15", "辽宁": "21", "吉林": "22",
    "黑龙江": "23", "上海": "31", "江苏": "32",
    "浙江": "33", "安徽": "34", "福建": "35", "江西": "36", "山东": "37", "河南": "41", "湖北": "42", "湖南": "43",
    "广东": "44", "广西": "45",
    "海南": "46", "重庆": "50", "四川": "51", "贵州": "52", "云南": "53", "西藏": "54", "陕西": "61", "甘肃": "62",
    "青海": "63", "宁夏": "64",
    "新疆": "65", "台湾": "71", "香港": "81", "澳门": "82",
}  # fmt: skip
"""The 34 provincial units, by their short names."""

_TRADITIONAL = {"內蒙古": "15", "遼寧": "21", "黑龍江": "23", "江蘇": "32", "廣東": "44", "廣西": "45", "重慶": "50",
    "貴州": "52", "雲南": "53",
                "陝西": "61", "甘肅": "62", "寧夏": "64", "臺灣": "71", "台灣": "71", "澳門": "82"}  # fmt: skip
_ENGLISH = {
    "beijing": "11", "tianjin": "12", "hebei": "13", "shanxi": "14", "inner mongolia": "15", "liaoning": "21",
    "jilin": "22", "heilongjiang": "23",
    "shanghai": "31", "jiangsu": "32", "zhejiang": "33", "anhui": "34", "fujian": "35", "jiangxi": "36",
    "shandong": "37", "henan": "41", "hubei": "42",
    "hunan": "43", "guangdong": "44", "guangxi": "45", "hainan": "46", "chongqing": "50", "sichuan": "51",
    "guizhou": "52", "yunnan": "53", "tibet": "54",
    "xizang": "54", "shaanxi": "61", "gansu": "62", "qinghai": "63", "ningxia": "64", "xinjiang": "65",
    "taiwan": "71", "hong kong": "81", "hongkong": "81",
    "macau": "82", "macao": "82",
}  # fmt: skip
_NAMES = PROVINCES | _TRADITIONAL
_CODES = frozenset(PROVINCES.values())
_LONGEST_NAME = max(map(len, _NAMES))
_CHINA = re.compile(r"^(?:中国|中國|中华人民共和国|CN|CHN)[\s\-;,/:]*", re.IGNORECASE)
_CODED = re.compile(r"(?<!\d)(\d{2}|\d{4}|\d{6})(?!\d)")
_ELSEWHERE = re.compile("[\u3040-\u30ff\uac00-\ud7af]|[都道府県縣]$")


@lru_cache(maxsize=16384)
def region_code(place: str) -> str | None:
    """The GB/T 2260 code of ``place``: a code as it stands, or two digits where a province's name comes first."""
    text = normalize("NFKC", place).strip()
    if text.isascii() and text.isdigit():
        return text if is_region_code(text) else None
    text = _CHINA.sub("", text)
    for length in range(_LONGEST_NAME, 1, -1):
        if code := _NAMES.get(text[:length]):
            return code
    if text.isascii():
        words = " ".join(text.lower().replace("province", " ").split(",")[0].split())
        return _ENGLISH.get(words) or _ENGLISH.get(words.removesuffix(" city"))
    coded = _CODED.search(text)  # 重庆;85 is of the office's own codes, 广东(440000) of GB/T 2260
    return coded[1] if coded and is_region_code(coded[1]) else None


def is_region_code(digits: str) -> bool:
    """Whether ``digits`` has the form of a GB/T 2260 code of an existing province."""
    return 2 <= len(digits) <= 6 and digits[:2] in _CODES


@lru_cache(maxsize=4096)
def is_elsewhere(place: str) -> bool:
    """Whether ``place`` is plainly one of Japan or Korea, so that it has no code and nothing is wrong with it."""
    return bool(_ELSEWHERE.search(place))


def credit_code_region(code: str) -> str | None:
    """The six digits of region in an 18-character unified social credit code (places 3 to 8)."""
    digits = code[2:8]
    return digits if len(code) == 18 and digits.isascii() and digits.isdigit() and digits[:2] in _CODES else None
