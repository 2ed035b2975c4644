"""Figures with units: 不低于10 kW, 5um, 10-20 ℃, 1万瓦, as intervals of one base unit a dimension.

A query's figure is compared with the figures of the same dimension that a record states, those beside the same word
(温度, 厚度, 粒径) before all others. What no figure of a record can be held against is silent, which is no fault of it.

The units are a table of our own (`units.toml`): Chinese names, 万 and 亿, and what patents write are most of it, and no
library for units reads those.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal
from unicodedata import normalize

from app.text.reading import read

MOST_FIGURES = 64
"""Figures of one text that are looked at; a table of measurements has hundreds, and the first tell what is meant."""
MOST_NUMBERS = 4_000
"""Numbers that are looked at for a unit: a text that is all numbers would take a second."""
_LONGEST_UNIT = 12
_BESIDE = 14
"""Characters before a figure in which the word that it belongs to is looked for."""
_TOLERANCE = 1e-6
_ABOUT = 0.1
"""How far from a figure that is said to be rough (约, about) another may lie, relative to it."""

State = Literal["met", "not_met", "silent"]

_INFINITE = float("inf")
_PREFIXES = {"G": 1e9, "M": 1e6, "k": 1e3, "c": 1e-2, "d": 1e-1, "m": 1e-3, "μ": 1e-6, "u": 1e-6, "n": 1e-9, "p": 1e-12}
_CHINESE_PREFIXES = dict(zip("吉兆千厘分毫微纳皮", (1e9, 1e6, 1e3, 1e-2, 1e-1, 1e-3, 1e-6, 1e-9, 1e-12), strict=True))
_MULTIPLIERS = {"": 1.0, "十万": 1e5, "百万": 1e6, "千万": 1e7} | dict(
    zip("十百千万亿", (10.0, 1e2, 1e3, 1e4, 1e8), strict=True)
)


def _units() -> dict[str, tuple[str, float]]:
    """Each unit as texts write it: its dimension, and how many base units it is."""
    found: dict[str, tuple[str, float]] = {}
    for dimension, row in tomllib.loads(files("app.text").joinpath("units.toml").read_text(encoding="utf-8")).items():
        scaled = {**row.get("si", {}), **row.get("si_gram", {})}
        for unit, factor in scaled.items():
            prefixes = _PREFIXES if unit[0].isascii() or unit == "Ω" else _CHINESE_PREFIXES
            found |= {prefix + unit: (dimension, power * factor) for prefix, power in prefixes.items()}
        found |= {unit: (dimension, factor) for unit, factor in (scaled | row.get("units", {})).items()}
    return {_plain(unit): value for unit, value in found.items()}


_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_POWER = re.compile("(?<=10)([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4})")
_SAME = str.maketrans({"⋅": "·", "•": "·", "∙": "·", "−": "-", "∼": "~", "〜": "~", "–": "-", "—": "-", "Ω": "Ω"})


def _plain(text: str) -> str:
    """A text as figures are read in it: NFKC, Simplified, powers of ten as ``10^5``."""
    if not text.isascii():
        text = _POWER.sub(lambda match: "^" + match[1].translate(_SUPERSCRIPTS), text)
        text = normalize("NFKC", text.translate(_SAME)).translate(_SAME)
    return read(text, "zh")


_UNITS = _units()
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_TIMES = r"(?:\s?[x×*]\s?10\^?(-?\d{1,2}))?"
_MULTIPLIED = r"\s?(十万|百万|千万|十|百|千|万|亿)?"
_FIGURE = re.compile(
    rf"(?<![A-Za-z0-9.])(?P<minus>(?<![\d%°C])-|零下|负)?(?P<number>{_NUMBER}){_TIMES.replace('(-', '(?P<power>-')}"
    rf"{_MULTIPLIED.replace('(十万', '(?P<multiplier>十万')}\s?"
)
_TO = re.compile(r"\s?(?:~|-|至|到|\bto\b)\s?")
_PLUS_MINUS = re.compile(r"\s?(?:±|\+/-|\+-)\s?")
_AT_LEAST_BEFORE = re.compile(
    r"(?:≥|>=|>|≧|不低于|不小于|不少于|不得低于|不得少于|大于等于|大于或等于|大于|高于|超过|超|至少|最少|最小|"
    r"at least|more than|greater than|over|above|not less than)\s?$",
    re.IGNORECASE,
)
_AT_MOST_BEFORE = re.compile(
    r"(?:≤|<=|<|≦|不高于|不大于|不超过|不多于|不得高于|不得超过|不得大于|小于等于|小于或等于|小于|低于|少于|最多|至多|"
    r"最大|at most|less than|not more than|up to|below|under|within)\s?$",
    re.IGNORECASE,
)
_ABOUT_BEFORE = re.compile(r"(?:约为?|大约|近|approximately|about|around|~|≈)\s?$", re.IGNORECASE)
_AT_LEAST_AFTER = re.compile(r"\s?(?:或|及)?(?:以上|之上|or more|and above)", re.IGNORECASE)
_AT_MOST_AFTER = re.compile(r"\s?(?:或|及)?(?:以下|以内|之内|之下|or less|and below)", re.IGNORECASE)
_ABOUT_AFTER = re.compile(r"\s?(?:左右|上下)")
_LOOKED_BACK = 22
_WORDS = (
    "温度|熔点|沸点|温升|厚度|直径|孔径|粒径|粒度|长度|宽度|高度|深度|精度|误差|公差|粗糙度|间距|间隙|距离|功率|电压|电流|电阻|容量|能量密度|"
    "比容量|密度|强度|抗拉强度|屈服强度|压力|压强|硬度|转速|速度|流量|效率|浓度|含量|纯度|湿度|含水率|水分|回收率|去除率|转化率|收率|产率|合格率|成活率|寿命|时间|周期|频率|"
    "噪声|噪音|重量|质量|载荷|扭矩|面积|体积|波长|分辨率|增益|衰减|temperature|thickness|diameter|size|length|width|height|power|voltage|current|"
    "capacity|density|strength|pressure|speed|flow|efficiency|concentration|purity|lifetime|frequency"
)
_WORD = re.compile(_WORDS, re.IGNORECASE)
_SHORT_WORD = re.compile("(?<![提升最增延伸加])[厚长宽高深](?=[约为是达:]?$)")
_BREAK = re.compile(r"[,，;；。!！?？\n]")
_ALIKE = {word: f"{word}度" for word in "厚长宽高深"} | {"噪音": "噪声", "粒度": "粒径", "公差": "精度", "误差": "精度"}
_YEARS = range(1900, 2101)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a text.

    Attributes:
        text: as it is written, with what compares it.
        dimension: what is measured, as `units.toml` names it.
        low: the least that it covers, in base units; minus infinity where it is open.
        high: the most.
        word: what it is of (温度), where the text says so right before.
    """

    text: str
    dimension: str
    low: float
    high: float
    word: str | None = None

    @property
    def exact(self) -> bool:
        """Whether it is closed on both sides."""
        return self.low > -_INFINITE and self.high < _INFINITE

    def within(self, other: Figure) -> bool:
        """Whether all that it covers lies in another, up to rounding."""
        return self.low >= other.low - _slack(other.low) and self.high <= other.high + _slack(other.high)

    def meets(self, other: Figure) -> bool:
        """Whether some of what it covers lies in another, up to rounding."""
        return self.low <= other.high + _slack(other.high) and self.high >= other.low - _slack(other.low)


