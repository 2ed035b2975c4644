"""What patmatch talks about: patents, needs, firms and the matches between them.

Pure values without I/O. A record is immutable; a change is a new record. Codes are kept as the standards write them:
IPC without spaces (``H01M10/0567``), GB/T 2260 regions as 2 to 6 digits (``620102``), GB/T 4754 industries with
their section letter (``C3841``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar

JsonObject = dict[str, Any]
_EMPTY: tuple[Any, ...] = (None, (), {}, "")


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

    grade: int
    """4 for strong down to 1 for none, as qrels files write it."""

    def __new__(cls, word: str, grade: int = 0) -> Level:
        """The member of a word; a call with the word alone finds it."""
        made = str.__new__(cls, word)
        made._value_, made.grade = word, grade
        return made

    STRONG = "strong", 4
    FAIRLY_STRONG = "fairly_strong", 3
    WEAK = "weak", 2
    NONE = "none", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the three kinds have in common.

    Attributes:
        id: unique within its kind, as its source writes it.
        lang: ISO 639-1 code of the text (``zh`` for both scripts), ``None`` where it is unknown.
        region: GB/T 2260 code, 2 to 6 digits.
        industry: GB/T 4754 codes.
        status: ``active``, ``pending`` or ``inactive`` for patents and firms, ``open`` or ``closed`` for needs; a
            source's own word where it is none of these.
        original: the source's own text of each field that normalisation changed.
        extra: columns of the source that patmatch has no field for, kept as they came.
    """

    kind: ClassVar[Kind]
    parts: ClassVar[tuple[str, str]]
    """The fields that hold its title and its body."""

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
    def text_parts(self) -> tuple[str, ...]:
        """The texts that a query made of this record consists of: its title and its body, without empty ones."""
        return tuple(text for name in self.parts if (text := getattr(self, name)))

    @property
    def shown(self) -> JsonObject:
        """Its kind and its fields without empty ones; `industry_derived` is there only where it is true."""
        named = ((one.name, getattr(self, one.name)) for one in fields(self))
        given = {name: value for name, value in named if value not in _EMPTY}
        if not given.get("industry_derived", True):
            del given["industry_derived"]
        return {"kind": self.kind.value, **given}

    @property
    def passage(self) -> str:
        """The one text that is embedded when this record is what is searched for."""
        return "\n".join(self.text_parts)


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
        industry_derived: whether ``industry`` was derived from the IPC codes, because the source gives none.
    """

    kind: ClassVar[Kind] = Kind.PATENTS
    parts = ("title", "abstract")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Need(Record):
    """What an enterprise asks for, in its words. One of ``title`` and ``text`` may be empty, not both."""

    kind: ClassVar[Kind] = Kind.NEEDS
    parts = ("title", "text")

    title: str = ""
    text: str = ""
    firm_id: str | None = None
    filed_on: date | None = None

    @property
    def heading(self) -> str:
        """The title, or the head of the text where there is none."""
        return self.title or self.text[:60]


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm(Record):
    """An enterprise. Its id is its unified social credit code (统一社会信用代码) where it has one."""

    kind: ClassVar[Kind] = Kind.FIRMS
    parts = ("name", "business_scope")

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


AnyRecord = Patent | Need | Firm

OPEN = (None, "open")
"""States of a need in which patents are looked for."""
PATENT_STATUSES = ("active", "pending", "inactive")
"""Statuses of patents that we know. Any other is a word of a source which nobody knows."""


def is_withdrawn(status: str | None, *, unknown_status: bool = False) -> bool:
    """Whether a patent has left every list by its status, as a deleted one has.

    Args:
        status: as the catalogue has it; ``None``, where the source states none, leaves no list.
        unknown_status: whether a patent may be shown whose status is a word that nobody knows.
    """
    return status == "inactive" or (status is not None and status not in PATENT_STATUSES and not unknown_status)


RECORD_TYPES: dict[Kind, type[Patent] | type[Need] | type[Firm]] = {
    Kind.PATENTS: Patent,
    Kind.NEEDS: Need,
    Kind.FIRMS: Firm,
}
