"""`/v1/files`: files taken over HTTP, how their loads stand, and taking them back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from app.api.problems import problems
from app.api.state import ADMIN, State, changes, json_response
from app.errors import UsageError
from app.records.files import Receiving, Wanted
from app.records.loads import LoadState, without_report

router = APIRouter(prefix="/v1/files", tags=["files"])

FileId = Annotated[str, Path(max_length=128, description="As the answer to `POST /v1/files` names it.")]

_BLOCK_BYTES = 1 << 20
"""Bytes that are written in one go: each write is a turn of a thread."""
_MOST_LISTED = 200
_READING: dict[str, Any] = {"dependencies": ADMIN}
"""What was in a file is not for everybody."""


class LoadOut(BaseModel):
    """A load of a file, by whatever way it came."""

    id: str
    kind: str
    file: str
    state: Literal["running", "done", "failed", "interrupted", "undoing", "undone"] = Field(
        description="`interrupted`: its process is gone; send the file, or ask for its undoing, again."
    )
    by: str
    started_at: datetime
    finished_at: datetime | None
    rows: int = Field(description="Read so far.")
    replace: bool | None
    dry_run: bool | None
    profile: str | None
    report: dict[str, Any] | None = Field(description="As `patmatch ingest --json` has it; docs/ingest.md.")
    error: dict[str, str] | None = Field(description="`code`, `message` and `message_zh` of what it failed with.")
    undone: dict[str, Any] | None = Field(description="What taking it back did.")
    rejects: str | None = Field(description="Where its list of rejects and warnings is.")


class LoadsOut(BaseModel):
    """Loads, the latest first."""

    files: list[LoadOut]
    next: str | None = Field(description="Send it as `before` for earlier ones.")


def load_out(standing: LoadState) -> LoadOut:
    """A load as it leaves the service: without the places of the server's files."""
    found = standing.as_json()
    report = found["report"]
    has_rejects = bool(report and report.pop("rejects_file", None))
    return LoadOut(**found, rejects=f"/v1/files/{standing.name}/rejects" if has_rejects else None)


@router.post(
    "",
    response_model=LoadOut,
    status_code=202,
    summary="Load a file",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
    **changes(413, 422, 429),
)
async def post_file(
    request: Request,
    state: State,
    kind: Annotated[str, Query(max_length=40, description="`patents`, `needs`, `firms`, `industries` or `grades`.")],
    name: Annotated[str, Query(max_length=500, description="The file's name, as `patents.xlsx`.")],
    profile: Annotated[str | None, Query(max_length=100, description="The known export that it is.")] = None,
    *,
    replace: Annotated[bool, Query(description="A row is the whole record; what it leaves out is emptied.")] = False,
    dry_run: Annotated[bool, Query(description="Only say how it is read and what would change.")] = False,
) -> Response:
    """Take a file as the body, as it is, and load it as `patmatch ingest` does, in a process of its own.

    The answer comes once the file is stored; `Location` says where to ask how its load stands, and for the report.
    With `replace`, `dry_run` says before how many stored values will be emptied.
    """
    wanted = Wanted(kind, name, profile, replace, dry_run)
    length = request.headers.get("content-length", "")
    declared = int(length) if length.isascii() and length.isdigit() else None
    receiving = await state.side_workers.run(state.services.files.receive, wanted, declared)
    try:
        await _store(request, receiving)
        standing = await anyio.to_thread.run_sync(receiving.finish)
    except ClientDisconnect:
        raise UsageError("The file did not come to its end.", "文件未完整发送。", code="cut_off") from None
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(receiving.close)
    return json_response(load_out(standing), 202, headers={"Location": f"/v1/files/{standing.name}"})


async def _store(request: Request, receiving: Receiving) -> None:
    """Write the body to the disk as it comes, in a thread: the event loop never waits for the disk."""
    block = bytearray()
    async for chunk in request.stream():
        block += chunk
        if len(block) >= _BLOCK_BYTES:
            await anyio.to_thread.run_sync(receiving.write, bytes(block))
            block.clear()
    if block:
        await anyio.to_thread.run_sync(receiving.write, bytes(block))


@router.get("", response_model=LoadsOut, responses=problems(401, 404, 422, 429), summary="Loads of files", **_READING)
async def get_files(
    state: State,
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED, description="How many.")] = 50,
    before: Annotated[str | None, Query(max_length=128, description="`next` of an answer.")] = None,
) -> Response:
    """Loads of any way, the latest first, with their counts; the whole report is at each one's own path."""
    found = await state.side_workers.run(lambda: state.services.load_history.latest(limit, before=before))
    more = found[-1].name if len(found) == limit else None
    return json_response(LoadsOut(files=[load_out(without_report(one)) for one in found], next=more))


@router.get(
    "/{file_id}",
    response_model=LoadOut,
    responses=problems(401, 404, 422, 429),
    summary="How a load stands",
    **_READING,
)
async def get_file(file_id: FileId, state: State) -> Response:
    """Its state, and once it has ended the report: how the file was read, and what became of its rows."""
    return json_response(load_out(await state.side_workers.run(state.services.load_history.get, file_id)))


@router.get(
    "/{file_id}/rejects",
    response_class=FileResponse,
    responses=problems(401, 404, 422, 429),
    summary="Rejected rows and warnings",
    **_READING,
)
async def get_rejects(file_id: FileId, state: State) -> Response:
    """A CSV file that Excel opens: one line a problem, with reason and fix in English and Chinese."""
    path = await state.side_workers.run(state.services.files.rejects, file_id)
    return FileResponse(path, media_type="text/csv; charset=utf-8", filename=path.name)


@router.post(
    "/{file_id}/undo",
    response_model=LoadOut,
    status_code=202,
    summary="Take a load back",
    **changes(400, 404, 409, 422, 429),
)
async def undo_file(file_id: FileId, state: State) -> Response:
    """What the load changed stands as before, what it added is deleted; what was changed since stays and is named."""
    standing = await state.side_workers.run(state.services.files.undo, file_id)
    return json_response(load_out(standing), 202, headers={"Location": f"/v1/files/{standing.name}"})
