"""Runs jobs of the index in processes that kill themselves; started by test_index_faults.py.

Each line on stdin is ``job step argument``: a fork of this process runs the job and sends itself SIGKILL just before
its step-th durable operation. The answer on stdout is how many of them there were when it survived, or ``killed``.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[n]) for n in range(3)]

from index_samples import options, spec_of  # noqa: E402

from index import prune, publish, rollback, write_snapshot  # noqa: E402

DURABLE = ("fsync", "rename", "replace", "rmdir", "ftruncate")
JOBS: dict[str, Callable[[Path, str], Any]] = {
    "build": lambda root, _: write_snapshot(root, spec_of(60, 9), options()),
    "build_ivf": lambda root, _: write_snapshot(root, spec_of(600, 9), options(flat_below=1)),
    "publish": lambda root, name: publish(root, name, threads=1),
    "rollback": lambda root, _: rollback(root, "patents", threads=1),
    "prune": lambda root, _: prune(root, "patents", keep=0),
}


def run(job, root, step, argument, result):
    """Do the job in this process, which does not return when it has as many as ``step`` durable operations."""
    done = [0]

    def dying(real):
        def call(*arguments, **keywords):
            done[0] += 1
            if done[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **keywords)

        return call

    for name in DURABLE:
        setattr(os, name, dying(getattr(os, name)))
    JOBS[job](root, argument)
    os.write(result, str(done[0]).encode())


def main():
    """Fork for each line of stdin. This process itself never searches, so that its forks may start threads."""
    root = Path(sys.argv[1])
    for line in sys.stdin:
        job, step, argument = line.rstrip("\n").split(" ")
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run(job, root, int(step), argument, writer)
                code = 0
            finally:
                os._exit(code)
        os.close(writer)
        _, status = os.waitpid(child, 0)
        answer = os.read(reader, 100).decode()
        os.close(reader)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else answer or f"failed {status}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
