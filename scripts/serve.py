"""`patmatch serve`: the service."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import click
import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from scripts.console import AT_LEAST_ONE, Shell, shell_command

_DRAIN_SECONDS = 20
"""How long requests that are under way may take when the service has to stop."""


_Protocol: Any = AutoHTTPProtocol


class PromptHTTPProtocol(_Protocol):  # type: ignore[misc]
    """Sets TCP_NODELAY on each connection.

    asyncio does so only where it knows a socket to be TCP, which it cannot tell of those that several workers share.
    Without it the body of an answer waits until the other side has acknowledged its head: 40 ms.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin a connection."""
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)


@click.command(short_help="Run the service.")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 for every interface.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=AT_LEAST_ONE, help="Processes; each loads the model.")
@shell_command
def command(shell: Shell, host: str, port: int, workers: int) -> None:
    r"""Serve the page, the REST interface and its documentation.

    \b
    Example:
      patmatch serve
      patmatch serve --host 0.0.0.0 --port 8080 --workers 2
    """
    settings = shell.settings
    settings.home.mkdir(parents=True, exist_ok=True)
    # Workers are processes of their own and read their settings from the environment.
    os.environ["PATMATCH_HOME"] = str(settings.home.resolve())
    shell.line(f"patmatch: http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/  (API: /docs)")  # noqa: S104
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        http="scripts.serve:PromptHTTPProtocol",
        host=host,
        port=port,
        workers=workers,
        log_config=_log_config(settings.log_level),
        access_log=settings.log_level == "debug",
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


def _log_config(level: str) -> dict[str, object]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {
            "patmatch": {"handlers": ["stderr"], "level": level.upper()},
            "uvicorn": {"handlers": ["stderr"], "level": level.upper(), "propagate": False},
        },
    }
