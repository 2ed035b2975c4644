"""Watches needs: looks at every new patent once, and records which needs it fits.

All pairs of new patents and watched needs are compared, and those that may do are scored as `match` does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import cast

import numpy as np

from app.alerts.watched import Watched, WatchedNeeds
from app.arrays import Ints
from app.catalogue import Arrival, Catalogue, Looked
from app.domain import OPEN, Alert, Exclusions, Firm, Kind, Need, Patent, WatchLevel, is_withdrawn
from app.errors import PatmatchError
from app.match.queries import StoredQuery, shared_with_title
from app.match.scorer import Scorer
from app.match.service import IndexSource
from app.ranking.relevance import level_from_score
from app.serving.served import Served
from app.serving.translation import translated
from app.text.normalising import folded_name
from app.text.reading import passage_of
from app.text.terms import Phrases, terms_of
from index import FileLock, LockedError, TermCounts, VectorStore
from models import Encoder

log = logging.getLogger("patmatch.alerts")

_PAGE = 200
"""New patents looked at, and recorded with the cursor, at once: with 26,000 needs half a second. A message to a webhook
has the alerts that one need has of so many patents."""
_WAITING_EVERY_S = 2.0
"""Between two looks at patents that could not be searched before: of 100,000 each takes a tenth of that."""
_STOP_S = 30.0
"""How long a stop waits for the step that is being made."""
_BLOCK = 32
"""Patents multiplied with all needs at once: 26,000 needs make 3 MB of products."""
ROUNDING = 1e-3
"""Relevance that is added in comparing all pairs: their sums differ from a match's in rounding, a hundredth of it."""


