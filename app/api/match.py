"""`POST /v1/match`: needs to patents, patents to firms, anything to anything, one endpoint."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.api.problems import problems
from app.api.schemas import MatchAnswerOut, MatchIn, answer_out
from app.api.state import ApiState, State, json_response
from app.domain import MatchAnswer
from app.errors import FieldError, InputError, PatmatchError

router = APIRouter(prefix="/v1", tags=["match"])


@router.post(
    "/match",
    response_model=MatchAnswerOut,
    responses=problems(400, 404, 413, 422, 429, 503),
    summary="Match texts or records with a target",
)
async def match(body: MatchIn, request: Request, state: State) -> Response:
    """Answer each query with its nearest records, best first.

    A query is a text, or the id of a stored need, firm or patent; `target` says what is searched. The whole answer
    comes from one snapshot, which it names. A query that fails does not fail its batch: its result has `error`
    instead of `matches`; only when every query fails is the request itself an error.
    """
    return await state.workers.run(_answer, body, state, request.state.request_id)


def _answer(body: MatchIn, state: ApiState, request_id: str) -> Response:
    """Runs in a worker: match, then serialise there too, since a thousand records take milliseconds."""
    answer = state.services.match.match(body.to_domain(state.max_filter_values))
    _raise_if_all_failed(answer)
    return json_response(answer_out(answer, debug=body.debug, request_id=request_id), set_only=True)


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
