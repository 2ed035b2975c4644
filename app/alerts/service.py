"""Alerts as they may be shown now, over HTTP and in a webhook's message, and the levels that needs are watched at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from app.catalogue import NEED_ALERT, Catalogue
from app.domain import OPEN, Alert, Kind, Level, Need, Patent, Renderer, WatchLevel, is_withdrawn
from app.errors import NotFoundError, unknown_record
from app.records.read import RecordOut, known_id, number_of

MOST_A_PAGE = 200
"""Alerts looked at for one answer, each of which brings a whole record; one message has no more either."""


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """An alert with the patent as it is now."""

    alert: Alert
    record: Patent


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Some alerts, the newest last.

    Attributes:
        cursor: to ask with for what comes behind, now or later.
        more: whether there is more now.
        opted_out: whether there is nothing because the need's firm wants nothing.
    """

    alerts: tuple[ShownAlert, ...]
    cursor: str
    more: bool
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class WatchState:
    """How a need is watched.

    Attributes:
        own: whether the level was said for this need; else it is the service's.
        at: when it was said.
        watched: whether new patents are looked at for it: its level is not ``off``, and it is open.
    """

    need_id: str
    level: WatchLevel
    own: bool
    at: datetime | None
    watched: bool


class AlertService:
    """Shows alerts and sets levels. Safe to call from many threads.

    Args:
        catalogue: records, levels and alerts.
        default: the level of needs without one of their own.
    """

    def __init__(self, catalogue: Catalogue, default: WatchLevel) -> None:
        self._catalogue = catalogue
        self._default = default

    def of_need(
        self, need_id: str, *, cursor: str | None = None, limit: int = 100, since: datetime | None = None
    ) -> AlertPage:
        """A need's alerts behind a cursor, found at ``since`` or later; of patents that are gone there are none.

        Raises:
            NotFoundError: there is no such need.
            InputError: the cursor is none that was given out.
        """
        need, after, size = self._need(need_id), number_of(cursor), min(limit, MOST_A_PAGE)
        if need.firm_id is not None and self._catalogue.opt_outs.current(need.firm_id) is not None:
            return AlertPage((), str(after), more=False, opted_out=True)
        found = self._catalogue.alerts.of_need(need_id, after=after, size=size + 1, since=since)
        return self._page(found, after, size, self._shown(found[:size]))

    def of_all(self, *, cursor: str | None = None, limit: int = 100, since: datetime | None = None) -> AlertPage:
        """The same for all needs; of needs that are gone, and of firms that opted out, there are none.

        Raises:
            InputError: the cursor is none that was given out.
        """
        after, size = number_of(cursor), min(limit, MOST_A_PAGE)
        found = self._catalogue.alerts.page(after=after, size=size + 1, since=since)
        needs = self._catalogue.get_many(Kind.NEEDS, sorted({alert.need_id for alert in found}))
        firm_of = {key: need.firm_id for key, need in needs.items() if isinstance(need, Need)}
        out = self._catalogue.opt_outs.opted_out(sorted({firm for firm in firm_of.values() if firm}))
        wanted = [one for one in found[:size] if one.need_id in firm_of and firm_of[one.need_id] not in out]
        return self._page(found, after, size, self._shown(wanted))

    def between(self, need_id: str, first: int, last: int) -> tuple[ShownAlert, ...]:
        """A need's alerts of these numbers that still stand; none where the need is gone or its firm opted out."""
        try:
            page = self.of_need(need_id, cursor=str(first - 1), limit=MOST_A_PAGE)
        except NotFoundError:
            return ()
        return tuple(shown for shown in page.alerts if shown.alert.number <= last)

    def watch_of(self, need_id: str) -> WatchState:
        """How a need is watched.

        Raises:
            NotFoundError: there is no such need.
        """
        need = self._need(need_id)
        need_id = need.id
        own = self._catalogue.watches.get(need_id)
        level = self._default if own is None else own.level
        watched = level is not WatchLevel.OFF and need.status in OPEN
        return WatchState(need_id, level, own is not None, None if own is None else own.at, watched)

    def watch(self, need_id: str, level: WatchLevel) -> WatchState:
        """Give a need a level of its own.

        Raises:
            NotFoundError: there is no such need.
        """
        need_id = known_id(self._catalogue, Kind.NEEDS, need_id)
        if self._catalogue.watches.put(need_id, level, self._default) is None:
            raise unknown_record(Kind.NEEDS, need_id)
        return self.watch_of(need_id)

    def forget_watch(self, need_id: str) -> None:
        """Let the service's level hold for a need again.

        Raises:
            NotFoundError: it has none of its own.
        """
        if not self._catalogue.watches.remove(known_id(self._catalogue, Kind.NEEDS, need_id)):
            shown = need_id[:80]
            raise NotFoundError(
                f"The need {shown!r} has no level of its own.",
                f"需求 {shown!r} 没有单独设置提醒级别。",
                code="no_watch",
            )

    def _need(self, need_id: str) -> Need:
        need = self._catalogue.get(Kind.NEEDS, known_id(self._catalogue, Kind.NEEDS, need_id))
        if not isinstance(need, Need):
            raise unknown_record(Kind.NEEDS, need_id)
        return need

    def _shown(self, alerts: Sequence[Alert]) -> tuple[ShownAlert, ...]:
        records = self._catalogue.get_many(Kind.PATENTS, sorted({alert.patent_id for alert in alerts}))
        return tuple(
            ShownAlert(alert, record)
            for alert in alerts
            if isinstance(record := records.get(alert.patent_id), Patent) and not is_withdrawn(record.status)
        )

    @staticmethod
    def _page(found: Sequence[Alert], after: int, size: int, shown: tuple[ShownAlert, ...]) -> AlertPage:
        looked = found[:size]
        return AlertPage(shown, str(looked[-1].number if looked else after), more=len(found) > size)


class AlertOut(BaseModel):
    """A new patent that fits a need."""

    need_id: str
    id: str = Field(description="The patent's id.")
    at: datetime = Field(description="When it was found.")
    score: float = Field(description="As a match of the need gave it then.")
    level: Level
    title: str
    reason: list[str] = Field(description="Terms that both sides share.")
    record: RecordOut


def alert_out(shown: ShownAlert) -> AlertOut:
    """An alert with the patent as it is now."""
    alert = shown.alert
    return AlertOut(
        need_id=alert.need_id,
        id=alert.patent_id,
        at=alert.at,
        score=round(alert.score, 4),
        level=alert.level,
        title=shown.record.title,
        reason=alert.reason.split(),
        record=RecordOut(**shown.record.shown),
    )


def alert_renderers(alerts: AlertService) -> dict[str, Renderer]:
    """What the messages of alerts say at the moment at which they are sent."""

    def of_need(about: Mapping[str, Any]) -> dict[str, Any] | None:
        found = alerts.between(about["need_id"], about["first"], about["last"])
        shown_alerts = [alert_out(shown).model_dump(mode="json") for shown in found]
        return {"need_id": about["need_id"], "alerts": shown_alerts} if shown_alerts else None

    return {NEED_ALERT: of_need}
