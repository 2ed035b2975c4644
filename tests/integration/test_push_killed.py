"""A run that is killed at every kind of step, one after the other, ends as one that never was."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

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
