"""The passages that held-out needs are asked among, and what judged needs share with them to the letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.quality.material import EvaluationMaterial, language
from app.ranking.relevance import SharedTerms, query_terms
from app.serving.spaces import HEADINGS_A_LANGUAGE
from app.text.terms import terms_of
from index import TermCounts
from index.bm25 import Postings, hash_of, inverse_frequency


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Judged passages, and a number of unjudged ones.

    Attributes:
        ids: in ascending order.
        texts: of each, as it is embedded.
        langs: of each, ``None`` where it could not be told.
        headings: some of each language, to tell where queries lie, as a build takes them.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    langs: tuple[str | None, ...]
    headings: Mapping[str | None, tuple[str, ...]]

    @classmethod
    def of(cls, material: EvaluationMaterial, texts: Mapping[str, str], unjudged: int, seed: int) -> Corpus:
        """All passages with a judgement and ``unjudged`` of the others at most, drawn by the seed."""
        judged = {key for levels in material.known.qrels.values() for key in levels if key in texts}
        others = sorted(texts.keys() - judged)
        drawn = np.random.default_rng(seed).permutation(len(others))[:unjudged].tolist()
        ids = tuple(sorted(judged | {others[place] for place in drawn}))
        langs = tuple(language(material.documents[key]) for key in ids)
        return cls(ids=ids, texts=tuple(texts[key] for key in ids), langs=langs, headings=_headings(ids, langs, texts))


class CorpusTerms:
    """BM25 over a corpus, as the inverted index of a snapshot of it would give it.

    Args:
        texts: the passages.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._postings = Postings.of([TermCounts.of(terms_of(text)) for text in texts])
        self._count = len(texts)
        self.mean_length = float(self._postings.lengths.mean()) if len(texts) else 0.0

    def weight(self, term: str) -> float:
        """The inverse document frequency of a term."""
        low, high = np.searchsorted(self._postings.hashes, [hash_of(term), hash_of(term) + 1], side="left")
        return inverse_frequency(int(high - low), self._count)

    def shared(self, views: Sequence[str]) -> SharedTerms:
        """What a need's terms bring to every passage."""
        scores = self._postings.scores(query_terms(views, self.weight, titled=True), self)
        return SharedTerms(scores, inverse_frequency(1, self._count))


def _headings(
    ids: Sequence[str], langs: Sequence[str | None], texts: Mapping[str, str]
) -> dict[str | None, tuple[str, ...]]:
    """First lines of passages of each language, evenly over their ids."""
    found = {}
    for lang in sorted(set(langs), key=lambda one: one or ""):
        own = [key for key, one in zip(ids, langs, strict=True) if one == lang]
        places = np.linspace(0, len(own) - 1, min(HEADINGS_A_LANGUAGE, len(own)), dtype=np.int64).tolist()
        found[lang] = tuple(texts[own[place]].split("\n", 1)[0] for place in places)
    return found
