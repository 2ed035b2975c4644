"""Runs commands in processes of their own that stop at a step; started by fault_victims.py.

A line of JSON on stdin is an order, a line on stdout the answer. For `start` a fork of this process runs the command:
importing everything takes a second, so that is done once here. This process itself opens nothing and searches nothing.

The code says named points of its work to the logger `patmatch.failpoints`; a handler on it writes them down and, at the
wanted occurrence of the wanted one, sends the process a signal: SIGKILL, or SIGSTOP for a test that acts meanwhile.
"""

import json
import logging
import os
import signal
import sys
import traceback
from collections import Counter
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[3]))

from hashing_encoder import HashingEncoder

import app.builds.walk
import app.catalogue.loads
import app.records.imports
import app.wiring
import scripts.cli
import scripts.console
import scripts.doctor
import scripts.index
import scripts.ingest
import scripts.match
from app.domain import Kind, MatchRequest, Query
from app.errors import PatmatchError
from app.ingest import record_of
from app.settings import Settings

DIMENSION = 48
ROWS = 40
"""Records of a batch and of a page: a corpus of a hundred is then several of each."""
BUG = 70
"""Exit status for an error that no user should meet."""


class Steps(logging.Handler):
    """Writes down the steps and sends a signal at the ``occurrence``-th time of one of them."""

    def __init__(self, record, wanted, occurrence, number):
        super().__init__(logging.DEBUG)
        self.record, self.wanted, self.occurrence, self.number = record, wanted, occurrence, number
        self.seen = Counter()

    def emit(self, record):
        """Take note, then stop if this is the place."""
        name = record.getMessage()
        self.seen[name] += 1
        os.write(self.record, f"{name}\n".encode())
        if name == self.wanted and self.seen[name] == self.occurrence:
            os.kill(os.getpid(), self.number)


def acknowledge(text):
    """Say, past every buffer, that a call has returned."""
    os.write(1, f"ack {text}\n".encode())


def progressed(what, done, total=None, note=""):  # noqa: ARG001 - what a command's progress is told
    """What takes the place of the bar on a terminal."""
    acknowledge(f"{what} {done}")


def smaller():
    """The test encoder, small batches and an acknowledgement a batch, in this process."""
    app.wiring.load_encoder = lambda _settings, _spec=None: HashingEncoder(DIMENSION)
    sizes = ((app.records.imports, "_BATCH"), (app.catalogue.loads, "_UNDONE_AT_ONCE"), (app.builds.walk, "PAGE"))
    for module, name in sizes:
        assert isinstance(getattr(module, name), int)
        setattr(module, name, ROWS)

    @contextmanager
    def progress(_shell, what):
        yield partial(progressed, what)

    scripts.console.Shell.progress = progress


def command(arguments):
    """A `patmatch` command."""
    status = scripts.cli.run(arguments)
    acknowledge(f"status {status}")
    return status


def put(arguments):
    """Each record of a file by a call of its own, found by the next search; the third of them is deleted again."""
    try:
        with closing(app.wiring.Services(Settings())) as services:
            services.serving.open()
            for place, line in enumerate(Path(arguments[0]).read_text("utf-8").splitlines()):
                _put(services, place, json.loads(line))
    except PatmatchError as error:
        sys.stderr.write(f"error: {error.message} · 错误：{error.message_zh}\n")
        return 1
    return 0


def _put(services, place, fields):
    record = record_of(Kind.PATENTS, fields).record
    services.writing.put(Kind.PATENTS, record.id, fields)
    acknowledge(f"put {record.id}")
    asked = (Query(id="1", text=record.passage),)
    (found,) = services.match.match(MatchRequest(queries=asked, target=Kind.PATENTS, k=3)).results
    assert record.id in {match.id for match in found.matches}
    if place == 2:
        services.writing.delete(Kind.PATENTS, record.id)
        acknowledge(f"delete {record.id}")


def run(order):
    """Be the victim: does not return."""
    code = BUG
    try:
        os.environ.clear()
        os.environ.update(order["environment"])
        for path, descriptor in ((order["out"], 1), (order["err"], 2)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), descriptor)
        record = os.open(order["steps"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        handler = Steps(record, order["at"], order["occurrence"], signal.Signals(order["signal"]))
        logger = logging.getLogger("patmatch.failpoints")
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        smaller()
        if order["uid"]:
            os.setgroups([])
            os.setgid(order["uid"])
            os.setuid(order["uid"])
        code = {"patmatch": command, "put": put}[order["job"]](order["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(pid):
    """How a victim ended, or that it stands still."""
    _, status = os.waitpid(pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return {"outcome": "stopped", "code": None}
    if os.WIFSIGNALED(status):
        return {"outcome": signal.Signals(os.WTERMSIG(status)).name, "code": None}
    return {"outcome": "exited", "code": os.WEXITSTATUS(status)}


def main():
    """Take orders until stdin ends."""
    assert "torch" not in sys.modules, "a victim has no use for it, and it takes seconds"
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "start":
            pid = os.fork()
            if pid == 0:
                run(order)
            answer = {"pid": pid}
        else:
            answer = wait(order["pid"])
        os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
