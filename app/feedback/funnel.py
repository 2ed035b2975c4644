"""The way from a push to a contract, counted: pushed, viewed, interested, contacted, need returned, signed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

from app.catalogue import Catalogue
from app.domain import FUNNEL, Event, Kind
from app.errors import unknown_run
from app.evaluation.statistics import Interval, wilson_interval

PUSHED = "pushed"

_UNKNOWN = "-"
_INDUSTRY_CHARS, _REGION_CHARS = 3, 2
"""A division of GB/T 4754 with its section's letter, a province of GB/T 2260: as fine as there are cases enough."""
_CHUNK = 10_000


_BEFORE = {place: place - 1 for place in range(1, len(FUNNEL))}
_BEFORE[FUNNEL.index(Event.SIGNED)] = FUNNEL.index(Event.CONTACTED)
"""Which stage a share of the stage before is of: a contract follows a contact, a returned need is a way of its own."""


class By(StrEnum):
    """What a funnel is split by.

    The push run, the arm that the firm was assigned to, the level that was shown, the firm's industry or region, the
    patent's holder type.
    """

    RUN = "run"
    ARM = "arm"
    LEVEL = "level"
    INDUSTRY = "industry"
    HOLDER_TYPE = "holder_type"
    REGION = "region"


class PushedPair(NamedTuple):
    """A patent that was pushed to a firm, with the level that was shown and the arm of a comparison."""

    firm_id: str
    patent_id: str
    level: str | None = None
    arm: str | None = None


PushedPairs = Callable[[str | None], Iterable[PushedPair] | None]
"""The pairs of a run, or of all runs, each once; ``None`` where it is not known what was pushed."""


