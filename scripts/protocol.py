"""The HTTP protocol of `patmatch serve`: uvicorn's, with every connection told to send at once."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

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
