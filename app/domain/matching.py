"""What is asked of the service and what it answers: filters, queries, requests, matches and their reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from app.domain.records import AnyRecord, Kind, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which records may be answered. Fields combine with AND, the values of a list with OR; codes match by prefix.

    A record without a value for a filtered field does not pass. ``holder`` is a whole name, in any spelling of its
    brackets, width and legal suffix; ``kind`` is the document's: ``invention``, ``utility``, ``design``.
    """

    ids: tuple[str, ...] | None = None
    not_ids: tuple[str, ...] | None = None
    ipc: tuple[str, ...] | None = None
    industry: tuple[str, ...] | None = None
    region: tuple[str, ...] | None = None
    status: tuple[str, ...] | None = None
    holder_type: tuple[str, ...] | None = None
    licence: tuple[str, ...] | None = None
    grade: tuple[str, ...] | None = None
    agreed: bool | None = None
    dormant: bool | None = None
    maturity_min: int | None = None
    filed_from: date | None = None
    filed_to: date | None = None
    lang: tuple[str, ...] | None = None
    holder: tuple[str, ...] | None = None
    published_from: date | None = None
    published_to: date | None = None
    kind: tuple[str, ...] | None = None

    @property
    def empty(self) -> bool:
        """Whether every record passes."""
        return self == Filter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question: a text (with a title where the asker has one), or a record's id."""

    id: str
    text: str | None = None
    title: str | None = None
    record_kind: Kind | None = None
    record_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRequest:
    """A batch of queries against one target, all answered under the same conditions.

    Attributes:
        k: how many matches each query asks for.
        offset: how many of the best are passed over before these, as a next page does.
        min_level: matches below it are left out.
        explain: whether each match says why.
        diversity: 0 ranks by fit alone, 1 by difference from what is already in the list.
        collapse: whether one of each family, and of each title and holder, is listed and the others stand behind it.
        per_holder: how many of one holder are listed; 0 for any number.
        must: terms of which a record's text holds each.
        must_not: terms of which it holds none.
    """

    queries: tuple[Query, ...]
    target: Kind = Kind.PATENTS
    k: int = 10
    offset: int = 0
    filter: Filter = field(default_factory=Filter)
    min_level: Level | None = None
    explain: bool = False
    diversity: float = 0.0
    collapse: bool = False
    per_holder: int = 0
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """A term of the query and one of the record that mean the same, though they are written otherwise.

    Attributes:
        similarity: cosine of the two, relative to the means of their scripts.
    """

    query: str
    record: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a match; each from 0 (meaning may lie below) to 1.

    Attributes:
        meaning: the cosine of both texts, made comparable between languages.
        coverage: the share of the query's lexical weight that the record covers.
        alone: whether the record is in another language, and is judged by its meaning alone.
    """

    meaning: float
    coverage: float = 0.0
    alone: bool = False

    @property
    def row(self) -> tuple[float, float, float]:
        """The three as numbers, in this order; 1 where it is judged by its meaning alone."""
        return self.meaning, self.coverage, float(self.alone)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureMet:
    """A figure of the query and the one of the record that it was compared with, both as they are written.

    Attributes:
        record: ``None`` where the record is silent.
    """

    query: str
    record: str | None
    state: Literal["met", "not_met", "silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a record matched.

    Attributes:
        terms: shared to the letter, longest first.
        meanings: terms that mean the same, the most telling first.
        passage: the sentence that carries most of it; of a record that is only a title, the title.
        signals: what ranked it.
        figures: the query's figures with units, and what the record says of each.
        excluded: terms that the query's text excludes and the record uses.
        exact: the identifier in the query that names this very record, as the query has it.
    """

    terms: tuple[str, ...] = ()
    meanings: tuple[Meaning, ...] = ()
    passage: str | None = None
    signals: Evidence
    figures: tuple[FigureMet, ...] = ()
    excluded: tuple[str, ...] = ()
    exact: str | None = None


