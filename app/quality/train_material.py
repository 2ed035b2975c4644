"""Judged queries and passages as training needs them: their texts as they are served, and what is held out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.arrays import Floats, Ints
from app.errors import InputError
from app.evaluation.collection import Qrels, QueryRun
from app.quality.material import EvaluationMaterial, language, patent_of
from app.ranking.space import text_part_weights
from app.serving.spaces import HEADINGS_A_LANGUAGE
from app.text.normalising import fold_body, fold_line
from app.text.reading import need_text_parts, passage_of
from app.text.terms import terms_of
from index import TermCounts
from index.bm25 import Postings, hash_of, inverse_frequency
from models.training_data import RELEVANT_FROM, JudgedQuery

FEWEST = 2
"""Queries on each side of a split: one query's mean has no spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A judged query with the texts that are embedded for it.

    Attributes:
        id: the query's.
        title: what makes two queries the same need: they are never on two sides of a split.
        lang: its language, ``None`` where it is unknown.
        judged: what training takes; without negatives until they are drawn.
        documents: ids of the passages of ``judged``, in their order.
    """

    id: str
    title: str
    lang: str | None
    judged: JudgedQuery
    documents: tuple[str, ...]

    @property
    def levels(self) -> Mapping[str, int]:
        """Document id -> level."""
        return dict(zip(self.documents, self.judged.levels, strict=True))


def passages(material: EvaluationMaterial) -> dict[str, str]:
    """The text of each document that is embedded, by id; documents without a character are left out."""
    texts = {key: passage_of(patent_of(row)) for key, row in material.documents.items()}
    return {key: text for key, text in texts.items() if text}


def judged_needs(material: EvaluationMaterial, texts: Mapping[str, str]) -> list[Need]:
    """The queries with a text and a judgement, in the file's order; those of one level judge, but teach nothing."""
    needs = []
    for row in material.queries.values():
        text_parts = need_text_parts(fold_body(row.title), fold_body(row.text), language(row))
        levels = {key: level for key, level in material.known.qrels.get(row.id, {}).items() if key in texts}
        if not text_parts or not levels:
            continue
        judged = JudgedQuery(
            text_parts=text_parts,
            weights=text_part_weights(len(text_parts), titled=True),
            passages=tuple(texts[key] for key in levels),
            levels=tuple(levels.values()),
        )
        title = fold_line(row.title or row.text).casefold()
        needs.append(Need(id=row.id, title=title, lang=language(row), judged=judged, documents=tuple(levels)))
    return needs


def folds(needs: Sequence[Need], count: int, seed: int) -> list[list[Need]]:
    """Needs in ``count`` groups of like size, drawn by the seed; needs of one title share a group.

    Raises:
        InputError: there are too few for it.
    """
    _check_enough(needs, count * FEWEST)
    titled: dict[str, list[Need]] = defaultdict(list)
    for need in needs:
        titled[need.title].append(need)
    found: list[list[Need]] = [[] for _ in range(count)]
    for place in np.random.default_rng(seed).permutation(len(titled)):
        min(found, key=len).extend(list(titled.values())[place])
    return found


def split(needs: Sequence[Need], share: float, seed: int) -> tuple[list[Need], list[Need]]:
    """Needs to learn from, and about ``share`` of them held out, drawn by the seed; by title as in `folds`.

    Raises:
        InputError: there are too few for it.
    """
    titles = sorted({need.title for need in needs})
    count = max(FEWEST, round(len(titles) * share))
    _check_enough(needs, count + FEWEST)
    drawn = {titles[place] for place in np.random.default_rng(seed).permutation(len(titles))[:count]}
    return [need for need in needs if need.title not in drawn], [need for need in needs if need.title in drawn]


def hard_negatives(run: QueryRun, judged: Qrels, texts: Mapping[str, str], count: int) -> tuple[str, ...]:
    """Texts near a query that nobody judged, nearest first.

    What scores like the query's relevant documents is left out: it may well be relevant, only nobody looked
    (de Souza P. Moreira et al., NV-Retriever: Improving Text Embedding Models with Effective Hard-Negative Mining,
    2024).
    """
    levels = judged.get(run.query_id, {})
    relevant = [run.served[key].score for key, level in levels.items() if level >= RELEVANT_FROM and key in run.served]
    if not relevant:
        return ()
    ceiling = float(np.mean(relevant))
    found = [
        texts[match.doc_id]
        for match in run.ranked
        if match.score < ceiling and match.doc_id not in levels and match.doc_id in texts
    ]
    return tuple(found[:count])


def _check_enough(needs: Sequence[Need], wanted: int) -> None:
    """Needs of one title count once, and only those with judgements of two levels teach an order."""
    found = len({need.title for need in needs if len(set(need.judged.levels)) > 1})
    if found < wanted:
        raise InputError(
            f"{found} different needs have judgements of two levels; {wanted} are wanted to learn from some and to "
            "measure on others. Bring more judgements.",
            f"只有 {found} 个不同的需求带有两个级别的评判；至少需要 {wanted} 个，才能用一部分训练、另一部分评测。"
            "请提供更多评判。",
            code="too_few_needs",
        )


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
    """BM25 over the passages of a corpus, as the inverted index of a snapshot of it would give it."""

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
