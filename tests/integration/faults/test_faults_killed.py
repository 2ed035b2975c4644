"""Every job killed at every step that it says it passes: what was acknowledged stands, and the job can be run again.

The steps are not listed here: a first victim writes down those that it passes, whatever they are, and then one victim
after the other is killed with SIGKILL at the first and at the last occurrence of each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from fault_homes import Bases, Place, State, copied, look, patents, puts, rebuilt
from fault_victims import Victims


@dataclass(frozen=True)
class Job:
    """A command to kill.

    Attributes:
        arguments: its command line, which for `put` is the file.
        base: the home that it starts from.
        again: whether it says the same when it is run again after it was done.
    """

    name: str
    arguments: Callable[[Bases], Sequence[object]]
    base: Callable[[Bases], Path]
    again: bool = True

    @property
    def kind(self) -> str:
        """What a victim calls it."""
        return "put" if self.name == "put" else "patmatch"

    def __str__(self) -> str:
        return self.name


JOBS = [
    Job("ingest", lambda b: ["ingest", "patents", b.files[3]], lambda b: b.served),
    Job("put", lambda b: [b.puts], lambda b: b.served),
    Job("match", lambda _: ["match", "三元电解液", "--json"], lambda b: b.changed),
    Job("build", lambda _: ["index", "build", "patents", "--publish"], lambda b: b.changed),
    Job("verify", lambda b: ["index", "verify", b.newest], lambda b: b.served),
    Job("publish", lambda b: ["index", "publish", b.newest], lambda b: b.served),
    Job("rollback", lambda _: ["index", "rollback", "patents"], lambda b: b.served, again=False),
    Job("prune", lambda _: ["index", "prune", "patents", "--keep", "1"], lambda b: b.served),
]
ON_POSTGRES = [job for job in JOBS if job.name in {"ingest", "put", "build"}]
WRITING = {"catalogue.began", "catalogue.written", "catalogue.committed"}


def places(steps: Sequence[str], *, all_of_them: bool) -> list[tuple[str, int]]:
    """Where to kill: each step at its first and its last occurrence, or only once, first and last in turn."""
    distinct = list(dict.fromkeys(steps))
    ends = [(step, sorted({1, steps.count(step)})) for step in distinct]
    if all_of_them:
        return [(step, occurrence) for step, occurrences in ends for occurrence in occurrences]
    return [(step, occurrences[place % len(occurrences)]) for place, (step, occurrences) in enumerate(ends)]


def held(acknowledged: Sequence[str], state: State) -> list[str]:
    """Acknowledged writes that are not in the catalogue."""
    rows = patents(3)
    titles = {str(row["id"]): str(row["title"]) for row in puts()}
    expected: dict[str, str | None] = {}
    for said in acknowledged:
        what, _, value = said.partition(" ")
        if what.startswith("patents-"):
            expected |= {str(row["id"]): str(row["title"]) for row in rows[: int(value)]}
        elif what == "put":
            expected[value] = titles[value]
        elif what == "delete":
            expected[value] = None
    return [
        key
        for key, title in expected.items()
        if (title is None) != (key not in state.records) or (title is not None and title not in state.records[key])
    ]


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
    assert kill_everywhere(job, victims, bases, place_of, seen, all_of_them=False) or job.name == "verify"


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS, ids=str)
def test_faults_killed_at_the_first_and_the_last_of_each_step(job, victims, bases, place_of, seen):
    """The same at the first and the last occurrence of every step."""
    assert kill_everywhere(job, victims, bases, place_of, seen, all_of_them=True) or job.name == "verify"


@pytest.mark.slow
@pytest.mark.parametrize("job", ON_POSTGRES, ids=str)
def test_faults_killed_with_the_records_in_postgresql(job, victims, bases, postgres_of, seen):
    """The same with the catalogue in PostgreSQL, whose server outlives the client."""
    assert kill_everywhere(job, victims, bases, postgres_of, seen, all_of_them=True) >= WRITING - {
        step for step in WRITING if job.name == "build"
    }
