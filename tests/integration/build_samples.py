"""What the tests of builds share: a small catalogue, and `patmatch` in processes with the test encoder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hashing_encoder import HashingEncoder

from app.builds.launcher import ProcessLauncher
from app.domain import Patent
from app.settings import Settings
from app.wiring import Services

MAIN = Path(__file__).with_name("build_main.py")
COMMAND = (sys.executable, str(MAIN))


def patents(count: int, word: str = "电池") -> list[Patent]:
    """So many different patents."""
    return [Patent(id=f"CN{n:05}", title=f"一种{word} {n}", abstract=f"编号 {n} 的电解液") for n in range(count)]


def services_of(home: Path, command: Sequence[str] = COMMAND, **variables: str) -> Services:
    """Services over a home, whose builds run as processes with the test encoder, or as another command."""
    settings = Settings(home=home, index_poll_seconds=0.05)
    launcher = ProcessLauncher(command, settings.environment() | variables)
    return Services(settings, encoder=HashingEncoder, launcher=launcher)


def start(home: Path, arguments: Sequence[str], **variables: str) -> subprocess.Popen[str]:
    """Start `patmatch` over a home."""
    environment = Settings(home=home).environment() | variables
    return subprocess.Popen(
        [*COMMAND, *arguments], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a process."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
