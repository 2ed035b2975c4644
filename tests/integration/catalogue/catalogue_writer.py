"""Another process that writes to a catalogue, for the tests of what happens when several do.

``open`` waits for a line, opens the catalogue, and says its revision. ``write WHO CALLS SIZE`` waits for a line; then
in each call it upserts SIZE firms of its own and SIZE that all writers write, and says the call's number once it is
acknowledged. ``feedback WHO COUNT`` waits for a line; then it records that much feedback of its own and that much that
others record, too.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from app.catalogue import Catalogue, Entry
from app.domain import Event, Feedback, Firm


def say(what: object) -> None:
    """One line, at once."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def batch(who: str, call: int, size: int) -> list[Firm]:
    """The firms of one call: this writer's own, then the shared ones."""
    own = [Firm(id=f"{who}-{call}-{number}", name=who, business_scope="电解液" * 50) for number in range(size)]
    return own + [Firm(id=f"shared-{number}", name=who, business_scope=f"第{call}次") for number in range(size)]


def record(catalogue: Catalogue, who: str, count: int) -> None:
    """By turns one of this writer and one of all."""
    at = datetime(2026, 11, 24, tzinfo=UTC)
    for number in range(count):
        for key in (f"{who}-{number}", f"both-{number}"):
            said = Feedback(key=key, event=Event.VIEWED, at=at, firm_id="F000000", patent_id="P0")
            catalogue.feedback.add([Entry(said, b"d" * 16)])


def main() -> None:
    """Do what the arguments say."""
    url, what, *rest = sys.argv[1:]
    say("ready")
    sys.stdin.readline()
    catalogue = Catalogue.open(url)
    if what == "open":
        say(catalogue.revision())
        return
    if what == "feedback":
        record(catalogue, rest[0], int(rest[1]))
        return
    who, calls, size = rest[0], int(rest[1]), int(rest[2])
    for call in range(calls):
        catalogue.upsert(batch(who, call, size))
        say(call)


if __name__ == "__main__":
    main()
