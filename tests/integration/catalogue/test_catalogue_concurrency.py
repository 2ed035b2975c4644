"""Several processes and threads on one catalogue, and a writer that is killed, on both databases."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from time import monotonic

from catalogue_databases import firms, writer
from catalogue_writer import batch

from app.catalogue import Catalogue, UpsertCounts
from app.domain import Kind

CALLS, SIZE = 8, 150
ENDLESS = 1_000_000


def start(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Let all begin once all are ready."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def test_catalogue_loses_nothing_when_processes_write_at_once(catalogue: Catalogue, url: str) -> None:
    """Every call of every writer is there, the shared records are of one whole call, and no number is given twice."""
    writers = [writer(url, "write", who, str(CALLS), str(SIZE)) for who in ("a", "b")]
    start(writers)
    for process in writers:
        process.communicate()
        assert process.returncode == 0
    own = [firm for who in ("a", "b") for call in range(CALLS) for firm in batch(who, call, SIZE)[:SIZE]]
    assert catalogue.get_many(Kind.FIRMS, [firm.id for firm in own]) == {firm.id: firm for firm in own}
    shared = catalogue.get_many(Kind.FIRMS, [f"shared-{number}" for number in range(SIZE)])
    assert len(shared) == SIZE
    assert len({firm.text_parts for firm in shared.values()}) == 1
    log = list(catalogue.changed_since(Kind.FIRMS, 0))
    assert len(log) == len({change.id for change in log}) == len(own) + SIZE == catalogue.count(Kind.FIRMS)
    assert len({change.revision for change in log}) == len(log)
    assert catalogue.revision() == 2 * CALLS * SIZE * 2


def test_catalogue_keeps_what_a_killed_writer_was_told_is_stored(catalogue: Catalogue, url: str) -> None:
    """After kill -9 every acknowledged call is whole, at most one more is there, and the next writer goes on."""
    process = writer(url, "write", "k", str(ENDLESS), str(SIZE))
    start([process])
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(6)]
    process.kill()
    rest, _ = process.communicate()
    acknowledged = len(told) + rest.count("\n")
    assert catalogue.upsert(firms(1)) == UpsertCounts(added=1)
    assert [finding for finding in catalogue.check() if not finding.ok] == []
    calls, torn = divmod(catalogue.count(Kind.FIRMS) - SIZE - 1, SIZE)
    assert torn == 0
    assert calls in (acknowledged, acknowledged + 1)
    own = [firm for call in range(calls) for firm in batch("k", call, SIZE)[:SIZE]]
    assert catalogue.get_many(Kind.FIRMS, [firm.id for firm in own]) == {firm.id: firm for firm in own}
    assert catalogue.get_many(Kind.FIRMS, [f"shared-{number}" for number in range(SIZE)]) == {
        firm.id: firm for firm in batch("k", calls - 1, SIZE)[SIZE:]
    }
    assert catalogue.revision() == calls * SIZE * 2 + 1


def test_catalogue_reads_and_skips_while_another_writes(catalogue: Catalogue, url: str) -> None:
    """An open write transaction holds up no reader and no upsert without changes, and is not seen before its end."""
    catalogue.upsert(firms(10))
    other = Catalogue.open(url)
    with other._backend.writing() as connection:
        connection.exec_driver_sql("UPDATE catalogue_revision SET value = 99")
        before = monotonic()
        assert catalogue.get(Kind.FIRMS, "F000003") == firms(4)[3]
        assert catalogue.revision() == 10
        assert sum(len(part) for part in catalogue.iterate(Kind.FIRMS)) == 10
        assert catalogue.upsert(firms(10)) == UpsertCounts(unchanged=10)
        assert monotonic() - before < 5
    assert catalogue.revision() == 99
    other.close()


def test_catalogue_writer_waits_for_another(catalogue: Catalogue, url: str) -> None:
    """A second writer waits instead of failing, and numbers its changes after the first one's."""
    other = Catalogue.open(url)
    asked = Event()

    def write() -> UpsertCounts:
        asked.set()
        return catalogue.upsert(firms(3))

    with ThreadPoolExecutor(1) as pool:
        with other._backend.writing() as connection:
            connection.exec_driver_sql("UPDATE catalogue_revision SET value = 50")
            waiting = pool.submit(write)
            asked.wait()
            Event().wait(0.5)
            assert not waiting.done()
        assert waiting.result() == UpsertCounts(added=3)
    assert [change.revision for change in catalogue.changed_since(Kind.FIRMS, 0)] == [51, 52, 53]
    other.close()


def test_catalogue_serves_threads(catalogue: Catalogue) -> None:
    """Threads of a server read and write through one object: nothing is lost, every read is of a whole record."""
    catalogue.upsert(firms(50))

    def work(thread: int) -> None:
        for turn in range(5):
            mine = [replace(firm, id=f"{thread}-{firm.id}", city=str(turn)) for firm in firms(20)]
            catalogue.upsert(mine)
            assert catalogue.get_many(Kind.FIRMS, [firm.id for firm in mine]) == {firm.id: firm for firm in mine}
            assert catalogue.get(Kind.FIRMS, "F000007") == firms(8)[7]

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(12)))
    assert catalogue.count(Kind.FIRMS) == 50 + 12 * 20
    assert catalogue.revision() == 50 + 12 * 5 * 20
