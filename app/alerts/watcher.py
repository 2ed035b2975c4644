"""Watches needs: looks at every new patent once, and records which needs it fits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Protocol

from app.alerts.finder import AlertFinder, Excluded, NewPatent
from app.alerts.watched import WatchedNeeds
from app.catalogue import Arrival, Catalogue, Looked
from app.domain import WITHDRAWN, Kind, Patent, WatchLevel
from app.errors import PatmatchError
from app.match.scorer import Scorer
from app.serving.failures import translated
from app.serving.served import Served
from index import FileLock, LockedError, VectorStore
from models import Encoder

log = logging.getLogger("patmatch.alerts")

_PAGE = 200
"""New patents looked at, and recorded with the cursor, at once: with 26,000 needs half a second. A message to a webhook
has the alerts that one need has of so many patents."""
_WAITING_EVERY_S = 2.0
"""Between two looks at patents that could not be searched before: of 100,000 each takes a tenth of that."""
_STOP_S = 30.0
"""How long a stop waits for the step that is being made."""


class PatentSource(Protocol):
    """Where new patents are searched."""

    def fresh(self) -> Served | None:
        """What is served, with every change committed before this call; a large load is followed later."""
        ...


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
        source: PatentSource,
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
            cursor = alerts.begin(served.view.revision)
        with translated():
            if not self._needs.follow(served, self._goes_on):
                return False
            page = self._known(served, alerts.arrived(cursor, served.view.revision, _PAGE))
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
        later = (n for n, arrival in enumerate(page) if arrival.revision > served.view.revision)
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
        shown = [patent for patent in found if patent.record.status not in WITHDRAWN]
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
            address, record = served.view.address_of(arrival.id), records.get(arrival.id)
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
                page = [one for one in arrivals.values() if one.revision <= served.view.revision]
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
