"""What a run does not push: what firms rejected or opted out of, and what they were pushed lately, unchanged since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

import numpy as np

from app.arrays import Ints, Mask
from app.catalogue import Catalogue
from app.domain import Filter
from app.push.firms import PushFirms
from app.push.patents import PushPatents

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


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackSource:
    """What came back.

    Attributes:
        excluded_pairs: firm and patent ids of pairs that are not pushed since the firm rejected them, or their family.
        opted_out: ids of firms that want no list.
        is_opted_out: whether a firm wants no list.
        pool: the filter saved under a name; raises where there is none. ``None`` where there are no pools.
    """

    excluded_pairs: Callable[[], Iterable[tuple[str, str]]] = tuple
    opted_out: Callable[[], Iterable[str]] = tuple
    is_opted_out: Callable[[str], bool] = lambda _firm_id: False
    pool: Callable[[str], Filter] | None = None

    def state(self) -> FeedbackState:
        """What stands now."""
        return FeedbackState(frozenset(self.opted_out()), tuple(sorted(self.excluded_pairs())))


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
