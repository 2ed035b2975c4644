"""The commands to disturb, and how to tell that what one acknowledged is there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fault_homes import Bases, State, patents, puts


@dataclass(frozen=True)
class Job:
    """A command to kill.

    Attributes:
        arguments: its command line, which for `put` is the file.
        base: the home that it starts from.
        again: whether it says the same when it is run again after it was done.
    """

    name: str
    arguments: Callable[[Bases], Sequence[object]]
    base: Callable[[Bases], Path]
    again: bool = True

    @property
    def kind(self) -> str:
        """What a victim calls it."""
        return "put" if self.name == "put" else "patmatch"

    def __str__(self) -> str:
        return self.name


INGEST = Job("ingest", lambda b: ["ingest", "patents", b.files[3]], lambda b: b.served)
UNDO = Job("undo", lambda _: ["ingest", "undo", "load-7"], lambda b: b.changed)
PUT = Job("put", lambda b: [b.puts], lambda b: b.served)
MATCH = Job("match", lambda _: ["match", "三元电解液", "--json"], lambda b: b.changed)
BUILD = Job("build", lambda _: ["index", "build", "patents", "--publish"], lambda b: b.changed)
VERIFY = Job("verify", lambda b: ["index", "verify", b.newest], lambda b: b.served)
PUBLISH = Job("publish", lambda b: ["index", "publish", b.newest], lambda b: b.served)
ROLLBACK = Job("rollback", lambda _: ["index", "rollback", "patents"], lambda b: b.served, again=False)
PRUNE = Job("prune", lambda _: ["index", "prune", "patents", "--keep", "1"], lambda b: b.served)
JOBS = (INGEST, UNDO, PUT, MATCH, BUILD, VERIFY, PUBLISH, ROLLBACK, PRUNE)


def held(acknowledged: Sequence[str], state: State) -> list[str]:
    """Acknowledged writes that are not in the catalogue."""
    rows = patents(3)
    titles = {str(row["id"]): str(row["title"]) for row in puts()}
    expected: dict[str, str | None] = {}
    for said in acknowledged:
        what, _, value = said.partition(" ")
        if what.startswith("patents-"):
            expected |= {str(row["id"]): str(row["title"]) for row in rows[: int(value)]}
        elif what == "put":
            expected[value] = titles[value]
        elif what == "delete":
            expected[value] = None
    return [
        key
        for key, title in expected.items()
        if (title is None) != (key not in state.records) or (title is not None and title not in state.records[key])
    ]
