"""Processes killed at every step that writes: nothing half-done is ever served, and the work can simply be done again.

A process runs the job and kills itself with SIGKILL just before its n-th flush, rename or removal, for n = 1, 2, ...
until it survives.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from index_samples import FINGERPRINT, made_with, options, spec_of

from index import (
    LiveIndex,
    current_id,
    list_snapshots,
    prune,
    publication_log,
    publish,
    rollback,
    verify_snapshot,
    write_snapshot,
)
from index.errors import RollbackError

MOST_STEPS = 60


class Victims:
    """Starts processes that kill themselves; see index_victim.py."""

    def __init__(self, root):
        script = Path(__file__).with_name("index_victim.py")
        command = [sys.executable, str(script), str(root)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, job, step, argument="-"):
        """Run a job that dies at its ``step``-th durable operation; how many it had when it survived, else ``None``."""
        self._process.stdin.write(f"{job} {step} {argument}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        return None if answer == "killed" else int(answer)

    def close(self):
        """End the process that starts them."""
        self._process.stdin.close()
        self._process.stdout.close()
        assert self._process.wait(timeout=60) == 0


def served(root):
    """What a service that starts now serves: the snapshot's id and what it refuses."""
    live = LiveIndex(root, "patents", made_with(FINGERPRINT))
    live.refresh()
    return live.current().id if live.current() else None, live.refusal


@pytest.fixture
def home(tmp_path):
    """Three published snapshots; the last is current."""
    names = []
    for generation in range(3):
        names.append(write_snapshot(tmp_path, spec_of(60, generation), options()).id)
        publish(tmp_path, names[-1])
    victims = Victims(tmp_path)
    yield tmp_path, names, victims.run
    victims.close()


@pytest.mark.parametrize("job", ["build", "build_ivf"])
def test_index_faults_in_a_build(home, job):
    """A build killed at any step leaves what is served as it was, no half snapshot, and can be done again."""
    root, names, run = home
    for step in range(1, MOST_STEPS):
        survived = run(job, step)
        assert served(root) == (names[-1], None)
        assert all(entry.damage is None for entry in list_snapshots(root, "patents", hashes=True))
        if survived is not None:
            break
    assert 8 <= step == survived + 1
    leftovers = len(list((root / "patents").glob(".building-*")))
    assert leftovers >= step - 3, "every kill before the rename leaves its files, for prune to remove"
    again = write_snapshot(root, spec_of(60, 9), options())
    assert prune(root, "patents", keep=100).leftovers == leftovers
    verify_snapshot(root / "patents" / again.id)


def test_index_faults_in_a_publication(home):
    """A publication killed at any step leaves the old or the new snapshot current, and the way back known."""
    root, names, run = home
    fresh = write_snapshot(root, spec_of(60, 9), options()).id
    outcomes = []
    for step in range(1, MOST_STEPS):
        survived = run("publish", step, fresh)
        current, refusal = served(root)
        outcomes.append(current)
        assert refusal is None
        assert current in (names[-1], fresh)
        assert publication_log(root, "patents")[-1].id == current
        if current == fresh:
            assert rollback(root, "patents").id == names[-1]
        if survived is not None:
            break
    assert step == survived + 1
    assert {names[-1], fresh} == set(outcomes), "some kills come before the change and some after it"
    assert list((root / "patents").glob(".CURRENT.*")) != [] or step < 4
    prune(root, "patents")
    assert list((root / "patents").glob(".*")) == []


def test_index_faults_in_a_rollback(home):
    """A rollback killed at any step has happened or not; repeating it never goes back to what was rolled back."""
    root, names, run = home
    for step in range(1, MOST_STEPS):
        survived = run("rollback", step)
        current, refusal = served(root)
        assert refusal is None
        if survived is None and current == names[1]:
            assert rollback(root, "patents").id == names[0]
            with pytest.raises(RollbackError):
                rollback(root, "patents")
        if current != names[-1]:
            publish(root, names[1])
            publish(root, names[-1])
        if survived is not None:
            break
    assert step == survived + 1
    assert current == names[1]


def test_index_faults_in_a_pruning(home):
    """A pruning killed at any step leaves no half-removed snapshot in the list, and the next one finishes."""
    root, names, run = home
    for step in range(1, MOST_STEPS):
        for generation in range(2):
            write_snapshot(root, spec_of(60, generation), options())
        survived = run("prune", step)
        assert served(root) == (names[-1], None)
        assert all(entry.damage is None for entry in list_snapshots(root, "patents", hashes=True))
        if survived is not None:
            break
    assert survived is not None
    prune(root, "patents", keep=0)
    assert {entry.id for entry in list_snapshots(root, "patents")} == set(names[1:])
    assert list((root / "patents").glob(".*")) == []
    assert current_id(root, "patents") == names[-1]
