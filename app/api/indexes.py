"""`/v1/index`: what is served, publications, rollbacks and builds."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.api.index_schemas import (
    BuildIn,
    BuildOut,
    IndexOut,
    PublishedOut,
    PublishIn,
    RollbackIn,
    build_out,
    target_out,
)
from app.api.problems import problems
from app.api.state import State, changes, json_response
from app.builds.jobs import BuildRecord

router = APIRouter(prefix="/v1/index", tags=["index"])

BuildId = Annotated[str, Path(max_length=128, description="As the answer to `POST /v1/index/builds` names it.")]

BY = "api"
"""Who asked, in the log of publications, when it was over HTTP."""


@router.get("", response_model=IndexOut, responses=problems(429), summary="Where every index stands")
async def get_index(state: State) -> Response:
    """What is served and how old it is, how far the catalogue has moved on, builds, snapshots, and who did what."""
    overviews = await state.side_workers.run(state.services.overview.targets)
    return json_response(IndexOut(targets=list(map(target_out, overviews))))


@router.post("/publish", response_model=PublishedOut, **changes(404, 409, 422, 429), summary="Serve a snapshot")
async def publish(body: PublishIn, state: State) -> Response:
    """Verify a snapshot, then serve it. Running services take it up within a second; no request fails meanwhile."""
    previous = await state.side_workers.run(lambda: state.services.indexing.publish(body.snapshot, by=BY))
    return json_response(PublishedOut(published=body.snapshot, previous=previous))


@router.post(
    "/rollback",
    response_model=PublishedOut,
    **changes(404, 409, 422, 429),
    summary="Serve the snapshot that was published before",
)
async def rollback(body: RollbackIn, state: State) -> Response:
    """Go back to what was published before the present snapshot; called twice, to the one before that."""

    def back() -> PublishedOut:
        published = state.services.indexing.rollback(body.target, by=BY)
        return PublishedOut(published=published, previous=state.services.indexing.log(body.target)[-1].previous)

    return json_response(await state.side_workers.run(back))


@router.post("/builds", response_model=BuildOut, status_code=202, **changes(409, 422, 429), summary="Begin a build")
async def start_build(body: BuildIn, state: State) -> Response:
    """Begin to build an index, in a process of its own that outlives the server; `Location` says where to ask for it.

    One build of a target runs at a time. What is already embedded is not embedded again, also after a build that was
    interrupted.
    """

    def start() -> BuildRecord:
        return state.services.builds.start(body.target, publish=body.publish, encoder=body.encoder, requested_by=BY)

    record = await state.side_workers.run(start)
    return json_response(build_out(record), 202, headers={"Location": f"/v1/index/builds/{record.id}"})


@router.get(
    "/builds/{build_id}", response_model=BuildOut, responses=problems(404, 422, 429), summary="How a build stands"
)
async def get_build(build_id: BuildId, state: State) -> Response:
    """`running`, `done`, `failed`, `interrupted` or `skipped`, with progress. The latest 50 of a target are kept."""
    return json_response(build_out(await state.side_workers.run(state.services.builds.get, build_id)))
