"""`/v1/firms/{id}/opt-out`: firms that want no lists."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.auth import UNAUTHORIZED, require_admin
from app.api.problems import PROBLEMS
from app.api.state import ApiState, state_of
from app.domain import OptOut

router = APIRouter(prefix="/v1", tags=["push"])

State = Annotated[ApiState, Depends(state_of)]
FirmIdPath = Annotated[str, Path(max_length=128, description="The firm's id.")]
_PATH = "/firms/{firm_id}/opt-out"
_RESPONSES: dict[int | str, dict[str, Any]] = {status: PROBLEMS[status] for status in (404, 422, 429)}


class OptOutIn(BaseModel):
    """Why, and who says so; both can be left out."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(None, max_length=2000)
    by: str | None = Field(None, max_length=200)


class OptOutOut(BaseModel):
    """An opt-out that stands."""

    firm_id: str
    at: datetime
    reason: str | None = None
    by: str | None = None


def _answer(found: OptOut, status: int = 200) -> Response:
    out = OptOutOut(firm_id=found.firm_id, at=found.at, reason=found.reason, by=found.by)
    return Response(out.model_dump_json(exclude_none=True), status_code=status, media_type="application/json")


@router.get(_PATH, response_model=OptOutOut, responses=_RESPONSES, summary="Whether a firm opted out")
async def get_opt_out(firm_id: FirmIdPath, state: State) -> Response:
    """The firm's opt-out; 404 where it takes lists."""
    return _answer(await state.side_workers.run(state.outreach.opt_out_of, firm_id))


@router.put(
    _PATH,
    response_model=OptOutOut,
    responses={**_RESPONSES, **UNAUTHORIZED, 201: {"model": OptOutOut, "description": "The firm opted out just now."}},
    dependencies=[Depends(require_admin)],
    summary="Opt a firm out",
)
async def put_opt_out(firm_id: FirmIdPath, state: State, body: OptOutIn | None = None) -> Response:
    """Push nothing to this firm from now on. Said again, the first time and reason stay."""
    said = body or OptOutIn()
    found, new = await state.write_workers.run(lambda: state.outreach.opt_out(firm_id, reason=said.reason, by=said.by))
    return _answer(found, 201 if new else 200)


@router.delete(
    _PATH,
    status_code=204,
    responses={**_RESPONSES, **UNAUTHORIZED},
    dependencies=[Depends(require_admin)],
    summary="Take an opt-out back",
)
async def delete_opt_out(firm_id: FirmIdPath, state: State) -> Response:
    """Push to this firm again; 404 where it had not opted out."""
    await state.write_workers.run(state.outreach.undo_opt_out, firm_id)
    return Response(status_code=204)
