"""Names of holders: lists of them, and which kind of holder a name stands for."""

from __future__ import annotations

import re
from functools import lru_cache

from app.domain import HolderType

_SEPARATORS = re.compile(r"[;|\n\r\t、]+|(?<=\s)/(?=\s)|(?<=[\u3400-\u9fff)])/(?=[\u3400-\u9fff])")
_LIST_COMMA = re.compile(
    r",(?!\s{0,3}(?:ltd|inc|llc|llp|l\.?l\.?c|l\.?p|corp|corporation|company|co\b|limited|incorporated|s\.?a|s\.?p\.?a|s\.?r\.?l|sarl|n\.?v|b\.?v|a\.?g|k\.?k"
    r"|kg|oy|ab|gmbh|plc|pte|pty|jr|sr|ii|iii)\b)",
    re.IGNORECASE,
)
_PART_OF = re.compile(
    r"(?:the\s|\w{1,20}\s)?(?:institute|school|college|faculty|department|cent(?:er|re)|laborator(?:y|ies)|division|academy"
    r"|branch|hospital)\s(?:of|for|at|on)\b|[^,]{1,60}\bhospital$",
    re.IGNORECASE,
)
"""What may be of the body named behind the next comma: Institute of Chemistry, Chinese Academy of Sciences."""
_NUMBERED = re.compile(r"\s*\(?1\s?[.、)](?=\s?[^\d\s])")
_NUMBER = re.compile(r"(?:^|[\s;,、])?\(?(?<!\d)\d{1,2}\s?[.、)]\s?(?=[^\d\s.])|[①-⑳]")
_ASIDE = re.compile(
    r"\s{0,3}(?:\[[A-Za-z]{2}(?:[;,]\s?[A-Za-z]{2}){0,9}\]|\([A-Z]{2}\)|\[(?:中国|美国|日本|韩国|德国)\]"
    r"|\((?:19|20)\d\d[-/.]\d\d?[-/.]\d\d?[^()]{0,12}\)"  # since when, of Lens
    r"|\([A-Z0-9]{4}-[A-Za-z-]{1,14}\))$"  # the codes of Derwent: (IMAG-C)
)
_OFFICES = re.compile(r"\(?\[[A-Za-z]{2}(?:[;,]\s?[A-Za-z]{2}){0,9}\]\)?")
_MOST_ASIDES = 4
_EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_HAN_NAME = re.compile("[\u3400-\u9fff]{2,4}(?<![县市省区府県局站厅院店])(?<!协会|学会|电网|银行)")
"""Two to four characters are a person's name, unless the end is that of an office, a place or a body."""

# In this order: 北京大学科技有限公司 is a firm, 浙江大学医学院附属第一医院 a hospital, 中国科学院大学 a university,
# and the 学院 in 中国科学院长春应用化学研究所 is none.
_KINDS: tuple[tuple[HolderType, re.Pattern[str]], ...] = (
    (
        HolderType.FIRM,
        re.compile(
            r"公司|集团$|厂$|工厂|企业$|合作社|有限合伙|事务所$|株式会社|有限会社|合同会社|株式會社|股份|주식회사|\(주\)|유한회사|工场$|商行$|经营部$|店$"
            r"|\b(?:co|corp|corporation|company|ltd|limited|inc|incorporated|llc|llp|plc|gmbh|kgaa|kg|ag|ab|oy|oyj|bv|nv|sa|sas|srl|spa|aps|a/s|kk|pte|pty"
            r"|holdings?|group|plant|factory|industries|technologies|pharmaceuticals)\b|\b(?:s\.a|b\.v|n\.v|s\.p\.a|k\.k|l\.l\.c)\.?(?=\W|$)",
            re.IGNORECASE,
        ),
    ),
    (
        HolderType.HOSPITAL,
        re.compile(
            r"医院|醫院|卫生院|保健院|医学中心|病院|병원|의료원"
            r"|\b(?:hospital|clinic|klinik\w*|medical cent(?:er|re))\b",
            re.IGNORECASE,
        ),
    ),
    (
        HolderType.UNIVERSITY,
        re.compile(
            r"大学(?!.{0,60}(?:研究院|研究所)$)|大學|学校|高专|대학|산학협력단|학교법인|과학기술원"
            r"|\b(?:universit\w*|univ|college|polytechnic\w*|hochschule|institute of technology|ecole|école|school)\b",
            re.IGNORECASE,
        ),
    ),
    (
        HolderType.INSTITUTE,
        re.compile(
            r"研究所|研究院|科学院|科學院|农科院|研究中心|设计院|勘察院|规划院|实验室|研究总院|工程院|研究会|技术中心$|推广站|监测站|检测中心|研究機構|機構$|연구원|연구소"
            r"|\b(?:institut\w*|academy|research|laborator\w+|cent(?:er|re)|cnrs|csic|fraunhofer|agency|foundation)\b",
            re.IGNORECASE,
        ),
    ),
    (HolderType.UNIVERSITY, re.compile(r"学院|學院|大学")),
)


