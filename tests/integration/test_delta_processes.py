"""Servers that share a catalogue: what one has acknowledged, the next answer of the other knows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from catalogue.catalogue_databases import postgres_schema
from hashing_encoder import HashingEncoder
from live_servers import Client, environment, run, server

from app.domain import Patent
from app.settings import Settings
from app.wiring import Services

ROUNDS = 12


def filled(home: Path, database_url: str | None = None) -> None:
    """A hundred patents in the catalogue."""
    home.mkdir()
    services = Services(Settings(home=home, database_url=database_url), encoder=HashingEncoder)
    services.catalogue.upsert([Patent(id=f"P{n:03}", title=f"第{n * 7919}号电池", region="62") for n in range(100)])
    services.close()


@pytest.fixture
def shared_home(tmp_path: Path) -> Iterator[tuple[Client, Client]]:
    """Two servers over one home."""
    home = tmp_path / "home"
    filled(home)
    settings = environment(home)
    run("build", settings)
    with ExitStack() as stack:
        yield tuple(Client(stack.enter_context(server(settings))) for _ in range(2))


def test_delta_processes_over_one_home_see_each_others_writes_at_once(shared_home: tuple[Client, Client]) -> None:
    """What either server returned from, the other's very next answer has: new, changed, filtered by, and gone."""
    for number in range(ROUNDS):
        here, there = shared_home[number % 2], shared_home[(number + 1) % 2]
        key, text = f"N{number}", f"新增专利 {number * 104_729}"
        here.put(key, text, region="110000")
        assert there.match(text)[0] == key
        assert there.match(text, 100, {"region": ["11"]}) == [key]
        there.put(key, f"改写 {text}", region="310000")
        assert here.match(f"改写 {text}")[0] == key
        assert here.match(text, 100, {"region": ["11"]}) == []
        assert here.match(text, 100, {"region": ["31"]}) == [key]
        here.delete(key)
        assert key not in there.match(text, 200)
        assert key not in here.match(text, 200)
    assert len({*shared_home[0].workers, *shared_home[1].workers}) == 2


def test_delta_processes_with_homes_of_their_own_follow_one_database(tmp_path: Path) -> None:
    """Over PostgreSQL each home has a snapshot and vectors of its own: deletions hold at once, new texts within 3 s."""
    with postgres_schema() as url, ExitStack() as stack:
        filled(tmp_path / "a", url)
        (tmp_path / "b").mkdir()
        clients = []
        for name in ("a", "b"):
            settings = environment(tmp_path / name, url)
            run("build", settings)
            clients.append(Client(stack.enter_context(server(settings))))
        waits = []
        for number in range(ROUNDS):
            here, there = clients[number % 2], clients[(number + 1) % 2]
            key, text = f"N{number}", f"新增专利 {number * 104_729}"
            here.put(key, text)
            began = time.monotonic()
            assert here.match(text)[0] == key
            while there.match(text)[0] != key:
                assert time.monotonic() - began < 3
                time.sleep(0.02)
            waits.append(time.monotonic() - began)
            here.put(key, text, region="110000")  # a text that both have a vector of
            assert there.match(text, 100, {"region": ["11"]}) == [key]
            there.delete(key)
            assert key not in here.match(text, 200)
        print(f"seen by the other home after {sorted(waits)[len(waits) // 2]:.2f} s (median), {max(waits):.2f} s")  # noqa: T201
