"""How far a job is, and how long each of its stages took."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: the stage, how many records, texts or steps are done of all, and a word on how it goes."""

    stage: str
    done: int
    total: int
    note: str = ""


Report = Callable[[Progress], None]


class StageClock:
    """Passes progress on and notes the seconds from the first report of a stage to that of the next.

    Args:
        report: who is told.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._stage, self._since = "start", perf_counter()
        self._seconds: dict[str, float] = {}

    def __call__(self, progress: Progress) -> None:
        """Note and pass on."""
        self._turn(progress.stage)
        self._report(progress)

    def _turn(self, stage: str) -> None:
        now = perf_counter()
        self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now

    def seconds(self) -> dict[str, float]:
        """Seconds of each stage so far, in their order; what comes before the first one is ``start``."""
        self._turn(self._stage)
        return {stage: round(seconds, 1) for stage, seconds in self._seconds.items()}


def peak_mb() -> int:
    """The largest resident size of this process so far, in MB; pages of mapped files that it read count."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1 << 20 if sys.platform == "darwin" else 1 << 10)
