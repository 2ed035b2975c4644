"""What an evaluation is made of: texts, judgements, what the service answered, and messages about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

UNKNOWN_LANGUAGE = "und"
"""ISO 639-2 code of a text in an unknown language."""

RELEVANT_FROM = 3
"""The contract's line between relevant and not: level 3 (较强相关) or 4 (强相关)."""

Qrels = Mapping[str, Mapping[str, int]]
"""Query id -> document id -> level, 1 (none) to 4 (strong)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRow:
    """One document of the corpus, or one query. A row without any text stays: it counts, and nothing finds it.

    Attributes:
        lang: ISO 639-1 code as the file gives it, ``None`` where it does not.
    """

    id: str
    title: str = ""
    text: str = ""
    lang: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing that could be embedded."""
        return not (self.title.strip() or self.text.strip())


class Words(NamedTuple):
    """One message in both languages."""

    en: str
    zh: str


class Ranked(NamedTuple):
    """One place of a result list."""

    doc_id: str
    score: float


class Served(NamedTuple):
    """What the service serves for one judged pair: its score, its level, 1 to 4, and the evidence behind both.

    A run file has no levels.
    """

    score: float
    level: int | None
    evidence: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRun:
    """What the service answered to one query.

    Attributes:
        ranked: the whole corpus's best, best first. Its order is final: equal scores are not sorted again.
        served: each judged document's score and level, best first, also far beyond the end of ``ranked``. The order
            breaks ties. A judged document that is missing here was not served: it gains nothing, ranks behind all
            others, and its level is "none".
        error: why there is no answer. The query stays in every mean with the value of an empty answer.
        levelled: whether levels were served at all; a run file has only scores.
        alone: document language -> the first 10 documents when only documents of that language are searched, for the
            languages of this query's relevant documents. Empty where nobody asked.
    """

    query_id: str
    ranked: tuple[Ranked, ...] = ()
    served: Mapping[str, Served] = field(default_factory=dict)
    error: str | None = None
    levelled: bool = True
    alone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What was searched, and how it was judged.

    Attributes:
        size: documents in the corpus.
        qrels: judgements between queries and documents that exist; unknown ids are removed (and counted) before.
        query_langs: language of each query that was asked.
        document_langs: language of each document.
        query_lengths: characters of each query.
        single_words: the queries that are one word.
    """

    size: int
    qrels: Qrels
    query_langs: Mapping[str, str | None] = field(default_factory=dict)
    document_langs: Mapping[str, str | None] = field(default_factory=dict)
    query_lengths: Mapping[str, int] = field(default_factory=dict)
    single_words: frozenset[str] = frozenset()
