"""Every kind of file of a home, cut short and with one bit changed: noticed or harmless, and never a wrong answer."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_homes import Place, State, look, rebuilt
from fault_jobs import BUILD, ROLLBACK
from fault_victims import Victims

from app.errors import PatmatchError

SNAPSHOT_FILES = (
    "manifest.json",
    "index.faiss",
    "ids.text.npy",
    "columns.json",
    "sample.npy",
    "terms.json",
    "terms-0.idx",
)
FILES = (
    *(f"index/patents/{{current}}/{name}" for name in SNAPSHOT_FILES),
    "index/patents/CURRENT",
    "index/patents/published.jsonl",
    "index/patents/builds/build-patents-6.json",
    "vectors/*/vectors.bin",
    "catalogue.sqlite3",
)
USED_BY_JOBS = FILES[-5:-1]
MANY = 40


def cut(share: float) -> Callable[[Path], None]:
    """Keep the beginning of a file."""
    return lambda path: path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def flip(share: float) -> Callable[[Path], None]:
    """Change one bit at this place of a file."""

    def flipped(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[min(int(len(content) * share), len(content) - 1)] ^= 0x10
        path.write_bytes(content)

    return flipped


FEW_DAMAGES = {"cut to half": cut(0.5), "bit at 0.6": flip(0.6)}
MANY_DAMAGES = {
    "emptied": cut(0.0),
    "cut by a tenth": cut(0.9),
    **{f"bit at {place / MANY:.3f}": flip(place / MANY) for place in range(MANY)},
}


def seen_of(place: Place) -> State | str:
    """What a service that is started sees, or why it cannot be."""
    try:
        return look(place)
    except PatmatchError as error:
        return error.message


def troubles(place: Place, victims: Victims) -> list[str]:
    """What `patmatch doctor` says is not well; it ends in order whatever is broken."""
    end = victims.run("patmatch", ["doctor", "--json"], environment=place.environment)
    assert end.outcome == "exited", end
    if not end.output:
        assert end.clear, end
        return [end.said]
    findings = json.loads(end.output[-1])["findings"]
    return [f"{found['part']}: {found['text']}" for found in findings if found["severity"] != "ok"]


def harm(
    name: str, damage: Callable[[Path], None], place: Place, sound: State, usual: list[str], victims: Victims
) -> str:
    """Damage a file and look: what came of it, in words; a wrong answer or an unnoticed loss fails."""
    (path,) = place.home.glob(name.format(current=sound.served))
    before = path.read_bytes()
    damage(path)
    assert path.read_bytes() != before
    said = [trouble for trouble in troubles(place, victims) if trouble not in usual]
    state = seen_of(place)
    if isinstance(state, State):
        # A letter changed inside a record is no damage to SQLite, which serves it: then doctor must name the record.
        assert state.answers in (sound.answers, ()) or (path.suffix == ".sqlite3" and said), "a wrong answer"
        same = (state.records, state.served, state.answers) == (sound.records, sound.served, sound.answers)
        assert same or said or state.refused, f"unnoticed: {differences(state, sound)}"
        right = "rightly" if state.answers == sound.answers else "as what is left says"
        served = f"answers {right}" if state.answers else f"does not answer: {state.refused}"
    else:
        assert said, "doctor finds nothing"
        served = f"does not start: {state}"
    return f"{served}; doctor: {'; '.join(said) or 'nothing'}"


def differences(state: State, sound: State) -> str:
    """What differs, for the message of a failure."""
    changed = {key for key, _ in state.records.items() ^ sound.records.items()}
    return f"records {sorted(changed)[:5]}, served {state.served}, answers {state.answers == sound.answers}"


@pytest.mark.parametrize("name", FILES)
def test_faults_damage_of_each_file(name, victims, bases, place_of, seen):
    """Cut to half or with one bit changed, whatever file it is."""
    sound, usual = look(place_of(bases.served)), troubles(place_of(bases.served), victims)
    for what, damage in FEW_DAMAGES.items():
        seen("damage", name, what, "", harm(name, damage, place_of(bases.served), sound, usual, victims))


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_faults_damage_anywhere_in_each_file(name, victims, bases, place_of, seen):
    """The same all over the file."""
    sound, usual = look(place_of(bases.served)), troubles(place_of(bases.served), victims)
    for what, damage in MANY_DAMAGES.items():
        seen("damage", name, what, "", harm(name, damage, place_of(bases.served), sound, usual, victims))


def test_faults_vector_store_without_its_header(victims, bases, place_of):
    """A service that cannot read it says so instead of opening for ever; without the file everything is embedded."""
    place = place_of(bases.changed)
    (path,) = place.home.glob("vectors/*/vectors.bin")
    cut(0.0)(path)
    broken = look(place)
    assert broken.answers == ()
    assert "vectors.bin" in str(broken.refused)
    assert any("vectors" in trouble for trouble in troubles(place, victims))
    path.unlink()
    state = look(place)
    assert state.sound
    assert state.answers == rebuilt(place, state)


@pytest.mark.parametrize("job", [BUILD, pytest.param(ROLLBACK, marks=pytest.mark.slow)], ids=str)
@pytest.mark.parametrize("name", USED_BY_JOBS)
def test_faults_damage_under_a_job(job, name, victims, bases, place_of, seen):
    """A job that meets a damaged file goes through or says so; what is served then is whole and answers rightly."""
    for what, damage in FEW_DAMAGES.items():
        place = place_of(bases.changed)
        before = look(place_of(bases.changed))
        (path,) = place.home.glob(name)
        damage(path)
        end = victims.run(job.kind, job.arguments(bases), environment=place.environment)
        assert end.done or end.clear, f"{job} with {name} {what}: {end}"
        state = look(place)
        assert state.sound, f"{job} with {name} {what}: {state}"
        assert state.answers == rebuilt(place, state), f"{job} with {name} {what}"
        served = "the same" if state.served == before.served else "another"
        seen("damage", name, what, job, f"exit {end.code} {end.said}; serves {served} snapshot, answers rightly")
