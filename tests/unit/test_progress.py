"""Seconds of a job's stages."""

from __future__ import annotations

from time import perf_counter, sleep

from app.progress import Progress, StageClock, peak_mb


def test_stage_clock_adds_the_seconds_of_each_stage_up() -> None:
    """A stage that comes back goes on counting, all is passed on, and together they are the whole time."""
    told: list[Progress] = []
    began = perf_counter()
    clock = StageClock(told.append)
    for stage in ("read", "join", "join", "read"):
        clock(Progress(stage, 1, 2))
        sleep(0.06)
    seconds = clock.seconds()
    whole = perf_counter() - began
    assert [progress.stage for progress in told] == ["read", "join", "join", "read"]
    assert list(seconds) == ["start", "read", "join"]
    assert seconds["join"] >= 0.1
    assert seconds["read"] >= 0.1
    assert abs(sum(seconds.values()) - whole) < 0.2
    assert peak_mb() > 10
