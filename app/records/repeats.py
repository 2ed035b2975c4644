"""Ids that come more than once in a file, told in bounded memory: 25 bytes a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_SHEET_BITS = 12
"""A row's number and its sheet's share one integer; the sheets behind the last that fits are called by its name."""

_MERGE_RATIO = 2
"""A run is joined with the one before while that is not twice as long: of a million rows there are then some ten."""

SERIAL = frozenset(("序号", "序", "行号", "No.", "NO.", "No", "NO", "no", "no.", "#"))
"""Headers of columns that number the rows: two rows of one record differ in it."""

_Array = npt.NDArray[Any]


class Became(IntEnum):
    """What became of the record of a row."""

    UNCHANGED = 0
    CHANGED = 1
    ADDED = 2


class Earlier(NamedTuple):
    """The first row with an id, whether its content is another, and what became of it, where that is known."""

    row: int
    sheet: str | None
    differs: bool
    became: Became | None


class Seen(NamedTuple):
    """One row: its record's id, its number, its sheet and a digest of its content."""

    id: str
    row: int
    sheet: str | None
    content: int


class _Run(NamedTuple):
    """Rows in the order of their keys."""

    keys: _Array
    contents: _Array
    places: _Array
    became: _Array


def content_of(raw: Mapping[str, Any]) -> int:
    """A digest of a row's cells, for rows of one file in one process."""
    if SERIAL.isdisjoint(raw):
        cells = tuple(raw.values())
    else:
        cells = tuple([value for header, value in raw.items() if header not in SERIAL])
    try:
        return hash(cells)
    except TypeError:  # lists and objects of JSON
        return hash(repr(cells))


class Repeats:
    """The rows of a file so far, by the digests of their ids.

    Digests have 64 bits: among a million ids a false alarm, which is a line too much in the list of warnings, comes
    once in thirty million files.
    """

    def __init__(self) -> None:
        self._runs: list[_Run] = []
        self._sheets: list[str | None] = []

    def earlier(self, rows: Sequence[Seen]) -> list[Earlier | None]:
        """The first row with the id of each row, among those added before and those above it here."""
        keys = np.fromiter((hash(row.id) for row in rows), np.int64, len(rows))
        found = self._known(keys, rows)
        here: dict[str, Seen] = {}
        for place, row in enumerate(rows):
            first = here.setdefault(row.id, row)
            if found[place] is None and first is not row:
                found[place] = Earlier(first.row, first.sheet, first.content != row.content, None)
        return found

    def add(self, rows: Sequence[Seen], became: Sequence[Became]) -> None:
        """Remember rows with ids that were not seen before."""
        if not rows:
            return
        keys = np.fromiter((hash(row.id) for row in rows), np.int64, len(rows))
        order = np.argsort(keys, kind="stable")
        run = _Run(
            keys[order],
            np.fromiter((row.content for row in rows), np.int64, len(rows))[order],
            np.fromiter((row.row << _SHEET_BITS | self._sheet(row.sheet) for row in rows), np.int64, len(rows))[order],
            np.fromiter(became, np.uint8, len(rows))[order],
        )
        while self._runs and len(self._runs[-1].keys) < _MERGE_RATIO * len(run.keys):
            run = _joined(self._runs.pop(), run)
        self._runs.append(run)

    def _known(self, keys: _Array, rows: Sequence[Seen]) -> list[Earlier | None]:
        found: list[Earlier | None] = [None] * len(rows)
        for run in self._runs:
            at = np.minimum(np.searchsorted(run.keys, keys), len(run.keys) - 1)
            for place in np.flatnonzero(run.keys[at] == keys).tolist():
                spot = at[place]
                number = int(run.places[spot])
                found[place] = Earlier(
                    number >> _SHEET_BITS,
                    self._sheets[number & (2**_SHEET_BITS - 1)],
                    int(run.contents[spot]) != rows[place].content,
                    Became(int(run.became[spot])),
                )
        return found

    def _sheet(self, name: str | None) -> int:
        if not self._sheets or (self._sheets[-1] != name and len(self._sheets) < 2**_SHEET_BITS):
            self._sheets.append(name)
        return len(self._sheets) - 1


def _joined(one: _Run, other: _Run) -> _Run:
    order = np.argsort(np.concatenate((one.keys, other.keys)), kind="stable")
    return _Run(*(np.concatenate(pair)[order] for pair in zip(one, other, strict=True)))
