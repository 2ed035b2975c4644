"""Readers and writers over HTTP on two workers, with builds and a rollback meanwhile: nothing fails or is stale.

The default run takes some 20 seconds, `make test-all` ten minutes. What it measured is printed (`pytest -rP`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from threading import Event

import numpy as np
import pytest
from hashing_encoder import HashingEncoder
from live_servers import Client, environment, pss, run, server

from app.domain import Patent
from app.settings import Settings
from app.wiring import Services

STEADY = 400
"""Records that nobody writes to: always found first by their own texts."""
OWN = 40
"""Records that a writer keeps at most."""
REGIONS = ("110000", "310000", "620102")


def steady_text(number: int) -> str:
    """The text of a record that nobody writes to."""
    return f"第{number * 7919}号固态电池"


@dataclass
class Course:
    """What all threads share.

    Attributes:
        deleted: ids whose deletion has been acknowledged; none is ever written again.
        appeared: seconds from the return of a write to that of the first search for it.
    """

    stop: Event = field(default_factory=Event)
    deleted: set[str] = field(default_factory=set)
    appeared: list[float] = field(default_factory=list)

    def asked(self, client: Client, text: str, k: int, wanted: dict[str, list[str]] | None = None) -> list[str]:
        """The ids found; none of them was known to be deleted before the request began."""
        gone = set(self.deleted)
        found = client.match(text, k, wanted)
        assert not gone & set(found), f"deleted, but found: {gone & set(found)}"
        return found


def read(client: Client, course: Course, seed: int) -> None:
    """Look for steady records, all and by filters, without pause."""
    random = Random(seed)  # noqa: S311
    while not course.stop.is_set():
        number = random.randrange(STEADY)
        assert course.asked(client, steady_text(number), random.choice([1, 10, 50]))[0] == f"S{number:04}"
        region = REGIONS[number % len(REGIONS)]
        found = course.asked(client, steady_text(number), 100, {"region": [region[:2]]})
        assert found[0] == f"S{number:04}"
        assert all(int(key[1:]) % len(REGIONS) == number % len(REGIONS) for key in found if key.startswith("S"))


def write(client: Client, course: Course, name: str) -> None:
    """Write, look, change, look, and delete the oldest, without pause."""
    own: list[str] = []
    for number in count():
        if course.stop.is_set():
            return
        key = f"{name}{number:06}"
        for version in ("新", "旧")[: 1 + number % 2]:
            text = f"{version}记录 {name} {number * 104_729}"
            client.put(key, text, region=REGIONS[number % len(REGIONS)])
            returned = time.perf_counter()
            assert course.asked(client, text, 3)[0] == key
            course.appeared.append(time.perf_counter() - returned)
        own.append(key)
        while len(own) > (OWN if number % 5 else OWN // 2):
            key = own.pop(0)
            client.delete(key)
            course.deleted.add(key)
            assert key not in course.asked(client, f"新记录 {name} {int(key[1:]) * 104_729}", 20)


@contextmanager
def busy(url: str, course: Course) -> Iterator[list[Client]]:
    """Two readers and two writers; at the end, each must have come to it."""
    clients = [Client(url) for _ in range(4)]
    jobs: list[Callable[[], None]] = [
        lambda: read(clients[0], course, 0),
        lambda: read(clients[1], course, 1),
        lambda: write(clients[2], course, "A"),
        lambda: write(clients[3], course, "B"),
    ]
    with ThreadPoolExecutor(len(jobs)) as pool:
        futures: list[Future[None]] = [pool.submit(job) for job in jobs]
        try:
            yield clients
        finally:
            course.stop.set()
        for future in futures:
            future.result()
    for client in clients:
        client.close()


def wait(course: Course, until: float, futures: list[Client]) -> None:
    """Wait for a moment of the monotonic clock."""
    course.stop.wait(max(0.0, until - time.monotonic()))
    assert all(client.matches for client in futures)


def said(name: str, seconds: list[float]) -> str:
    """Median and 99th percentile in milliseconds."""
    middle, high = np.percentile(seconds, [50, 99]) * 1000
    return f"{name}: {len(seconds)} times, p50 {middle:.1f} ms, p99 {high:.1f} ms"


def soak(home: Path, seconds: float) -> tuple[float, float]:
    """Memory of the workers in MB after a third of the time and at the end."""
    patents = [Patent(id=f"S{n:04}", title=steady_text(n), region=REGIONS[n % len(REGIONS)]) for n in range(STEADY)]
    services = Services(Settings(home=home), encoder=HashingEncoder)
    services.catalogue.upsert(patents)
    services.close()
    settings, course = environment(home), Course()
    run("build", settings)
    with server(settings, workers=2) as url:
        began = time.monotonic()
        with busy(url, course) as clients:
            wait(course, began + seconds * 0.2, clients)
            run("build", settings)
            wait(course, began + seconds * 0.33, clients)
            workers = sorted({pid for client in clients for pid in client.workers})
            early = pss(workers)
            for command, share in (("build", 0.45), ("build", 0.6), ("rollback", 0.75)):
                wait(course, began + seconds * share, clients)
                run(command, settings)
            wait(course, began + seconds, clients)
            late = pss(workers)
        assert len(workers) == 2, "one of the workers was never asked"
        assert {pid for client in clients for pid in client.workers} == set(workers), "a worker was replaced"
    assert course.deleted
    served = [list(dict.fromkeys(client.snapshots)) for client in clients]
    assert all(len(snapshots) >= 4 for snapshots in served), "not every snapshot was served"
    assert all(client.snapshots[-1] == snapshots[-2] for client, snapshots in zip(clients, served, strict=True))
    print(said("match", [seconds for client in clients for seconds in client.matches]))  # noqa: T201
    print(said("write", [seconds for client in clients for seconds in client.puts]))  # noqa: T201
    print(said("from a write's return to the end of the next search, which has it", course.appeared))  # noqa: T201
    print(f"deleted: {len(course.deleted)}; memory of two workers: {early:.0f} MB, then {late:.0f} MB")  # noqa: T201
    return early, late


def test_soak_short(tmp_path: Path) -> None:
    """Twenty seconds: no request fails, none is stale."""
    soak(tmp_path, 20)


@pytest.mark.load
def test_soak_ten_minutes(tmp_path: Path) -> None:
    """Ten minutes of the same, and memory stays flat."""
    early, late = soak(tmp_path, 600)
    assert late < 1.1 * early
