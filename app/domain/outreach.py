"""What is remembered of reaching out: what came back from firms and judges, opt-outs, gradings, pools, alerts.

Pure values without I/O, as `app.domain` has them for records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from app.domain.matching import Filter
from app.domain.records import Level


class Event(StrEnum):
    """What came back about a patent: 已查看, 感兴趣, 已联系, 提出需求, 已签约, 拒绝, 评级."""

    VIEWED = "viewed"
    INTERESTED = "interested"
    CONTACTED = "contacted"
    NEED_RETURNED = "need_returned"
    SIGNED = "signed"
    REJECTED = "rejected"
    LEVEL = "level"


FUNNEL = (Event.VIEWED, Event.INTERESTED, Event.CONTACTED, Event.NEED_RETURNED, Event.SIGNED)
"""The stages behind the push, in their order."""


DECISIVE = (Event.REJECTED, Event.INTERESTED, Event.CONTACTED, Event.NEED_RETURNED, Event.SIGNED)
"""What a firm's mind about a patent shows in: the latest of these stands. A view or a judge's level decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One thing that came back. It is kept as it came: a change of mind is another one.

    Attributes:
        key: unique; what is sent again with its key is known already.
        firm_id: who it is from; that of the need where only a need was given and it has one.
        need_id: the need that was matched.
        new_need_id: the need that a firm returned.
        query_id: of a free text that was matched, with the text in ``query_text``.
        level: what a judge says where the event is ``level``; else the level that was shown.
        run: the push run that it answers.
        ranking: the snapshot or ranking that was shown.
        rank: where it was shown, from 1.
        reason: why a firm rejected.
        by: who judged or reported.
        at: when it happened, in UTC.
    """

    key: str
    event: Event
    at: datetime
    firm_id: str | None = None
    need_id: str | None = None
    new_need_id: str | None = None
    patent_id: str | None = None
    query_id: str | None = None
    query_text: str | None = None
    level: Level | None = None
    run: str | None = None
    ranking: str | None = None
    rank: int | None = None
    score: float | None = None
    reason: str | None = None
    note: str | None = None
    by: str | None = None

    @property
    def asker(self) -> str | None:
        """Whose answer it is, or what was asked with: the firm, else the need, else the text."""
        return self.firm_id or self.need_id or self.query_id


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackFilter:
    """Which feedback is wanted; all that is given must hold."""

    firm_id: str | None = None
    patent_id: str | None = None
    run: str | None = None
    event: Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """A firm that wants no lists. ``undone_at`` is set once it takes them again."""

    firm_id: str
    at: datetime
    reason: str | None = None
    by: str | None = None
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusions:
    """What is not sent to firms, of those that were asked about.

    Attributes:
        opted_out: firms that get nothing.
        rejected: firm -> patents that it rejected, and said nothing else of since.
        families: firm -> the families of these.
        welcome: firm -> patents of which it last said something else; its family's rejection does not cover them.
    """

    opted_out: frozenset[str] = frozenset()
    rejected: Mapping[str, frozenset[str]] = field(default_factory=dict)
    families: Mapping[str, frozenset[str]] = field(default_factory=dict)
    welcome: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def allows(self, firm_id: str, patent_id: str, family: str | None = None) -> bool:
        """Whether a pair may be pushed; ``family`` is the patent's."""
        nothing = frozenset[str]()
        if firm_id in self.opted_out or patent_id in self.rejected.get(firm_id, nothing):
            return False
        covered = family is not None and family in self.families.get(firm_id, nothing)
        return not covered or patent_id in self.welcome.get(firm_id, nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """What a grading of a patent sets; ``None`` leaves a value as it is."""

    patent_id: str
    grade: str | None = None
    maturity: int | None = None
    agreed: bool | None = None
    by: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeChange:
    """One line of a patent's grading history: who, when, from what to what."""

    number: int
    patent_id: str
    at: datetime
    by: str | None
    note: str | None
    from_grade: str | None
    to_grade: str | None
    from_maturity: int | None
    to_maturity: int | None
    from_agreed: bool | None
    to_agreed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A named selection of patents.

    Attributes:
        filter: as a search takes it.
        changed_from: only patents that were added or changed on this day (UTC) or later.
        built_in: comes with the product and cannot be changed.
        updated_at: when it was saved; ``None`` for a built-in one.
    """

    name: str
    filter: Filter
    changed_from: date | None = None
    note: str | None = None
    built_in: bool = False
    updated_at: datetime | None = None


class WatchLevel(StrEnum):
    """From which level on a need is alerted of new patents; ``off`` for none."""

    STRONG = "strong"
    FAIRLY_STRONG = "fairly_strong"
    WEAK = "weak"
    OFF = "off"

    @property
    def grade(self) -> int | None:
        """That of the level, as `Level` has it; ``None`` for ``off``."""
        return None if self is WatchLevel.OFF else Level(self.value).grade


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A need's own level.

    Attributes:
        since: patents that arrived at this revision of the catalogue or before do not count.
        at: when it was said.
    """

    need_id: str
    level: WatchLevel
    since: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A new patent that fits a watched need.

    Attributes:
        number: in the order of all alerts; 0 before it is recorded.
        at: when it was found.
        score: as a match of the need gave it then.
        reason: terms that both sides share, separated by spaces; may be empty.
        patent_revision: of the patent then.
    """

    need_id: str
    patent_id: str
    at: datetime
    score: float
    level: Level
    reason: str
    patent_revision: int
    number: int = 0


Renderer = Callable[[Mapping[str, Any]], dict[str, Any] | None]
"""A message's reference to its payload, as JSON has it; ``None`` where nothing is left to say."""
