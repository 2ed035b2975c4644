"""What two texts share to the letter: the terms of BM25, over characters, pairs of them and words.

Vectors blur exact terms (chemical names, alloy grades, model numbers); counting them finds and orders these. Chinese
is taken by single characters and by pairs, which needs no dictionary and misses no new term; Japanese kana and Korean
by pairs; other scripts by words. On judged needs characters with pairs were worth more than pairs alone, and both more
than a segmenter's words (docs/quality.md). The inverted index of a snapshot (`index.terms`) counts and scores them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from app.arrays import Floats
from app.text.reading import term_reading

Rarity = Callable[[str], float]

BODY_WEIGHT = 0.4
"""Weight of a term of a need's text beside one of its title; 0.2 to 0.7 are alike."""
MOST_TERMS = 48
"""Terms of a query that are looked for, the weightiest: a text of 3,000 characters has a thousand."""
EXPECTED_FROM, EXPECTED_PAIRS, EXPECTED_WORDS = 0.1, 100.0, 45.0
"""What BM25 rises by with the cosine, from where on: for languages taken by pairs of characters, and by words."""
EXPECTED_RAREST = 8.0
PROFILE_SLOPE = 350.0
"""What the BM25 of a profile's own language rises by with the cosine where none of its terms were rare."""
LANGUAGES_BY_PAIRS = ("zh", "ja", "ko")

_HAN = "\u3400-\u9fff\uf900-\ufaff"
_CJK = f"{_HAN}\u3041-\u309f\u30a1-\u30fa\u30fc\uac00-\ud7af"
_RUN = re.compile(f"[{_CJK}]+|[^\\W_{_CJK}]+(?:[-.][^\\W_{_CJK}]+)*")
_CJK_START = re.compile(f"[{_CJK}]")
_HAN_CHARACTER = re.compile(f"[{_HAN}]")


def folded(text: str) -> str:
    """The text as terms are looked for in it: NFKC, in one Chinese script, in lower case."""
    return term_reading(text)


def terms_of(text: str) -> Counter[str]:
    """The terms of a text and how often each occurs."""
    found: Counter[str] = Counter()
    for match in _RUN.finditer(folded(text)):
        run = match.group()
        if not _CJK_START.match(run):
            found[run] += 1
            continue
        found.update(_HAN_CHARACTER.findall(run))
        found.update(run[n : n + 2] for n in range(len(run) - 1))
    return found


def query_terms(views: Sequence[str], rarity: Rarity, *, titled: bool) -> dict[str, float]:
    """The weightiest terms of a query and what each counts, beside its rarity.

    Args:
        views: its texts; of two the first is the title, where ``titled``.
        rarity: the inverse document frequency of a term in the corpus that is searched.
        titled: whether the first of two views tells more than the second.
    """
    counts: dict[str, float] = {}
    for number, view in enumerate(views):
        body = titled and len(views) == 2 and number == 1
        for term, count in terms_of(view).items():
            counts[term] = counts.get(term, 0.0) + (BODY_WEIGHT if body else float(count) if titled else 1.0)
    weights = {term: count * rarity(term) for term, count in counts.items()}
    kept = sorted(weights, key=lambda term: (-weights[term], term))[:MOST_TERMS]
    return {term: counts[term] for term in kept}


def usual_share(weights: Sequence[float], rarest: float) -> float:
    """How much of the usual BM25 a profile's terms bring in texts of its own language, 0 to 1.

    A business scope that lists many trades has rare terms of each, of which no text holds more than a few: over the
    nearest 100 of 600 scopes among 18,400 Chinese patents, BM25 rose with the cosine by 174 a unit where the mean
    rarity of the terms was half of the rarest, and by 16 where it was nearly that (correlation -0.82), evenly as
    ``350 (1 - mean / rarest)``. A text in another language is not to be taken for better than what scope would find.

    Args:
        weights: the inverse document frequencies of its terms.
        rarest: that of a term that one text holds.
    """
    if not weights or rarest <= 0:
        return 1.0
    rarity = sum(weights) / len(weights) / rarest
    return min(1.0, max(0.0, PROFILE_SLOPE * (1.0 - rarity) / EXPECTED_PAIRS))


def expected(cosines: Floats, language: str | None, rarest: float, usual: float = 1.0) -> Floats:
    """The BM25 that texts of a query's own language have at these cosines, float32 ``[n]``.

    A text in another language cannot share terms, which says nothing of how well it fits: it gets what it would have.
    Over the nearest 100 of 96 needs among achievements, of 300 titles among 2,500 Chinese patents and of 300 among
    2,500 English ones, the mean BM25 rises evenly with the centred cosine, from `EXPECTED_FROM` on by about 100 a unit
    for Chinese and 45 for English, whose texts have fewer terms.

    Args:
        cosines: centred and made comparable between languages.
        language: that of the query.
        rarest: the inverse document frequency of a term that one text holds. In a corpus of hundreds it is lower, and
            with it all that shared terms bring; from `EXPECTED_RAREST` on, terms of every rarity were there to measure.
        usual: see `usual_share`.
    """
    slope = EXPECTED_PAIRS if language in LANGUAGES_BY_PAIRS else EXPECTED_WORDS
    slope *= usual * min(1.0, rarest / EXPECTED_RAREST)
    found: Floats = (slope * np.maximum(cosines - EXPECTED_FROM, 0.0)).astype(np.float32)
    return found
