"""Pinyin in brackets behind the characters that it spells, as rare elements and species have it: 碲(dì)化镉."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from unicodedata import combining, normalize

_HAN = "\u3400-\u9fff\uf900-\ufaff"
_TONED = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿ"
_BRACKETED = re.compile(
    rf"(?P<han>[{_HAN}]{{1,12}})[ ]?[(（](?P<letters>[a-z{_TONED}][a-z{_TONED}1-5' -]{{0,40}})[)）]"
)
_TONE_DIGITS = re.compile("[1-5]")
_SEPARATORS = re.compile("[' -]+")
_LONGEST_SYLLABLE = 6


def without_pinyin(text: str) -> str:
    """The text without bracketed pinyin of the characters right before it.

    With tone marks any syllables count, as long as there are characters for them; without, each must be a reading of
    its character: 基因(gene) and 氧化铝(Al2O3) stay.
    """
    if "(" not in text and "（" not in text:
        return text
    return _BRACKETED.sub(_unspelt, text)


def _unspelt(match: re.Match[str]) -> str:
    han, letters = match["han"], match["letters"].rstrip()
    plain = _plain(letters)
    compact = _SEPARATORS.sub("", _TONE_DIGITS.sub("", plain))
    # Only marks are sure: (a1) behind 步骤 numbers a step.
    return han if _spells(compact, han, any_reading=plain != letters) else match.group()


def _plain(letters: str) -> str:
    """Without tone marks, ``ü`` as ``v``."""
    decomposed = normalize("NFD", letters).replace("u\u0308", "v")
    return "".join(char for char in decomposed if not combining(char))


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