_WORDS_OF_ITS_OWN = re.compile(
    r"[\u3400-\u9fff()]{2,60}(?:公司|大学|公司[\u3400-\u9fff]{0,20}(?:研究院|研究所|设计院|分公司|中心))|[\u3400-\u9fff]{2,3}"
)
"""A whole name of a body or a person: where a cell holds nothing else, spaces are between names.
中国科学院 化学研究所 is one."""


def split_names(text: str) -> tuple[str, ...]:
    """The names in a cell, without countries, codes and days behind them.

    A comma separates names of East Asian script, and those that are all of bodies: ``Imaginary University, Imaginary
    Membrane Co., Ltd.`` are two, ``Seven Days Hotel, Ltd.`` and ``Smith, John`` are one each.
    """
    if _NUMBERED.match(text):
        text = _NUMBER.sub("\n", text)
    elif "①" in text:
        text = _NUMBER.sub(lambda number: "\n" if "①" <= number[0] <= "⑳" else number[0], text)
    names: dict[str, None] = {}
    for entry in _SEPARATORS.split(_OFFICES.sub(" ", text)):
        names.update(dict.fromkeys(name for part in _by_commas(entry) if (name := bare_name(part))))
    return tuple(names)


def bare_name(name: str) -> str:
    """A name without what registers write behind it: ``[CN]``, ``(IMAG-C)``, ``(2022-06-01)``."""
    name = name.strip(" ,")
    for _ in range(_MOST_ASIDES):
        bare = _ASIDE.sub("", name).strip(" ,")
        if not bare or bare == name:
            break
        name = bare
    return name


def split_at_commas(entry: str) -> list[str]:
    """What stands between commas, but for the legal form of a name: ``Imaginary Membrane Co., Ltd.`` is one."""
    return [part for part in _LIST_COMMA.split(entry) if part.strip()]


def _by_commas(entry: str) -> list[str]:
    parts = split_at_commas(entry)
    if len(parts) < 2 or all(_EAST_ASIAN.search(part) for part in parts):
        return [name for part in parts for name in _by_spaces(part)]
    joined: list[str] = []
    alone = False
    for part in parts:
        if alone and _PART_OF.match(joined[-1].strip()):
            joined[-1], alone = f"{joined[-1]},{part}", False
        else:
            joined.append(part)
            alone = True
    bodies = all(holder_type_of(bare_name(part)) not in (None, HolderType.PERSON) for part in joined)
    return joined if bodies else [entry]


def _by_spaces(part: str) -> list[str]:
    names = part.split()
    if len(names) < 2 or not all(map(_WORDS_OF_ITS_OWN.fullmatch, names)):
        return [part]
    return names if len({holder_type_of(name) == HolderType.PERSON for name in names}) == 1 else [part]


@lru_cache(maxsize=16384)
def holder_type_of(name: str) -> str | None:
    """The :class:`~app.domain.HolderType` that ``name`` stands for, ``None`` when it does not say."""
    for kind, pattern in _KINDS:
        if pattern.search(name):
            return str(kind)
    return str(HolderType.PERSON) if _HAN_NAME.fullmatch(name) else None