class _Pair(NamedTuple):
    asker: str
    patent_id: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a funnel.

    Attributes:
        pairs: different pairs of firm and patent that came to it: of those that were pushed, where that is known.
        not_pushed: pairs beside them that came to it although they were not pushed; they are in no share.
        of_pushed: the share of what was pushed that came to it, where that is known.
        of_before: the share of the stage before that came to it; of contracts the share of contacts. Stages that nobody
            reports make it small.
    """

    name: str
    pairs: int
    not_pushed: int
    of_pushed: float | None
    of_pushed_interval: Interval | None
    of_before: float | None
    of_before_interval: Interval | None

    def as_json(self) -> dict[str, Any]:
        """The stage as JSON types."""
        return {
            "stage": self.name,
            "pairs": self.pairs,
            "not_pushed": self.not_pushed,
            "of_pushed": self.of_pushed,
            "of_pushed_interval": _ends(self.of_pushed_interval),
            "of_before": self.of_before,
            "of_before_interval": _ends(self.of_before_interval),
        }


@dataclass(frozen=True, slots=True)
class Funnel:
    """The stages of one group, or of all where the group is ``None``; the first is there where it is known."""

    group: str | None
    stages: tuple[Stage, ...]

    def as_json(self) -> dict[str, Any]:
        """The funnel as JSON types."""
        return {"group": self.group, "stages": [stage.as_json() for stage in self.stages]}


@dataclass(slots=True)
class _Counted:
    """What was counted of one group: pairs by stage, by stage and the one before, and beside what was pushed."""

    reached: list[int]
    both: list[int]
    beside: list[int]
    pushed: int = 0

    @classmethod
    def empty(cls) -> _Counted:
        return cls([0] * len(FUNNEL), [0] * len(FUNNEL), [0] * len(FUNNEL))


class FunnelService:
    """Counts funnels. Memory holds the pairs that feedback is about, never those that were pushed.

    Args:
        catalogue: where feedback and records are.
        pushed: what was pushed.
    """

    def __init__(self, catalogue: Catalogue, pushed: PushedPairs) -> None:
        self._catalogue = catalogue
        self._pushed = pushed

    def funnel(self, *, run: str | None = None, by: By | None = None) -> list[Funnel]:
        """The funnel of a run, or of everything; with ``by`` one a group, the largest first, runs from the latest on.

        A pair counts once at each stage that was reported of it, whether or not the stages before were. What was
        rejected or judged is no stage. A returned need that names no patent is a pair of the firm alone. Where it is
        known what was pushed, other pairs are counted beside.

        Raises:
            NotFoundError: there is no such push run, and nothing came back that names it.
        """
        if by is By.RUN:
            names = [one.name for one in self._catalogue.pushes.runs()] if run is None else [run]
            return [Funnel(name, self.funnel(run=name)[0].stages) for name in names]
        events, levels = self._events(run)
        entries = self._pushed(run)
        if run is not None and not events and entries is None and self._catalogue.pushes.get(run) is None:
            raise unknown_run(run)
        groups = self._groups(list(events), levels, by)
        counted: defaultdict[str, _Counted] = defaultdict(_Counted.empty)
        pushed_pairs: set[_Pair] = set()
        if entries is not None:
            for pair, group in self._pushed_groups(entries, by):
                counted[group].pushed += 1
                if pair in events:
                    pushed_pairs.add(pair)
                    groups[pair] = group
        known = entries is not None
        for pair, reached in events.items():
            _count(counted[groups[pair]], reached, pushed=known and pair in pushed_pairs, known=known)
        ordered = sorted(counted.items(), key=lambda item: (-item[1].pushed, -sum(item[1].reached), item[0]))
        if by is None:
            return [Funnel(None, _stages(counted[_UNKNOWN], known))]
        return [Funnel(group, _stages(numbers, known)) for group, numbers in ordered]

    def _events(self, run: str | None) -> tuple[dict[_Pair, int], dict[_Pair, str]]:
        """Pair -> the stages that it came to, a bit each; and the level that was shown."""
        reached: dict[_Pair, int] = {}
        levels: dict[_Pair, str] = {}
        for item in self._catalogue.feedback.iterate(FUNNEL, run=run):
            pair = _Pair(item.asker or "", item.patent_id or "")
            reached[pair] = reached.get(pair, 0) | 1 << FUNNEL.index(item.event)
            if item.level is not None:
                levels[pair] = str(item.level)
        return reached, levels

    def _groups(self, pairs: Sequence[_Pair], levels: Mapping[_Pair, str], by: By | None) -> dict[_Pair, str]:
        if by in (None, By.ARM):
            return dict.fromkeys(pairs, _UNKNOWN)
        if by is By.LEVEL:
            return {pair: levels.get(pair, _UNKNOWN) for pair in pairs}
        found: dict[_Pair, str] = {}
        for start in range(0, len(pairs), _CHUNK):
            found |= self._described(pairs[start : start + _CHUNK], by)
        return found

    def _pushed_groups(self, entries: Iterable[PushedPair], by: By | None) -> Iterator[tuple[_Pair, str]]:
        stream = iter(entries)
        while chunk := list(islice(stream, _CHUNK)):
            pairs = [_Pair(entry.firm_id, entry.patent_id) for entry in chunk]
            if by in (By.LEVEL, By.ARM):
                said = [entry.level if by is By.LEVEL else entry.arm for entry in chunk]
                yield from zip(pairs, (word or _UNKNOWN for word in said), strict=True)
            else:
                groups = self._groups(pairs, {}, by)
                yield from ((pair, groups[pair]) for pair in pairs)

    def _described(self, pairs: Sequence[_Pair], by: By) -> dict[_Pair, str]:
        """The group of each pair, from the record of its firm or patent; also where that is deleted since."""
        if by is By.HOLDER_TYPE:
            holders = self._catalogue.values_of(Kind.PATENTS, "holder_type", [pair.patent_id for pair in pairs])
            return {pair: holders.get(pair.patent_id) or _UNKNOWN for pair in pairs}
        askers = [pair.asker for pair in pairs]
        if by is By.REGION:
            regions = self._catalogue.values_of(Kind.FIRMS, "region", askers)
            return {pair: (regions.get(pair.asker) or _UNKNOWN)[:_REGION_CHARS] for pair in pairs}
        industries = self._catalogue.values_of(Kind.FIRMS, "industry", askers)
        return {pair: (industries.get(pair.asker) or (_UNKNOWN,))[0][:_INDUSTRY_CHARS] for pair in pairs}


def _count(counted: _Counted, reached: int, *, pushed: bool, known: bool) -> None:
    """Count the stages that a pair came to: beside the others where it is known that it was not pushed."""
    for place in range(len(FUNNEL)):
        if not reached >> place & 1:
            continue
        if known and not pushed:
            counted.beside[place] += 1
            continue
        counted.reached[place] += 1
        counted.both[place] += pushed if place == 0 else bool(reached >> _BEFORE[place] & 1)


def _stages(counted: _Counted, known: bool) -> tuple[Stage, ...]:
    stages = [Stage(PUSHED, counted.pushed, 0, None, None, None, None)] if known else []
    for place, event in enumerate(FUNNEL):
        before = counted.reached[_BEFORE[place]] if place else counted.pushed if known else 0
        pushed = counted.pushed if known else 0
        stages.append(
            Stage(
                str(event),
                counted.reached[place],
                counted.beside[place],
                counted.reached[place] / pushed if pushed else None,
                wilson_interval(counted.reached[place], pushed) if pushed else None,
                counted.both[place] / before if before else None,
                wilson_interval(counted.both[place], before),
            )
        )
    return tuple(stages)


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
