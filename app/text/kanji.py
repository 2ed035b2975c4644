"""Whether a text of Chinese characters alone is Japanese, as many titles of Japanese patents are.

Three countries simplified the characters differently, and each standard lists those of its own: GB 2312 the Simplified
ones, Big5's first level the common Traditional ones, JIS X 0208's first level the common Japanese ones. A text that
needs a character outside GB 2312 (電) and one outside Big5 (体, 処) can only be written by the third.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 60
"""Characters from which on Japanese has kana: the longest run of kanji in 55 real patents has 22."""

_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_CHINESE = re.compile("一種|及其|與|所述")
"""Grammar that Japanese does not have: half of all Traditional titles begin or end with it."""
_HONG_KONG = frozenset("啓峯悦温着税粘脱葱説鈎鋭閲")
"""Japanese forms that Hong Kong writes too, where Big5's first level has Taiwan's (啟, 溫, 稅)."""
_BIG5_FIRST_LEVEL = (0xA440, 0xC67E)
_JIS_FIRST_LEVEL = (0x889F, 0x9872)
"""Both as bytes, of Big5 and of Shift JIS."""


def japanese_kanji(text: str) -> bool:
    """Whether characters that only Japanese writes side by side outnumber those that it does not commonly write.

    ``False`` where the characters are common to Japanese and a Chinese script (電池用電解液): Chinese texts are by far
    more. Other characters than Chinese ones are not looked at.
    """
    if _simplified(text) or _CHINESE.search(text):  # a scan at C level, where nearly every Chinese text ends
        return False
    han = _HAN.findall(text)
    if len(han) > LONGEST:
        return False
    japanese = sum(
        char not in _HONG_KONG and _in(char, "cp932", _JIS_FIRST_LEVEL) and not _in(char, "big5", _BIG5_FIRST_LEVEL)
        for char in han
    )
    foreign = sum(not _in(char, "cp932", _JIS_FIRST_LEVEL) for char in han)
    return japanese > foreign and any(not _simplified(char) for char in han)


def _simplified(text: str) -> bool:
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=16_384)
def _in(char: str, standard: str, level: tuple[int, int]) -> bool:
    try:
        code = int.from_bytes(char.encode(standard), "big")
    except UnicodeEncodeError:
        return False
    return level[0] <= code <= level[1]
