"""Every job killed at every step that it says it passes: what was acknowledged stands, and the job can be run again.

The steps are not listed here: a first victim writes down those that it passes, whatever they are, and then one victim
after the other is killed with SIGKILL at the first and at the last occurrence of each.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fault_homes import Bases, Place, copied, look, rebuilt
from fault_jobs import BUILD, INGEST, JOBS, MATCH, PUT, Job, held
from fault_victims import Victims

ON_POSTGRES = (INGEST, PUT, MATCH, BUILD)
WRITING = {"catalogue.began", "catalogue.written", "catalogue.committed"}


def places(steps: Sequence[str], *, all_of_them: bool) -> list[tuple[str, int]]:
    """Where to kill: each step at its first and its last occurrence, or only once, first and last in turn."""
    distinct = list(dict.fromkeys(steps))
    ends = [(step, sorted({1, steps.count(step)})) for step in distinct]
    if all_of_them:
        return [(step, occurrence) for step, occurrences in ends for occurrence in occurrences]
    return [(step, occurrences[place % len(occurrences)]) for place, (step, occurrences) in enumerate(ends)]


def kill_everywhere(
    job: Job,
    victims: Victims,
    bases: Bases,
    place_of: Callable[[Path], Place],
    note: Callable[..., None],
    *,
    all_of_them: bool,
) -> set[str]:
    """Do what the file says; the steps that were found."""
    arguments, base = job.arguments(bases), job.base(bases)
    place, before = place_of(base), look(place_of(base))
    undisturbed = victims.run(job.kind, arguments, environment=place.environment)
    assert undisturbed.done, undisturbed.errors
    after = look(place)
    assert held(undisturbed.acknowledged, after) == []
    assert after.answers == rebuilt(place, after)
    for step, occurrence in places(undisturbed.steps, all_of_them=all_of_them):
        place = place_of(base)
        end = victims.run(job.kind, arguments, at=step, occurrence=occurrence, environment=place.environment)
        assert end.outcome == "SIGKILL", f"{step}: {end}"
        state = look(copied(place))
        told = f"{job} killed at {step} {occurrence}"
        assert held(end.acknowledged, state) == [], told
        assert state.sound, f"{told}: {state}"
        assert state.answers == rebuilt(place, state), told
        happened = state.served != before.served
        if job.again or not happened:
            again = victims.run(job.kind, arguments, environment=place.environment)
            assert again.done, f"{told}, then run again: {again.errors}"
        final = look(place)
        extra = final.snapshots - state.snapshots
        assert final.records == after.records, told
        assert final.answers == after.answers, told
        assert final.sound, f"{told}: {final}"
        assert job.name == "build" or final.snapshots == after.snapshots, told
        note(
            "postgresql" if place.database else "sqlite",
            job,
            step,
            f"{occurrence} of {undisturbed.steps.count(step)}",
            f"{len(end.acknowledged)} acknowledged, {len(state.records)} records, "
            f"{'new' if state.served != before.served else 'old'} snapshot served, "
            f"{len(state.snapshots) - len(before.snapshots):+d} snapshots; "
            f"again: {'not needed' if happened and not job.again else f'{len(extra)} more snapshots'}, as undisturbed",
        )
    return set(undisturbed.steps)


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_faults_killed_at_each_step(job, victims, bases, place_of, seen):
    """Each step once: nothing acknowledged is lost, nothing broken is served, and running it again completes it."""
    assert kill_everywhere(job, victims, bases, place_of, seen, all_of_them=False)


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS, ids=str)
def test_faults_killed_at_the_first_and_the_last_of_each_step(job, victims, bases, place_of, seen):
    """The same at the first and the last occurrence of every step."""
    assert kill_everywhere(job, victims, bases, place_of, seen, all_of_them=True)


@pytest.mark.slow
@pytest.mark.parametrize("job", ON_POSTGRES, ids=str)
def test_faults_killed_with_the_records_in_postgresql(job, victims, bases, postgres_of, seen):
    """The same with the catalogue in PostgreSQL, whose server outlives the client."""
    found = kill_everywhere(job, victims, bases, postgres_of, seen, all_of_them=True)
    assert found >= (WRITING if job in (INGEST, PUT) else {"vectors.written"})
