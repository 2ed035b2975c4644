"""The token that whoever changes something must bring, where one is set."""

from __future__ import annotations

from hmac import compare_digest
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.api.problems import problem_response
from app.api.state import ApiState, state_of
from app.errors import UnauthorizedError

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="admin",
    description="`PATMATCH_ADMIN_TOKEN`, where the service has one; without it no token is needed.",
)

UNAUTHORIZED: dict[int | str, dict[str, Any]] = {401: problem_response("The admin token is missing or another one.")}
"""What to add to the documented responses of an endpoint that depends on `require_admin`."""


async def require_admin(
    state: Annotated[ApiState, Depends(state_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> None:
    """Let a request pass that brings the admin token, and every request where none is set.

    Raises:
        UnauthorizedError: the token is missing or another one.
    """
    if state.admin_token is None:
        return
    # A header is handed on as Latin-1, whatever its bytes mean. Compared in constant time: how far a guess is right
    # must not show.
    given = credentials.credentials.encode("latin-1") if credentials is not None else b""
    if not compare_digest(given, state.admin_token.encode()):
        raise UnauthorizedError(
            "This needs the admin token: send it as Authorization: Bearer TOKEN.",
            "此操作需要管理令牌，请以 Authorization: Bearer TOKEN 请求头发送。",
        )
