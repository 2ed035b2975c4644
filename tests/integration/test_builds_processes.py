"""Builds in real processes: killed, resumed, two at once, begun by a server that ends first."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from build_samples import alive, finished, patents, services_of, start, until

from app.builds.jobs import BuildState
from app.domain import Kind
from app.errors import ConflictError, InputError, JobError, NotFoundError
from index import Snapshot, SnapshotId, load_snapshot
from index.durable import holder_of

BUILD = ("index", "build", "patents", "--json")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with three thousand patents, nothing built."""
    services = services_of(tmp_path)
    services.catalogue.upsert(patents(3000))
    services.close()
    return tmp_path


def last_json(text: str) -> dict[str, object]:
    """The last line of a command's output."""
    value = json.loads(text.strip().splitlines()[-1])
    assert isinstance(value, dict)
    return value


def opened(home: Path, snapshot: str) -> Snapshot:
    """A snapshot by its id."""
    return load_snapshot(SnapshotId.parse(snapshot).directory(home / "index"))


def test_builds_a_killed_build_is_interrupted_and_the_next_goes_on(home: Path) -> None:
    """SIGKILL while embedding loses only the batch at hand, and the result is that of a build never killed."""
    status, _, _ = finished(start(home, BUILD, BUILD_KILL="vectors.synced:3"))
    assert status == -signal.SIGKILL
    services = services_of(home)
    killed = services.indexing.jobs.get("build-patents-1")
    assert killed.state is BuildState.INTERRUPTED
    assert holder_of(home / "index" / "patents" / "job.lock") is None
    status, out, err = finished(start(home, BUILD))
    assert status == 0, err
    (build,) = last_json(out)["builds"]
    assert build["embedded"] == 3000 - 3 * 512
    assert services.indexing.jobs.get("build-patents-2").state is BuildState.DONE
    assert json.loads((home / "index/patents/builds/build-patents-1.json").read_text())["state"] == "interrupted"
    resumed = opened(home, build["snapshot"])
    other = home / "never-killed"
    whole = services_of(other)
    whole.catalogue.upsert(patents(3000))
    straight = opened(other, whole.indexing.build(Kind.PATENTS, publish=False).snapshot)
    assert list(resumed.ids) == list(straight.ids)
    positions = np.arange(3000)
    assert (resumed.vectors_at(positions) == straight.vectors_at(positions)).all()
    services.close()
    whole.close()


@pytest.mark.parametrize(
    ("step", "published"),
    [
        ("build.embedded", False),
        ("vectors.written", False),
        ("build.written", False),
        ("publish.current", True),
    ],
)
def test_builds_killed_at_any_step_leave_what_is_served_whole(home: Path, step: str, published: bool) -> None:
    """The record reads interrupted, what is served is the old or the new snapshot, and building again works."""
    services = services_of(home)
    first = services.indexing.build(Kind.PATENTS, publish=True).snapshot
    services.catalogue.upsert(patents(40, "电容"))
    status, _, _ = finished(start(home, [*BUILD, "--publish"], BUILD_KILL=f"{step}:1"))
    assert status == -signal.SIGKILL
    assert services.indexing.jobs.get("build-patents-2").state is BuildState.INTERRUPTED
    served = services.indexing.published(Kind.PATENTS)
    assert served is not None
    assert (served.id != first) == published
    assert services.verification.verify()[0].troubles == ()
    again = services.indexing.build(Kind.PATENTS, publish=True)
    assert services.verification.verify(again.snapshot)[0].troubles == ()
    services.close()


def test_builds_of_a_target_run_one_at_a_time(home: Path) -> None:
    """The second is refused, with who builds since when and how far; another target builds meanwhile."""
    gate = home / "gate"
    services = services_of(home)
    running = start(home, BUILD, BUILD_GATE=str(gate))
    until(lambda: services.indexing.jobs.running(Kind.PATENTS) is not None)
    record = services.indexing.jobs.running(Kind.PATENTS)
    assert record is not None
    assert (record.pid, record.state) == (running.pid, BuildState.RUNNING)
    with pytest.raises(
        ConflictError, match=rf"build-patents-1, process {running.pid} since .*, embed 0 / 3000"
    ) as caught:
        services.indexing.build(Kind.PATENTS, publish=False)
    assert caught.value.error_code == "build_running"
    assert "正在构建" in caught.value.message_zh
    status, _, err = finished(start(home, BUILD))
    assert status == 1
    assert f"process {running.pid}" in err
    with pytest.raises(Exception, match="no needs to index"):
        services.indexing.build(Kind.NEEDS, publish=False)
    gate.touch()
    assert finished(running)[0] == 0
    assert services.indexing.jobs.get("build-patents-1").state is BuildState.DONE
    assert services.indexing.build(Kind.PATENTS, publish=False).embedded == 0
    services.close()


def test_builds_begun_at_the_same_moment_are_one(home: Path) -> None:
    """Of many requests at once one gets the target, and every other one is told of it."""
    gate = home / "gate"
    services = services_of(home, BUILD_GATE=str(gate))

    def begin(_: int) -> str:
        try:
            return services.builds.start(Kind.PATENTS).id
        except ConflictError as error:
            return error.error_code

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(begin, range(6)))
    assert answers == ["build-patents-1"] + ["build_running"] * 5
    gate.touch()
    until(lambda: services.builds.get("build-patents-1").state is BuildState.DONE)
    services.close()


