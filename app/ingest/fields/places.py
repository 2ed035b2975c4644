"""Places of China and their GB/T 2260 codes."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from unicodedata import normalize

from app.text.numbers import CREDIT_CODE_CHARS

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
_NAMES = PROVINCES | _TRADITIONAL | {"海南藏族": "6325", "海南州": "6325"}
_CODES = frozenset(PROVINCES.values())
_LONGEST_NAME = max(map(len, _NAMES))
_CHINA = re.compile(r"^(?:中国|中國|中华人民共和国|CN|CHN)[\s\-;,/:]*", re.IGNORECASE)
_CODED = re.compile(r"(?<!\d)(\d{2}|\d{4}|\d{6})(?!\d)")
_BETWEEN = re.compile(r"[\s\-/,>·|;]+")
_OF_PROVINCE = re.compile("^(?:省|市|(?:壮族|回族|维吾尔)?自治区|特别行政区|市辖区)")
_ENDING = re.compile(
    "(?:(?:蒙古族?|回族|藏族|维吾尔族?|哈萨克族?|柯尔克孜族?|苗族|彝族|壮族|布依族|朝鲜族|侗族|土家族|哈尼族|傣族|黎族|羌族|景颇族|"
    "傈僳族|白族)*自治[州县]|新区|[市盟区县]|地区|林区)$"
)
_SHARED = ("和平", "宝山", "普陀", "朝阳", "江北", "河东", "通州")
"""Districts of the municipalities whose names districts elsewhere have too."""
_LONGEST_DIVISION = 14
"""Characters of 积石山保安族东乡族撒拉族自治县, and fewer of all that are listed."""
_ELSEWHERE = re.compile("[\u3040-\u30ff\uac00-\ud7af]|[都道府県縣]$")


@lru_cache(maxsize=16384)
def region_code(place: str) -> str | None:
    """The GB/T 2260 code of ``place``: a code as it stands, or the deepest that its names are sure of.

    Two digits of a province, four of a city or prefecture, six of a district of the four municipalities and of a place
    that its province administers itself. A city needs no province before it, where there is one of its name.
    """
    text = normalize("NFKC", place).strip()
    if text.isascii() and text.isdigit():
        return text if is_region_code(text) else None
    text = _CHINA.sub("", text)
    if text.isascii():
        words = " ".join(text.lower().replace("province", " ").split(",")[0].split())
        return _ENGLISH.get(words) or _ENGLISH.get(words.removesuffix(" city"))
    bare = _BETWEEN.sub("", text)
    for length in range(_LONGEST_NAME, 1, -1):
        if code := _NAMES.get(bare[:length]):
            rest = bare[length:]
            # 吉林市 is the city that is called as its province is.
            return _within(code, rest) or (rest.startswith("市") and _within(code, bare)) or code
    if city := _city(bare):
        return city
    coded = _CODED.search(text)  # 重庆;85 is of the office's own codes, 广东(440000) of GB/T 2260
    return coded[1] if coded and is_region_code(coded[1]) else None


def _within(province: str, rest: str) -> str | None:
    """The place of a province that ``rest`` begins with."""
    rest = _OF_PROVINCE.sub("", rest)
    names = _divisions()
    lengths = range(min(len(rest), _LONGEST_DIVISION), 1, -1)
    return next((code for length in lengths if (code := names.get((province, rest[:length])))), None)


def _city(text: str) -> str | None:
    """The place that ``text`` begins with where only one province has it."""
    codes = {code for province in _CODES if (code := _within(province, text))}
    return codes.pop() if len(codes) == 1 and not text.startswith(_SHARED) else None


@cache
def _divisions() -> dict[tuple[str, str], str]:
    """Province and a name, whole or without what it ends with -> code."""
    found: dict[tuple[str, str], str] = {}
    short: dict[tuple[str, str], set[str]] = {}
    for line in Path(__file__).with_name("places.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            code, name = line.split("\t")
            found[code[:2], name] = code
            stem = _ENDING.sub("", name)
            if len(stem) > 1:
                short.setdefault((code[:2], stem), set()).add(code)
    return {key: next(iter(codes)) for key, codes in short.items() if len(codes) == 1} | found


def is_region_code(digits: str) -> bool:
    """Whether ``digits`` has the form of a GB/T 2260 code of an existing province."""
    return 2 <= len(digits) <= 6 and digits[:2] in _CODES


def is_county(place: str) -> bool:
    """Whether ``place`` is by its name a district or a county, of which few have a code here."""
    return place.rstrip().endswith(("区", "县", "旗"))


@lru_cache(maxsize=4096)
def is_elsewhere(place: str) -> bool:
    """Whether ``place`` is plainly one of Japan or Korea, so that it has no code and nothing is wrong with it."""
    return bool(_ELSEWHERE.search(place))


def credit_code_region(code: str) -> str | None:
    """The six digits of region in an 18-character unified social credit code (places 3 to 8)."""
    digits = code[2:8]
    return (
        digits
        if len(code) == CREDIT_CODE_CHARS and digits.isascii() and digits.isdigit() and digits[:2] in _CODES
        else None
    )