FoldedBy = Literal["family", "title", "holder"]
"""Why a record stands behind another: of one family, of one title and holder, or one too many of its holder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A record that is not listed, since a better one stands for it."""

    id: str
    title: str
    score: float
    by: FoldedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One pair: where it ranks, how well it fits, and the record itself.

    Attributes:
        rank: from 1.
        score: probability of being at least fairly strong, 0 to 1.
        cosine: inner product of the two unit vectors, in the space of the index.
        evidence: what ranked it.
        folded: the records that it stands for, best first; ``None`` where folding was not asked for.
    """

    id: str
    rank: int
    score: float
    level: Level
    cosine: float
    record: AnyRecord
    evidence: Evidence
    why: Why | None = None
    folded: tuple[Folded, ...] | None = None


NOTHING_FITS_FROM = 0.7
"""Probability from which the answer says that nothing fits. On judged needs, fitted by others, that is right in 82 of
100 cases, and 5 of 100 needs that have something are told so (docs/calibration.md)."""
Centred = Literal["language", "all", "none"]
"""How a query was made comparable: by the mean of its language, by that of all, or not at all in a small index."""
Shortfall = Literal["index_exhausted", "filter", "min_level", "folded", "unknown_identifier"]
RecognisedKind = Literal["publication_number", "application_number", "holder", "ipc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What a query's text names exactly, and is looked up, not compared by meaning.

    Attributes:
        text: as the query has it.
        value: the record's id, the holder's name, or the code as the standard writes it.
        found: whether the bank has it.
        filter: what asks for it alone; ``None`` where the bank does not have it.
    """

    kind: RecognisedKind
    text: str
    value: str
    found: bool
    filter: Filter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """The answer to one query: its matches, or the error that it alone met.

    Attributes:
        tokens: how many tokens the query's text has for the model.
        truncated: whether a part of the text had no influence, because it is longer than the declared limit.
        shortfall: why fewer than ``requested`` came back; ``None`` when all did.
        lang: the language of the query's text, ``None`` where it is unknown.
        centred: how languages were treated.
        recognised: numbers, holders and classes that the text names.
        no_match_probability: that the bank has nothing for this query, by its best record; ``None`` without an answer.
        excluded: terms that the query's text excludes; records that use them stand behind the others.
    """

    id: str
    requested: int
    matches: tuple[Match, ...] = ()
    tokens: int = 0
    windows: int = 0
    truncated: bool = False
    shortfall: Shortfall | None = None
    lang: str | None = None
    centred: Centred = "none"
    recognised: tuple[Recognised, ...] = ()
    no_match_probability: float | None = None
    excluded: tuple[str, ...] = ()
    error: Exception | None = None

    @property
    def nothing_fits(self) -> bool:
        """Whether the bank is said to have nothing for this query."""
        return self.no_match_probability is not None and self.no_match_probability >= NOTHING_FITS_FROM


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRef:
    """Which published state of an index an answer came from.

    ``revision`` is the catalogue's: every change up to it is in the answer. ``calibration`` is what gave the scores,
    ``built-in`` where the deployment has none of its own for this encoder and ranking.
    """

    id: str
    encoder: str
    built_at: str
    revision: int = 0
    calibration: str = "built-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan:
    """How one layer of an index was searched: the snapshot, or a part of what changed since.

    Attributes:
        kind: ``nearest`` without a filter; ``subset`` multiplied the records that pass, ``scan`` read the whole layer.
        passing: records that pass the filter.
        of: records in the layer.
        subset_ms: what a subset was estimated to cost.
        scan_ms: what a scan was estimated to cost.
    """

    kind: str
    passing: int
    of: int
    subset_ms: float | None = None
    scan_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchAnswer:
    """The answer to a batch: every result is from the one snapshot named and the changes up to its revision.

    Attributes:
        plans: how each layer was searched, the snapshot first; empty when no query got as far.
        upserted: records in the layers above the snapshot.
        hidden: records of the snapshot that are gone or replaced.
        pending: changed records that wait to be embedded; they are found by their old text, new ones not yet.
    """

    snapshot: SnapshotRef
    results: tuple[QueryResult, ...]
    plans: tuple[SearchPlan, ...] = ()
    upserted: int = 0
    hidden: int = 0
    pending: int = 0
