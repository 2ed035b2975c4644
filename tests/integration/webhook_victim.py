"""Sends what is due and kills itself once a message has arrived and that is not written down yet.

python webhook_victim.py CATALOGUE URL
"""

import base64
import logging
import os
import signal
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[n]) for n in range(3)]

from webhook_receiver import SECRET  # noqa: E402

from app.catalogue import Catalogue  # noqa: E402
from app.metrics import Metrics  # noqa: E402
from app.webhooks.post import Endpoint  # noqa: E402
from app.webhooks.sender import WebhookService, WebhookSettings  # noqa: E402


class Killer(logging.Handler):
    """Sends this process SIGKILL at the wanted step."""

    def emit(self, record):
        """Die if this is the place."""
        if record.getMessage() == "webhook.sent":
            os.kill(os.getpid(), signal.SIGKILL)


def main():
    """Send until the kill."""
    steps = logging.getLogger("patmatch.failpoints")
    steps.setLevel(logging.DEBUG)
    steps.addHandler(Killer())
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    settings = WebhookSettings(endpoint=Endpoint(url=sys.argv[2], key=key, timeout_s=15.0), attempts=10)
    catalogue = Catalogue.open(f"sqlite:///{sys.argv[1]}")
    WebhookService(catalogue.outbox, settings, {"test": lambda about: dict(about)}, Metrics()).send_due()


if __name__ == "__main__":
    main()
