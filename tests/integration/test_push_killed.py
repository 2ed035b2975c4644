"""A run that is killed at every kind of step, one after the other, ends as one that never was."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from push_samples import push_services, request

from app.domain import Kind

VICTIM = Path(__file__).with_name("push_victim.py")
STEPS = ("push.planned", "join.block", "push.candidates", "push.allocation", "push.stored")


def victim(home: Path, step: str) -> int:
    """The exit status of a process that makes the run until a step."""
    return subprocess.run([sys.executable, str(VICTIM), str(home), step], check=False, capture_output=True).returncode


def test_push_run_killed_again_and_again_ends_the_same(tmp_path: Path) -> None:
    """Five kills in a row, each in another phase: the lists are those of an undisturbed run, each entry once."""
    services = push_services(tmp_path)
    for step in STEPS:
        assert victim(tmp_path, step) == -signal.SIGKILL, step
        run = services.catalogue.pushes.get("killed")
        assert run is None or run.status == "running"
    assert victim(tmp_path, "never") == 0
    services.pushing.run(request("whole", months=0, cap=4, floor=1))
    killed, whole = (
        [replace(entry, run="") for page in services.catalogue.pushes.iterate(name) for entry in page]
        for name in ("killed", "whole")
    )
    assert killed == whole
    assert services.pushing.run(request("killed", months=0, cap=4, floor=1)).already
    assert not list((tmp_path / "push" / "killed").glob("join-*"))
    services.close()


def test_push_run_begins_anew_where_the_records_changed_meanwhile(tmp_path: Path) -> None:
    """What was joined before a change is not mixed with what is true after it."""
    services = push_services(tmp_path)
    assert victim(tmp_path, "push.candidates") == -signal.SIGKILL
    gone = next(iter(services.catalogue.iterate(Kind.PATENTS)))[0].id
    services.catalogue.delete(Kind.PATENTS, [gone])
    run = services.pushing.run(request("killed", months=0, cap=4, floor=1)).run
    assert run.status == "done"
    pushed = {entry.patent_id for page in services.catalogue.pushes.iterate("killed") for entry in page}
    assert gone not in pushed
    services.close()


def test_push_run_goes_on_behind_the_lists_that_it_stored(tmp_path: Path) -> None:
    """Killed after its first block of lists and made again, the run has all lists, those of that block among them."""
    services = push_services(tmp_path)
    assert victim(tmp_path, "push.stored") == -signal.SIGKILL
    stored = [entry for page in services.catalogue.pushes.iterate("killed") for entry in page]
    assert stored
    assert victim(tmp_path, "never") == 0
    run = services.catalogue.pushes.get("killed")
    whole = [entry for page in services.catalogue.pushes.iterate("killed") for entry in page]
    assert run is not None
    assert (run.status, run.entries) == ("done", len(whole))
    assert {(entry.firm_id, entry.rank) for entry in stored} < {(entry.firm_id, entry.rank) for entry in whole}
    services.close()


@pytest.mark.parametrize("step", ["push.candidates", "push.allocation", "push.stored"])
def test_push_run_begins_anew_where_firms_said_something_meanwhile(tmp_path: Path, step: str) -> None:
    """Who opted out while the run was stopped moves no other firm's list, and what was rejected is not pushed."""
    services = push_services(tmp_path)
    assert victim(tmp_path, step) == -signal.SIGKILL
    first, *_, last = [firm.id for page in services.catalogue.iterate(Kind.FIRMS) for firm in page]
    services.outreach.opt_out(first)
    services.pushing.run(request("before", months=0, cap=4, floor=1))
    (best,) = services.catalogue.pushes.of_firm("before", last, size=1)
    services.feedback.add({"event": "rejected", "firm_id": last, "patent_id": best.patent_id, "reason": "价格"})
    services.pushing.run(request("killed", months=0, cap=4, floor=1))
    services.pushing.run(request("whole", months=0, cap=4, floor=1))
    killed, whole = (
        [replace(entry, run="") for page in services.catalogue.pushes.iterate(name) for entry in page]
        for name in ("killed", "whole")
    )
    assert killed == whole
    assert (last, best.patent_id) not in {(entry.firm_id, entry.patent_id) for entry in killed}
    services.close()
