"""What is looked for in an inverted index: the terms of a record, and those of a query with what each counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from app.ranking import lexical


class Rarity(Protocol):
    """Knows how rare a term is: the inverted index of a snapshot."""

    def weight(self, term: str) -> float:
        """The inverse document frequency of a term."""
        ...


def counted_terms(passage: str) -> Counter[str]:
    """The terms of a record's passage, as snapshots and changes over them hold them."""
    return lexical.terms_of(passage)


def asked_terms(views: Sequence[str], rarity: Rarity, *, titled: bool) -> dict[str, float]:
    """The weightiest terms of a query and what each counts beside its rarity, which the index multiplies itself.

    They are those of `lexical.query_terms`.

    Args:
        views: its texts; of two the first is the title, where ``titled``.
        rarity: of the corpus that is searched.
        titled: whether the first of two views tells more than the second.
    """
    weights: dict[str, float] = {}
    for number, view in enumerate(views):
        body = titled and len(views) == 2 and number == 1
        for term, count in lexical.terms_of(view).items():
            once = lexical.BODY_WEIGHT if body else float(count) if titled else 1.0
            weights[term] = weights.get(term, 0.0) + once
    weighed = {term: weight * rarity.weight(term) for term, weight in weights.items()}
    kept = sorted(weighed, key=lambda term: (-weighed[term], term))[: lexical.MOST_TERMS]
    return {term: weights[term] for term in kept}
