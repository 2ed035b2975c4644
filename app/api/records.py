"""`GET /v1/patents/{id}`, `/v1/needs/{id}` and `/v1/firms/{id}`: one record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from app.api.problems import PROBLEMS
from app.api.schemas import RecordOut, record_out
from app.api.state import ApiState, state_of
from app.domain import Kind

router = APIRouter(prefix="/v1", tags=["records"])
_PROBLEMS: dict[int | str, dict[str, Any]] = {status: PROBLEMS[status] for status in (404, 422, 429)}

State = Annotated[ApiState, Depends(state_of)]
RecordIdPath = Annotated[str, Path(max_length=128, description="The id as its source writes it.")]


def _reader(kind: Kind) -> Callable[[str, ApiState], Awaitable[Response]]:
    async def get_record(record_id: RecordIdPath, state: State) -> Response:
        """The record as it is now; `original` holds a field's own text where normalisation changed it."""
        record = await state.side_workers.run(state.records.get, kind, record_id)
        return Response(record_out(record).model_dump_json(exclude_unset=True), media_type="application/json")

    return get_record


for _kind, _one in ((Kind.PATENTS, "patent"), (Kind.NEEDS, "need"), (Kind.FIRMS, "firm")):
    router.add_api_route(
        f"/{_kind.value}/{{record_id}}",
        _reader(_kind),
        name=f"get_{_one}",
        response_model=RecordOut,
        responses=_PROBLEMS,
        summary=f"One {_one} by its id",
    )
