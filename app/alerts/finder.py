"""Which watched needs new patents fit: a sieve over all pairs, then the score that `match` gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import numpy as np

from app.alerts.watched import Watched
from app.arrays import Floats, Ints
from app.catalogue import Arrival, Catalogue
from app.domain import OPEN, Alert, Exclusions, Firm, Kind, Need, Patent
from app.match.asked import asked_phrases, shared_with_title
from app.match.candidates import LANG, CandidateSearch, counted_terms
from app.ranking.levels import Scale, level_from_score, score_from_relevance
from app.ranking.relevance import SharedTerms, crossings, relevance_of_codes
from app.serving.served import Served
from app.text.normalising import folded_name
from app.text.reading import passage_of, views_of
from app.text.terms import Phrases
from index import TermCounts

_BLOCK = 32
"""Patents multiplied with all needs at once: 26,000 needs make 3 MB of products."""
ROUNDING = 1e-3
"""Relevance that the sieve adds: its sums differ from those of a match in rounding, a hundredth of this."""


Excluded = Callable[[Sequence[str]], Exclusions]
"""What these firms are not told of."""


@dataclass(frozen=True, slots=True)
class NewPatent:
    """A new patent that can be searched: its arrival, the record, and layer and position in what is served."""

    arrival: Arrival
    record: Patent
    place: tuple[int, int]


class Sieve:
    """Leaves the pairs of new patent and watched need that may reach the need's level.

    Relevance is a sum of a cosine, shared terms and two languages, each of which has one value for a pair whichever
    side is the many. So it is computed for all needs at once, and nothing that reaches its level is lost: a cosine
    alone would lose needs that a patent fits by its terms.

    Args:
        search: scores in what is served.
        served: that.
        watched: the needs.
        scale: how relevance is read.
    """

    def __init__(self, search: CandidateSearch, served: Served, watched: Watched, scale: Scale) -> None:
        self._search, self._served, self._watched, self._scale = search, served, watched, scale
        languages = np.array([language or "" for language in watched.languages])
        self._by_language = [(name or None, np.flatnonzero(languages == name)) for name in set(languages.tolist())]

    def pairs(self, patents: Sequence[NewPatent]) -> Iterator[tuple[int, Ints]]:
        """Each patent's place among ``patents`` with the places of needs."""
        for start in range(0, len(patents), _BLOCK):
            block = patents[start : start + _BLOCK]
            places = np.array([patent.place for patent in block], dtype=np.int64)
            cosines = self._search.records_at(places) @ self._watched.vectors.T
            languages = self._served.view.codes_at(LANG, places)
            for n, patent in enumerate(block):
                scores = self._scores(cosines[n], languages[n], patent.record)
                new = self._watched.began < patent.arrival.arrived
                yield start + n, np.flatnonzero(new & (scores >= self._watched.floors))

    def _scores(self, cosines: Floats, language: str | None, record: Patent) -> Floats:
        """The most that each need may score, float32 ``[needs]``."""
        terms, bm25 = self._search.terms, None
        rarest = 0.0 if terms is None else terms.rarest
        if terms is not None and self._watched.terms is not None:
            bm25 = self._watched.terms.scores(TermCounts.of(counted_terms(passage_of(record))), terms.mean_length)
        total = np.empty(len(cosines), dtype=np.float32)
        for asked, rows in self._by_language:
            crossed = crossings(self._served.state.space, asked, (language,)).at(np.zeros(len(rows), dtype=np.intp))
            shared = None if bm25 is None else SharedTerms(bm25[rows], rarest)
            total[rows] = relevance_of_codes(cosines[rows], shared, asked, crossed).total
        return score_from_relevance(total + ROUNDING, self._scale)


class AlertFinder:
    """Finds the alerts of new patents in one state of what is served.

    Args:
        served: that.
        watched: the needs.
        catalogue: the records.
        excluded: what firms are not told of.
        shared_terms: whether shared terms count in matches.
    """

    def __init__(
        self,
        served: Served,
        watched: Watched,
        catalogue: Catalogue,
        excluded: Excluded,
        *,
        shared_terms: bool,
    ) -> None:
        self._watched, self._catalogue, self._excluded = watched, catalogue, excluded
        self._scale = served.reading(shared_terms=shared_terms).scale
        self._search = CandidateSearch(served, (), shared_terms=shared_terms)
        self._sieve = Sieve(self._search, served, watched, self._scale)

    def find(self, patents: Sequence[NewPatent]) -> list[Alert]:
        """The alerts of these patents, need by need, each need's in the order of arrival."""
        of_need: dict[int, list[NewPatent]] = {}
        for n, rows in self._sieve.pairs(patents) if self._watched.ids else ():
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

    def _scored(self, row: int, need: Need, patents: Sequence[NewPatent]) -> Iterator[Alert]:
        """Those of the patents that reach the need's level, as `match` scores them."""
        if not patents:
            return
        views, now = views_of(need), datetime.now(UTC)
        terms, places = self._search.terms_of(views, titled=True), [patent.place for patent in patents]
        vector = self._watched.vectors[row]
        total = self._search.scored(need.lang, vector, terms, np.array(places, dtype=np.int64)).total
        asked = asked_phrases(views, need=True)
        for patent, score in zip(patents, score_from_relevance(total, self._scale).tolist(), strict=True):
            if score >= self._watched.floors[row]:
                yield Alert(
                    need_id=need.id,
                    patent_id=patent.record.id,
                    at=now,
                    score=score,
                    level=level_from_score(score, self._scale),
                    reason=shared_with_title(asked, Phrases.of(patent.record.heading)),
                    patent_revision=patent.arrival.revision,
                )


class _Allowed:
    """Whether a need may be told of a patent: not what its firm holds or rejected, and nothing where it opted out."""

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
