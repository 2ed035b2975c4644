"""The passages that held-out needs are asked among, and what judged needs share with them to the letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.arrays import Floats, Ints
from app.quality.material import EvaluationMaterial, language
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

    @property
    def rarest(self) -> float:
        """The inverse document frequency of a term that one text holds."""
        return inverse_frequency(1, self._count)

    def weight(self, term: str) -> float:
        """The inverse document frequency of a term."""
        low, high = np.searchsorted(self._postings.hashes, [hash_of(term), hash_of(term) + 1], side="left")
        return inverse_frequency(int(high - low), self._count)

    def scores(self, terms: Mapping[str, float]) -> Floats:
        """The BM25 of every passage, float32 ``[n]``, for what a query's terms count."""
        return self._postings.scores(terms, self)


class CorpusRecords:
    """The passages of a corpus as a scorer takes them, by their place in it.

    Args:
        corpus: the passages.
        vectors: of each, float32 ``[n, d]``.
        terms: of the same.
    """

    def __init__(self, corpus: Corpus, vectors: Floats, terms: CorpusTerms | None) -> None:
        self._vectors, self._terms = vectors, terms
        self._names = tuple(dict.fromkeys(corpus.langs))
        self._codes = np.array([self._names.index(name) for name in corpus.langs], dtype=np.int64)

    def vectors_at(self, addresses: Ints) -> Floats:
        """The vectors float32 ``[n, d]`` that cosines are taken with."""
        return self._vectors[addresses]

    def languages_at(self, addresses: Ints) -> tuple[tuple[str | None, ...], Ints]:
        """Languages, and int64 ``[n]``, which of them each passage is in."""
        return self._names, self._codes[addresses]

    def term_scores(self, terms: Mapping[str, float], addresses: Ints) -> Floats:
        """The BM25 float32 ``[n]`` of a query's terms; 0 where shared terms do not count."""
        return np.zeros(len(addresses), np.float32) if self._terms is None else self._terms.scores(terms)[addresses]


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
