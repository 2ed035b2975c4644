"""The patents of a push run by their address in the index state: what the rules ask of each, and what is not pushed.

Not pushed to a firm is what it rejected, all where it opted out, and what it was pushed lately, unchanged since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import cast

import numpy as np

from app.arrays import Floats, Ints, Mask
from app.catalogue import Catalogue
from app.domain import Kind, Patent
from app.match.folding import family_labels, holder_label, title_label
from app.match.scorer import ServedRecords
from app.progress import Progress, Report
from app.push.allocation.lists import NOBODY, LabelLimit
from app.push.firms import PushFirms
from app.push.rules import PushRules
from app.text.normalising import folded_name
from index import Condition, IndexState

_SUBCLASS = 4
"""Characters of an IPC subclass."""
_PAGE = 5_000
_BLOCK = 8_192
"""Vectors seen among their ten neighbours at once: 126 MB."""


@dataclass(frozen=True, slots=True)
class PushPatents:
    """Patents by address.

    Attributes:
        index_state: that they are in.
        ids: of each.
        passing: bool ``[n]``: visible, in the pool, and of a status and licence that the rules of an arm allow.
        holders: int64 ``[n]``, a number for the first holder's folded name.
        families: int64 ``[n]``, a number for the family, or where none is said for the application.
        twins: int64 ``[n]``, a number for title and holders.
        subjects: int64 ``[n]``, a number for the main IPC subclass.
        agreed: bool ``[n]``: both sides rated it worth industrialising.
        revisions: int64 ``[n]``, the catalogue's.
        held: folded holder name -> addresses.
        titles: of each, for the reasons.
        unstated: bool ``[n]``: the source says nothing of a status.
        left_out: how many of the pool the rules leave out for their status, by status.
    """

    index_state: IndexState
    ids: Sequence[str]
    passing: Mask
    holders: Ints
    families: Ints
    twins: Ints
    subjects: Ints
    agreed: Mask
    revisions: Ints
    held: Mapping[str, list[int]]
    titles: Sequence[str]
    unstated: Mask
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.ids)

    def limits(self, rules: PushRules) -> list[LabelLimit]:
        """The limits of labels within a list that the rules ask for."""
        asked = (
            (self.families, rules.per_family),
            (self.twins, rules.per_title),
            (self.holders, rules.per_holder),
            (self.subjects, rules.per_subject),
        )
        return [LabelLimit(labels, most) for labels, most in asked if most]


def passing_any(arms: Iterable[PushPatents]) -> Mask:
    """Bool ``[n]``: patents that an arm may push."""
    passing: Mask = np.logical_or.reduce([patents.passing for patents in arms])
    return passing


def ranked_rows(index_state: IndexState, folder: Path, report: Report) -> Floats:
    """The vectors that records are scored by, float32 ``[n, d]``, by address.

    A pair that is scored on its own looks them up, with the neighbours that each stands among; a run scores millions,
    so they are written out, in a mapped file of 1.4 GB for 940,000.
    """
    count = len(index_state.ids)
    return mapped_rows(
        folder / "ranked.f32",
        (count, index_state.snapshot.manifest.dimension),
        ServedRecords(index_state).vectors_at,
        lambda done: report(Progress("neighbours", done, count)),
    )


def mapped_rows(
    path: Path,
    shape: tuple[int, int],
    take: Callable[[Ints], Floats],
    report: Callable[[int], None] = lambda _done: None,
) -> Floats:
    """Vectors float32 of this shape in a mapped file, written a block at a time.

    Made anew by every process that makes a run: that takes seconds, and a part of a file cannot be told from a whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.memmap(path, dtype=np.float32, mode="w+", shape=shape)
    for start in range(0, len(rows), _BLOCK):
        wanted = np.arange(start, min(start + _BLOCK, len(rows)), dtype=np.int64)
        rows[wanted] = take(wanted)
        report(start + len(wanted))
    rows.flush()
    return np.memmap(path, dtype=np.float32, mode="r", shape=shape)


