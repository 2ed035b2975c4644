"""Makes a push run in a process that kills itself at a step; started by test_push_killed.py."""

import logging
import os
import signal
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[n]) for n in range(3)]

from hashing_encoder import HashingEncoder  # noqa: E402
from push_samples import request  # noqa: E402

import app.push.lists  # noqa: E402
from app.settings import Settings  # noqa: E402
from app.wiring import Services  # noqa: E402

app.push.lists.FIRMS_A_BLOCK = 10


class Killer(logging.Handler):
    """Sends this process SIGKILL at the wanted step."""

    def __init__(self, wanted):
        super().__init__(logging.DEBUG)
        self.wanted = wanted

    def emit(self, record):
        """Die if this is the place."""
        if record.getMessage() == self.wanted:
            os.kill(os.getpid(), signal.SIGKILL)


def main():
    """Make the run ``killed`` over the home given first, until the step given second."""
    home, wanted = Path(sys.argv[1]), sys.argv[2]
    steps = logging.getLogger("patmatch.failpoints")
    steps.setLevel(logging.DEBUG)
    steps.addHandler(Killer(wanted))
    services = Services(Settings(home=home), encoder=HashingEncoder)
    services.serving.open()
    services.pushing.run(request("killed", months=0, cap=4, floor=1))
    services.close()


if __name__ == "__main__":
    main()
