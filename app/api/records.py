"""`/v1/patents/{id}`, `/v1/needs/{id}`, `/v1/firms/{id}` and their batches, and `/v1/patents/{id}/grades`."""

from __future__ import annotations

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

RecordIdPath = Annotated[
    str,
    Path(min_length=1, max_length=128, description="The id in any spelling that its source writes, slashes included."),
]
PatentIdPath = Annotated[str, Path(min_length=1, max_length=128, description="The patent's id.")]


def _add_record(kind: Kind, one: str) -> None:
    """The paths of one record of a kind."""
    path = f"/{kind.value}/{{record_id:path}}"

    @router.get(
        path,
        name=f"get_{one}",
        response_model=RecordOut,
        responses=problems(404, 422, 429),
        summary=f"One {one} by its id",
    )
    async def get_record(record_id: RecordIdPath, state: State) -> Response:
        """The record as it is now; `original` holds a field's own text where normalisation changed it.

        A patent is found by any usual spelling of its number (`CN 102932380 A`, `ZL201210501570.X`) that names one
        alone; where it may stand for several, the answer is 404 and lists their ids. Writing takes the spellings of
        the id (`CN-109999907-B` is `CN109999907B`), and no application number in its place.
        """
        record = await state.side_workers.run(state.services.records.get, kind, record_id)
        return json_response(RecordOut(**record.shown), set_only=True)

    @router.put(
        path,
        name=f"put_{one}",
        response_model=WrittenOut,
        summary=f"Write one {one}",
        openapi_extra=record_request(kind),
        **changes(400, 413, 422, 429, 503, new=(WrittenOut, f"The {one} is new.")),
    )
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

    @router.delete(
        path, name=f"delete_{one}", response_model=WrittenOut, summary=f"Delete one {one}", **changes(404, 422, 429)
    )
    async def delete_record(record_id: RecordIdPath, state: State) -> Response:
        """Delete one record. It is found by no search from then on."""
        written = await state.write_workers.run(state.services.writing.delete, kind, record_id)
        return json_response(written_out(written), set_only=True)


def _add_batch(kind: Kind) -> None:
    """The path of many records of a kind."""

    @router.post(
        f"/{kind.value}:batch",
        name=f"write_{kind.value}",
        response_model=BatchOut,
        summary=f"Write and delete many {kind.value}",
        openapi_extra=batch_request(kind),
        **changes(400, 413, 422, 429, 503),
    )
    async def write_batch(request: Request, state: State) -> Response:
        """Write and delete many records in one transaction: searches see all of it or nothing.

        Rows that cannot be used are left out and come back in `rejected`, by position and with reasons; the others go
        in. Where no row can be used, the answer is 422 and `errors[].field` begins with the row's place. Sent again,
        the same batch changes nothing.
        """
        body = await request.body()

        def write() -> Response:
            written = state.services.writing.batch(kind, *lists_of(object_of(body), "upsert", "delete"))
            return json_response(BatchOut.model_validate(written, from_attributes=True))

        return await state.write_workers.run(write)


_GRADES = "/patents/{patent_id:path}/grades"
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
    return await state.side_workers.run(_history, patent_id, state)


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


def _history(patent_id: str, state: ApiState) -> Response:
    kept = state.services.records.id_of(Kind.PATENTS, patent_id)
    return _grades(kept, state.services.grading.history(kept))


def _grade(patent_id: str, body: bytes, state: ApiState) -> Response:
    patent_id = state.services.records.id_of(Kind.PATENTS, patent_id)
    changed = state.services.grading.grade(patent_id, object_of(body))
    return _grades(patent_id, state.services.grading.history(patent_id), "graded" if changed else "unchanged")


# Behind the paths that go on behind an id: ids may have slashes, and the first path that fits is taken.
for _kind, _one in ((Kind.PATENTS, "patent"), (Kind.NEEDS, "need"), (Kind.FIRMS, "firm")):
    _add_record(_kind, _one)
    _add_batch(_kind)