Excluded = Callable[[Sequence[str]], Exclusions]
"""What these firms are not alerted of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """How needs are watched.

    Attributes:
        default: the level of needs without one of their own.
        shared_terms: whether shared terms count in matches.
        poll_seconds: how often new patents are looked for.
        lock: the file that is locked by the one process of a home that watches.
        announce: whether messages for a webhook are put beside alerts.
    """

    default: WatchLevel
    shared_terms: bool
    poll_seconds: float
    lock: Path
    announce: bool = False


class Watcher:
    """Looks at new patents in a thread of its own, one process of a home at a time.

    Homes that share a database each have one; what one has recorded the other finds recorded, and does not repeat.

    Args:
        source: what is served of patents.
        store_of: the vector store of an encoder.
        catalogue: records, levels and alerts.
        excluded: what firms are not alerted of.
        settings: how needs are watched.
    """

    def __init__(
        self,
        source: IndexSource,
        store_of: Callable[[Encoder], VectorStore],
        catalogue: Catalogue,
        excluded: Excluded,
        settings: WatchSettings,
    ) -> None:
        self._source, self._catalogue, self._excluded, self._settings = source, catalogue, excluded, settings
        self._needs = WatchedNeeds(catalogue, store_of, settings.default, shared_terms=settings.shared_terms)
        self._lock = FileLock(settings.lock, "watching needs")
        self._stop = Event()
        self._thread: Thread | None = None
        self._failure = ""
        self._waiting_from = 0.0

    def start(self) -> None:
        """Watch in the background until `stop`."""
        self._thread = Thread(target=self._run, name="patmatch-alerts", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; what is being looked at is recorded or looked at again by the next."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=_STOP_S)
        self._lock.release()

    def round(self) -> bool:
        """Look at some of the patents that are new; whether more of them can be looked at now.

        Raises:
            PatmatchError: the catalogue or the vectors cannot be read or written; the next round begins anew.
        """
        served = self._source.fresh()
        if served is None:
            return False
        alerts = self._catalogue.alerts
        cursor = alerts.cursor()
        if cursor is None:
            cursor = alerts.begin(served.index_state.revision)
        with translated():
            if not self._needs.follow(served, self._goes_on):
                return False
            page = self._known(served, alerts.arrived(cursor, served.index_state.revision, _PAGE))
            if page:
                self._look(served, page, (cursor, page[-1].arrived))
                return True
            if monotonic() >= self._waiting_from:
                self._look_at_waiting(served, cursor)
                self._waiting_from = monotonic() + _WAITING_EVERY_S
        return False

    def _goes_on(self) -> bool:
        return not self._stop.is_set()

    @staticmethod
    def _known(served: Served, page: Sequence[Arrival]) -> list[Arrival]:
        """Those up to the first that changed behind what is served: vector and text must be of one moment."""
        later = (n for n, arrival in enumerate(page) if arrival.revision > served.index_state.revision)
        return list(page[: next(later, len(page))])

    def _look(
        self, served: Served, page: Sequence[Arrival], moved: tuple[int, int], gone: Sequence[str] | None = None
    ) -> None:
        """Record the alerts of some new patents.

        Args:
            served: where they are searched.
            page: the patents.
            moved: the cursor before and after them.
            gone: given where they had been waiting: ids of others that had and were deleted.
        """
        found = self._searchable(served, page)
        ready = {patent.record.id for patent in found}
        done = [] if gone is None else [*gone, *ready]
        if gone is not None and not done:
            return
        shown = [patent for patent in found if not is_withdrawn(patent.record.status)]
        scored = self._finder(served).find(shown) if shown else []
        before, after = moved
        made = self._catalogue.alerts.record(
            Looked(
                before=before,
                after=after,
                alerts=scored,
                waits=[arrival.id for arrival in page if arrival.id not in ready] if gone is None else [],
                done=done,
                announce=self._settings.announce,
            )
        )
        if made:
            log.info("%d alerts of %d new patents", made, len(shown))

    def _finder(self, served: Served) -> AlertFinder:
        scorer = Scorer.of(served, shared_terms=self._settings.shared_terms)
        return AlertFinder(scorer, self._needs.watched(scorer.scale), self._catalogue, self._excluded)

    def _searchable(self, served: Served, page: Sequence[Arrival]) -> list[NewPatent]:
        """Those that a search can find, by the text that they have now."""
        records = self._catalogue.get_many(Kind.PATENTS, [arrival.id for arrival in page])
        found = []
        for arrival in page:
            address, record = served.index_state.address_of(arrival.id), records.get(arrival.id)
            if address is not None and isinstance(record, Patent) and arrival.id not in served.state.pending:
                found.append(NewPatent(arrival, record, address))
        return found

    def _look_at_waiting(self, served: Served, cursor: int) -> None:
        """Look at those that could not be searched before and can be now."""
        state = served.state
        for ids in self._catalogue.alerts.waiting():
            there = [key for key in ids if key not in state.pending and key not in state.left_out]
            for start in range(0, len(there), _PAGE):
                if not self._goes_on():
                    return
                part = there[start : start + _PAGE]
                arrivals = self._catalogue.alerts.arrivals(Kind.PATENTS, part)
                page = [one for one in arrivals.values() if one.revision <= served.index_state.revision]
                self._look(served, page, (cursor, cursor), [key for key in part if key not in arrivals])

    def _run(self) -> None:
        busy = False
        while not self._stop.wait(0 if busy else self._settings.poll_seconds):
            try:
                busy = self._mine() and self.round()
                self._failure = ""
            except Exception as error:  # a thread that ends here would leave every need unwatched for good
                busy = False
                self._say_once(error)

    def _mine(self) -> bool:
        """Whether this is the process of its home that watches."""
        try:
            self._lock.acquire()
        except LockedError:
            return False
        except OSError:  # a home that cannot be written: alerts are recorded once whoever watches
            return True
        return True

    def _say_once(self, error: Exception) -> None:
        """What fails again in the next round is not said again."""
        text = error.message if isinstance(error, PatmatchError) else f"{type(error).__name__}: {error}"
        if text != self._failure:
            self._failure = text
            log.error("watching needs failed, trying again: %s", text)


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
        query = self._scorer.query(stored.text_parts, need.lang, self._watched.queries.vectors[row], titled=True)
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
