"""Which watched needs new patents fit: all pairs are compared, and those that may do are scored as `match` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import numpy as np

from app.alerts.watched import Watched
from app.arrays import Ints
from app.catalogue import Arrival, Catalogue
from app.domain import OPEN, Alert, Exclusions, Firm, Kind, Need, Patent
from app.match.queries import StoredQuery, shared_with_title
from app.match.scorer import Scorer
from app.ranking.levels import level_from_score
from app.text.normalising import folded_name
from app.text.reading import passage_of
from app.text.terms import Phrases, terms_of
from index import TermCounts

_BLOCK = 32
"""Patents multiplied with all needs at once: 26,000 needs make 3 MB of products."""
ROUNDING = 1e-3
"""Relevance that is added in comparing all pairs: their sums differ from a match's in rounding, a hundredth of it."""


Excluded = Callable[[Sequence[str]], Exclusions]
"""What these firms are not alerted of."""


@dataclass(frozen=True, slots=True)
class NewPatent:
    """A new patent that can be searched: its arrival, the record, and its address in what is served."""

    arrival: Arrival
    record: Patent
    address: int


class AlertFinder:
    """Finds the alerts of new patents in one state of what is served.

    Args:
        scorer: of that state.
        watched: the needs.
        catalogue: the records.
        excluded: what firms are not alerted of.
    """

    def __init__(self, scorer: Scorer, watched: Watched, catalogue: Catalogue, excluded: Excluded) -> None:
        self._scorer, self._watched, self._catalogue, self._excluded = scorer, watched, catalogue, excluded

    def find(self, patents: Sequence[NewPatent]) -> list[Alert]:
        """The alerts of these patents, need by need, each need's in the order of arrival."""
        of_need: dict[int, list[NewPatent]] = {}
        for n, rows in self._near(patents) if self._watched.ids else ():
            for row in rows.tolist():
                of_need.setdefault(row, []).append(patents[n])
        needs = self._catalogue.get_many(Kind.NEEDS, [self._watched.ids[row] for row in of_need])
        allowed = _Allowed(self._catalogue, cast(Mapping[str, Need], needs), self._excluded)
        alerts: list[Alert] = []
        for row, mine in of_need.items():
            need = cast(Need | None, needs.get(self._watched.ids[row]))
            if need is not None and need.status in OPEN:
                alerts += self._scored(row, need, [patent for patent in mine if allowed(need, patent.record)])
        return alerts

    def _near(self, patents: Sequence[NewPatent]) -> Iterator[tuple[int, Ints]]:
        """Each patent's place among ``patents`` with the places of needs whose level it may reach.

        Relevance is a sum of a cosine, shared terms and two languages, each of which has one value for a pair whichever
        side is the many. So it is computed for all needs at once, and nothing that reaches its level is lost: a cosine
        alone would lose needs that a patent fits by its terms.
        """
        watched = self._watched
        for start in range(0, len(patents), _BLOCK):
            block = patents[start : start + _BLOCK]
            addresses = np.array([patent.address for patent in block], dtype=np.int64)
            texts = [TermCounts.of(terms_of(passage_of(patent.record))) for patent in block]
            totals = self._scorer.relevance_to(watched.queries, addresses, texts)
            for n, (patent, total) in enumerate(zip(block, totals, strict=True), start):
                new = watched.began < patent.arrival.arrived
                yield n, np.flatnonzero(new & (self._scorer.scores(total + ROUNDING) >= watched.floors))

    def _scored(self, row: int, need: Need, patents: Sequence[NewPatent]) -> Iterator[Alert]:
        """Those of the patents that reach the need's level, as `match` scores them."""
        if not patents:
            return
        stored, now, scale = StoredQuery.of(need), datetime.now(UTC), self._scorer.scale
        query = self._scorer.query(stored.views, need.lang, self._watched.queries.vectors[row], titled=True)
        total = self._scorer.relevance(query, np.array([patent.address for patent in patents], dtype=np.int64)).total
        for patent, score in zip(patents, self._scorer.scores(total).tolist(), strict=True):
            if score >= self._watched.floors[row]:
                yield Alert(
                    need_id=need.id,
                    patent_id=patent.record.id,
                    at=now,
                    score=score,
                    level=level_from_score(score, scale),
                    reason=shared_with_title(stored.phrases, Phrases.of(patent.record.heading)),
                    patent_revision=patent.arrival.revision,
                )


class _Allowed:
    """Whether a need is alerted of a patent: not of what its firm holds or rejected, of nothing where it opted out."""

    def __init__(self, catalogue: Catalogue, needs: Mapping[str, Need], excluded: Excluded) -> None:
        firm_ids = sorted({need.firm_id for need in needs.values() if need.firm_id})
        self._excluded = excluded(firm_ids) if firm_ids else Exclusions()
        firms = cast(Mapping[str, Firm], catalogue.get_many(Kind.FIRMS, firm_ids))
        self._names = {key: folded_name(firm.name) for key, firm in firms.items()}

    def __call__(self, need: Need, patent: Patent) -> bool:
        if need.firm_id is None:
            return True
        if not self._excluded.allows(need.firm_id, patent.id, patent.family):
            return False
        own = self._names.get(need.firm_id)
        return own is None or own not in map(folded_name, patent.holders)
