"""Two jobs on one home, one of them standing still in the middle: the other is refused in words, or goes through."""

from signal import SIGSTOP

import pytest
from fault_homes import look, rebuilt
from fault_jobs import BUILD, INGEST, PRUNE, PUBLISH, ROLLBACK

BUILD_STEPS = (
    "build.leased",
    pytest.param("vectors.written", marks=pytest.mark.slow),
    pytest.param("build.walked", marks=pytest.mark.slow),
    pytest.param("snapshot.index", marks=pytest.mark.slow),
    pytest.param("build.written", marks=pytest.mark.slow),
    "publish.current",
)


@pytest.mark.parametrize("at", BUILD_STEPS)
def test_faults_two_builds_at_once(at, victims, bases, place_of, seen):
    """Wherever the first one stands, the second names it; the first then ends as if nothing had been."""
    place = place_of(bases.changed)
    first = victims.start(BUILD.kind, BUILD.arguments(bases), at=at, number=SIGSTOP, environment=place.environment)
    assert first.wait().outcome == "stopped"
    second = victims.run(BUILD.kind, BUILD.arguments(bases), environment=place.environment)
    assert second.clear, second
    assert "build" in second.said
    assert str(first.pid) in second.said, "it says which process has it"
    seen("two builds", f"first at {at}", "", f"exit {second.code}", second.said)
    end = first.go_on()
    assert end.done, end
    state = look(place)
    assert state.sound
    assert state.answers == rebuilt(place, state)
    assert victims.run(BUILD.kind, BUILD.arguments(bases), environment=place.environment).done


@pytest.mark.parametrize("other", [INGEST, PUBLISH, ROLLBACK, PRUNE], ids=str)
@pytest.mark.parametrize("at", ["build.walked", "publish.verified"])
def test_faults_another_job_during_a_build(at, other, victims, bases, place_of, seen):
    """Loading, publishing, going back and pruning while a build stands still: done or refused, never a broken home."""
    place = place_of(bases.changed)
    first = victims.start(BUILD.kind, BUILD.arguments(bases), at=at, number=SIGSTOP, environment=place.environment)
    assert first.wait().outcome == "stopped"
    second = victims.run(other.kind, other.arguments(bases), environment=place.environment)
    assert second.done or second.clear, second
    between = look(place)
    assert (between.refused, between.damaged) == (None, frozenset())
    assert between.building, "the build that stands still is one that runs"
    seen("during a build", f"{other} at {at}", "", f"exit {second.code}", second.said)
    assert first.go_on().done
    state = look(place)
    assert state.sound
    assert state.answers == rebuilt(place, state)


def test_faults_two_loads_at_once(victims, bases, place_of):
    """A load that stands still inside its transaction keeps the other waiting, then both are there."""
    place = place_of(bases.served)
    first = victims.start(
        INGEST.kind, INGEST.arguments(bases), at="catalogue.written", number=SIGSTOP, environment=place.environment
    )
    assert first.wait().outcome == "stopped"
    second = victims.start("put", [bases.puts], environment=place.environment)
    assert first.go_on().done
    assert second.wait().done
    state = look(place)
    assert state.sound
    assert len(state.records) == 120 + 4 - 1
    assert state.answers == rebuilt(place, state)
