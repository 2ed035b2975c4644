"""`/v1/feedback`: what firms and judges say about what they were shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.api.feedback_schemas import (
    FEEDBACK_REQUEST,
    FeedbackBatchOut,
    FeedbackGivenOut,
    FeedbackPageOut,
    batch_out,
    feedback_items,
    given_out,
    page_out,
)
from app.api.problems import problems
from app.api.state import ADMIN, ApiState, State, json_response
from app.domain import Event, FeedbackFilter
from app.feedback.service import MOST_A_PAGE

router = APIRouter(prefix="/v1", tags=["feedback"], dependencies=ADMIN)

Wanted = Annotated[str | None, Field(max_length=200)]


@router.post(
    "/feedback",
    response_model=FeedbackGivenOut | FeedbackBatchOut,
    responses=problems(400, 401, 413, 422, 429, 503)
    | {201: {"model": FeedbackGivenOut, "description": "One feedback that is new."}},
    summary="Record what came back",
    openapi_extra=FEEDBACK_REQUEST,
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


class FeedbackQuery(BaseModel):
    """Which feedback, and which page of it."""

    firm_id: Wanted = None
    patent_id: Wanted = None
    run: Wanted = None
    event: Event | None = None
    cursor: Annotated[str | None, Field(max_length=40)] = None
    limit: Annotated[int, Field(ge=1, le=MOST_A_PAGE)] = 100


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
