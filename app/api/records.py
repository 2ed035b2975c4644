"""`/v1/patents/{id}`, `/v1/needs/{id}`, `/v1/firms/{id}` and their batches, and `/v1/patents/{id}/grades`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from app.api.problems import problems
from app.api.record_schemas import (
    BatchOut,
    WrittenOut,
    batch_request,
    documented,
    lists_of,
    object_of,
    record_request,
    written_out,
)
from app.api.state import ApiState, State, changes, json_response
from app.domain import GradeChange, Kind
from app.records.read import RecordOut

router = APIRouter(prefix="/v1", tags=["records"])

RecordIdPath = Annotated[str, Path(max_length=128, description="The id as its source writes it.")]
PatentIdPath = Annotated[str, Path(max_length=128, description="The patent's id.")]


def _reader(kind: Kind) -> Callable[[str, ApiState], Awaitable[Response]]:
    async def get_record(record_id: RecordIdPath, state: State) -> Response:
        """The record as it is now; `original` holds a field's own text where normalisation changed it."""
        record = await state.side_workers.run(state.services.records.get, kind, record_id)
        return json_response(RecordOut(**record.shown), set_only=True)

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
            lambda: written_out(state.services.writing.put(kind, record_id, object_of(body)))
        )
        return json_response(written, 201 if written.outcome == "created" else 200, set_only=True)

    return put_record


def _deleter(kind: Kind) -> Callable[[str, ApiState], Awaitable[Response]]:
    async def delete_record(record_id: RecordIdPath, state: State) -> Response:
        """Delete one record. It is found by no search from then on."""
        written = await state.write_workers.run(state.services.writing.delete, kind, record_id)
        return json_response(written_out(written), set_only=True)

    return delete_record


def _batch_writer(kind: Kind) -> Callable[[Request, ApiState], Awaitable[Response]]:
    async def write_batch(request: Request, state: State) -> Response:
        """Write and delete many records in one transaction: searches see all of it or nothing.

        Rows that cannot be used are left out and come back in `rejected`, by position and with reasons; the others go
        in. Where no row can be used, the answer is 422 and `errors[].field` begins with the row's place. Sent again,
        the same batch changes nothing.
        """
        return await state.write_workers.run(_write_batch, kind, await request.body(), state)

    return write_batch


def _write_batch(kind: Kind, body: bytes, state: ApiState) -> Response:
    upserts, deletes = lists_of(object_of(body), "upsert", "delete")
    written = state.services.writing.batch(kind, upserts, deletes)
    return json_response(BatchOut.model_validate(written, from_attributes=True))


for _kind, _one in ((Kind.PATENTS, "patent"), (Kind.NEEDS, "need"), (Kind.FIRMS, "firm")):
    _path = f"/{_kind.value}/{{record_id}}"
    router.add_api_route(
        _path,
        _reader(_kind),
        name=f"get_{_one}",
        response_model=RecordOut,
        responses=problems(404, 422, 429),
        summary=f"One {_one} by its id",
    )
    router.add_api_route(
        _path,
        _writer(_kind),
        methods=["PUT"],
        name=f"put_{_one}",
        response_model=WrittenOut,
        summary=f"Write one {_one}",
        openapi_extra=record_request(_kind),
        **changes(400, 413, 422, 429, 503, new=(WrittenOut, f"The {_one} is new.")),
    )
    router.add_api_route(
        _path,
        _deleter(_kind),
        methods=["DELETE"],
        name=f"delete_{_one}",
        response_model=WrittenOut,
        summary=f"Delete one {_one}",
        **changes(404, 422, 429),
    )
    router.add_api_route(
        f"/{_kind.value}:batch",
        _batch_writer(_kind),
        methods=["POST"],
        name=f"write_{_kind.value}",
        response_model=BatchOut,
        summary=f"Write and delete many {_kind.value}",
        openapi_extra=batch_request(_kind),
        **changes(400, 413, 422, 429, 503),
    )


_GRADES = "/patents/{patent_id}/grades"
_GRADE_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "grade": {"type": "string", "enum": ["A", "B", "C"]},
        "maturity": {"type": "integer", "minimum": 1, "maximum": 9},
        "agreed": {"type": "boolean"},
        "by": {"type": "string"},
        "note": {"type": "string"},
    },
    "description": "At least one of grade, maturity and agreed; what is left out stays as it is.",
}


class GradeChangeOut(BaseModel):
    """One change."""

    at: datetime
    by: str | None
    note: str | None
    from_grade: str | None
    to_grade: str | None
    from_maturity: int | None
    to_maturity: int | None
    from_agreed: bool | None
    to_agreed: bool | None


class GradesOut(BaseModel):
    """A patent's gradings, the latest first."""

    patent_id: str
    outcome: str | None = Field(None, description="`graded` or `unchanged`, where it was graded just now.")
    history: list[GradeChangeOut]


def _grades(patent_id: str, lines: list[GradeChange], outcome: str | None = None) -> Response:
    history = [GradeChangeOut.model_validate(line, from_attributes=True) for line in lines]
    out = GradesOut(patent_id=patent_id, history=history)
    if outcome is not None:
        out.outcome = outcome
    return json_response(out, set_only=True)


@router.get(_GRADES, response_model=GradesOut, responses=problems(404, 422, 429), summary="How a patent was graded")
async def get_grades(patent_id: PatentIdPath, state: State) -> Response:
    """Who changed the grading, when, from what to what; the latest first."""
    return await state.side_workers.run(lambda: _grades(patent_id, state.services.grading.history(patent_id)))


@router.post(
    _GRADES,
    response_model=GradesOut,
    **changes(400, 404, 422, 429),
    summary="Grade a patent again",
    openapi_extra=documented(_GRADE_SCHEMA),
)
async def post_grades(patent_id: PatentIdPath, request: Request, state: State) -> Response:
    """Set grade, maturity or agreed; what is left out stays. The history gets a line where anything changed."""
    body = await request.body()
    return await state.write_workers.run(_grade, patent_id, body, state)


def _grade(patent_id: str, body: bytes, state: ApiState) -> Response:
    changed = state.services.grading.grade(patent_id, object_of(body))
    return _grades(patent_id, state.services.grading.history(patent_id), "graded" if changed else "unchanged")
