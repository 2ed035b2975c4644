"""What patmatch talks about: patents, needs, firms and the matches between them.

Pure values without I/O. A record is immutable; a change is a new record. Codes are kept as the standards write them:
IPC without spaces (``H01M10/0567``), GB/T 2260 regions as 2 to 6 digits (``620102``), GB/T 4754 industries with
their section letter (``C3841``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Literal

JsonObject = dict[str, Any]


class Kind(StrEnum):
    """The three kinds of record; each has a table, an index and a path of its own."""

    PATENTS = "patents"
    NEEDS = "needs"
    FIRMS = "firms"


class HolderType(StrEnum):
    """Who holds a patent."""

    UNIVERSITY = "university"
    INSTITUTE = "institute"
    HOSPITAL = "hospital"
    FIRM = "firm"
    PERSON = "person"
    FOREIGN = "foreign"


class Licence(StrEnum):
    """How a holder offers a patent: 转让, 许可, 开放许可, 先使用后付费, 作价入股, 质押."""

    TRANSFER = "transfer"
    LICENCE = "licence"
    OPEN_LICENCE = "open_licence"
    PAY_AFTER_USE = "pay_after_use"
    EQUITY = "equity"
    PLEDGE = "pledge"


class Level(StrEnum):
    """How well a pair fits, in the words of the judges: 强相关, 较强相关, 弱相关, 无相关."""

    STRONG = "strong"
    FAIRLY_STRONG = "fairly_strong"
    WEAK = "weak"
    NONE = "none"

    @property
    def grade(self) -> int:
        """4 for strong down to 1 for none, as qrels files write it."""
        return {"strong": 4, "fairly_strong": 3, "weak": 2, "none": 1}[self.value]

    @classmethod
    def from_grade(cls, grade: int) -> Level:
        """The level that a qrels file writes as ``grade`` (1 to 4).

        Raises:
            ValueError: another number.
        """
        for level in cls:
            if level.grade == grade:
                return level
        raise ValueError(f"a level is 1, 2, 3 or 4, not {grade}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the three kinds have in common.

    Attributes:
        id: unique within its kind, as its source writes it.
        lang: ISO 639-1 code of the text (``zh`` for both scripts), ``None`` when it could not be told.
        region: GB/T 2260 code, 2 to 6 digits.
        industry: GB/T 4754 codes.
        status: ``active``, ``pending`` or ``inactive`` for patents and firms, ``open`` or ``closed`` for needs; a
        source's own
            word where it is none of these.
        original: the source's own text of each field that normalisation changed.
        extra: columns of the source that patmatch has no field for, kept as they came.
    """

    kind: ClassVar[Kind]

    id: str
    lang: str | None = None
    region: str | None = None
    industry: tuple[str, ...] = ()
    status: str | None = None
    original: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        """What a list shows as the record's title."""
        raise TypeError(f"{type(self).__name__} is not a kind of record")

    @property
    def views(self) -> tuple[str, ...]:
        """The texts that a query made of this record consists of: its title and its body, without empty ones."""
        raise TypeError(f"{type(self).__name__} is not a kind of record")

    @property
    def passage(self) -> str:
        """The one text that is embedded when this record is what is searched for."""
        return "\n".join(self.views)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patent(Record):
    """A transferable patent or achievement.

    Attributes:
        ipc: IPC codes, the main one first.
        holders: applicants or patentees.
        grade: A, B or C of the bank's own grading.
        agreed: both its holder and a firm rated it worth industrialising.
        dormant: never transferred, licensed or used by its holder.
        maturity: technology readiness, 1 to 9.
        family: id that the members of one patent family share.
        document_kind: ``invention``, ``utility``, ``design`` or the office's own word.
        industry_derived: whether ``industry`` was told by the IPC codes, because the source gives none.
    """

    kind: ClassVar[Kind] = Kind.PATENTS

    title: str
    abstract: str = ""
    ipc: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    holder_type: str | None = None
    licence: tuple[str, ...] = ()
    grade: str | None = None
    agreed: bool | None = None
    dormant: bool | None = None
    maturity: int | None = None
    filed_on: date | None = None
    published_on: date | None = None
    application_number: str | None = None
    family: str | None = None
    document_kind: str | None = None
    industry_derived: bool = False

    @property
    def heading(self) -> str:
        """The title."""
        return self.title

    @property
    def views(self) -> tuple[str, ...]:
        """Title and abstract."""
        return tuple(text for text in (self.title, self.abstract) if text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need(Record):
    """What an enterprise asks for, in its words. One of ``title`` and ``text`` may be empty, not both."""

    kind: ClassVar[Kind] = Kind.NEEDS

    title: str = ""
    text: str = ""
    firm_id: str | None = None
    filed_on: date | None = None

    @property
    def heading(self) -> str:
        """The title, or the head of the text where there is none."""
        return self.title or self.text[:60]

    @property
    def views(self) -> tuple[str, ...]:
        """Title and text."""
        return tuple(text for text in (self.title, self.text) if text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm(Record):
    """An enterprise. Its id is its unified social credit code (统一社会信用代码) where it has one."""

    kind: ClassVar[Kind] = Kind.FIRMS

    name: str
    business_scope: str = ""
    province: str | None = None
    city: str | None = None
    firm_type: str | None = None
    filed_on: date | None = None

    @property
    def heading(self) -> str:
        """The name."""
        return self.name

    @property
    def views(self) -> tuple[str, ...]:
        """Name and business scope."""
        return tuple(text for text in (self.name, self.business_scope) if text)


AnyRecord = Patent | Need | Firm

OPEN = (None, "open")
"""States of a need in which patents are looked for."""
WITHDRAWN = ("inactive",)
"""States of a patent that has left every list, as a deleted one has."""
RECORD_TYPES: dict[Kind, type[Patent] | type[Need] | type[Firm]] = {
    Kind.PATENTS: Patent,
    Kind.NEEDS: Need,
    Kind.FIRMS: Firm,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which records may be answered. Fields combine with AND, the values of a list with OR; codes match by prefix.

    A record without a value for a filtered field does not pass.
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
        min_level: matches below it are left out.
        explain: whether each match says why.
        diversity: 0 ranks by fit alone, 1 by difference from what is already in the list.
    """

    queries: tuple[Query, ...]
    target: Kind = Kind.PATENTS
    k: int = 10
    filter: Filter = field(default_factory=Filter)
    min_level: Level | None = None
    explain: bool = False
    diversity: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """A term of the query and one of the record that mean the same, though they are written otherwise.

    Attributes:
        similarity: cosine of the two, relative to the means of their scripts.
    """

    query: str
    record: str
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What each signal added to a match's relevance; they sum to it."""

    cosine: float
    shared_terms: float
    language: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a record matched.

    Attributes:
        terms: shared to the letter, longest first.
        meanings: terms that mean the same, the most telling first.
        passage: the sentence that carries most of it; of a record that is only a title, the title.
        signals: what ranked it.
    """

    terms: tuple[str, ...] = ()
    meanings: tuple[Meaning, ...] = ()
    passage: str | None = None
    signals: Signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One pair: where it ranks, how well it fits, and the record itself.

    Attributes:
        rank: from 1.
        score: probability of being at least fairly strong, 0 to 1.
        cosine: inner product of the two unit vectors, in the space of the index.
        shared: what shared terms add to it.
        language: what makes it comparable where query and record are in two languages.
    """

    id: str
    rank: int
    score: float
    level: Level
    cosine: float
    record: AnyRecord
    shared: float = 0.0
    language: float = 0.0
    why: Why | None = None

    @property
    def relevance(self) -> float:
        """What ranks it: the sum of its parts."""
        return self.cosine + self.shared + self.language


Centred = Literal["language", "all", "none"]
"""How a query was made comparable: by the mean of its language, by that of all, or not at all in a small index."""
Shortfall = Literal["index_exhausted", "filter", "min_level"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """The answer to one query: its matches, or the error that it alone met.

    Attributes:
        tokens: how many tokens the query's text has for the model.
        truncated: whether a part of the text had no influence, because it is longer than the declared limit.
        shortfall: why fewer than ``requested`` came back; ``None`` when all did.
        lang: the language of the query's text, ``None`` where it could not be told.
        centred: how languages were treated.
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
    error: Exception | None = None


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
