"""What two texts share to the letter: BM25 of candidates that an index found, over characters, pairs of them and words.

Vectors blur exact terms (chemical names, alloy grades, model numbers); counting them sharpens the order of what was
found. Chinese is taken by single characters and by pairs, which needs no dictionary and misses no new term; other
scripts by words. On judged needs characters with pairs were worth more than pairs alone, and both more than a
segmenter's words (docs/quality.md). Only the first candidates are scored, from their own text: there is no second index
to keep.

BM25: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009; the document frequency is
that of a sample of the corpus, which is all that the weight of a term needs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import log

import numpy as np
import numpy.typing as npt

from app.ranking.reading import term_reading

Hashes = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

K1, B = 1.2, 0.75
"""Saturation and length normalisation, the usual values; 0.4 to 2 and 0.3 to 1 changed little."""
BODY_WEIGHT = 0.4
"""Weight of a term of a need's text beside one of its title; 0.2 to 0.7 are alike."""
FEWEST_COMPARABLE = 10
"""Candidates in the query's language that tell what those in others would share."""
MOST_TERMS = 48
"""Terms of a query that are looked for, the weightiest: a text of 3,000 characters has a thousand."""

_NO_SPREAD = 1e-9
_RUN = re.compile("[\u3400-\u9fff\uf900-\ufaff]+|[^\\W_\u3400-\u9fff\uf900-\ufaff]+(?:[-.][^\\W_\u3400-\u9fff]+)*")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_FIRST_HAN = "\u3400"


def folded(text: str) -> str:
    """The text as terms are looked for in it: NFKC, in one Chinese script, in lower case."""
    return term_reading(text)


def terms_of(text: str) -> Counter[str]:
    """The terms of a text and how often each occurs."""
    found: Counter[str] = Counter()
    for match in _RUN.finditer(folded(text)):
        run = match.group()
        if run[0] < _FIRST_HAN or not _HAN.match(run):
            found[run] += 1
            continue
        found.update(run)
        found.update(run[n : n + 2] for n in range(len(run) - 1))
    return found


@dataclass(frozen=True, slots=True)
class TermStatistics:
    """How many of a corpus' texts hold each term, from a sample of them.

    Attributes:
        texts: in the sample.
        length: mean number of terms of a text.
        hashes: of the terms that two or more texts hold, ascending, int64 ``[t]``.
        frequencies: how many texts hold each, int32 ``[t]``.
    """

    texts: int
    length: float
    hashes: Hashes
    frequencies: Counts

    @classmethod
    def of(cls, texts: Iterable[str]) -> TermStatistics:
        """The statistics of these texts."""
        frequencies: Counter[str] = Counter()
        count = total = 0
        for text in texts:
            terms = terms_of(text)
            frequencies.update(terms.keys())
            count += 1
            total += terms.total()
        known = {term: number for term, number in frequencies.items() if number > 1}
        hashes = np.fromiter((_hash(term) for term in known), dtype=np.int64, count=len(known))
        order = np.argsort(hashes, kind="stable")
        numbers = np.fromiter(known.values(), dtype=np.int32, count=len(known))
        return cls(count, total / max(1, count), hashes[order], numbers[order])

    def weight(self, term: str) -> float:
        """The term's inverse document frequency: ``log(1 + (n - f + 0.5) / (f + 0.5))``."""
        place = int(np.searchsorted(self.hashes, wanted := _hash(term)))
        known = place < len(self.hashes) and int(self.hashes[place]) == wanted
        frequency = int(self.frequencies[place]) if known else 1
        return log(1 + (self.texts - frequency + 0.5) / (frequency + 0.5))


def query_terms(views: Sequence[str], statistics: TermStatistics, *, titled: bool) -> dict[str, float]:
    """The weightiest terms of a query and what each counts.

    Args:
        views: its texts; of two the first is the title, where ``titled``.
        statistics: of the corpus that is searched.
        titled: whether the first of two views tells more than the second.
    """
    weights: dict[str, float] = {}
    for number, view in enumerate(views):
        body = titled and len(views) == 2 and number == 1
        for term, count in terms_of(view).items():
            weights[term] = weights.get(term, 0.0) + (BODY_WEIGHT if body else float(count) if titled else 1.0)
    weighed = {term: weight * statistics.weight(term) for term, weight in weights.items()}
    kept = sorted(weighed, key=lambda term: (-weighed[term], term))[:MOST_TERMS]
    return {term: weighed[term] for term in kept}


def bm25(terms: Mapping[str, float], texts: Sequence[str], statistics: TermStatistics) -> Scores:
    """BM25 of each text for a query's terms, float32 ``[n]``, 0 where nothing is shared.

    Args:
        terms: of `query_terms`.
        texts: of the candidates.
        statistics: of the corpus that is searched.
    """
    scores = np.zeros(len(texts), dtype=np.float32)
    han = [(term, weight) for term, weight in terms.items() if _HAN.match(term)]
    words = {term: weight for term, weight in terms.items() if not _HAN.match(term)}
    for number, text in enumerate(texts):
        own = folded(text)
        others = Counter(run for match in _RUN.finditer(own) if not _HAN.match(run := match.group())) if words else None
        length = 2 * len(_HAN.findall(own)) + (others.total() if others is not None else own.count(" "))
        norm = K1 * (1 - B + B * length / max(statistics.length, 1.0))
        score = sum(weight * _saturated(own.count(term), norm) for term, weight in han if term in own)
        if others:
            score += sum(weight * _saturated(others[term], norm) for term, weight in words.items() if term in others)
        scores[number] = score
    return scores


def imputed(shared: Scores, cosines: Scores, comparable: Mask) -> Scores:
    """Shared terms, float32 ``[n]``, with an estimate where another language leaves nothing to share.

    A text in another language than the query cannot share its terms, which says nothing of how well it fits. It gets
    what comparable candidates of its cosine have, by least squares; with too few of them to tell, nobody gets anything.

    Args:
        shared: BM25 of each candidate, float32 ``[n]``.
        cosines: theirs, float32 ``[n]``.
        comparable: bool ``[n]``, whether a candidate is in the query's language.
    """
    if comparable.all():
        return shared
    if int(comparable.sum()) < FEWEST_COMPARABLE:
        return np.zeros_like(shared)
    known = cosines[comparable]
    slope = float(np.cov(known, shared[comparable])[0, 1] / max(float(np.var(known, ddof=1)), _NO_SPREAD))
    line = shared[comparable].mean() + max(slope, 0.0) * (cosines - known.mean())
    estimate = np.clip(line, 0.0, shared[comparable].max())
    return np.where(comparable, shared, estimate).astype(np.float32)


def _saturated(count: int, norm: float) -> float:
    return count * (K1 + 1) / (count + norm)


def _hash(term: str) -> int:
    digest = blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
