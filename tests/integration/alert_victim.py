"""Looks at new patents in a process that kills itself at a step; started by test_alerts_processes.py."""

import logging
import os
import signal
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[n]) for n in range(3)]

from alert_samples import opened, settle  # noqa: E402

import app.alerts.watcher  # noqa: E402

app.alerts.watcher._PAGE = 10


class Killer(logging.Handler):
    """Sends this process SIGKILL at the wanted occurrence of the wanted step."""

    def __init__(self, wanted, occurrence):
        super().__init__(logging.DEBUG)
        self.wanted, self.left = wanted, occurrence

    def emit(self, record):
        """Die if this is the place."""
        self.left -= record.getMessage() == self.wanted
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)


def main():
    """Settle the home given first, until the occurrence given third of the step given second."""
    steps = logging.getLogger("patmatch.failpoints")
    steps.setLevel(logging.DEBUG)
    steps.addHandler(Killer(sys.argv[2], int(sys.argv[3])))
    services = opened(Path(sys.argv[1]))
    services.serving.open()
    settle(services)
    services.close()


if __name__ == "__main__":
    main()
