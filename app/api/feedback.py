"""`/v1/feedback`: what firms and judges say about what they were shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.auth import UNAUTHORIZED, require_admin
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
from app.api.problems import PROBLEMS
from app.api.state import ApiState, state_of
from app.domain import Event, FeedbackFilter
from app.feedback.service import MOST_A_PAGE

router = APIRouter(prefix="/v1", tags=["feedback"], dependencies=[Depends(require_admin)])

State = Annotated[ApiState, Depends(state_of)]
Wanted = Annotated[str | None, Query(max_length=200)]


@router.post(
    "/feedback",
    response_model=FeedbackGivenOut | FeedbackBatchOut,
    responses={
        **{status: PROBLEMS[status] for status in (400, 413, 422, 429, 503)},
        **UNAUTHORIZED,
        201: {"model": FeedbackGivenOut, "description": "One feedback that is new."},
    },
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
        out = batch_out(state.feedback.add_batch(items)).model_dump_json(exclude_unset=True)
        return Response(out, media_type="application/json")
    given = state.feedback.add(items[0])
    status = 201 if given.outcome == "recorded" else 200
    out = given_out(given).model_dump_json(exclude_unset=True)
    return Response(out, status_code=status, media_type="application/json")


@router.get(
    "/feedback",
    response_model=FeedbackPageOut,
    responses={**{status: PROBLEMS[status] for status in (422, 429)}, **UNAUTHORIZED},
    summary="What came back, page by page",
)
async def get_feedback(
    state: State,
    firm_id: Wanted = None,
    patent_id: Wanted = None,
    run: Wanted = None,
    event: Event | None = None,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_A_PAGE)] = 100,
) -> Response:
    """Feedback in the order in which it was recorded; nothing is added before a cursor that was given out."""
    wanted = FeedbackFilter(firm_id=firm_id, patent_id=patent_id, run=run, event=event)
    page = await state.side_workers.run(lambda: page_out(state.feedback.page(wanted, cursor=cursor, limit=limit)))
    return Response(page.model_dump_json(exclude_unset=True), media_type="application/json")
