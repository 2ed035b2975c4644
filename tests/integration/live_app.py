"""`patmatch serve`, `index build --publish` and `index rollback` in processes of their own, with the test encoder.

    python live_app.py serve PORT WORKERS
    python live_app.py build
    python live_app.py rollback

The settings are in the environment, as in production. Each answer names the process that gave it in `X-Worker`.
"""

from __future__ import annotations

import os
import sys

import uvicorn
from fastapi import FastAPI, Request
from hashing_encoder import HashingEncoder
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.responses import Response

import app.main
from app.domain import Kind
from app.settings import Settings
from app.wiring import Services


def services() -> Services:
    """The services over the home in the environment."""
    return Services(Settings(), encoder=HashingEncoder)


def create_app() -> FastAPI:
    """The application of one worker."""
    made = app.main.create_app(services=services())

    async def signed(request: Request, answer: RequestResponseEndpoint) -> Response:
        response = await answer(request)
        response.headers["X-Worker"] = str(os.getpid())
        return response

    made.add_middleware(BaseHTTPMiddleware, dispatch=signed)
    return made


def main(command: str, *arguments: str) -> None:
    """Run a command."""
    if command == "serve":
        port, workers = map(int, arguments)
        uvicorn.run(
            "live_app:create_app", factory=True, port=port, workers=workers, access_log=False, log_level="warning"
        )
        return
    made = services()
    try:
        if command == "build":
            made.indexing.build(Kind.PATENTS, publish=True)
        else:
            made.indexing.rollback(Kind.PATENTS)
    finally:
        made.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
