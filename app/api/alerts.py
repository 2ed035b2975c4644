"""`/v1/needs/{id}/alerts`, `/v1/alerts` and `/v1/needs/{id}/watch`: new patents that fit open needs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from app.alerts.service import MOST_A_PAGE, AlertOut, AlertPage, WatchState, alert_out
from app.api.filters import Strict
from app.api.problems import problems
from app.api.state import State, changes, json_response
from app.domain import WatchLevel

router = APIRouter(prefix="/v1", tags=["alerts"])

NeedIdPath = Annotated[str, Path(min_length=1, max_length=128, description="The need's id.")]
Cursor = Annotated[
    str | None, Query(max_length=40, description="Of an answer before: what comes behind it, now or later.")
]
Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="Alerts looked at.")]
Since = Annotated[AwareDatetime | None, Query(description="Found at this time or later; with its zone.")]
_ALERTS, _WATCH = "/needs/{need_id:path}/alerts", "/needs/{need_id:path}/watch"


class AlertsOut(BaseModel):
    """Alerts, the newest last."""

    alerts: list[AlertOut]
    cursor: str = Field(description="Send it back for what comes behind, at once where there is `more`, or later.")
    more: bool
    empty: str | None = Field(None, description="`opted_out`: the need's firm wants nothing.")


class WatchIn(Strict):
    """A need's own level."""

    level: WatchLevel = Field(description="From which level on the need is alerted; `off` for never.")


class WatchOut(BaseModel):
    """How a need is watched."""

    need_id: str
    level: WatchLevel
    own: bool = Field(description="Whether the level was said for this need; else it is `PATMATCH_ALERT_LEVEL`.")
    at: datetime | None = Field(description="When it was said.")
    watched: bool = Field(description="Whether new patents are looked at for it: not `off`, and the need is open.")


@router.get(_ALERTS, response_model=AlertsOut, responses=problems(404, 422, 429), summary="New patents for a need")
async def get_need_alerts(
    need_id: NeedIdPath, state: State, cursor: Cursor = None, limit: Limit = 100, since: Since = None
) -> Response:
    """Patents that came after the need and fit it, each once, in the order in which they were found.

    Keep the cursor and ask again: it brings what is new since. Patents that were withdrawn or deleted meanwhile are in
    no answer any more.
    """
    alerts = state.services.alerts
    return await state.side_workers.run(lambda: _page(alerts.of_need(need_id, cursor=cursor, limit=limit, since=since)))


@router.get("/alerts", response_model=AlertsOut, responses=problems(422, 429), summary="New patents for all needs")
async def get_alerts(state: State, cursor: Cursor = None, limit: Limit = 100, since: Since = None) -> Response:
    """The alerts of all needs, for a system that hands them on: one path to ask, whatever needs there are."""
    alerts = state.services.alerts
    return await state.side_workers.run(lambda: _page(alerts.of_all(cursor=cursor, limit=limit, since=since)))


@router.get(_WATCH, response_model=WatchOut, responses=problems(404, 422, 429), summary="How a need is watched")
async def get_watch(need_id: NeedIdPath, state: State) -> Response:
    """The level that holds for the need, its own or the service's."""
    return _watch(await state.side_workers.run(state.services.alerts.watch_of, need_id))


@router.put(_WATCH, response_model=WatchOut, **changes(404, 422, 429), summary="Set a need's own level")
async def put_watch(need_id: NeedIdPath, body: WatchIn, state: State) -> Response:
    """From this level on the need is alerted of patents that come from now on."""
    return _watch(await state.write_workers.run(state.services.alerts.watch, need_id, body.level))


@router.delete(_WATCH, status_code=204, **changes(404, 422, 429), summary="Take a need's own level away")
async def delete_watch(need_id: NeedIdPath, state: State) -> Response:
    """The service's level holds again; 404 where the need had none of its own."""
    await state.write_workers.run(state.services.alerts.forget_watch, need_id)
    return Response(status_code=204)


def _page(page: AlertPage) -> Response:
    empty = "opted_out" if page.opted_out else None
    shown = [alert_out(one) for one in page.alerts]
    return json_response(AlertsOut(alerts=shown, cursor=page.cursor, more=page.more, empty=empty))


def _watch(found: WatchState) -> Response:
    return json_response(WatchOut.model_validate(found, from_attributes=True))
