"""How a text is read by the model and the term index. What is stored and shown stays as its source wrote it.

One thing is written in many ways: in Traditional or Simplified characters, with the spaces of a scanner between them,
with pinyin behind them. Vectors and terms of the ways differ; of one reading they are the same. A text that is its own
reading, as most are, keeps the vector that was made of it.

Clauses of needs and of business scopes that say nothing of a subject are left out. The rules for them are data, each
with its reason, in Simplified Chinese, which is what they are looked for in. A clause goes, not its sentence, which may
tell the subject behind the next comma; where too little would be left, nothing goes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from unicodedata import combining, normalize

from opencc import OpenCC

from app.domain import AnyRecord, Firm, Need
from app.text.normalising import HAN, KANA_OR_HANGUL

READING = "2"
"""Of the reading. Another one is another meaning of every snapshot: count up whenever `read` or the stock changes."""

_ANY_HAN = re.compile(f"[{HAN}]")
_LAST_OF_PLANE = "\uffff"
# A character that stands alone is of a word that was torn apart; two words of a list (锂电池 电解液) stay two.
_TORN = re.compile(f"(?<![{HAN}])([{HAN}])[ \t\u3000]+(?=[{HAN}])|(?<=[{HAN}])[ \t\u3000]+(?=[{HAN}](?![{HAN}]))")

# Pinyin in brackets behind the characters that it spells, as rare elements and species have it: 碲(dì)化镉.
_TONED = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿ"
_PINYIN = re.compile(rf"(?P<han>[{HAN}]{{1,12}})[ ]?[(（](?P<letters>[a-z{_TONED}][a-z{_TONED}1-5' -]{{0,40}})[)）]")
_BETWEEN_SYLLABLES = re.compile("[1-5' -]+")
_LONGEST_SYLLABLE = 6


def read(text: str, lang: str | None) -> str:
    """The text as it is embedded; a text that is read already stays as it is.

    Args:
        text: cleaned as ingest cleans.
        lang: its language. Only Chinese is changed; where the language is not known, what looks Chinese.
    """
    if lang not in ("zh", None) or not _ANY_HAN.search(text):
        return text
    if lang is None and KANA_OR_HANGUL.search(text):
        return text
    return _one_script(text)


def term_reading(text: str) -> str:
    """The text in which terms are looked for: in NFKC, read as Chinese whatever its language, in lower case.

    Terms are only compared, so Japanese 電池 may well meet 电池.
    """
    return _one_script(normalize("NFKC", text)).casefold()


def as_written(text: str) -> str:
    """The text with its words whole but in its own script and case, so that it lines up with `term_reading`."""
    return _whole(normalize("NFKC", text))


def heading_of(record: AnyRecord) -> str:
    """The heading of a record as it is embedded."""
    return read(record.heading, record.lang)


def need_text_parts(title: str, text: str, lang: str | None) -> tuple[str, ...]:
    """Title and text of a need as they are embedded, without empty ones and without boilerplate."""
    return tuple(text_part for text_part in (read(title, lang), without_boilerplate(read(text, lang))) if text_part)


def text_parts_of(record: AnyRecord) -> tuple[str, ...]:
    """The text parts of a record as they are embedded."""
    if isinstance(record, Need):
        return need_text_parts(record.title, record.text, record.lang)
    text_parts = tuple(read(text_part, record.lang) for text_part in record.text_parts)
    if isinstance(record, Firm) and record.business_scope:
        return (*text_parts[:-1], without_legal_formulae(text_parts[-1]))
    return text_parts


def passage_of(record: AnyRecord) -> str:
    """The one text of a record that is embedded when it is what is searched for."""
    return "\n".join(text_parts_of(record))


def _one_script(text: str) -> str:
    if not _ANY_HAN.search(text):
        return text
    whole = _whole(text)
    simplified: str = _simplifier().convert(whole)
    # Some rare characters have a Simplified form that nobody uses and no model knows: 二噁英 is written with 噁.
    if max(simplified) <= _LAST_OF_PLANE or len(simplified) != len(whole):
        return simplified
    return "".join(old if new > _LAST_OF_PLANE else new for old, new in zip(whole, simplified, strict=True))


def _whole(text: str) -> str:
    """Without spaces inside words and without pinyin; each may hide the other, so until nothing changes."""
    while True:
        whole = without_pinyin(_TORN.sub(lambda match: match[1] or "", text))
        if whole == text:
            return text
        text = whole


@cache
def _simplifier() -> OpenCC:
    """Loaded when first needed. A conversion of 230 characters takes 4 microseconds, so nothing is tested before it."""
    return OpenCC("t2s")


def without_pinyin(text: str) -> str:
    """The text without bracketed pinyin of the characters right before it.

    With tone marks any syllables count, as long as there are characters for them; without, each must be a reading of
    its character: 基因(gene) and 氧化铝(Al2O3) stay.
    """
    if "(" not in text and "（" not in text:
        return text
    return _PINYIN.sub(_unspelt, text)


def _unspelt(match: re.Match[str]) -> str:
    han, letters = match["han"], match["letters"].rstrip()
    # Without tone marks, and with v for ü, as keyboards write it.
    plain = "".join(char for char in normalize("NFD", letters).replace("u\u0308", "v") if not combining(char))
    # Only marks are sure: (a1) behind 步骤 numbers a step.
    return han if _spells(_BETWEEN_SYLLABLES.sub("", plain), han, any_reading=plain != letters) else match.group()


def _spells(letters: str, han: str, *, any_reading: bool) -> bool:
    """Whether letters are readings of the last characters of ``han``, read from the end."""
    if not letters:
        return True
    if not han:
        return False
    syllables = _syllables()
    for length in range(min(_LONGEST_SYLLABLE, len(letters)), 0, -1):
        characters = syllables.get(letters[-length:])
        if characters is None or not (any_reading or han[-1] in characters):
            continue
        if _spells(letters[:-length], han[:-1], any_reading=any_reading):
            return True
    return False


@cache
def _syllables() -> dict[str, str]:
    """Each syllable without its tone, and the characters of GB 2312 that are read so, of pypinyin 0.55 (MIT)."""
    lines = files("app.text").joinpath("pinyin.tsv").read_text(encoding="utf-8").splitlines()
    table = dict(line.split("\t") for line in lines)
    # What keyboards without ü write beside lv and nv: 绿 as lü, nü, and after the mark is gone lu.
    return table | {"lue": table["lve"], "nue": table["nve"]}


FEWEST_LEFT, FEWEST_OF_SCOPE = 12, 3
"""Letters, digits and characters that must be left of a need's text, where fewer are a heading without its section, and
of a business scope, which may be two words: 服装制造."""
LEAST_SHARE = 1 / 3
"""Of a clause that its stock must make up: behind 朝天椒制种基地 a 投入110万 takes nothing away from the subject."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What marks a clause that is left out, and why it says nothing."""

    name: str
    reason: str
    patterns: tuple[str, ...]


