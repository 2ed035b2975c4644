"""`/v1/pools`: named selections of patents, with counts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from app.api.filters import FilterIn, Strict
from app.api.problems import problem_response, problems
from app.api.state import ADMIN, ApiState, State
from app.domain import Pool
from app.feedback.pools import MAX_NAME_CHARS, pool_json

router = APIRouter(prefix="/v1", tags=["pools"])

PoolName = Annotated[str, Path(max_length=MAX_NAME_CHARS)]
Since = Annotated[date | None, Query(description="Only what was added or changed on this day (UTC) or later.")]
_ERRORS = problems(422, 429) | {404: problem_response("No pool of that name.")}
_CHANGE_ERRORS = _ERRORS | problems(401) | {409: problem_response("The pool is built in.")}


class PoolIn(Strict):
    """A pool."""

    filter: FilterIn = Field(default_factory=FilterIn, description="As `POST /v1/match` takes it.")
    changed_from: date | None = Field(None, description="Only what was added or changed on this day (UTC) or later.")
    note: str | None = Field(None, max_length=2000)


class BandOut(BaseModel):
    """Patents of one year of filing and one maturity; null where that is not known."""

    filed_year: int | None
    maturity: int | None
    patents: int


class PoolOut(BaseModel):
    """A pool and how many patents are in it now."""

    name: str
    filter: dict[str, Any]
    changed_from: date | None
    note: str | None
    built_in: bool
    patents: int
    bands: list[BandOut] | None = Field(None, description="By year of filing and maturity.")


class PoolsOut(BaseModel):
    """Every pool."""

    pools: list[PoolOut]


@router.get("/pools", response_model=PoolsOut, responses=problems(429), summary="Every pool with its count")
async def get_pools(state: State) -> Response:
    """The built-in pools, then the saved ones. Each count reads the patents once."""
    pools = state.services.pools
    return await state.side_workers.run(lambda: JSONResponse({"pools": [pool_json(pool) for pool in pools.all()]}))


@router.get("/pools/{name}", response_model=PoolOut, responses=_ERRORS, summary="One pool by age and maturity")
async def get_pool(name: PoolName, state: State, since: Since = None) -> Response:
    """The pool with its count now, by year of filing and maturity."""
    return await state.side_workers.run(lambda: JSONResponse(pool_json(state.services.pools.show(name, since=since))))


@router.put(
    "/pools/{name}",
    response_model=PoolOut,
    dependencies=ADMIN,
    responses=_CHANGE_ERRORS | {201: {"model": PoolOut, "description": "The pool is new."}},
    summary="Save a pool",
)
async def put_pool(name: PoolName, body: PoolIn, state: State) -> Response:
    """Save a filter under a name, in place of the one that has it; what is in the pool follows the catalogue."""
    return await state.write_workers.run(_save, name, body, state)


def _save(name: str, body: PoolIn, state: ApiState) -> Response:
    chosen = body.filter.to_domain(state.max_filter_values)
    new = state.services.pools.put(Pool(name=name, filter=chosen, changed_from=body.changed_from, note=body.note))
    return JSONResponse(pool_json(state.services.pools.show(name)), 201 if new else 200)


@router.delete("/pools/{name}", status_code=204, responses=_CHANGE_ERRORS, dependencies=ADMIN, summary="Forget a pool")
async def delete_pool(name: PoolName, state: State) -> Response:
    """Forget the name and the filter; patents stay as they are."""
    await state.write_workers.run(state.services.pools.delete, name)
    return Response(status_code=204)
