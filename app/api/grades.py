"""`/v1/patents/{id}/grades`: how a patent was graded, and grading it again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field

from app.api.auth import UNAUTHORIZED, require_admin
from app.api.problems import PROBLEMS
from app.api.record_schemas import object_of
from app.api.state import ApiState, state_of
from app.domain import GradeChange

router = APIRouter(prefix="/v1", tags=["records"])

State = Annotated[ApiState, Depends(state_of)]
PatentIdPath = Annotated[str, Path(max_length=128, description="The patent's id.")]
_PATH = "/patents/{patent_id}/grades"
_SCHEMA = {
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
_REQUEST = {"requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA}}}}


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


def _answer(patent_id: str, lines: list[GradeChange], outcome: str | None = None) -> Response:
    history = [GradeChangeOut.model_validate(line, from_attributes=True) for line in lines]
    out = GradesOut(patent_id=patent_id, history=history)
    if outcome is not None:
        out.outcome = outcome
    return Response(out.model_dump_json(exclude_unset=True), media_type="application/json")


def _responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: PROBLEMS[status] for status in statuses}


@router.get(_PATH, response_model=GradesOut, responses=_responses(404, 422, 429), summary="How a patent was graded")
async def get_grades(patent_id: PatentIdPath, state: State) -> Response:
    """Who changed the grading, when, from what to what; the latest first."""
    return await state.side_workers.run(lambda: _answer(patent_id, state.grading.history(patent_id)))


@router.post(
    _PATH,
    response_model=GradesOut,
    responses={**_responses(400, 404, 422, 429), **UNAUTHORIZED},
    dependencies=[Depends(require_admin)],
    summary="Grade a patent again",
    openapi_extra=_REQUEST,
)
async def post_grades(patent_id: PatentIdPath, request: Request, state: State) -> Response:
    """Set grade, maturity or agreed; what is left out stays. The history gets a line where anything changed."""
    body = await request.body()
    return await state.write_workers.run(_grade, patent_id, body, state)


def _grade(patent_id: str, body: bytes, state: ApiState) -> Response:
    changed = state.grading.grade(patent_id, object_of(body))
    return _answer(patent_id, state.grading.history(patent_id), "graded" if changed else "unchanged")
