"""Stretches of a text that may be a holder's name, to be looked up among the names that a bank knows.

A name is told by its end (公司, 大学, Co., Ltd.) and by a border before it: the start of the text, a mark, or a word
such as 的 that no name begins behind by chance. ``华中科技大学`` inside ``泉州华中科技大学研究院`` has no such border.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.text.normalising import HAN, folded_name

MOST_ENDS = 32
"""Ends of names that are looked at in one text. A need names a few; more are lists, and would take long to look up."""
LONGEST_NAME, LONGEST_LATIN_NAME = 40, 80
"""Characters: of 81,000 real Chinese patents, no holder has more of Chinese script."""
SHORTEST_NAME = 4
"""Of 大学 and 公司 alone each bank has thousands."""

_HAN_END = re.compile(
    r"公司|大学|大學|学院|學院|学校|研究院|研究所|设计院|科学院|工程院|医院|卫生院|实验室|研究中心|中心|集团|工厂|厂|研究会|合作社|株式会社|주식회사"
)
_LATIN_END = re.compile(
    r"\b(?:Co\. ?,? ?Ltd\.?|Company Limited|Company|Corporation|Corp\.?|Incorporated|Inc\.?|LLC|Limited|Ltd\.?"
    r"|GmbH|AG|S\.A\.|University|Institute|College|Academy|Hospital)(?![A-Za-z])",
    re.IGNORECASE,
)
_BORDER_BEHIND = frozenset("的与和及由向为在是对请找查问从按属归给或")
"""Characters behind which a name may begin in running Chinese text."""
_HAN_CHAR = re.compile(f"[{HAN}]")
_LETTER = re.compile(r"\w")
_BREAKS = re.compile(r"[\n,;:。、!?\"'“”《》|]")
_LATIN_BREAKS = re.compile(r"[\n;:。、!?|]")


@dataclass(frozen=True, slots=True)
class NameCandidate:
    """A stretch of a text that may be a name.

    Attributes:
        folded: the name as two spellings of it agree.
        ended: whether it ends as names of bodies do; a text without such an end may mean what it says.
    """

    start: int
    end: int
    folded: str
    ended: bool = True


def holder_candidates(text: str) -> list[NameCandidate]:
    """What in a folded text may be a holder's name; at most `MOST_ENDS` times `LONGEST_LATIN_NAME` of them.

    A text that is no longer than a name is one too, whatever its end.
    """
    stripped = text.strip()
    found = []
    if SHORTEST_NAME <= len(stripped) <= LONGEST_LATIN_NAME:
        start = text.index(stripped)
        ended = any(match.end() == len(stripped) for end in (_HAN_END, _LATIN_END) for match in end.finditer(stripped))
        found.append(NameCandidate(start, start + len(stripped), folded_name(stripped), ended))
    for pattern, starts in ((_HAN_END, _han_starts), (_LATIN_END, _latin_starts)):
        for _, match in zip(range(MOST_ENDS), pattern.finditer(text), strict=False):
            end = match.end()
            found += [
                NameCandidate(start, end, folded_name(text[start:end]))
                for start in starts(text, match.start(), end)
                if end - start >= SHORTEST_NAME
            ]
    return found


def _han_starts(text: str, suffix: int, end: int) -> Iterator[int]:
    """Where a name with this end may begin, the farthest first."""
    first = max(0, end - LONGEST_NAME)
    for mark in _BREAKS.finditer(text, first, suffix):
        first = mark.end()
    yield from (start for start in range(first, suffix + 1) if _begins(text, start))


def _begins(text: str, start: int) -> bool:
    """Whether there is a border before a place, or Chinese script begins there."""
    before = text[start - 1] if start else ""
    if not _LETTER.match(before) or before in _BORDER_BEHIND:
        return True
    return bool(not _HAN_CHAR.match(before) and _HAN_CHAR.match(text, start))


def _latin_starts(text: str, suffix: int, end: int) -> Iterator[int]:
    first = max(0, end - LONGEST_LATIN_NAME)
    for mark in _LATIN_BREAKS.finditer(text, first, suffix):
        first = mark.end()
    for start in range(first, suffix):
        if _LETTER.match(text, start) and (start == 0 or not _LETTER.match(text, start - 1)):
            yield start
