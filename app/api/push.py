"""`/v1/push-runs` and `/v1/firms/{id}/push-list`: what was pushed, run by run and firm by firm."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel

from app.api.problems import PROBLEMS
from app.api.state import ApiState, state_of
from app.push.shapes import PushListOut, PushRunOut, list_out, run_out

router = APIRouter(prefix="/v1", tags=["push"])

State = Annotated[ApiState, Depends(state_of)]
RunName = Annotated[str, Path(max_length=64, description="As `patmatch push run --run` named it.")]
_MOST_PLACES = 200


class PushRunsOut(BaseModel):
    """All runs, the latest first."""

    runs: list[PushRunOut]


class PushRunDetailOut(PushRunOut):
    """A run with its manifest: snapshot, encoder, rules, seed, versions, and what it measured."""

    manifest: dict[str, Any]


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: PROBLEMS[status] for status in statuses}


@router.get("/push-runs", response_model=PushRunsOut, responses=_problems(429), summary="All push runs")
async def get_push_runs(state: State) -> Response:
    """All runs, the latest first; `patmatch push run` makes them."""
    runs = await state.side_workers.run(state.push.runs)
    return _json(PushRunsOut(runs=[run_out(run) for run in runs]))


@router.get(
    "/push-runs/{run}", response_model=PushRunDetailOut, responses=_problems(404, 422, 429), summary="One push run"
)
async def get_push_run(run: RunName, state: State) -> Response:
    """The run with its manifest: what it was made from, and what it measured of itself."""
    found = await state.side_workers.run(state.push.get, run)
    return _json(PushRunDetailOut(**run_out(found).model_dump(), manifest=json.loads(found.manifest)))


@router.get(
    "/firms/{firm_id}/push-list",
    response_model=PushListOut,
    responses=_problems(404, 422, 429),
    summary="What was pushed to a firm",
)
async def get_push_list(
    firm_id: Annotated[str, Path(max_length=128, description="The id as its source writes it.")],
    state: State,
    run: Annotated[str | None, Query(max_length=64, description="The latest that is done when left out.")] = None,
    cursor: Annotated[str | None, Query(pattern=r"^\d{1,6}$", description="Of the part before.")] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_PLACES, description="Places looked at.")] = 100,
) -> Response:
    """The firm's list with every patent as it is now: one that was withdrawn or deleted is in no list any more."""
    return _json(
        await state.side_workers.run(
            lambda: list_out(state.push.of_firm(firm_id, run, after=int(cursor or 0), size=limit))
        )
    )


def _json(body: BaseModel) -> Response:
    return Response(body.model_dump_json(), media_type="application/json")
