"""Whether a text holds a term: Chinese wherever it stands, words of Latin letters whole or in the plural.

It is decided on the folded text (`term_reading`). An index of terms says beforehand which texts may hold one: those
with all its pairs of characters and its words (`needed`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from app.text.reading import term_reading
from app.text.terms import COUNTED, COUNTED_CJK, COUNTED_RUN, HAN_CHARACTER

_LETTER = rf"[^\W_{COUNTED}]"
_PATTERNS_KEPT = 4_096


def folded_term(term: str) -> str:
    """A term as it is looked for in a folded text, its blanks single."""
    return " ".join(term_reading(term).split())


@lru_cache(maxsize=_PATTERNS_KEPT)
def term_pattern(folded: str) -> re.Pattern[str]:
    """What finds a folded term in a folded text."""
    before, after = rf"(?<!{_LETTER})", rf"(?:e?s)?(?!{_LETTER})"
    body = r"\s+".join(map(re.escape, folded.split(" ")))
    first, last = (re.fullmatch(_LETTER, edge) for edge in (folded[:1], folded[-1:]))
    return re.compile(f"{before if first else ''}{body}{after if last else ''}")


def holds(folded_text: str, term: str) -> bool:
    """Whether a text that is folded by `term_reading` holds a term that is folded by `folded_term`."""
    return term_pattern(term).search(folded_text) is not None


def needed(folded: str) -> tuple[str, ...]:
    """Index terms that every text has which holds a folded term; none where the index cannot tell.

    Those of Chinese, Japanese and Korean runs. A word of Latin letters may be a part of a longer one in the index
    (``lfp-c``), so it tells nothing beforehand, unless it stands between others.
    """
    found: list[str] = []
    runs = [match.group() for match in COUNTED_RUN.finditer(folded)]
    for number, run in enumerate(runs):
        if COUNTED_CJK.match(run):
            found += [run[n : n + 2] for n in range(len(run) - 1)] or HAN_CHARACTER.findall(run)
        elif 0 < number < len(runs) - 1:
            found.append(run)
    return tuple(dict.fromkeys(found))


def told_by_index(folded: str) -> bool:
    """Whether the texts that have what is `needed` are those that hold the term: one or two Chinese characters."""
    return len(folded) <= 2 and all(HAN_CHARACTER.match(character) for character in folded)
