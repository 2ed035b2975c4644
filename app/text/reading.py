"""How a text is read by the model and the term index. What is stored and shown stays as its source wrote it.

One thing is written in many ways: in Traditional or Simplified characters, with the spaces of a scanner between them,
with pinyin behind them. Vectors and terms of the ways differ; of one reading they are the same. A text that is its own
reading, as most are, keeps the vector that was made of it.

What a need or a business scope says of no subject is left out (`app.text.boilerplate`).
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from unicodedata import combining, normalize

from opencc import OpenCC

from app.domain import AnyRecord, Firm, Need
from app.text.boilerplate import without_legal_formulae
from app.text.normalising import HAN, KANA_OR_HANGUL
from app.text.wanted import wanted_parts

READING = "3"
"""Of the reading. Another one is another meaning of every snapshot: count up whenever `read` or boilerplate changes."""

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
    """Headline and body of a need as they are embedded, without empty ones; see `app.text.wanted.wanted_parts`."""
    return wanted_parts(read(title, lang), read(text, lang))


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
