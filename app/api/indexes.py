"""`/v1/index`: what is served, publications, rollbacks and builds."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from app.api.auth import UNAUTHORIZED, require_admin
from app.api.index_schemas import (
    BuildIn,
    BuildOut,
    IndexOut,
    PublishedOut,
    PublishIn,
    RollbackIn,
    build_out,
    index_out,
)
from app.api.problems import PROBLEMS, problem_response
from app.api.state import ApiState, state_of
from app.builds.jobs import BuildRecord

router = APIRouter(prefix="/v1/index", tags=["index"])

State = Annotated[ApiState, Depends(state_of)]
BuildId = Annotated[str, Path(max_length=128, description="As the answer to `POST /v1/index/builds` names it.")]

_CONFLICT = problem_response("Another job runs; `detail` says which, and how far it is.")
_ADMIN = [Depends(require_admin)]

BY = "api"
"""Who asked, in the log of publications, when it was over HTTP."""


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: _CONFLICT if status == 409 else PROBLEMS[status] for status in statuses}


@router.get("", response_model=IndexOut, responses=_problems(429), summary="Where every index stands")
async def get_index(state: State) -> Response:
    """What is served and how old it is, how far the catalogue has moved on, builds, snapshots, and who did what."""
    return _json(index_out(await state.side_workers.run(state.overview.targets)))


@router.post(
    "/publish",
    response_model=PublishedOut,
    dependencies=_ADMIN,
    responses=UNAUTHORIZED | _problems(404, 409, 422, 429),
    summary="Serve a snapshot",
)
async def publish(body: PublishIn, state: State) -> Response:
    """Verify a snapshot, then serve it. Running services take it up within a second; no request fails meanwhile."""
    previous = await state.side_workers.run(lambda: state.indexing.publish(body.snapshot, by=BY))
    return _json(PublishedOut(published=body.snapshot, previous=previous))


@router.post(
    "/rollback",
    response_model=PublishedOut,
    dependencies=_ADMIN,
    responses=UNAUTHORIZED | _problems(404, 409, 422, 429),
    summary="Serve the snapshot that was published before",
)
async def rollback(body: RollbackIn, state: State) -> Response:
    """Go back to what was published before the present snapshot; called twice, to the one before that."""

    def back() -> PublishedOut:
        published = state.indexing.rollback(body.target, by=BY)
        return PublishedOut(published=published, previous=state.indexing.log(body.target)[-1].previous)

    return _json(await state.side_workers.run(back))


@router.post(
    "/builds",
    response_model=BuildOut,
    status_code=202,
    dependencies=_ADMIN,
    responses=UNAUTHORIZED | _problems(409, 422, 429),
    summary="Begin a build",
)
async def start_build(body: BuildIn, state: State) -> Response:
    """Begin to build an index, in a process of its own that outlives the server; `Location` says where to ask for it.

    One build of a target runs at a time. What is already embedded is not embedded again, also after a build that was
    interrupted.
    """

    def start() -> BuildRecord:
        return state.builds.start(body.target, publish=body.publish, encoder=body.encoder, requested_by=BY)

    record = await state.side_workers.run(start)
    return _json(build_out(record), status=202, headers={"Location": f"/v1/index/builds/{record.id}"})


@router.get(
    "/builds/{build_id}", response_model=BuildOut, responses=_problems(404, 422, 429), summary="How a build stands"
)
async def get_build(build_id: BuildId, state: State) -> Response:
    """`running`, `done`, `failed`, `interrupted` or `skipped`, with progress. The latest 50 of a target are kept."""
    return _json(build_out(await state.side_workers.run(state.builds.get, build_id)))


def _json(
    answer: IndexOut | PublishedOut | BuildOut, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(answer.model_dump_json(), status_code=status, headers=headers, media_type="application/json")
