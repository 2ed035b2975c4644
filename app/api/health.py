"""`/livez`, `/readyz` and `/metrics`."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.api.state import State
from app.metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class PartOut(BaseModel):
    """One part of the service: whether it can answer, what it uses, and why not."""

    ready: bool
    detail: str
    detail_zh: str


class Readiness(BaseModel):
    """Whether matches can be answered. An index that is missing or refused is named in its part."""

    status: Literal["ready", "not_ready"]
    parts: dict[str, PartOut]


@router.get("/livez", summary="Is the process alive?")
async def livez() -> Alive:
    """Answers as long as the event loop does; it looks at nothing else."""
    return Alive()


@router.get(
    "/readyz", response_model=Readiness, responses={503: {"model": Readiness}}, summary="Can it answer matches?"
)
async def readyz(state: State, response: Response) -> Readiness:
    """200 once the model is loaded, the catalogue answers and an index is served; else 503 with the failing part."""
    health = await state.side_workers.run(state.services.health.readiness)
    response.status_code = 200 if health.ready else 503
    parts = {name: PartOut.model_validate(part, from_attributes=True) for name, part in health.parts.items()}
    return Readiness(status="ready" if health.ready else "not_ready", parts=parts)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(state: State) -> Response:
    """Counters, latencies and the age of what is served, in Prometheus' text format."""
    return Response(state.services.metrics.exposition(), media_type=CONTENT_TYPE)
