"""The patents of a push run by place: what the index holds, and what the rules ask of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from app.arrays import Ints, Mask
from app.catalogue import Catalogue
from app.domain import Kind, Patent
from app.progress import Progress, Report
from app.push.allocation.lists import NOBODY, LabelLimit
from app.push.rules import PushRules
from app.text.normalising import folded_name
from index import Condition, View

_SUBCLASS = 4
"""Characters of an IPC subclass."""
_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class PushPatents:
    """Patents by place: those of the snapshot, then those of each segment over it.

    Attributes:
        view: that they are in.
        offsets: the first place of each layer.
        ids: of each place.
        passing: bool ``[n]``: visible, in the pool, and of a status and licence that the rules of an arm allow.
        holders: int64 ``[n]``, a number for the first holder's folded name.
        families: int64 ``[n]``.
        subjects: int64 ``[n]``, a number for the main IPC subclass.
        agreed: bool ``[n]``: both sides rated it worth industrialising.
        revisions: int64 ``[n]``, the catalogue's.
        languages: of each place.
        held: folded holder name -> places.
        titles: of each place, for the reasons.
    """

    view: View
    offsets: tuple[int, ...]
    ids: Sequence[str]
    passing: Mask
    holders: Ints
    families: Ints
    subjects: Ints
    agreed: Mask
    revisions: Ints
    languages: npt.NDArray[np.object_]
    held: Mapping[str, list[int]]
    titles: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)

    def places(self, numbers: Ints) -> Ints:
        """Layer and position int64 ``[n, 2]`` of places int64 ``[n]``."""
        starts = np.array(self.offsets, dtype=np.int64)
        layers = np.searchsorted(starts, numbers, side="right") - 1
        return np.stack([layers, numbers - starts[layers]], axis=1)

    def limits(self, rules: PushRules) -> list[LabelLimit]:
        """The limits of labels within a list that the rules ask for."""
        asked = (
            (self.families, rules.per_family),
            (self.holders, rules.per_holder),
            (self.subjects, rules.per_subject),
        )
        return [LabelLimit(labels, most) for labels, most in asked if most]

    def layer_masks(self, mask: Mask) -> list[Mask]:
        """A mask of places by layer."""
        return np.split(mask, self.offsets[1:])


def push_patents(
    catalogue: Catalogue, view: View, rules: Sequence[PushRules], conditions: Sequence[Condition], report: Report
) -> list[PushPatents]:
    """Read what a run needs of every patent; one for each arm, which differ in what passes and share all else.

    Args:
        catalogue: the records.
        view: what is searched.
        rules: of each arm.
        conditions: of the pool.
        report: told how far it is.
    """
    sizes = [len(layer.searched.ids) for layer in view.layers]
    offsets = tuple(np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(int).tolist())
    ids = [layer.searched.ids[n] for layer, size in zip(view.layers, sizes, strict=True) for n in range(size)]
    visible = _visible(view, conditions)
    facts = _Facts(len(ids), rules)
    where = {ids[place]: place for place in np.flatnonzero(visible).tolist()}
    done = 0
    for page, revisions in _pages(catalogue):
        for record, revision in zip(page, revisions, strict=True):
            if (place := where.get(record.id)) is not None:
                facts.take(place, record, revision)
        done += len(page)
        report(Progress("patents", done, len(ids)))
    return [
        PushPatents(
            view, offsets, ids, visible & allowed, facts.holders, facts.families, facts.subjects, facts.agreed,
            facts.revisions, facts.languages, facts.held, facts.titles,
        )
        for allowed in facts.allowed
    ]  # fmt: skip


def _visible(view: View, conditions: Sequence[Condition]) -> Mask:
    parts = []
    for layer in view.layers:
        passing = layer.mask(conditions)
        shown = np.ones(len(layer.searched.ids), dtype=np.bool_) if passing is None else passing.copy()
        if layer.hidden is not None:
            shown &= ~layer.hidden
        parts.append(shown)
    return np.concatenate(parts)


def _pages(catalogue: Catalogue) -> Iterator[tuple[list[Patent], list[int]]]:
    """All patents with their revisions, a page at a time."""
    for page in catalogue.walk_ids(Kind.PATENTS, batch_size=_PAGE):
        revisions = dict(page)
        records = catalogue.get_many(Kind.PATENTS, list(revisions))
        found = [cast(Patent, record) for record in records.values()]
        yield found, [revisions[record.id] for record in found]


class _Facts:
    """What the rules ask of each place, gathered record by record; numbers are given in the order of first sight."""

    def __init__(self, count: int, rules: Sequence[PushRules]) -> None:
        self._rules = rules
        self.allowed = [np.zeros(count, dtype=np.bool_) for _ in rules]
        self.holders, self.families, self.subjects = (np.full(count, NOBODY, dtype=np.int64) for _ in range(3))
        self.agreed = np.zeros(count, dtype=np.bool_)
        self.revisions = np.zeros(count, dtype=np.int64)
        self.languages = np.full(count, None, dtype=object)
        self.held: dict[str, list[int]] = {}
        self.titles = [""] * count
        self._holder, self._family, self._subject = _Numbers(), _Numbers(), _Numbers()

    def take(self, place: int, record: Patent, revision: int) -> None:
        """Note one patent."""
        for allowed, rules in zip(self.allowed, self._rules, strict=True):
            status = record.status in rules.exclude_status
            licence = bool(rules.licence) and not set(rules.licence) & set(record.licence)
            allowed[place] = not status and not licence
        names = [folded_name(holder) for holder in record.holders]
        for name in names:
            self.held.setdefault(name, []).append(place)
        self.holders[place] = self._holder(names[0] if names else None)
        self.families[place] = self._family(record.family)
        self.subjects[place] = self._subject(record.ipc[0][:_SUBCLASS] if record.ipc else None)
        self.agreed[place] = bool(record.agreed)
        self.revisions[place], self.languages[place] = revision, record.lang
        self.titles[place] = record.title


class _Numbers:
    """Gives each different name a number."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __call__(self, name: str | None) -> int:
        return NOBODY if name is None else self._known.setdefault(name, len(self._known))