def test_builds_progress_is_seen_from_outside(home: Path) -> None:
    """While it runs, its record says the stage, how many are done and how fast."""
    services = services_of(home)
    running = start(home, BUILD, BUILD_PAUSE="0.4")
    seen = []

    def embedded_some() -> bool:
        record = services.indexing.jobs.running(Kind.PATENTS)
        if record is not None and record.done:
            seen.append(record)
        return bool(seen)

    until(embedded_some)
    assert seen[0].stage == "embed"
    assert 0 < seen[0].done < 3000
    assert seen[0].total == 3000
    assert seen[0].rate is not None
    assert finished(running)[0] == 0
    services.close()


def test_builds_by_a_server_outlive_it_and_hold_the_lease_throughout(home: Path) -> None:
    """From the request on, the target is taken; the process is of its own session and ends well without the server."""
    gate = home / "gate"
    services = services_of(home, BUILD_GATE=str(gate))
    begun = services.builds.start(Kind.PATENTS, publish=True, requested_by="api")
    assert begun.state is BuildState.RUNNING
    assert services.builds.get(begun.id).state is BuildState.RUNNING
    with pytest.raises(ConflictError):
        services.builds.start(Kind.PATENTS)
    until(lambda: services.builds.get(begun.id).pid is not None)
    pid = services.builds.get(begun.id).pid
    assert pid is not None
    assert os.getsid(pid) == pid
    services.close()
    later = services_of(home)  # as a server that was started again
    assert later.builds.get(begun.id).state is BuildState.RUNNING
    gate.touch()
    until(lambda: later.builds.get(begun.id).state is BuildState.DONE)
    done = later.builds.get(begun.id)
    assert (done.published, done.requested_by, done.done) == (True, "api", 3000)
    assert later.indexing.log(Kind.PATENTS)[-1].by == "api"
    later.close()


def test_builds_by_a_server_that_die_are_said_to_have(home: Path) -> None:
    """The waiter writes what the process could not: interrupted by a signal, or failed with its last line."""
    services = services_of(home, BUILD_KILL="build.page:1")
    begun = services.builds.start(Kind.PATENTS)
    until(lambda: stored(home, begun.id)["state"] != "running")
    record = services.builds.get(begun.id)
    assert record.state is BuildState.INTERRUPTED
    assert record.error == {
        "code": "process_ended",
        "message": "its process ended with signal 9",
        "message_zh": "进程结束（信号 9）",
    }
    services.close()
    services = services_of(home, ("/bin/sh", "-c", "echo one; echo no such interpreter; exit 3"))
    begun = services.builds.start(Kind.PATENTS)
    until(lambda: stored(home, begun.id)["state"] != "running")
    record = services.builds.get(begun.id)
    assert record.state is BuildState.FAILED
    assert record.error is not None
    assert record.error["message"] == "its process ended with status 3: no such interpreter"
    services.close()


def test_builds_that_cannot_be_started_fail_and_free_the_target(home: Path) -> None:
    """A program that is not there is said at once, and the target can be built."""
    services = services_of(home, ("/no/such/program",))
    with pytest.raises(JobError, match="could not be started: No such file"):
        services.builds.start(Kind.PATENTS)
    assert services.builds.get("build-patents-1").state is BuildState.FAILED
    with pytest.raises(InputError, match="names no model"):
        services.builds.start(Kind.PATENTS, encoder="nonsense")
    assert services.indexing.build(Kind.PATENTS, publish=False).records == 3000
    services.close()


def stored(home: Path, build_id: str) -> dict[str, object]:
    """A record as it is on the disk."""
    value = json.loads((home / "index" / "patents" / "builds" / f"{build_id}.json").read_text(encoding="utf-8"))
    assert isinstance(value, dict)
    return value


def test_builds_state_does_not_depend_on_clocks(home: Path) -> None:
    """Records and locks dated far back or ahead change nothing: only who holds the lease counts."""
    gate = home / "gate"
    services = services_of(home)
    running = start(home, BUILD, BUILD_GATE=str(gate))
    until(lambda: services.indexing.jobs.running(Kind.PATENTS) is not None)
    record = home / "index/patents/builds/build-patents-1.json"
    lock = home / "index/patents/job.lock"
    for when in (0, 4_102_444_800):  # 1970 and 2100
        said = json.loads(record.read_text(encoding="utf-8"))
        stamp = "1970-01-01T00:00:00+00:00" if when == 0 else "2100-01-01T00:00:00+00:00"
        said |= {"started_at": stamp, "updated_at": stamp}
        record.write_text(json.dumps(said), encoding="utf-8")
        for path in (record, lock):
            os.utime(path, (when, when))
        assert services.indexing.jobs.get("build-patents-1").state is BuildState.RUNNING
        with pytest.raises(ConflictError):
            services.indexing.build(Kind.PATENTS, publish=False)
    running.kill()
    finished(running)
    assert not alive(running.pid)
    said = json.loads(record.read_text(encoding="utf-8")) | {"updated_at": "2100-01-01T00:00:00+00:00"}
    record.write_text(json.dumps(said), encoding="utf-8")
    assert services.indexing.jobs.get("build-patents-1").state is BuildState.INTERRUPTED
    assert services.indexing.build(Kind.PATENTS, publish=False).records == 3000
    assert [build.id for build in services.indexing.jobs.history(Kind.PATENTS)] == [
        "build-patents-2",
        "build-patents-1",
    ]
    services.close()


def test_builds_names_of_others_are_unknown(home: Path) -> None:
    """What is no build's name, or names a file elsewhere, is not found."""
    services = services_of(home)
    for name in ("build-patents-1", "build-cars-1", "../../catalogue", "build-patents-1/../x", ""):
        with pytest.raises(NotFoundError):
            services.builds.get(name)
    services.close()
