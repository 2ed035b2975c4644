"""`/v1/feedback`: what firms and judges say about what they were shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.api.problems import FieldProblem, problems
from app.api.record_schemas import WarningOut, documented, lists_of, object_of, warnings_out
from app.api.state import ADMIN, ApiState, State, json_response
from app.domain import Event, Feedback, FeedbackFilter, Level
from app.feedback.service import MOST_A_PAGE, FeedbackPage, FeedbackWritten, Given

router = APIRouter(prefix="/v1", tags=["feedback"], dependencies=ADMIN)

Wanted = Annotated[str | None, Field(max_length=200)]

_TEXT = {"type": "string"}
_FIELDS: dict[str, dict[str, Any]] = {
    "key": {**_TEXT, "description": "Yours, unique. Left out, it is made of who, what and when."},
    "event": {"type": "string", "enum": [str(event) for event in Event], "description": "`level` where left out."},
    "firm_id": {**_TEXT, "description": "Who it is from."},
    "need_id": {**_TEXT, "description": "The need that was matched."},
    "patent_id": {**_TEXT, "description": "What was shown. Only `need_returned` can be without."},
    "query_text": {**_TEXT, "description": "`level` only: the free text that was matched."},
    "query_id": {**_TEXT, "description": "Its id; one text has one. Made of the text where left out."},
    "level": {"type": "string", "enum": [str(level) for level in Level], "description": "The judgement."},
    "need": {"type": "object", "description": "`need_returned`: the new need, which joins the catalogue."},
    "new_need_id": {**_TEXT, "description": "`need_returned`: the new need, where it is in the catalogue."},
    "run": {**_TEXT, "description": "The push run that it answers; it must be there."},
    "ranking": {**_TEXT, "description": "The snapshot or ranking that was shown; `snapshot` is understood, too."},
    "rank": {"type": "integer", "minimum": 1},
    "score": {"type": "number"},
    "reason": {**_TEXT, "description": "Needed for `rejected`."},
    "note": _TEXT,
    "by": {**_TEXT, "description": "Who judged or reported."},
    "at": {"type": "string", "format": "date-time", "description": "Now where left out."},
}
_ONE = {"type": "object", "additionalProperties": False, "properties": _FIELDS}
_MANY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": _ONE}},
}
_EXAMPLES = {
    "one": {"value": {"event": "contacted", "firm_id": "F1", "patent_id": "CN1A", "at": "2026-11-24T09:30:00Z"}},
    "judgement": {
        "value": {"level": "strong", "query_text": "高镍三元动力电解液的开发", "patent_id": "CN1A", "by": "王"}
    },
    "many": {
        "value": {
            "items": [
                {"key": "crm-1", "event": "rejected", "firm_id": "F1", "patent_id": "CN1A", "reason": "价格"},
                {"key": "crm-2", "event": "need_returned", "firm_id": "F1", "need": {"title": "耐高温隔膜"}},
            ]
        }
    },
}
_REQUEST = documented({"anyOf": [_ONE, _MANY]}, examples=_EXAMPLES)
"""How the body is documented."""


class FeedbackGivenOut(BaseModel):
    """What became of one feedback."""

    key: str
    outcome: Literal["recorded", "known"] = Field(description="`known`: the same was recorded before.")
    number: int = Field(description="Its place in the log.")
    new_need_id: str | None = Field(None, description="The need that joined the catalogue with it.")
    warnings: list[WarningOut] | None = Field(None, description="`not_in_run`: the run pushed no such pair.")


class FeedbackTakenOut(FeedbackGivenOut):
    """One of a batch."""

    position: int


class FeedbackRejectedOut(BaseModel):
    """One that was left out."""

    position: int = Field(description="Its place in the batch, from 0.")
    key: str | None
    errors: list[FieldProblem]


class FeedbackBatchOut(BaseModel):
    """What became of a batch."""

    recorded: int
    known: int
    taken: list[FeedbackTakenOut]
    rejected: list[FeedbackRejectedOut]


class FeedbackOut(BaseModel):
    """One feedback; fields without a value are left out."""

    number: int
    key: str
    event: Event
    at: datetime
    firm_id: str | None = None
    need_id: str | None = None
    new_need_id: str | None = None
    patent_id: str | None = None
    query_id: str | None = None
    query_text: str | None = None
    level: Level | None = None
    run: str | None = None
    ranking: str | None = None
    rank: int | None = None
    score: float | None = None
    reason: str | None = None
    note: str | None = None
    by: str | None = None


class FeedbackPageOut(BaseModel):
    """A page in the order in which feedback was recorded."""

    items: list[FeedbackOut]
    cursor: str | None = Field(description="Asks for what follows; null at the end.")


class FeedbackQuery(BaseModel):
    """Which feedback, and which page of it."""

    firm_id: Wanted = None
    patent_id: Wanted = None
    run: Wanted = None
    event: Event | None = None
    cursor: Annotated[str | None, Field(max_length=40)] = None
    limit: Annotated[int, Field(ge=1, le=MOST_A_PAGE)] = 100


@router.post(
    "/feedback",
    response_model=FeedbackGivenOut | FeedbackBatchOut,
    responses=problems(400, 401, 413, 422, 429, 503)
    | {201: {"model": FeedbackGivenOut, "description": "One feedback that is new."}},
    summary="Record what came back",
    openapi_extra=_REQUEST,
)
async def post_feedback(request: Request, state: State) -> Response:
    """Record one feedback, or many as `{"items": [...]}`; it is on the disk when the answer comes.

    What is sent again with the same key, or with the same time, is `known` and changes nothing. Of a batch the items
    that cannot be used are left out and come back in `rejected`, by position; the others go in. A need that a firm
    returned joins the catalogue in the same transaction and can be searched at once.
    """
    body = await request.body()
    return await state.write_workers.run(_record, body, state)


def _record(body: bytes, state: ApiState) -> Response:
    items, many = feedback_items(body)
    if many:
        return json_response(batch_out(state.services.feedback.add_batch(items)), set_only=True)
    given = state.services.feedback.add(items[0])
    return json_response(given_out(given), 201 if given.outcome == "recorded" else 200, set_only=True)


@router.get(
    "/feedback",
    response_model=FeedbackPageOut,
    responses=problems(401, 422, 429),
    summary="What came back, page by page",
)
async def get_feedback(state: State, query: Annotated[FeedbackQuery, Query()]) -> Response:
    """Feedback in the order in which it was recorded; nothing is added before a cursor that was given out."""
    wanted = FeedbackFilter(firm_id=query.firm_id, patent_id=query.patent_id, run=query.run, event=query.event)
    service = state.services.feedback
    page = await state.side_workers.run(lambda: page_out(service.page(wanted, cursor=query.cursor, limit=query.limit)))
    return json_response(page, set_only=True)


def feedback_items(body: bytes) -> tuple[Sequence[object], bool]:
    """The items of a request's body, and whether it is a batch.

    Raises:
        UsageError: the body is not JSON.
        InputError: it is no object, or a batch of another shape.
    """
    value = object_of(body)
    return (lists_of(value, "items")[0], True) if "items" in value else ([value], False)


def given_out(given: Given) -> FeedbackGivenOut:
    """What became of one feedback, as it goes over the wire."""
    out = FeedbackGivenOut(key=given.key, outcome=given.outcome, number=given.number)
    if given.new_need_id is not None:
        out.new_need_id = given.new_need_id
    if given.warnings:
        out.warnings = warnings_out(given.warnings)
    return out


def batch_out(written: FeedbackWritten) -> FeedbackBatchOut:
    """What became of a batch, as it goes over the wire."""
    return FeedbackBatchOut(
        recorded=written.count("recorded"),
        known=written.count("known"),
        taken=[
            FeedbackTakenOut(position=given.position, **given_out(given).model_dump(exclude_unset=True))
            for given in written.taken
        ],
        rejected=[FeedbackRejectedOut.model_validate(row, from_attributes=True) for row in written.rejected],
    )


def page_out(page: FeedbackPage) -> FeedbackPageOut:
    """A page, as it goes over the wire."""
    return FeedbackPageOut(items=[_out(number, item) for number, item in page.items], cursor=page.cursor)


def _out(number: int, item: Feedback) -> FeedbackOut:
    given = {field.name: getattr(item, field.name) for field in fields(item)}
    return FeedbackOut(number=number, **{name: value for name, value in given.items() if value is not None})
