"""`patmatch` with the test encoder, for tests that start real processes.

Variables: ``BUILD_PAUSE`` seconds before each batch of texts; ``BUILD_GATE`` a file that must exist before the first;
``BUILD_KILL`` as ``STEP:N``: SIGKILL itself at the N-th time of a step.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import scripts.console
from app.bootstrap import build_services
from models.encoder import Encoded, Role
from models.testing import HashingEncoder
from scripts.cli import main


class Paced(HashingEncoder):
    """An encoder that waits."""

    def encode(self, texts: Sequence[str], role: Role) -> Encoded:
        """Wait for the gate and for the pause, then embed."""
        gate = os.environ.get("BUILD_GATE")
        while gate and not Path(gate).exists():
            time.sleep(0.02)
        time.sleep(float(os.environ.get("BUILD_PAUSE", "0")))
        return super().encode(texts, role)


class Killer(logging.Handler):
    """Ends this process at the n-th time of a step."""

    def __init__(self, step: str, times: int) -> None:
        super().__init__()
        self._step, self._left = step, times

    def emit(self, record: logging.LogRecord) -> None:
        """Count, and kill."""
        self._left -= record.getMessage() == self._step
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


if "BUILD_KILL" in os.environ:
    step, _, times = os.environ["BUILD_KILL"].partition(":")
    logging.getLogger("patmatch.steps").setLevel(logging.DEBUG)
    logging.getLogger("patmatch.steps").addHandler(Killer(step, int(times)))
scripts.console.build_services = functools.partial(build_services, encoder=Paced)  # type: ignore[assignment]
main()
