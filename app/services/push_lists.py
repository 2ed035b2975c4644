"""From candidates to lists: allocation, arm by arm, and what is said of each entry."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from app.catalogue import Catalogue, PushEntry
from app.domain import AnyRecord, Kind
from app.ranking.allocation import Allocation, Placed, Problem, allocate
from app.ranking.levels import Scale, level_from_score
from app.ranking.lists import NOBODY
from app.ranking.terms import vocabulary
from app.services.push_candidates import PushCandidates, score_floor
from app.services.push_firms import Asked, PushFirms
from app.services.push_patents import PushPatents
from app.services.push_rules import PushRules

Ints = npt.NDArray[np.int64]

FIRMS_A_BLOCK = 1_000
"""Firms whose lists are written in one transaction: 20,000 entries, half a second in which other writers wait."""
_TERMS_SHOWN = 3
_TITLES_REMEMBERED = 50_000


def allocated(patents: PushPatents, found: PushCandidates, rules: PushRules, scale: Scale, seed: int) -> Allocation:
    """The lists of the firms of one arm under its rules."""
    return allocate(
        Problem(
            values=found.scores.astype(np.float64),
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
    starts = np.flatnonzero(np.concatenate(([True], named[order][1:] != named[order][:-1]))) if len(order) else order
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order)))) + 1
    ranks[rows[order], columns[order]] = place
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
        ranks: int64 ``[f, m]``, of `firm_ranks`.
        scale: how scores are read as levels.
    """

    arm: str
    firms: Ints
    found: PushCandidates
    chosen: npt.NDArray[np.bool_]
    placed: npt.NDArray[np.int8]
    ranks: Ints
    scale: Scale


class EntryWriter:
    """Says of each place of an arm's lists what firms and ops read.

    Args:
        run: its name.
        catalogue: the records.
        patents: of the run.
        firms: of the run.
    """

    def __init__(self, run: str, catalogue: Catalogue, patents: PushPatents, firms: PushFirms) -> None:
        self._run, self._catalogue, self._patents, self._firms = run, catalogue, patents, firms

    def blocks(self, lists: ArmLists) -> Iterator[tuple[str, list[str], list[PushEntry]]]:
        """Name, firm ids and entries of each block of firms."""
        for start in range(0, len(lists.firms), FIRMS_A_BLOCK):
            rows = range(start, min(start + FIRMS_A_BLOCK, len(lists.firms)))
            ids = [self._firms.ids[lists.firms[row]] for row in rows]
            yield f"{lists.arm}-{start:09}", ids, self._entries(lists, rows)

    def _entries(self, lists: ArmLists, rows: range) -> list[PushEntry]:
        span = slice(rows.start, rows.stop)
        places = np.unique(lists.found.patents[span][lists.chosen[span]])
        titles = self._catalogue.get_many(Kind.PATENTS, [self._patents.ids[place] for place in places.tolist()])
        asked = self._asked(lists, rows)
        return [entry for row in rows for entry in self._list(lists, row, titles, asked)]

    def _asked(self, lists: ArmLists, rows: range) -> Mapping[int, frozenset[str]]:
        """The vocabulary of each query that found something in these rows."""
        span = slice(rows.start, rows.stop)
        numbers = np.unique(lists.found.queries[span][lists.chosen[span]]).tolist()
        queries = {number: self._firms.queries[number] for number in numbers}
        wanted: dict[Kind, list[str]] = {Kind.NEEDS: [], Kind.FIRMS: []}
        for query in queries.values():
            kind, key = self._source(query)
            wanted[kind].append(key)
        records: dict[tuple[Kind, str], AnyRecord] = {
            (kind, key): record
            for kind, ids in wanted.items()
            for key, record in self._catalogue.get_many(kind, ids).items()
        }
        return {
            number: vocabulary(record.views[-1]) if (record := records.get(self._source(query))) else frozenset[str]()
            for number, query in queries.items()
        }

    def _source(self, query: Asked) -> tuple[Kind, str]:
        if query.need_id is not None:
            return Kind.NEEDS, query.need_id
        return Kind.FIRMS, self._firms.ids[query.firm]

    def _list(
        self, lists: ArmLists, row: int, titles: Mapping[str, AnyRecord], asked: Mapping[int, frozenset[str]]
    ) -> Iterator[PushEntry]:
        found = lists.found
        columns = np.flatnonzero(lists.chosen[row])
        columns = columns[np.lexsort((found.patents[row, columns], -found.scores[row, columns]))]
        for rank, column in enumerate(columns.tolist(), 1):
            place, number = int(found.patents[row, column]), int(found.queries[row, column])
            record = titles.get(self._patents.ids[place])
            score = float(found.scores[row, column])
            yield PushEntry(
                run=self._run,
                firm_id=self._firms.ids[lists.firms[row]],
                rank=rank,
                patent_id=self._patents.ids[place],
                score=round(score, 6),
                level=level_from_score(score, lists.scale).value,
                reason=" ".join(shared_with_title(asked[number], record.heading)) if record is not None else "",
                need_id=self._firms.queries[number].need_id,
                firm_rank=int(lists.ranks[row, column]),
                placed=Placed(int(lists.placed[row, column])).name.lower(),
                arm=lists.arm,
                patent_revision=int(self._patents.revisions[place]),
            )


def shared_with_title(asked: frozenset[str], title: str) -> tuple[str, ...]:
    """The longest terms of a title that a query has too, none inside another; titles' terms are remembered."""
    kept: list[str] = []
    for term in sorted(asked & _terms_of(title), key=lambda term: (-len(term), term)):
        if not any(term in longer for longer in kept):
            kept.append(term)
            if len(kept) == _TERMS_SHOWN:
                break
    return tuple(kept)


@lru_cache(maxsize=_TITLES_REMEMBERED)
def _terms_of(title: str) -> frozenset[str]:
    return vocabulary(title)