def push_patents(
    catalogue: Catalogue,
    index_state: IndexState,
    rules: Sequence[PushRules],
    conditions: Sequence[Condition],
    report: Report,
) -> list[PushPatents]:
    """Read what a run needs of every patent; one for each arm, which differ in what passes and share all else.

    Args:
        catalogue: the records.
        index_state: what is searched.
        rules: of each arm.
        conditions: of the pool.
        report: called with how far it is.
    """
    ids, visible = index_state.ids, index_state.passing(conditions)
    facts = _Facts(len(ids), rules)
    where = {ids[place]: place for place in np.flatnonzero(visible).tolist()}
    done = 0
    for page in catalogue.walk_ids(Kind.PATENTS, batch_size=_PAGE):
        revisions = dict(page)
        for record in catalogue.get_many(Kind.PATENTS, list(revisions)).values():
            if (place := where.get(record.id)) is not None:
                facts.take(place, cast(Patent, record), revisions[record.id])
        done += len(page)
        report(Progress("patents", done, len(ids)))
    return [
        PushPatents(
            index_state, ids, visible & allowed, facts.holders, facts.families, facts.twins, facts.subjects,
            facts.agreed, facts.revisions, facts.held, facts.titles, facts.unstated, left_out,
        )
        for allowed, left_out in zip(facts.allowed, facts.left_out, strict=True)
    ]  # fmt: skip


class _Facts:
    """What the rules ask of each place, gathered record by record; numbers are given in the order of first sight."""

    def __init__(self, count: int, rules: Sequence[PushRules]) -> None:
        self._rules = rules
        self.allowed = [np.zeros(count, dtype=np.bool_) for _ in rules]
        self.holders, self.twins, self.subjects = (np.full(count, NOBODY, dtype=np.int64) for _ in range(3))
        self._kin = np.full((_MOST_LABELS, count), NOBODY, dtype=np.int64)
        self.agreed = np.zeros(count, dtype=np.bool_)
        self.revisions = np.zeros(count, dtype=np.int64)
        self.held: dict[str, list[int]] = {}
        self.titles = [""] * count
        self.unstated = np.zeros(count, dtype=np.bool_)
        self.left_out: list[Counter[str]] = [Counter() for _ in rules]
        self._numbers: dict[str, dict[str, int]] = {"holder": {}, "subject": {}}

    @property
    def families(self) -> Ints:
        """A number for the family of each place."""
        return joined_labels(self._kin)

    def take(self, place: int, record: Patent, revision: int) -> None:
        """Note one patent."""
        self.unstated[place] = record.status is None
        for allowed, left_out, rules in zip(self.allowed, self.left_out, self._rules, strict=True):
            if status := rules.leaves_out(record.status):
                left_out[str(record.status)] += 1
            licence = bool(rules.licence) and not set(rules.licence) & set(record.licence)
            allowed[place] = not status and not licence
        names = [folded_name(holder) for holder in record.holders]
        for name in names:
            self.held.setdefault(name, []).append(place)
        self.holders[place] = self._number("holder", holder_label(record))
        for row, label in zip(self._kin, family_labels(record), strict=False):
            row[place] = _digest(label)
        self.twins[place] = _digest(title_label(record))
        self.subjects[place] = self._number("subject", record.ipc[0][:_SUBCLASS] if record.ipc else None)
        self.agreed[place] = bool(record.agreed)
        self.revisions[place], self.titles[place] = revision, record.title

    def _number(self, label: str, name: str | None) -> int:
        known = self._numbers[label]
        return NOBODY if name is None else known.setdefault(name, len(known))


_MOST_LABELS = 3
"""Of one record: its family, its application, its publication."""


