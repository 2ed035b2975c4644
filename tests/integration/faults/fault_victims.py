"""Starts victims (victim.py says what they are), and looks at what they leave."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from select import select

SCRIPT = Path(__file__).with_name("victim.py")
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class End:
    """How a victim ended.

    Attributes:
        outcome: ``exited``, ``stopped``, or the signal that ended it.
        code: its exit status, if it exited.
        steps: the steps it passed, the last one included.
        acknowledged: what it had said was done.
        output: what else it wrote to stdout.
        errors: what it wrote to stderr.
    """

    outcome: str
    code: int | None
    steps: list[str]
    acknowledged: list[str]
    output: list[str]
    errors: str

    @property
    def done(self) -> bool:
        """Whether it ran to its end and all was well."""
        return (self.outcome, self.code) == ("exited", 0)

    @property
    def clear(self) -> bool:
        """Whether it ended with one line in both languages that is not a Python error."""
        lines = [line for line in self.errors.splitlines() if line.startswith("error: ")]
        return (
            (self.outcome, self.code) == ("exited", 1)
            and len(lines) == 1
            and " · 错误：" in lines[0]
            and re.match(r"error: [A-Za-z]+(Error|Exception|Warning):", lines[0]) is None
            and "Traceback" not in self.errors
        )

    @property
    def said(self) -> str:
        """The English of its error."""
        return next((line.partition(" · ")[0] for line in self.errors.splitlines() if line.startswith("error: ")), "")


class Victim:
    """A process that was started."""

    def __init__(self, ask, folder: Path, pid: int) -> None:
        self._ask = ask
        self._folder = folder
        self.pid = pid

    def wait(self) -> End:
        """Until it ends or stands still."""
        answer = self._ask({"do": "wait", "pid": self.pid})
        out = self._lines("out")
        acknowledged = [line.removeprefix("ack ") for line in out if line.startswith("ack ")]
        output = [line for line in out if not line.startswith("ack ")]
        errors = "\n".join(self._lines("err"))
        return End(answer["outcome"], answer["code"], self._lines("steps"), acknowledged, output, errors)

    def go_on(self) -> End:
        """Let one that stands still go on to its end."""
        os.kill(self.pid, signal.SIGCONT)
        return self.wait()

    def _lines(self, name: str) -> list[str]:
        path = self._folder / name
        return path.read_text("utf-8").splitlines() if path.exists() else []


class Victims:
    """Starts them.

    Args:
        folder: for what they write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(
        self,
        job: str,
        arguments: Sequence[object],
        *,
        at: str | None = None,
        occurrence: int = 1,
        number: signal.Signals = signal.SIGKILL,
        environment: Mapping[str, str] | None = None,
        uid: int = 0,
    ) -> Victim:
        """A victim that gets a signal at the ``occurrence``-th time of step ``at``."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PATMATCH_")}
        order = {
            "do": "start",
            "job": job,
            "arguments": [str(argument) for argument in arguments],
            "at": at,
            "occurrence": occurrence,
            "signal": int(number),
            "uid": uid,
            "environment": inherited | {"OMP_NUM_THREADS": "1"} | dict(environment or {}),
            **{name: str(folder / name) for name in ("out", "err", "steps")},
        }
        return Victim(self._ask, folder, self._ask(order)["pid"])

    def run(self, job: str, arguments: Sequence[object], **how: object) -> End:
        """Start one and wait for it."""
        return self.start(job, arguments, **how).wait()

    def close(self) -> None:
        """End the process that starts them."""
        self._process.stdin.close()
        self._process.stdout.close()
        assert self._process.wait(timeout=PATIENCE_SECONDS) == 0

    def _ask(self, order: dict) -> dict:
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        ready, _, _ = select([self._process.stdout], [], [], PATIENCE_SECONDS)
        assert ready, f"no answer to {order['do']} in {PATIENCE_SECONDS} s"
        return json.loads(self._process.stdout.readline())
