"""What every request passes through: an id, a size limit, a measurement. Plain ASGI."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import perf_counter
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import respond
from app.errors import TooLargeError
from app.metrics import Metrics

_GIVEN_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)


class RequestId:
    """Give each request an id, its own `X-Request-Id` where that is well formed, and send it back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = _header(scope, b"x-request-id")
        request_id = given.decode() if given and _GIVEN_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        await self._app(scope, receive, send_with_id)


class BodyLimit:
    """Refuse a body over `max_bytes` with 413, by its declared length or as it streams in.

    The body is read here and passed on whole: the endpoints need all of it before they can begin, and a refusal in
    the middle of their own reading would look like a broken request. The endpoints of the paths `streamed` take
    theirs as it comes, and have a limit of their own.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, streamed: Sequence[str] = ()) -> None:
        self._app = app
        self._streamed = frozenset(streamed)
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body read, or refuse it."""
        if scope["type"] != "http" or scope["path"] in self._streamed:
            await self._app(scope, receive, send)
            return
        declared = _header(scope, b"content-length") or b"0"
        body = None if declared.isdigit() and int(declared) > self._max_bytes else await self._read(receive)
        if body is None:
            error = TooLargeError(
                f"The body is larger than {self._max_bytes} bytes; send fewer or shorter queries in one request.",
                f"请求体超过 {self._max_bytes} 字节，请减少一次发送的查询数量或缩短文本。",
                code="body_too_large",
            )
            await respond(error, scope["state"]["request_id"])(scope, receive, send)
            return
        replayed = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body; `None` as soon as it is over the limit."""
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                return None
            if not message.get("more_body", False):
                return bytes(body)


class Measured:
    """Count and time each request by its route's template, never by its raw path."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and record what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(scope["method"], route, str(status)).inc()
            self._metrics.latency.labels(route).observe(perf_counter() - began)
