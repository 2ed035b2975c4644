"""Records and deletions in one transaction, on both databases."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from catalogue_databases import firms

from app.catalogue import Applied, Catalogue, Change
from app.domain import Firm, Kind, Need
from app.errors import CatalogueProblem, InputError


class Listener(logging.Handler):
    """Remembers the steps of a write, and fails at one of them."""

    def __init__(self, fail_at: str | None = None) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._fail_at = fail_at

    def emit(self, record: logging.LogRecord) -> None:
        """Note a step."""
        self.seen.append(record.getMessage())
        if record.getMessage() == self._fail_at:
            raise CatalogueProblem("stopped here", "stopped here")


@pytest.fixture
def steps() -> Iterator[logging.Logger]:
    """The logger of steps, for a listener."""
    logger = logging.getLogger("patmatch.failpoints")
    before = logger.level
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.setLevel(before)


def test_catalogue_apply_writes_and_deletes_at_one_moment(catalogue: Catalogue) -> None:
    """Counts and missing ids are told, each change has its number, and the revision is the last of them."""
    catalogue.upsert(firms(4))
    new = Firm(id="NEW", name="新")
    changed = replace(firms(1)[0], city="兰州")
    done = catalogue.apply(Kind.FIRMS, [new, changed, firms(2)[1], new], ["F000002", "unknown", "F000002"])
    assert done == Applied(
        added=1,
        changed=1,
        unchanged=1,
        deleted=1,
        missing=("unknown",),
        revision=7,
        added_ids=("NEW",),
        changed_ids=("F000000",),
    )
    assert catalogue.revision() == 7
    assert catalogue.get_many(Kind.FIRMS, ["NEW", "F000000", "F000001", "F000002"]) == {
        "NEW": new,
        "F000000": changed,
        "F000001": firms(2)[1],
    }
    log = list(catalogue.changed_since(Kind.FIRMS, 4))
    assert log == [Change("NEW", 5, False), Change("F000000", 6, False), Change("F000002", 7, True)]


def test_catalogue_apply_of_nothing_new_changes_nothing(catalogue: Catalogue) -> None:
    """The same again is unchanged and missing; the revision is the one that stands."""
    catalogue.upsert(firms(2))
    catalogue.apply(Kind.FIRMS, firms(1), ["F000001"])
    again = catalogue.apply(Kind.FIRMS, firms(1), ["F000001", "a\0", "\ud800"])
    assert again == Applied(unchanged=1, missing=("F000001", "a\0", "\ud800"), revision=3)
    assert catalogue.apply(Kind.FIRMS, [], []) == Applied(revision=3)


@pytest.mark.parametrize("step", ["catalogue.began", "catalogue.written"])
def test_catalogue_apply_is_whole_or_not_at_all(catalogue: Catalogue, steps: logging.Logger, step: str) -> None:
    """What fails between its begin and its commit leaves no row and no number behind."""
    catalogue.upsert(firms(2))
    listener = Listener(fail_at=step)
    steps.addHandler(listener)
    try:
        with pytest.raises(CatalogueProblem, match="stopped"):
            catalogue.apply(Kind.FIRMS, firms(1, start=9), ["F000000"])
    finally:
        steps.removeHandler(listener)
    assert catalogue.revision() == 2
    assert catalogue.count(Kind.FIRMS) == 2
    assert listener.seen[-1] == step


def test_catalogue_apply_names_its_steps_in_their_order(catalogue: Catalogue, steps: logging.Logger) -> None:
    """Fault tests stop a process at a named step: the names are as they are, and a write without changes has none."""
    listener = Listener()
    steps.addHandler(listener)
    try:
        catalogue.apply(Kind.FIRMS, firms(1), [])
        catalogue.apply(Kind.FIRMS, firms(1), [])
    finally:
        steps.removeHandler(listener)
    assert listener.seen == ["catalogue.began", "catalogue.written", "catalogue.committed"]


def test_catalogue_apply_refuses_what_makes_no_sense(catalogue: Catalogue) -> None:
    """A record of another kind, one to write and delete at once, a value that cannot be stored: nothing is written."""
    with pytest.raises(ValueError, match="not of the firms"):
        catalogue.apply(Kind.FIRMS, [Need(id="N", title="t")], [])
    with pytest.raises(ValueError, match="at once"):
        catalogue.apply(Kind.FIRMS, firms(1), ["F000000"])
    with pytest.raises(InputError):
        catalogue.apply(Kind.FIRMS, [*firms(1), Firm(id="X", name="\0")], [])
    assert catalogue.revision() == 0
