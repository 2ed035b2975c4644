"""Connections to PostgreSQL ended by the server, as by a restart: nothing acknowledged is lost, and work goes on."""

from collections.abc import Iterator
from signal import SIGSTOP

import pytest
from fault_homes import Place, answers, look, rebuilt
from fault_jobs import BUILD, INGEST, PUT, held

from app.domain import Kind
from app.errors import CatalogueProblem
from app.wiring import Services

TRIES = 5
"""Calls that may fail after the connections were ended: one for each that a pool had open."""


@pytest.mark.parametrize(
    "at",
    [pytest.param("catalogue.began", marks=pytest.mark.slow), "catalogue.written", "catalogue.committed"],
)
@pytest.mark.parametrize("job", [INGEST, PUT], ids=str)
def test_faults_connections_end_during_a_write(job, at, victims, bases, postgres, postgres_of, seen):
    """The write fails in words or goes through; what was acknowledged is there, and the next call works."""
    place = postgres_of(job.base(bases))
    victim = victims.start(
        job.kind, job.arguments(bases), at=at, occurrence=2, number=SIGSTOP, environment=place.environment
    )
    assert victim.wait().outcome == "stopped"
    ended = postgres.end_connections()
    assert ended
    end = victim.go_on()
    assert end.done or end.clear, end
    state = look(place)
    assert state.sound
    assert held(end.acknowledged, state) == []
    assert state.answers == rebuilt(place, state)
    again = victims.run(job.kind, job.arguments(bases), environment=place.environment)
    assert again.done, again
    last = look(place)
    assert held(again.acknowledged, last) == []
    seen("connections ended", f"{job} at {at}", f"{ended} ended", f"exit {end.code}", end.said or "went through")


@pytest.mark.parametrize("at", ["build.page", pytest.param("build.written", marks=pytest.mark.slow)])
def test_faults_connections_end_during_a_build(at, victims, bases, postgres, postgres_of, seen):
    """A build whose connections end in the middle of its reading fails in words or goes through; so does the next."""
    place = postgres_of(bases.changed)
    victim = victims.start(BUILD.kind, BUILD.arguments(bases), at=at, number=SIGSTOP, environment=place.environment)
    assert victim.wait().outcome == "stopped"
    postgres.end_connections()
    end = victim.go_on()
    assert end.done or end.clear, end
    state = look(place)
    assert state.sound
    assert state.answers == rebuilt(place, state)
    assert victims.run(BUILD.kind, BUILD.arguments(bases), environment=place.environment).done
    seen("connections ended", f"build at {at}", "", f"exit {end.code}", end.said or "went through")


@pytest.fixture
def running(bases, postgres_of) -> Iterator[tuple[Place, Services]]:
    """A service that has answered."""
    place = postgres_of(bases.served)
    services = place.services()
    services.serving.open()
    yield place, services
    services.close()


def test_faults_connections_end_under_a_service(running, postgres, seen):
    """Reading reconnects by itself, or fails in words until the pool has none of the ended connections left."""
    _, services = running
    expected = answers(services)
    failed = 0
    for calls in (
        lambda: answers(services),
        lambda: services.catalogue.count(Kind.PATENTS),
        lambda: services.records.get(Kind.PATENTS, "P0001"),
        lambda: [len(page) for page in services.catalogue.iterate(Kind.PATENTS, batch_size=40)],
    ):
        assert postgres.end_connections()
        for _ in range(TRIES):
            try:
                calls()
            except CatalogueProblem:
                failed += 1
            else:
                break
        else:
            pytest.fail("it does not recover")
    assert answers(services) == expected
    seen("connections ended", "reading", "", "", f"of 4 kinds of call {failed} had to be made again")


def test_faults_connections_end_between_two_pages(running, postgres, seen):
    """A walk over all records that is interrupted between pages goes on or says so; it never skips records."""
    _, services = running
    pages = services.catalogue.iterate(Kind.PATENTS, batch_size=40)
    ids = [record.id for record in next(pages)]
    assert postgres.end_connections()
    try:
        for page in pages:
            ids += [record.id for record in page]
    except CatalogueProblem as error:
        said = error.message
        ids = [record.id for page in services.catalogue.iterate(Kind.PATENTS) for record in page]
    else:
        said = "went on"
    assert ids == sorted(f"P{number:04d}" for number in range(100))
    seen("connections ended", "between two pages", "", "", said)
