"""Which documents changed places between two answers to one query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.evaluation.collection import QueryRun
from app.evaluation.measures import NDCG_DEPTH, judged_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One judged document's places in two answers, from 1; ``None`` where it is on none.

    Attributes:
        level: as judged, 1 to 4.
        judged: place among the judged documents alone, before and after.
        corpus: place in the ranked list of the whole corpus, before and after.
    """

    doc_id: str
    level: int
    judged: tuple[int | None, int | None]
    corpus: tuple[int | None, int | None]

    @property
    def gained(self) -> float:
        """What the move does to the discounted gain behind ``judged_ndcg@10``."""
        before, after = map(_discount, self.judged)
        return (2.0 ** (self.level - 1) - 1.0) * (after - before)


def moved(before: QueryRun, after: QueryRun, levels: Mapping[str, int]) -> list[Moved]:
    """The judged documents that moved, those first whose move changes ``judged_ndcg@10`` most.

    Args:
        before: one answer to the query.
        after: another answer to the same query.
        levels: document id -> level, 1 to 4.
    """
    judged = _judged_places(before, levels), _judged_places(after, levels)
    corpus = _places([match.doc_id for match in before.ranked]), _places([match.doc_id for match in after.ranked])
    everything = [
        Moved(
            doc_id=doc_id,
            level=level,
            judged=(judged[0].get(doc_id), judged[1].get(doc_id)),
            corpus=(corpus[0].get(doc_id), corpus[1].get(doc_id)),
        )
        for doc_id, level in levels.items()
    ]
    changed = [each for each in everything if each.judged[0] != each.judged[1] or each.corpus[0] != each.corpus[1]]
    return sorted(changed, key=lambda each: (-abs(each.gained), -each.level, each.doc_id))


def _judged_places(run: QueryRun, levels: Mapping[str, int]) -> dict[str, int]:
    return _places([doc_id for doc_id in judged_order(run, levels) if doc_id in run.served])


def _places(order: Sequence[str]) -> dict[str, int]:
    return {doc_id: place for place, doc_id in enumerate(order, start=1)}


def _discount(place: int | None) -> float:
    return 1.0 / float(np.log2(place + 1)) if place is not None and place <= NDCG_DEPTH else 0.0
