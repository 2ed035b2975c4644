"""`/v1/push-runs`, `/v1/firms/{id}/push-list` and `/v1/firms/{id}/opt-out`: what was pushed, and to whom nothing is.

A run's lists are also given as files.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask

from app.api.filters import Strict
from app.api.problems import problems
from app.api.state import ADMIN, State, changes, json_response
from app.domain import OptOut
from app.push.exports import SheetLayout
from app.push.messages import PushListOut, PushRunOut, list_out, run_out

router = APIRouter(prefix="/v1", tags=["push"])

RunName = Annotated[str, Path(max_length=64, description="As `patmatch push run --run` named it.")]
FirmIdPath = Annotated[str, Path(min_length=1, max_length=128, description="The firm's id.")]
_MOST_PLACES = 200
_MEDIA_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_UNFIT_IN_NAME = re.compile(r"[^\w.-]")
_OPT_OUT = "/firms/{firm_id:path}/opt-out"


class OptOutIn(Strict):
    """Why, and who says so; both can be left out."""

    reason: str | None = Field(None, max_length=2000)
    by: str | None = Field(None, max_length=200)


class OptOutOut(BaseModel):
    """An opt-out that stands."""

    firm_id: str
    at: datetime
    reason: str | None = None
    by: str | None = None


class PushRunsOut(BaseModel):
    """All runs, the latest first."""

    runs: list[PushRunOut]


class PushRunDetailOut(PushRunOut):
    """A run with its manifest: snapshot, encoder, rules, seed, versions, and what it measured."""

    manifest: dict[str, Any]


def _opt_out_answer(found: OptOut, status: int = 200) -> Response:
    given = {name: value for name, value in (("reason", found.reason), ("by", found.by)) if value is not None}
    return json_response(OptOutOut(firm_id=found.firm_id, at=found.at, **given), status, set_only=True)


@router.get(_OPT_OUT, response_model=OptOutOut, responses=problems(404, 422, 429), summary="Whether a firm opted out")
async def get_opt_out(firm_id: FirmIdPath, state: State) -> Response:
    """The firm's opt-out; 404 where it takes lists."""
    return _opt_out_answer(await state.side_workers.run(state.services.outreach.opt_out_of, firm_id))


@router.put(
    _OPT_OUT,
    response_model=OptOutOut,
    **changes(404, 422, 429, new=(OptOutOut, "The firm opted out just now.")),
    summary="Opt a firm out",
)
async def put_opt_out(firm_id: FirmIdPath, state: State, body: OptOutIn | None = None) -> Response:
    """Push nothing to this firm from now on. Said again, the first time and reason stay."""
    given = body or OptOutIn()
    outreach = state.services.outreach
    found, new = await state.write_workers.run(lambda: outreach.opt_out(firm_id, reason=given.reason, by=given.by))
    return _opt_out_answer(found, 201 if new else 200)


@router.delete(_OPT_OUT, status_code=204, **changes(404, 422, 429), summary="Take an opt-out back")
async def delete_opt_out(firm_id: FirmIdPath, state: State) -> Response:
    """Push to this firm again; 404 where it had not opted out."""
    await state.write_workers.run(state.services.outreach.undo_opt_out, firm_id)
    return Response(status_code=204)


@router.get("/push-runs", response_model=PushRunsOut, responses=problems(429), summary="All push runs")
async def get_push_runs(state: State) -> Response:
    """All runs, the latest first; `patmatch push run` makes them."""
    runs = await state.side_workers.run(state.services.push_delivery.runs)
    return json_response(PushRunsOut(runs=[run_out(run) for run in runs]))


@router.get(
    "/push-runs/{run}", response_model=PushRunDetailOut, responses=problems(404, 422, 429), summary="One push run"
)
async def get_push_run(run: RunName, state: State) -> Response:
    """The run with its manifest: what it was made from, and what it measured of itself."""
    found = await state.side_workers.run(state.services.push_delivery.get, run)
    return json_response(PushRunDetailOut(**run_out(found).model_dump(), manifest=json.loads(found.manifest)))


@router.get(
    "/push-runs/{run}/lists",
    response_class=FileResponse,
    dependencies=ADMIN,
    responses=problems(401, 404, 422, 429),
    summary="A run's lists as a file",
)
async def get_push_lists(
    run: RunName,
    state: State,
    format: Annotated[Literal["xlsx", "csv"], Query(description="For people, or for machines.")] = "xlsx",  # noqa: A002
    firm: Annotated[str | None, Query(min_length=1, max_length=128, description="Its list alone.")] = None,
    lang: Annotated[Literal["zh", "en"], Query(description="Of a workbook.")] = "zh",
    *,
    sheet_per_firm: Annotated[bool, Query(description="Of a workbook: a sheet for each firm.")] = False,
) -> Response:
    """What `patmatch push export` writes; a workbook with 反馈 filled in is taken by `patmatch feedback import`."""
    delivery, layout = state.services.push_delivery, SheetLayout(lang=lang, per_firm=sheet_per_firm)

    def written() -> tuple[TemporaryDirectory[str], FilePath]:
        folder = TemporaryDirectory(prefix="patmatch-lists-")
        path = FilePath(folder.name) / f"lists.{format}"
        try:
            delivery.export(run, path, firm_id=firm, layout=layout)
        except BaseException:
            folder.cleanup()
            raise
        return folder, path

    folder, path = await state.export_workers.run(written)
    name = _UNFIT_IN_NAME.sub("_", "-".join(filter(None, (run, firm)))) + path.suffix
    sent = BackgroundTask(folder.cleanup)  # where the client leaves before the end, the folder goes with its object
    return FileResponse(path, media_type=_MEDIA_TYPES[format], filename=name, background=sent)


@router.get(
    "/firms/{firm_id:path}/push-list",
    response_model=PushListOut,
    responses=problems(404, 422, 429),
    summary="What was pushed to a firm",
)
async def get_push_list(
    firm_id: Annotated[str, Path(min_length=1, max_length=128, description="The id as its source writes it.")],
    state: State,
    run: Annotated[str | None, Query(max_length=64, description="The latest that is done when left out.")] = None,
    cursor: Annotated[str | None, Query(pattern=r"^\d{1,6}$", description="Of the part before.")] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_PLACES, description="Places looked at.")] = 100,
) -> Response:
    """The firm's list with every patent as it is now: one that was withdrawn or deleted is in no list any more."""
    delivery = state.services.push_delivery
    return await state.side_workers.run(
        lambda: json_response(list_out(delivery.of_firm(firm_id, run, after=int(cursor or 0), size=limit)))
    )
