"""An alert as it leaves the service, over HTTP and in a webhook's message alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from app.alerts.service import AlertService, ShownAlert
from app.catalogue import NEED_ALERT
from app.domain import Level, Renderer
from app.records.shape import RecordOut, record_out


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
        record=record_out(shown.record),
    )


def alert_renderers(alerts: AlertService) -> dict[str, Renderer]:
    """What the messages of alerts say at the moment at which they are sent."""

    def of_need(about: Mapping[str, Any]) -> dict[str, Any] | None:
        found = alerts.between(about["need_id"], about["first"], about["last"])
        shown_alerts = [alert_out(shown).model_dump(mode="json") for shown in found]
        return {"need_id": about["need_id"], "alerts": shown_alerts} if shown_alerts else None

    return {NEED_ALERT: of_need}