def _slack(bound: float) -> float:
    return abs(bound) * _TOLERANCE if abs(bound) < _INFINITE else 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of a query and what a record says of it; ``record`` is ``None`` where it is silent."""

    query: Figure
    record: Figure | None
    state: State


def figures(text: str) -> tuple[Figure, ...]:
    """The figures with units of a text, in its order, each once; at most `MOST_FIGURES`."""
    return _figures(text)


@lru_cache(maxsize=256)
def _figures(text: str) -> tuple[Figure, ...]:
    plain, found, place, looked_at = _plain(text), dict[Figure, None](), 0, 0
    while len(found) < MOST_FIGURES and looked_at < MOST_NUMBERS and (match := _FIGURE.search(plain, place)):
        figure, place = _figure(plain, match)
        looked_at += 1
        if figure is not None:
            found[figure] = None
    return tuple(found)


def compared(query: Iterable[Figure], record: Sequence[Figure]) -> tuple[Comparison, ...]:
    """What a record says of each figure of a query.

    Figures of one dimension are compared: those of the same word where the query's has one, or else those of no word.
    A figure that is open on the other side than the query's says nothing of it.

    Args:
        query: figures that are asked for.
        record: all figures of a record.
    """
    return tuple(_compared(asked, record) for asked in query)


def _compared(asked: Figure, record: Sequence[Figure]) -> Comparison:
    alike = [one for one in record if one.dimension == asked.dimension]
    own = [one for one in alike if one.word == asked.word]
    candidates = own or [one for one in alike if asked.word is None or one.word is None]
    judged = [(one, state) for one in candidates if (state := _state(asked, one)) != "silent"]
    best = next((pair for pair in judged if pair[1] == "met"), None)
    if best is None and judged and (own or asked.word is None):
        best = judged[0]
    return Comparison(asked, None, "silent") if best is None else Comparison(asked, best[0], best[1])


def _state(asked: Figure, said: Figure) -> State:
    if said.within(asked) or (asked.exact and asked.within(said)):
        return "met"
    if not asked.meets(said):
        return "not_met"
    if asked.exact or said.exact:
        return "met"
    same_side = (asked.low > -_INFINITE) == (said.low > -_INFINITE)
    return "not_met" if same_side else "silent"


def _figure(text: str, match: re.Match[str]) -> tuple[Figure | None, int]:
    """The figure that begins with a number, and where to go on reading."""
    low, unit, end = _value(match), _unit_at(text, match.end()), match.end()
    end += len(unit or "")
    high, spread = low, _second(text, end, _PLUS_MINUS, unit) or _second(text, end, _TO, unit)
    if spread is not None:
        mark, other, second = spread
        unit = unit or second
        value = _value(other) * _UNITS[second][1] / _UNITS[unit][1]
        if mark is _PLUS_MINUS:
            low, high = low - value, low + value
        else:
            if other["multiplier"] and not match["multiplier"]:  # 10-20万吨 is from 100,000 tonnes on
                low *= _MULTIPLIERS[other["multiplier"]]
            high = value
        end = other.end() + (len(second) if text.startswith(second, other.end()) else 0)
    if unit is None or _is_date(match, unit):
        return None, match.end()
    dimension, factor = _UNITS[unit]
    low, high = sorted((low * factor, high * factor))
    return _bounded(text, match.start(), end, (dimension, low, high))


def _second(
    text: str, place: int, mark: re.Pattern[str], unit: str | None
) -> tuple[re.Pattern[str], re.Match[str], str] | None:
    """The second number of a range or a tolerance behind ``mark``, and its unit; that of the first where it has none.

    The second of a range has a unit, or what looks like one may be two numbers of a list.
    """
    if (found := mark.match(text, place)) is None or (other := _FIGURE.match(text, found.end())) is None:
        return None
    own = _unit_at(text, other.end())
    second = own or (unit if mark is _PLUS_MINUS else None)
    if second is None or (unit is not None and _UNITS[second][0] != _UNITS[unit][0]):
        return None
    return mark, other, second


def _bounded(text: str, start: int, end: int, found: tuple[str, float, float]) -> tuple[Figure, int]:
    """A figure with what compares it before and behind."""
    dimension, low, high = found
    before = text[max(0, start - _LOOKED_BACK) : start]
    compared_by, said = None, ""
    for pattern in (_AT_LEAST_BEFORE, _AT_MOST_BEFORE, _ABOUT_BEFORE):
        mark = pattern.search(before)
        if mark is not None and len(mark.group()) > len(said):  # 不超过 ends with 超过
            compared_by, said = pattern, mark.group()
    start -= len(said)
    for pattern in (_AT_LEAST_AFTER, _AT_MOST_AFTER, _ABOUT_AFTER):
        if compared_by is None and (mark := pattern.match(text, end)) is not None:
            compared_by, end = pattern, mark.end()
    if compared_by in (_AT_LEAST_BEFORE, _AT_LEAST_AFTER):
        high = _INFINITE
    elif compared_by in (_AT_MOST_BEFORE, _AT_MOST_AFTER):
        low = -_INFINITE
    elif compared_by is not None:
        low, high = low - abs(low) * _ABOUT, high + abs(high) * _ABOUT
    return Figure(text[start:end].strip(), dimension, low, high, _word_before(text, start)), end


def _value(match: re.Match[str]) -> float:
    value = float(match["number"].replace(",", "")) * _MULTIPLIERS[match["multiplier"] or ""]
    if match["power"]:
        value *= 10.0 ** int(match["power"])
    return -value if match["minus"] else value


def _unit_at(text: str, place: int) -> str | None:
    """The longest unit that stands at a place, Latin ones not within a word."""
    for length in range(min(_LONGEST_UNIT, len(text) - place), 0, -1):
        unit = text[place : place + length]
        after = text[place + length : place + length + 1]
        within = unit[-1].isascii() and unit[-1].isalnum() and after.isascii() and after.isalnum()
        if unit in _UNITS and not within:
            return unit
    return None


def _is_date(match: re.Match[str], unit: str) -> bool:
    """Whether it is the year 2016 rather than 2,016 years."""
    return unit == "年" and match["number"].isdigit() and int(match["number"]) in _YEARS


def _word_before(text: str, place: int) -> str | None:
    clause = _BREAK.split(text[max(0, place - _BESIDE) : place])[-1]
    words = _WORD.findall(clause) or _SHORT_WORD.findall(clause.rstrip())
    return _ALIKE.get(words[-1], words[-1].lower()) if words else None
