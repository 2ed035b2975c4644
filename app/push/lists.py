"""From candidates to lists: allocation, arm by arm, what limits cost, what a run measures, and each entry."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from app.arrays import Doubles, Floats, Ints, Mask
from app.catalogue import PushList
from app.match.queries import shared_with_title
from app.push.allocation.allocate import Allocation, Placed, allocate
from app.push.allocation.lists import NOBODY, Problem, best_lists, exposure_of, rank_within
from app.push.candidates import PushCandidates
from app.push.firms import PushFirms
from app.push.patents import PushPatents, passing_any
from app.push.rules import PushRequest, PushRules
from app.ranking.relevance import Scale, level_from_score, score_floor
from app.text.terms import Phrases

FIRMS_A_BLOCK = 1_000
"""Firms whose lists are written in one transaction, some tens of milliseconds in which other writers wait."""
_CAPS = (64, 16, 8, 4, 2, 1)
"""Caps that are tried, in multiples of the mean exposure of all patents."""
_FLOORS = (0, 1, 2)
_EXAMPLES = 5
"""Ids of firms that a manifest names for each reason of short lists."""


def allocated(patents: PushPatents, found: PushCandidates, rules: PushRules, scale: Scale, seed: int) -> Allocation:
    """The lists of the firms of one arm under its rules."""
    made = allocate(
        Problem(
            values=worth(patents, found.patents, found.scores, rules),
            patents=found.patents,
            fair=(found.scores >= score_floor(rules.fair_level.grade, scale)) & (found.patents != NOBODY),
            eligible=patents.passing,
            k=rules.k,
            cap=rules.cap or None,
            floor=rules.floor,
            limits=patents.limits(rules),
            seed=seed,
        )
    )
    if not rules.prefer_agreed:
        return made
    best = best_lists(found.scores.astype(np.float64), found.patents, rules.k)
    preferred = (made.placed == Placed.CHOICE) & made.chosen & ~best
    return replace(made, placed=np.where(preferred, np.int8(Placed.AGREED), made.placed))


def worth(patents: PushPatents, places: Ints, scores: Floats, rules: PushRules) -> Doubles:
    """What a place is worth to the allocation and in the order of a list: the score, and what the rules prefer.

    Args:
        patents: of the run.
        places: of candidates, of any shape; `NOBODY` where there is none.
        scores: of them.
        rules: of the arm.
    """
    value = scores.astype(np.float64)
    return value + rules.prefer_agreed * patents.agreed[places] if rules.prefer_agreed else value


def shared_out(rules: PushRules, share: float, *, first: bool) -> PushRules:
    """The rules of one of two arms: cap and floor are divided, so that both together keep to the whole.

    Args:
        rules: of the arm.
        share: of the firms that are in the first arm.
        first: whether the arm is the first. A cap of one is one in either.
    """
    cap = min(max(1, round(rules.cap * share)), max(1, rules.cap - 1)) if rules.cap else 0
    floor = math.ceil(rules.floor * share)
    if not first:
        cap, floor = max(1, rules.cap - cap) if rules.cap else 0, rules.floor - floor
    return rules.model_copy(update={"cap": cap, "floor": min(floor, cap) if cap else floor})


def firm_ranks(found: PushCandidates) -> Ints:
    """Of each candidate int64 ``[firms, m]``, the firm's place among the patent's own best, from 1, by score."""
    ranks = np.zeros(found.patents.shape, dtype=np.int64)
    rows, columns = np.nonzero(found.patents != NOBODY)
    named = found.patents[rows, columns]
    order = np.lexsort((rows, -found.scores[rows, columns], named))
    ranks[rows[order], columns[order]] = rank_within(named[order]) + 1
    return ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLists:
    """What an arm allocated.

    Attributes:
        arm: ``a`` or ``b``.
        firms: int64 ``[f]``, their places among the run's firms.
        found: their candidates.
        chosen: bool ``[f, m]``.
        placed: int8 ``[f, m]`` of `Placed`.
        rules: that it was allocated under.
        ranks: int64 ``[f, m]``, of `firm_ranks`.
        scale: how scores are read as levels.
    """

    arm: str
    firms: Ints
    found: PushCandidates
    chosen: Mask
    placed: npt.NDArray[np.int8]
    rules: PushRules
    ranks: Ints
    scale: Scale


def trade_off(patents: PushPatents, lists: ArmLists, rules: PushRules, seed: int = 0) -> list[dict[str, Any]]:
    """Value, coverage and inequality under caps from none to tight, and under floors at the cap of the rules.

    Returns:
        One object a pair of cap and floor; ``kept`` is its value as a share of that without either.
    """
    places = rules.k * len(lists.firms)
    mean = max(1.0, places / max(1, int(patents.passing.sum())))
    caps = sorted({max(1, round(times * mean)) for times in _CAPS}, reverse=True)
    asked = [(0, 0), *((cap, 0) for cap in caps), *((rules.cap, floor) for floor in _FLOORS)]
    points, free = [], 0.0
    for cap, floor in dict.fromkeys(asked):
        limited = rules.model_copy(update={"cap": cap, "floor": min(floor, cap) if cap else floor})
        made = allocated(patents, lists.found, limited, lists.scale, seed)
        free = free or made.value
        counts = np.bincount(lists.found.patents[made.chosen], minlength=len(patents))[patents.passing]
        found = exposure_of(counts)
        points.append(
            {
                "cap": cap, "floor": limited.floor, "value": made.value, "kept": made.value / free if free else 1.0,
                "coverage": found.coverage, "gini": found.gini, "largest": found.largest, "missed": made.missed,
                "gap": made.gap,
            }
        )  # fmt: skip
    return points


def measured(
    request: PushRequest,
    patents: Mapping[str, PushPatents],
    firms: PushFirms,
    arms: Sequence[tuple[ArmLists, Allocation]],
    entries: int,
) -> dict[str, Any]:
    """What a run measured of itself, as its manifest says it."""
    passing = passing_any(patents.values())
    counts = np.zeros(len(passing), dtype=np.int64)
    plain = np.zeros_like(counts)
    for lists, _ in arms:
        counts += np.bincount(lists.found.patents[lists.chosen], minlength=len(counts))
        first = lists.found.patents[:, : lists.rules.k]
        plain += np.bincount(first[first >= 0], minlength=len(counts))
    unstated = patents["a"].unstated
    return {
        "firms": len(firms.ids),
        "firms_without_text": len(firms.without),
        "patents": int(passing.sum()),
        "patents_without_status": int((passing & unstated).sum()),
        "left_out_by_status": {arm: dict(sorted(one.left_out.items())) for arm, one in patents.items()},
        "pushed_without_status": int(((counts > 0) & unstated).sum()),
        "entries": entries,
        "exposure": _exposure(counts[passing]),
        "exposure_plain": _exposure(plain[passing]),
        "short": _short(firms, arms),
        "curve": trade_off(patents["a"], arms[0][0], request.rules) if request.curve else None,
        "arms": {
            lists.arm: {
                "firms": len(lists.firms),
                "recall@20": round(lists.found.recall, 5),
                "certified": round(lists.found.certified, 5),
                "value": made.value,
                "free_value": made.free_value,
                "bound": made.bound,
                "gap": round(made.gap, 6),
                "floors_missed": made.missed,
                "rounds": made.rounds,
            }
            for lists, made in arms
        },
    }


def _exposure(counts: Ints) -> dict[str, Any]:
    found = exposure_of(counts)
    return asdict(found) | {"histogram": {str(times): count for times, count in found.histogram.items()}}


def _short(firms: PushFirms, arms: Sequence[tuple[ArmLists, Allocation]]) -> dict[str, Any]:
    """Firms with fewer places filled than there are, by what left them so few, with some of their ids."""
    found: dict[str, list[str]] = {"no_text": list(firms.without)}
    silent = set(firms.without)
    for lists, _ in arms:
        chosen, candidates = lists.chosen.sum(1), (lists.found.patents >= 0).sum(1)
        for row in np.flatnonzero(chosen < lists.rules.k).tolist():
            firm_id = firms.ids[lists.firms[row]]
            if firm_id not in silent:
                few = "too_few_candidates" if candidates[row] else "none_good_enough"
                why = few if candidates[row] < lists.rules.k else "limits"
                found.setdefault(why if lists.found.near[row] else "nothing_near", []).append(firm_id)
    return {why: {"firms": len(ids), "examples": ids[:_EXAMPLES]} for why, ids in found.items() if ids}


class ListWriter:
    """Says of each place of an arm's lists what firms and ops read.

    Args:
        patents: of the run.
        firms: of the run.
    """

    def __init__(self, patents: PushPatents, firms: PushFirms) -> None:
        self._patents, self._firms = patents, firms
        self._titles: dict[int, Phrases] = {}

    def blocks(self, lists: ArmLists) -> Iterator[tuple[str, list[str], list[PushList]]]:
        """Name, firm ids and lists of each block of firms; a firm that nothing was chosen for has no list."""
        for start in range(0, len(lists.firms), FIRMS_A_BLOCK):
            rows = range(start, min(start + FIRMS_A_BLOCK, len(lists.firms)))
            ids = [self._firms.ids[lists.firms[row]] for row in rows]
            yield f"{lists.arm}-{start:09}", ids, [self._list(lists, row) for row in rows if lists.chosen[row].any()]

    def _list(self, lists: ArmLists, row: int) -> PushList:
        found = lists.found
        columns = np.flatnonzero(lists.chosen[row])
        value = worth(self._patents, found.patents[row, columns], found.scores[row, columns], lists.rules)
        columns = columns[np.lexsort((found.patents[row, columns], -value))]
        places = found.patents[row, columns].tolist()
        queries = found.queries[row, columns].tolist()
        scores = found.scores[row, columns].astype(np.float64).tolist()
        asked = {number: self._firms.queries[number].phrases for number in set(queries)}
        return PushList(
            firm_id=self._firms.ids[lists.firms[row]],
            arm=lists.arm,
            patent_ids=[self._patents.ids[place] for place in places],
            scores=[round(score, 6) for score in scores],
            levels=[level_from_score(score, lists.scale).value for score in scores],
            reasons=[
                shared_with_title(asked[number], self._title(place))
                for number, place in zip(queries, places, strict=True)
            ],
            need_ids=[self._firms.queries[number].need_id for number in queries],
            firm_ranks=lists.ranks[row, columns].tolist(),
            placed=[_PLACED[placed] for placed in lists.placed[row, columns].tolist()],
            patent_revisions=self._patents.revisions[places].tolist(),
        )

    def _title(self, place: int) -> Phrases:
        if (title := self._titles.get(place)) is None:
            title = self._titles[place] = Phrases.of(self._patents.titles[place])
        return title


_PLACED = {placed.value: placed.name.lower() for placed in Placed}
