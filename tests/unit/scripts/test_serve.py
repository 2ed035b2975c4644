"""Connections of `patmatch serve` send at once, also those of a socket that several workers share."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from scripts.serve import PromptHTTPProtocol


@pytest.fixture
def accepted() -> Iterator[socket.socket]:
    """A TCP connection accepted from a socket that does not say it is TCP, as uvicorn hands it to workers."""
    with socket.socket(socket.AF_INET) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with socket.create_connection(listening.getsockname()):
            connection, _ = listening.accept()
            with connection:
                yield connection


def test_commands_serve_sends_at_once(accepted: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option is set on the connection before uvicorn begins with it."""
    begun: list[Any] = []
    monkeypatch.setattr(AutoHTTPProtocol, "connection_made", lambda _self, transport: begun.append(transport))

    class Transport:
        def get_extra_info(self, name: str) -> socket.socket | None:
            return accepted if name == "socket" else None

    transport: Any = Transport()
    assert not accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    PromptHTTPProtocol.connection_made(object.__new__(PromptHTTPProtocol), transport)
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert begun == [transport]