_TABLES = tomllib.loads(files("app.text").joinpath("boilerplate.toml").read_text(encoding="utf-8"))
NEED_RULES, SCOPE_RULES = (
    tuple(Rule(row["name"], row["reason"], tuple(row["patterns"])) for row in _TABLES[kind])
    for kind in ("need", "scope")
)
"""Rules for the clauses of a need's text, between commas and full stops, and of a business scope."""

_CLAUSE = re.compile(r"[^,，。;；!！?？\n]+[,，。;；!！?？\n]*")
_BRACKETS = re.compile(r"[(（\[【]([^()（）\[\]【】]*)[)）\]】]")
_LEFT_OVER = re.compile(r"[(（\[【][\s,。;、:*]*[)）\]】]|(?<=[,。;、])[,。;、\s]+")
_LETTER = re.compile(r"[^\W_]")


def _any_of(rules: Iterable[Rule]) -> re.Pattern[str]:
    return re.compile("|".join(pattern for rule in rules for pattern in rule.patterns))


_OF_NEEDS, _OF_SCOPES = _any_of(NEED_RULES), _any_of(SCOPE_RULES)


def without_boilerplate(text: str) -> str:
    """A need's text without the clauses that `NEED_RULES` names; as it is where too little would be left."""
    if not _OF_NEEDS.search(text):
        return text
    kept = [clause for clause in _CLAUSE.findall(text) if not _mostly_boilerplate(clause)]
    return _enough("".join(kept).strip(), text)


def without_legal_formulae(text: str) -> str:
    """A business scope without the clauses that `SCOPE_RULES` names; as it is where too little would be left."""
    if not _OF_SCOPES.search(text):
        return text
    kept = _BRACKETS.sub(_without_bracket, text)
    kept = _OF_SCOPES.sub("", kept)
    # Again and again: an empty bracket that goes may leave two marks side by side, or another empty bracket.
    while (tidied := _LEFT_OVER.sub("", kept)) != kept:
        kept = tidied
    return _enough(kept.strip(" ,。;、\n"), text, FEWEST_OF_SCOPE)


ACTIVITIES = (
    "销售|零售|批发|经销|代销|代购|购销|批零|代理|兼营|主营|零批|自产自销|自销|生产|制造|加工|制作|维修|安装|服务|咨询|开发|研发|研究|设计|转让|租赁|"
    "承接|承揽|提供|从事|技术"
)
"""What a firm does with what it deals in. Nearly every scope has some of these words, and a patent of a sales rack or
of a manufacturing method fits none of these firms better for it. Among 20,055 patents, lists by terms without them
hold more of those that the firms own (recall@20 0.138 to 0.151 and 0.116 to 0.122 in two halves of 538 firms), and the
1 % most frequent patents take 23 % of the places, not 27 %. Vectors do not gain by it."""
_ACTIVITIES = re.compile(rf"(?:{ACTIVITIES})(?:[及和与、,]?(?:{ACTIVITIES}))*")
_FEWEST_NAMED = 6


def without_activities(scope: str) -> str:
    """A business scope without what is done with the things that it names; as it is where little else is left."""
    kept = _ACTIVITIES.sub("、", scope)
    return kept if len(_LETTER.findall(kept)) >= _FEWEST_NAMED else scope


def _mostly_boilerplate(clause: str) -> bool:
    return sum(len(match.group()) for match in _OF_NEEDS.finditer(clause)) >= LEAST_SHARE * len(clause)


def _without_bracket(match: re.Match[str]) -> str:
    inside = match[1]
    if not _OF_SCOPES.search(inside):
        return match.group()
    return inside[-1] if inside.endswith((";", "。", ",")) else ""  # or two items would become one


def _enough(kept: str, text: str, fewest: int = FEWEST_LEFT) -> str:
    return kept if len(_LETTER.findall(kept)) >= fewest else text
