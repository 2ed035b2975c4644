"""`patmatch` with the test encoder, for tests that start real processes.

Variables: ``BUILD_PAUSE`` seconds before each batch of texts; ``BUILD_GATE`` a file that must exist before the first
page of records is embedded; ``BUILD_KILL`` as ``STEP:N``: SIGKILL itself at the N-th time of a step.
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

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from hashing_encoder import HashingEncoder

import scripts.console
from app.wiring import Services
from models.encoder import Encoded, Role
from scripts.cli import main


class Paced(HashingEncoder):
    """An encoder that waits."""

    def encode(self, texts: Sequence[str], role: Role) -> Encoded:
        """Wait, then embed."""
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


class Gate(logging.Handler):
    """Holds this process at its first page of records until a file is there."""

    def __init__(self, gate: Path) -> None:
        super().__init__()
        self._gate = gate

    def emit(self, record: logging.LogRecord) -> None:
        """Wait."""
        while record.getMessage() == "build.page" and not self._gate.exists():
            time.sleep(0.02)


steps = logging.getLogger("patmatch.failpoints")
steps.setLevel(logging.DEBUG)
if "BUILD_KILL" in os.environ:
    step, _, times = os.environ["BUILD_KILL"].partition(":")
    steps.addHandler(Killer(step, int(times)))
if "BUILD_GATE" in os.environ:
    steps.addHandler(Gate(Path(os.environ["BUILD_GATE"])))
scripts.console.Services = functools.partial(Services, encoder=Paced)  # type: ignore[assignment]
main()
