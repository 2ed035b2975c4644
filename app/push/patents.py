"""The patents of a push run by their address in the index state: what the rules ask of each, and their vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from app.arrays import Floats, Ints, Mask
from app.catalogue import Catalogue
from app.domain import Kind, Patent
from app.match.scorer import ServedRecords
from app.progress import Progress, Report
from app.push.allocation.lists import NOBODY, LabelLimit
from app.push.rules import PushRules
from app.text.normalising import folded_name
from index import Condition, View

_SUBCLASS = 4
"""Characters of an IPC subclass."""
_PAGE = 5_000
_BLOCK = 8_192
"""Vectors seen among their ten neighbours at once: 126 MB."""


@dataclass(frozen=True, slots=True)
class PushPatents:
    """Patents by address.

    Attributes:
        view: that they are in.
        ids: of each.
        passing: bool ``[n]``: visible, in the pool, and of a status and licence that the rules of an arm allow.
        holders: int64 ``[n]``, a number for the first holder's folded name.
        families: int64 ``[n]``.
        subjects: int64 ``[n]``, a number for the main IPC subclass.
        agreed: bool ``[n]``: both sides rated it worth industrialising.
        revisions: int64 ``[n]``, the catalogue's.
        held: folded holder name -> addresses.
        titles: of each, for the reasons.
    """

    view: View
    ids: Sequence[str]
    passing: Mask
    holders: Ints
    families: Ints
    subjects: Ints
    agreed: Mask
    revisions: Ints
    held: Mapping[str, list[int]]
    titles: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)

    def limits(self, rules: PushRules) -> list[LabelLimit]:
        """The limits of labels within a list that the rules ask for."""
        asked = (
            (self.families, rules.per_family),
            (self.holders, rules.per_holder),
            (self.subjects, rules.per_subject),
        )
        return [LabelLimit(labels, most) for labels, most in asked if most]


def ranked_rows(view: View, folder: Path, report: Report) -> Floats:
    """The vectors that records are scored by, float32 ``[n, d]``, by address.

    A pair that is scored on its own looks them up, with the neighbours that each stands among; a run scores millions,
    so they are written out, in a mapped file of 1.4 GB for 940,000.
    """
    count = len(view.ids)
    return mapped_rows(
        folder / "ranked.f32",
        (count, view.snapshot.manifest.dimension),
        ServedRecords(view).vectors_at,
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
    catalogue: Catalogue, view: View, rules: Sequence[PushRules], conditions: Sequence[Condition], report: Report
) -> list[PushPatents]:
    """Read what a run needs of every patent; one for each arm, which differ in what passes and share all else.

    Args:
        catalogue: the records.
        view: what is searched.
        rules: of each arm.
        conditions: of the pool.
        report: called with how far it is.
    """
    ids, visible = view.ids, view.passing(conditions)
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
            view, ids, visible & allowed, facts.holders, facts.families, facts.subjects, facts.agreed,
            facts.revisions, facts.held, facts.titles,
        )
        for allowed in facts.allowed
    ]  # fmt: skip


class _Facts:
    """What the rules ask of each place, gathered record by record; numbers are given in the order of first sight."""

    def __init__(self, count: int, rules: Sequence[PushRules]) -> None:
        self._rules = rules
        self.allowed = [np.zeros(count, dtype=np.bool_) for _ in rules]
        self.holders, self.families, self.subjects = (np.full(count, NOBODY, dtype=np.int64) for _ in range(3))
        self.agreed = np.zeros(count, dtype=np.bool_)
        self.revisions = np.zeros(count, dtype=np.int64)
        self.held: dict[str, list[int]] = {}
        self.titles = [""] * count
        self._numbers: dict[str, dict[str, int]] = {"holder": {}, "family": {}, "subject": {}}

    def take(self, place: int, record: Patent, revision: int) -> None:
        """Note one patent."""
        for allowed, rules in zip(self.allowed, self._rules, strict=True):
            status = record.status in rules.exclude_status
            licence = bool(rules.licence) and not set(rules.licence) & set(record.licence)
            allowed[place] = not status and not licence
        names = [folded_name(holder) for holder in record.holders]
        for name in names:
            self.held.setdefault(name, []).append(place)
        self.holders[place] = self._number("holder", names[0] if names else None)
        self.families[place] = self._number("family", record.family)
        self.subjects[place] = self._number("subject", record.ipc[0][:_SUBCLASS] if record.ipc else None)
        self.agreed[place] = bool(record.agreed)
        self.revisions[place], self.titles[place] = revision, record.title

    def _number(self, label: str, name: str | None) -> int:
        known = self._numbers[label]
        return NOBODY if name is None else known.setdefault(name, len(known))
