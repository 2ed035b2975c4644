"""A receiver of webhooks on a real socket, which verifies signatures and answers as a test tells it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The secret of the specification's own example."""


@dataclass(frozen=True)
class Reply:
    """What a request is answered with; where ``after`` is given, only once it is set."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    after: Event | None = None


@dataclass(frozen=True)
class Received:
    """One request."""

    id: str
    verified: bool
    body: dict[str, Any]
    path: str


class Receiver:
    """What came, and what the next requests are answered with; when that runs out, with 204.

    Attributes:
        arrived: set whenever a request came, before it is answered.
    """

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self.replies: deque[Reply] = deque()
        self.arrived = Event()
        self._lock = Lock()

    def take(self, headers: Mapping[str, str], body: bytes, path: str) -> Reply:
        """Note a request and say how to answer it."""
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        verified = hmac.compare_digest(wanted, headers["webhook-signature"])
        with self._lock:
            self.received.append(Received(headers["webhook-id"], verified, json.loads(body), path))
            reply = self.replies.popleft() if self.replies else Reply()
        self.arrived.set()
        return reply

    def ids(self) -> list[str]:
        """The ids of what came, in order, repeats included."""
        return [one.id for one in self.received]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens until the end."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            reply = receiver.take(self.headers, body, self.path)  # type: ignore[arg-type]
            if reply.after is not None:
                reply.after.wait(60)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the sender did not wait, as some tests want

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
