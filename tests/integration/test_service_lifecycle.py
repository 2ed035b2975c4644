"""A running service: not ready and why, a new snapshot without a pause, a refused one, too many requests at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from hashing_encoder import HashingEncoder

from app.domain import Kind, Patent
from app.main import create_app
from app.settings import Settings
from app.wiring import Services

ASK = {"queries": [{"text": "电池 1"}], "k": 3}


def patents(count: int) -> list[Patent]:
    """So many different patents."""
    return [Patent(id=f"CN{n:04}", title=f"一种电池 {n}", abstract=f"编号 {n} 的电解液") for n in range(count)]


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    """The application on a real server and socket, and a client of it that any number of threads may use."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Services with forty patents, nothing published."""
    made = Services(Settings(home=tmp_path, index_poll_seconds=0.02), encoder=HashingEncoder)
    made.catalogue.upsert(patents(40))
    yield made
    made.close()


def test_service_is_not_ready_without_an_index_and_says_why(services: Services) -> None:
    """503 names the index and the command; it becomes ready once something is published."""
    with served(create_app(services=services)) as client:
        until(lambda: client.get("/readyz").json()["parts"]["model"]["ready"])
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "nothing is published" in ready.json()["parts"]["index.patents"]["detail"]
        refused = client.post("/v1/match", json=ASK)
        assert (refused.status_code, refused.json()["code"]) == (503, "no_index")
        assert "patmatch index build patents --publish" in refused.json()["detail"]
        services.indexing.build(Kind.PATENTS, publish=True)
        until(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/v1/match", json=ASK).status_code == 200


def test_service_is_not_ready_without_a_model_and_says_why(tmp_path: Path) -> None:
    """A model that was never prepared is named, and livez stays alive."""
    services = Services(Settings(home=tmp_path, index_poll_seconds=0.02))
    with served(create_app(services=services)) as client:
        until(lambda: services.encoder.failure is not None)
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["parts"]["model"]["ready"] is False
        assert client.post("/v1/match", json=ASK).json()["code"] == "no_model"
        assert client.get("/livez").status_code == 200


def test_service_follows_a_publish_and_a_rollback_without_a_failed_or_mixed_answer(services: Services) -> None:
    """While clients ask without pause, each answer is from one snapshot and none fails."""
    first = services.indexing.build(Kind.PATENTS, publish=True).snapshot
    sizes, answers, failures, stop = {first: 40}, [], [], threading.Event()

    def ask(client: httpx.Client) -> None:
        while not stop.is_set():
            response = client.post("/v1/match", json={**ASK, "k": 100})
            if response.status_code != 200:
                failures.append(response.text)
                return
            answers.append(response.json())

    with served(create_app(services=services)) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        clients = [threading.Thread(target=ask, args=(client,)) for _ in range(4)]
        for thread in clients:
            thread.start()
        for count in (60, 80):
            services.catalogue.upsert(patents(count))
            snapshot = services.indexing.build(Kind.PATENTS, publish=True).snapshot
            sizes[snapshot] = count
            until(lambda snapshot=snapshot: answers[-1]["snapshot"]["id"] == snapshot)
        back = services.indexing.rollback(Kind.PATENTS)
        until(lambda: answers[-1]["snapshot"]["id"] == back)
        stop.set()
        for thread in clients:
            thread.join()
    assert failures == []
    assert {answer["snapshot"]["id"] for answer in answers} == set(sizes)
    for answer in answers:
        found = [match["id"] for match in answer["results"][0]["matches"]]
        assert sizes[answer["snapshot"]["id"]] <= len(found) == len(set(found)) <= 80
    assert len(answers[-1]["results"][0]["matches"]) == 80, "after the rollback the changes since still count"


def damage(services: Services, snapshot: str, name: str) -> None:
    """Flip a byte in the middle of one file of a snapshot."""
    path = services.settings.index_dir / "patents" / snapshot / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def published_by_hand(services: Services, snapshot: str) -> None:
    """Name a snapshot in CURRENT without the checks of a publish; at one go, for the service reads it all the time."""
    current = services.settings.index_dir / "patents" / "CURRENT"
    beside = current.with_name("beside")
    beside.write_text(f"{snapshot}\n", encoding="utf8")
    beside.replace(current)


def test_service_refuses_a_damaged_snapshot_and_keeps_its_own(services: Services) -> None:
    """The refusal names the file; answers go on from the old snapshot."""
    good = services.indexing.build(Kind.PATENTS, publish=True).snapshot
    bad = services.indexing.build(Kind.PATENTS, publish=False).snapshot
    damage(services, bad, "index.faiss")
    with served(create_app(services=services)) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        published_by_hand(services, bad)
        until(lambda: "refused" in client.get("/readyz").json()["parts"]["index.patents"]["detail"])
        part = client.get("/readyz").json()["parts"]["index.patents"]
        assert part["ready"] is True
        assert "index.faiss" in part["detail"]
        assert client.post("/v1/match", json=ASK).json()["snapshot"]["id"] == good


def test_service_never_serves_a_snapshot_of_another_encoder(services: Services) -> None:
    """With another fingerprint it starts, is not ready and says why."""
    services.indexing.build(Kind.PATENTS, publish=True)
    other = Services(services.settings, encoder=lambda: HashingEncoder(name="another"))
    with served(create_app(services=other)) as client:
        until(lambda: client.get("/readyz").json()["parts"]["model"]["ready"])
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "fingerprint" in ready.json()["parts"]["index.patents"]["detail"]
        assert client.post("/v1/match", json=ASK).status_code == 503


def test_service_second_build_embeds_nothing(services: Services) -> None:
    """Vectors are kept; only a changed text is embedded again."""
    assert services.indexing.build(Kind.PATENTS, publish=False).embedded > 0
    assert services.indexing.build(Kind.PATENTS, publish=False).embedded == 0
    services.catalogue.upsert([Patent(id="CN0001", title="一种全新的电池")])
    assert services.indexing.build(Kind.PATENTS, publish=False).embedded == 1


class SlowEncoder(HashingEncoder):
    """An encoder that waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def encode(self, texts: Any, role: Any) -> Any:
        """Wait, then embed."""
        self.gate.wait(60)
        return super().encode(texts, role)


def test_service_answers_429_when_its_queue_is_full_and_stays_alive(services: Services) -> None:
    """Beyond workers and queue a request is refused at once; health still answers, and the others get their answer."""
    services.indexing.build(Kind.PATENTS, publish=True)
    encoder = SlowEncoder()
    settings = services.settings.model_copy(update={"match_workers": 1, "match_queue": 1})
    with served(create_app(services=Services(settings, encoder=lambda: encoder))) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda: statuses.append(client.post("/v1/match", json=ASK).status_code))
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        until(lambda: statuses.count(429) == 3)
        assert client.get("/readyz").status_code == 200
        encoder.gate.set()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200, 200, 429, 429, 429]