def joined_labels(labels: Ints) -> Ints:
    """A number int64 ``[n]`` for those that share a label, also by way of others; `NOBODY` for those without any.

    Args:
        labels: int64 ``[k, n]``, several for each of n; a label is the same in whichever row it stands.
    """
    known = labels != NOBODY
    number = np.arange(labels.shape[1], dtype=np.int64)
    names, where = np.unique(labels[known], return_inverse=True)
    places = np.nonzero(known)[1]
    while len(names):
        lowest = np.full(len(names), labels.shape[1], dtype=np.int64)
        np.minimum.at(lowest, where, number[places])
        before = number.copy()
        np.minimum.at(number, places, lowest[where])
        number = number[number]  # halves the way to the lowest, so that a long chain takes few rounds
        if np.array_equal(before, number):
            break
    return np.where(known.any(axis=0), number, NOBODY)


def _digest(label: str | None) -> int:
    """63 bits for a label that nearly every patent has: a table of a million would take hundreds of megabytes."""
    if label is None:
        return NOBODY
    return int.from_bytes(blake2b(label.encode(), digest_size=8).digest()) >> 1


_NOT_HERE = -1


@dataclass(frozen=True, slots=True)
class FeedbackState:
    """What firms had answered at one moment.

    Attributes:
        opted_out: firms that want no list.
        rejected: firm and patent ids of pairs that are not pushed, sorted.
    """

    opted_out: frozenset[str]
    rejected: tuple[tuple[str, str], ...]

    def digest(self, runs: Iterable[str]) -> str:
        """The same while there is no further answer and no further run is done."""
        said = blake2b(digest_size=16)
        for words in (sorted(self.opted_out), *self.rejected, sorted(runs)):
            said.update("\0".join([*words, "\0"]).encode())
        return said.hexdigest()


class PushExclusions:
    """Gathers them as sorted keys int64 ``[n]``: the firm's place times the number of patents, plus the patent's.

    8 bytes a pair: 72 MB for each earlier run of 450,000 firms with 20 places.

    Args:
        patents: by place.
        passing: bool ``[n]``, which may be pushed at all.
        firms: of the run.
    """

    def __init__(self, patents: PushPatents, passing: Mask, firms: PushFirms) -> None:
        self._patents, self._firms = patents, firms
        self._rows = {key: n for n, key in enumerate(firms.ids)}
        self._places = {patents.ids[n]: n for n in np.flatnonzero(passing).tolist()}
        self._found: list[Ints] = []

    @property
    def keys(self) -> Ints:
        """What was gathered."""
        return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *self._found]))

    def reject(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Leave out pairs of a firm's and a patent's id."""
        width = len(self._patents)
        keys = [
            self._rows[firm] * width + self._places[patent]
            for firm, patent in pairs
            if firm in self._rows and patent in self._places
        ]
        self._found.append(np.array(keys, dtype=np.int64))

    def pushed(self, catalogue: Catalogue, name: str, since: Mapping[str, datetime]) -> None:
        """Leave out what runs other than ``name`` pushed to a firm since the day of its arm, unless it changed."""
        for run in catalogue.pushes.runs():
            if run.name == name or run.finished_at is None:
                continue
            again = {arm for arm, day in since.items() if run.finished_at < day}
            if len(again) < len(since):
                self._pushed_in(catalogue, run.name, again)

    def _pushed_in(self, catalogue: Catalogue, run: str, again: set[str]) -> None:
        width = len(self._patents)
        for page in catalogue.pushes.lists(run):
            keys, places, revisions = list[int](), list[int](), list[int]()
            for one in page:
                row = self._rows.get(one.firm_id)
                if row is not None and self._firms.arms[row] not in again:
                    keys += [row * width] * len(one.patent_ids)
                    places += [self._places.get(patent, _NOT_HERE) for patent in one.patent_ids]
                    revisions += one.patent_revisions
            where = np.array(places, dtype=np.int64)
            stands = (where != _NOT_HERE) & (self._patents.revisions[where] <= np.array(revisions, dtype=np.int64))
            self._found.append((np.array(keys, dtype=np.int64) + where)[stands])
