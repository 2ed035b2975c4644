"""`/v1/patents/{id}`, `/v1/needs/{id}`, `/v1/firms/{id}` and their batches: records read, written and deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel

from app.api.auth import UNAUTHORIZED, require_admin
from app.api.problems import PROBLEMS
from app.api.record_schemas import (
    BatchOut,
    WrittenOut,
    batch_of,
    batch_out,
    batch_request,
    object_of,
    record_request,
    written_out,
)
from app.api.state import ApiState, state_of
from app.domain import Kind
from app.records.shape import RecordOut, record_out

router = APIRouter(prefix="/v1", tags=["records"])

State = Annotated[ApiState, Depends(state_of)]
RecordIdPath = Annotated[str, Path(max_length=128, description="The id as its source writes it.")]


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: PROBLEMS[status] for status in statuses}


def _json(body: BaseModel, status: int = 200) -> Response:
    return Response(body.model_dump_json(exclude_unset=True), status_code=status, media_type="application/json")


def _reader(kind: Kind) -> Callable[[str, ApiState], Awaitable[Response]]:
    async def get_record(record_id: RecordIdPath, state: State) -> Response:
        """The record as it is now; `original` holds a field's own text where normalisation changed it."""
        return _json(record_out(await state.side_workers.run(state.records.get, kind, record_id)))

    return get_record


def _writer(kind: Kind) -> Callable[[str, Request, ApiState], Awaitable[Response]]:
    async def put_record(record_id: RecordIdPath, request: Request, state: State) -> Response:
        """Write one record whole: 201 where it is new, 200 where it was there. It can be searched at once.

        The body has the fields as GET gives them, or by any name that `patmatch ingest` understands; values are
        normalised in the same way. What GET gave can be sent back: it changes nothing. A field that is left out is
        emptied, but for `grade`, `maturity` and `agreed` of a patent that was graded.
        """
        body = await request.body()
        written = await state.write_workers.run(
            lambda: written_out(state.writing.put(kind, record_id, object_of(body)))
        )
        return _json(written, 201 if written.outcome == "created" else 200)

    return put_record


def _deleter(kind: Kind) -> Callable[[str, ApiState], Awaitable[Response]]:
    async def delete_record(record_id: RecordIdPath, state: State) -> Response:
        """Delete one record. It is found by no search from then on."""
        return _json(written_out(await state.write_workers.run(state.writing.delete, kind, record_id)))

    return delete_record


def _batch_writer(kind: Kind) -> Callable[[Request, ApiState], Awaitable[Response]]:
    async def write_batch(request: Request, state: State) -> Response:
        """Write and delete many records in one transaction: searches see all of it or nothing.

        Rows that cannot be used are left out and come back in `rejected`, by position and with reasons; the others go
        in. Where no row can be used, the answer is 422 and `errors[].field` begins with the row's place. Sent again,
        the same batch changes nothing.
        """
        body = await request.body()
        return await state.write_workers.run(lambda: _json(batch_out(state.writing.batch(kind, *batch_of(body)))))

    return write_batch


_CHANGES: dict[str, Any] = {"dependencies": [Depends(require_admin)], "response_model": WrittenOut}

for _kind, _one in ((Kind.PATENTS, "patent"), (Kind.NEEDS, "need"), (Kind.FIRMS, "firm")):
    _path = f"/{_kind.value}/{{record_id}}"
    router.add_api_route(
        _path,
        _reader(_kind),
        name=f"get_{_one}",
        response_model=RecordOut,
        responses=_problems(404, 422, 429),
        summary=f"One {_one} by its id",
    )
    router.add_api_route(
        _path,
        _writer(_kind),
        methods=["PUT"],
        name=f"put_{_one}",
        responses={
            **_problems(400, 413, 422, 429, 503),
            **UNAUTHORIZED,
            201: {"model": WrittenOut, "description": f"The {_one} is new."},
        },
        summary=f"Write one {_one}",
        openapi_extra=record_request(_kind),
        **_CHANGES,
    )
    router.add_api_route(
        _path,
        _deleter(_kind),
        methods=["DELETE"],
        name=f"delete_{_one}",
        responses={**_problems(404, 422, 429), **UNAUTHORIZED},
        summary=f"Delete one {_one}",
        **_CHANGES,
    )
    router.add_api_route(
        f"/{_kind.value}:batch",
        _batch_writer(_kind),
        methods=["POST"],
        name=f"write_{_kind.value}",
        responses={**_problems(400, 413, 422, 429, 503), **UNAUTHORIZED},
        summary=f"Write and delete many {_kind.value}",
        openapi_extra=batch_request(_kind),
        **{**_CHANGES, "response_model": BatchOut},
    )
