"""What every endpoint is given: the services, its threads and limits, and the check of the admin token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest
from typing import Annotated, Any, TypeVar, TypeVarTuple

import anyio
import anyio.to_thread
from fastapi import Depends, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from app.api.problems import problems
from app.errors import OverloadedError, UnauthorizedError
from app.wiring import Services

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Workers:
    """Runs calls that would block the event loop in `workers` threads; beyond `queue` waiting calls it refuses."""

    def __init__(self, workers: int, queue: int) -> None:
        self._limiter = anyio.CapacityLimiter(workers)
        self._most = workers + queue
        # Counted here: the limiter learns of a call only after a turn of the event loop, in which others would slip by.
        self._taken = 0

    @property
    def waiting(self) -> int:
        """Calls that wait for a thread."""
        return max(0, self._taken - int(self._limiter.total_tokens))

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """The result of `call(*args)`.

        Raises:
            OverloadedError: every thread is taken and too many calls wait already.
        """
        if self._taken >= self._most:
            raise OverloadedError(
                "Too many requests are waiting; try again in a moment.", "等待处理的请求过多，请稍后重试。"
            )
        self._taken += 1
        try:
            return await anyio.to_thread.run_sync(call, *args, limiter=self._limiter)
        finally:
            self._taken -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiState:
    """Services and limits of one application.

    Attributes:
        services: made when an endpoint first uses them.
        workers: threads that matches run in.
        side_workers: threads of records and readiness, so that neither waits behind matches nor is refused with them.
        write_workers: threads that records are written in; a write waits for the encoder and the disk.
        export_workers: threads that whole runs are written to files in, which takes minutes where they are large.
        max_filter_values: values that one list of a filter may have.
        admin_token: what a request that changes something must bring; ``None`` where everybody may.
    """

    services: Services
    workers: Workers
    side_workers: Workers
    write_workers: Workers
    export_workers: Workers
    max_filter_values: int
    admin_token: str | None = None


def state_of(request: Request) -> ApiState:
    """The state that `app.main` put on the application."""
    state: ApiState = request.app.state.patmatch
    return state


State = Annotated[ApiState, Depends(state_of)]

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="admin",
    description="`PATMATCH_ADMIN_TOKEN`, where the service has one; without it no token is needed.",
)


async def require_admin(
    state: State, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> None:
    """Let a request pass that brings the admin token, and every request where none is set.

    Raises:
        UnauthorizedError: the token is missing or another one.
    """
    if state.admin_token is None:
        return
    # A header arrives as Latin-1, whatever its bytes mean. Compared in constant time: how far a guess is right
    # must not show.
    given = credentials.credentials.encode("latin-1") if credentials is not None else b""
    if not compare_digest(given, state.admin_token.encode()):
        raise UnauthorizedError(
            "This needs the admin token: send it as Authorization: Bearer TOKEN.",
            "此操作需要管理令牌，请以 Authorization: Bearer TOKEN 请求头发送。",
        )


ADMIN = [Depends(require_admin)]


def changes(*statuses: int, new: tuple[type[BaseModel], str] | None = None) -> dict[str, Any]:
    """What the endpoints that change something have in common: they need the token, and say so where it is missing.

    Args:
        statuses: the problems that one may answer with beside 401.
        new: the answer's model and its description where 201 says that something is new.
    """
    responses = problems(401, *statuses)
    if new is not None:
        responses[201] = {"model": new[0], "description": new[1]}
    return {"dependencies": ADMIN, "responses": responses}


def json_response(
    body: BaseModel, status: int = 200, *, set_only: bool = False, headers: dict[str, str] | None = None
) -> Response:
    """`body` as JSON, with ``set_only`` without fields that were not set. Of a large body it takes milliseconds."""
    content = body.model_dump_json(exclude_unset=set_only)
    return Response(content, status, headers, "application/json")
