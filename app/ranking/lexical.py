"""What a query's words are worth: its terms with their weights, so that BM25 is the share of them that a record covers.

A term counts by in how many sentences it stands, damped; the headline counts as much as a good part of the body. The
weights are divided by those of the query's `CORE_TERMS` weightiest terms: BM25 of a title is then near 1 where it
holds the core of what is asked, for one word as for 3,000 characters, and whatever the corpus's size makes of rarity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log1p, sqrt

import numpy as np

from app.arrays import Floats
from app.text.negation import wanted_terms, without_exclusions
from app.text.sentences import sentences
from app.text.synonyms import in_force
from app.text.terms import terms_of

Rarity = Callable[[str], float]
Terms = Mapping[str, float]
"""What each term of a query counts, beside its rarity."""

CORE_TERMS = 16
"""Terms that make up the core of a query. On judged needs, fitted by other needs, 8, 16 and 24 are alike (nDCG@10
0.704, 0.702, 0.702 by title and text, 0.657, 0.657, 0.656 by text alone); 48 is worse (0.696, 0.650)."""
HEADLINE_WEIGHT = 1.5
"""What a headline counts beside a sentence of its body, times the root of how many sentences that has."""
MOST_TERMS = 200
"""Terms of a query that are looked for, the weightiest. By text alone 100 find less (recall@100 0.552, not 0.578)."""

TITLE_LENGTH, LENGTH_EXPONENT = 23.0, 0.26
"""Terms of a judged record, and by which power of the length the covered share grows. Of 3,000 patents read to 25, 78,
129, 230, 400 and 441 terms, the fifth best of 80 needs covers 0.23, 0.33, 0.37, 0.42, 0.48 and 0.49."""


def query_terms(text_parts: Sequence[str], rarity: Rarity, *, titled: bool) -> dict[str, float]:
    """The weightiest terms of a query and what each counts beside its rarity, such that BM25 is their covered share.

    Args:
        text_parts: its texts; of two the first is the headline, where ``titled``.
        rarity: the inverse document frequency of a term in the corpus that is searched.
        titled: whether the first of two text parts is a headline.
    """
    counts, other = dict[str, float](), dict[str, float]()
    for weight, segment in _segments(text_parts, titled=titled):
        for term in wanted_terms(segment) if titled else terms_of(segment):
            counts[term] = counts.get(term, 0.0) + weight
        if titled:
            for term in _terms_of_other_names(segment):
                other[term] = other.get(term, 0.0) + weight
    core = sum(sorted((log1p(count) * rarity(term) for term, count in counts.items()), reverse=True)[:CORE_TERMS])
    damped = {term: log1p(max(counts.get(term, 0.0), other.get(term, 0.0))) for term in {**counts, **other}}
    weights = {term: count * rarity(term) for term, count in damped.items()}
    kept = sorted(weights, key=lambda term: (-weights[term], term))[:MOST_TERMS]
    return {term: damped[term] / core for term in kept} if core > 0 else {}


def _terms_of_other_names(segment: str) -> Iterable[str]:
    """Terms of the other names of what a text names.

    They are looked for as if they stood there, and make no part of the core: a record that uses one name of a thing
    covers it.
    """
    return terms_of("\n".join(in_force().expanded(without_exclusions(segment))))


def coverage_of(bm25: Floats, mean_length: float) -> Floats:
    """The share of a query's lexical weight that records cover, float32 ``[n]``, 0 to 1.

    Long records cover more of any query, what they are about and what not. A share is given as a title would have it,
    since titles are what experts judged: the same patents read to their titles alone and in full so cover alike.

    Args:
        bm25: of `query_terms`, float32 ``[n]``.
        mean_length: terms of a record of the corpus.
    """
    length = max(mean_length, TITLE_LENGTH)
    shares = bm25 * (TITLE_LENGTH / length) ** LENGTH_EXPONENT
    found: Floats = np.clip(shares, 0.0, 1.0).astype(np.float32)
    return found


def _segments(text_parts: Sequence[str], *, titled: bool) -> list[tuple[float, str]]:
    """The sentences of a query and what each counts; a profile's name and scope are one each."""
    if not titled:
        return [(1.0, part) for part in text_parts]
    *headline, body = text_parts if len(text_parts) == 2 else ("", *text_parts)
    found = sentences(body) or [body]
    weight = max(1.0, HEADLINE_WEIGHT * sqrt(len(found)))
    return [(weight, part) for part in headline if part] + [(1.0, sentence) for sentence in found]
