"""Alerts of real processes: killed at any step, in two at once, over one database from two homes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from alert_samples import SUBJECTS, alert_services, all_found, needs, new_patent, opened
from catalogue.catalogue_databases import postgres_schema
from live_servers import Client, environment, run, server

from app.domain import Patent

VICTIM = Path(__file__).with_name("alert_victim.py")
PATIENCE_SECONDS = 60
"""What the product promises."""


def victim(home: Path, step: str, occurrence: int = 1) -> int:
    """The exit status of a process that looks at new patents until a step."""
    command = [sys.executable, str(VICTIM), str(home), step, str(occurrence)]
    return subprocess.run(command, check=False, capture_output=True).returncode


def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition, no longer than alerts may take."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def told(client: Client, path: str = "/v1/alerts") -> list[tuple[str, str]]:
    """Need and patent of each alert."""
    return [(one["need_id"], one["id"]) for one in client.send("GET", path)["alerts"]]


def test_alerts_killed_at_each_step_are_neither_lost_nor_repeated(tmp_path: Path) -> None:
    """Killed before and after commits of pages, the watcher goes on where it was: each pair is told once."""
    services = alert_services(tmp_path)
    services.catalogue.upsert([Patent(id=f"L{n:02}", title=f"{SUBJECTS[n % 5]}{n}", lang="zh") for n in range(50)])
    services.close()
    for step, occurrence in (
        ("delta.embedded", 2),
        ("alerts.written", 1),
        ("alerts.committed", 2),
        ("alerts.written", 2),
    ):
        assert victim(tmp_path, step, occurrence) == -signal.SIGKILL, step
    reader = opened(tmp_path)
    assert reader.catalogue.alerts.behind() > 0
    assert victim(tmp_path, "never") == 0
    assert reader.catalogue.alerts.behind() == 0
    expected = {f"N{n}": [f"L{m:02}" for m in range(n, 50, 5)] for n in range(5)}
    assert {need: sorted(mine) for need, mine in all_found(reader).items()} == expected
    numbers = [alert.number for alert in reader.catalogue.alerts.page(after=0, size=100)]
    assert numbers == list(range(1, 51))
    reader.close()


def test_alerts_of_a_server_come_soon_and_outlive_it(tmp_path: Path) -> None:
    """Written over HTTP to two workers, a patent is told once; when one server is gone, another of the home goes on."""
    alert_services(tmp_path).close()
    settings = environment(tmp_path)
    with server(settings, workers=2) as url:
        client = Client(url)
        client.put("A", new_patent(0)["title"])
        until(lambda: told(client) == [("N0", "A")])
        client.put("A", new_patent(0)["title"], region="62")
        client.put("B", new_patent(1)["title"])
        until(lambda: told(client) == [("N0", "A"), ("N1", "B")])
        client.close()
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        one = Client(first.enter_context(server(settings)))
        other = Client(stack.enter_context(server(settings)))
        one.put("C", new_patent(2)["title"])
        until(lambda: ("N2", "C") in told(other))
        first.close()
        other.put("D", new_patent(3)["title"])
        until(lambda: told(other)[2:] == [("N2", "C"), ("N3", "D")])


def test_alerts_of_two_homes_over_one_database_are_made_once(tmp_path: Path) -> None:
    """Over PostgreSQL each machine has a watcher; whichever is first records an alert, and either shows it."""
    with postgres_schema() as url, ExitStack() as stack:
        alert_services(tmp_path / "a", database_url=url).close()
        (tmp_path / "b").mkdir()
        run("build", environment(tmp_path / "b", url))
        a, b = (Client(stack.enter_context(server(environment(tmp_path / name, url)))) for name in "ab")
        for n in range(10):
            (a if n % 2 else b).put(f"T{n}", new_patent(n % 5)["title"])
        expected = sorted((f"N{n % 5}", f"T{n}") for n in range(10))
        until(lambda: len(told(a)) >= len(expected))
        assert sorted(told(a)) == sorted(told(b)) == expected
        assert sorted(told(b, f"/v1/needs/{needs()[0].id}/alerts")) == [("N0", "T0"), ("N0", "T5")]
