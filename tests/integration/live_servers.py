"""Real servers in processes of their own, and what their clients ask; the program is live_app.py."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

PROGRAM = Path(__file__).with_name("live_app.py")
ROOT = PROGRAM.parents[2]


def environment(home: Path, database_url: str | None = None) -> dict[str, str]:
    """The settings of a process that works on a home, and nothing from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATMATCH_")}
    chosen = {
        "PATMATCH_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, PROGRAM.parent, PROGRAM.parents[1]))),
    }
    return kept | chosen | ({} if database_url is None else {"PATMATCH_DATABASE_URL": database_url})


def run(command: str, settings: dict[str, str]) -> None:
    """A command in a process of its own; it must succeed."""
    subprocess.run([sys.executable, str(PROGRAM), command], env=settings, check=True, timeout=120)


@dataclass
class Client:
    """Asks a server, by a new connection each time, so that any of its workers may answer.

    Attributes:
        workers: process ids of those that answered.
        snapshots: the snapshots that answers came from, each noted when it is another than before.
        matches: seconds of each match.
        puts: seconds of each write.
    """

    url: str
    workers: set[int] = field(default_factory=set)
    snapshots: list[str] = field(default_factory=list)
    matches: list[float] = field(default_factory=list)
    puts: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(base_url=self.url, timeout=30, limits=limits)

    def close(self) -> None:
        """End."""
        self._http.close()

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer to a request, which must succeed."""
        response = self._http.request(method, path, json=body)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        self.workers.add(int(response.headers["X-Worker"]))
        return response.json()

    def put(self, key: str, text: str, **fields: Any) -> None:
        """Write a patent."""
        began = time.perf_counter()
        self.send("PUT", f"/v1/patents/{key}", {"title": text, **fields})
        self.puts.append(time.perf_counter() - began)

    def delete(self, key: str) -> None:
        """Delete a patent."""
        self.send("DELETE", f"/v1/patents/{key}")

    def match(self, text: str, k: int = 5, asked: dict[str, Any] | None = None) -> list[str]:
        """The ids of the nearest patents."""
        began = time.perf_counter()
        body = {"queries": [{"text": text}], "k": k, "filter": asked or {}}
        answer = self.send("POST", "/v1/match", body)
        self.matches.append(time.perf_counter() - began)
        if self.snapshots[-1:] != [answer["snapshot"]["id"]]:
            self.snapshots.append(answer["snapshot"]["id"])
        return [match["id"] for match in answer["results"][0]["matches"]]


@contextmanager
def server(settings: dict[str, str], workers: int = 1) -> Iterator[str]:
    """The URL of a server whose workers are all ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(PROGRAM), "serve", str(port), str(workers)], env=settings)
    url = f"http://127.0.0.1:{port}"
    try:
        ready, end = set[str](), time.monotonic() + 60
        while len(ready) < workers:
            assert time.monotonic() < end, "the server did not become ready in time"
            assert process.poll() is None, "the server ended"
            try:
                response = httpx.get(f"{url}/readyz", timeout=10)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if response.status_code == 200:
                ready.add(response.headers["X-Worker"])
            else:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


def pss(workers: Sequence[int]) -> float:
    """Megabytes that processes take, what they share divided among them."""
    total = 0
    for pid in workers:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf8").splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024
