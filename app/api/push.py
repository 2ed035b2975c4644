"""`/v1/push-runs` and `/v1/firms/{id}/push-list`: what was pushed, run by run and firm by firm."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from app.api.problems import PROBLEMS
from app.api.schemas import RecordOut, record_out
from app.api.state import ApiState, state_of
from app.domain import Level
from app.services.push_delivery import FirmList, ListedPatent
from app.services.pushing import PushRun

router = APIRouter(prefix="/v1", tags=["push"])

State = Annotated[ApiState, Depends(state_of)]
RunName = Annotated[str, Path(max_length=64, description="As `patmatch push run --run` named it.")]
_MOST_PLACES = 200


class PushRunOut(BaseModel):
    """A run without what it was made from."""

    run: str
    status: Literal["running", "done"]
    started_at: datetime
    finished_at: datetime | None
    firms: int = Field(description="Firms that have a list.")
    entries: int


class PushRunsOut(BaseModel):
    """All runs, the latest first."""

    runs: list[PushRunOut]


class PushRunDetailOut(PushRunOut):
    """A run with its manifest: snapshot, encoder, rules, seed, versions, and what it measured."""

    manifest: dict[str, Any]


class PushedOut(BaseModel):
    """One place of a list."""

    id: str
    rank: int = Field(description="As pushed; a withdrawn patent leaves a gap.")
    score: float = Field(description="Probability of being at least fairly strong.")
    level: Level
    title: str
    reason: list[str] = Field(description="Terms that both sides share.")
    need_id: str | None = Field(description="The firm's need that it was found for; null where its profile was asked.")
    firm_rank: int | None = Field(description="Place of the firm among the patent's own best firms.")
    placed: Literal["choice", "cap", "floor", "diversity", "agreed"] = Field(
        description="`choice`: among the firm's best; `cap`: better ones were shown often enough; `floor`: it had to "
        "be shown; `diversity`: better ones were one too many of a holder, family or subject; `agreed`: among "
        "the firm's best only since both sides rated it worth industrialising."
    )
    record: RecordOut


class PushListOut(BaseModel):
    """A firm's list, or a part of it."""

    run: str
    firm_id: str
    arm: Literal["a", "b"] | None = Field(description="The ranking that the firm was assigned to.")
    patents: list[PushedOut]
    cursor: str | None = Field(description="Send it back for the next part; null at the end.")
    empty: Literal["opted_out", "not_in_run", "all_withdrawn"] | None = Field(description="Why there is nothing.")


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: PROBLEMS[status] for status in statuses}


@router.get("/push-runs", response_model=PushRunsOut, responses=_problems(429), summary="All push runs")
async def get_push_runs(state: State) -> Response:
    """All runs, the latest first; `patmatch push run` makes them."""
    runs = await state.side_workers.run(state.push.runs)
    return _json(PushRunsOut(runs=[PushRunOut(**_said(run)) for run in runs]))


@router.get(
    "/push-runs/{run}", response_model=PushRunDetailOut, responses=_problems(404, 422, 429), summary="One push run"
)
async def get_push_run(run: RunName, state: State) -> Response:
    """The run with its manifest: what it was made from, and what it measured of itself."""
    found = await state.side_workers.run(state.push.get, run)
    return _json(PushRunDetailOut(**_said(found), manifest=json.loads(found.manifest)))


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
            lambda: _list_out(state.push.of_firm(firm_id, run, after=int(cursor or 0), size=limit))
        )
    )


def _list_out(found: FirmList) -> PushListOut:
    return PushListOut(
        run=found.run,
        firm_id=found.firm_id,
        arm="b" if found.patents and found.patents[0].entry.arm == "b" else "a" if found.patents else None,
        patents=[_pushed_out(one) for one in found.patents],
        cursor=None if found.cursor is None else str(found.cursor),
        empty=found.why_empty,
    )


def _pushed_out(one: ListedPatent) -> PushedOut:
    entry = one.entry
    return PushedOut.model_validate(
        {
            "id": entry.patent_id,
            "rank": entry.rank,
            "score": entry.score,
            "level": entry.level,
            "title": one.record.title,
            "reason": entry.reason.split(),
            "need_id": entry.need_id,
            "firm_rank": entry.firm_rank,
            "placed": entry.placed,
            "record": record_out(one.record),
        }
    )


def _said(run: PushRun) -> dict[str, Any]:
    return {
        "run": run.name,
        "status": run.status,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "firms": run.firms,
        "entries": run.entries,
    }


def _json(body: BaseModel) -> Response:
    return Response(body.model_dump_json(), media_type="application/json")
