"""`POST /v1/match`: needs to patents, patents to firms, anything to anything, one endpoint."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.api.problems import PROBLEMS, request_id_of
from app.api.schemas import MatchAnswerOut, MatchIn, answer_out
from app.api.state import ApiState, state_of
from app.domain import MatchAnswer
from app.errors import FieldError, InputError, PatmatchError

router = APIRouter(prefix="/v1", tags=["match"])


@router.post(
    "/match", response_model=MatchAnswerOut, responses=PROBLEMS, summary="Match texts or records with a target"
)
async def match(body: MatchIn, request: Request, state: Annotated[ApiState, Depends(state_of)]) -> Response:
    """Answer each query with its nearest records, best first.

    A query is a text, or the id of a stored need, firm or patent; `target` says what is searched. The whole answer
    comes from one snapshot, which it names. A query that fails does not fail its batch: its result has `error`
    instead of `matches`; only when every query fails is the request itself an error.
    """
    return Response(
        await state.workers.run(_answer, body, state, request_id_of(request)), media_type="application/json"
    )


def _answer(body: MatchIn, state: ApiState, request_id: str) -> bytes:
    """Runs in a worker: match, then serialise there too, since a thousand records take milliseconds."""
    answer = state.match.match(body.to_domain(state.max_filter_values))
    _raise_if_all_failed(answer)
    return answer_out(answer, debug=body.debug, request_id=request_id).model_dump_json(exclude_unset=True).encode()


def _raise_if_all_failed(answer: MatchAnswer) -> None:
    errors = [result.error for result in answer.results if isinstance(result.error, PatmatchError)]
    if len(errors) < len(answer.results):
        return
    fields = tuple(FieldError(f"queries.{n}", error.message, error.message_zh) for n, error in enumerate(errors))
    if len(errors) == 1:
        errors[0].fields = fields
        raise errors[0]
    raise InputError(
        "None of the queries could be answered; see errors.",
        "所有查询都无法处理，详见 errors。",
        code="all_queries_failed",
        fields=fields,
    )
