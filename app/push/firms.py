"""Who is pushed to, and what is asked for each: a firm's open needs, else its profile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from app.arrays import Floats, Ints
from app.catalogue import Catalogue
from app.domain import OPEN, Firm, Kind, Need
from app.match.queries import StoredQuery, stored_vectors
from app.progress import Progress, Report
from app.push.rules import PushRequest
from app.ranking.space import Space
from app.serving.embedding import Embedder
from app.serving.translation import conditions_of, still_passing
from app.text.normalising import folded_name
from index import VectorStore
from models import Role

_PAGE = 4_096
"""Firms read, and their missing texts embedded, at once; sorting by length pays from some hundred texts on."""


@dataclass(slots=True)
class PushFirms:
    """The firms of a run, and the queries asked for them, those of one firm side by side.

    Attributes:
        ids: of the firms, in order.
        names: folded.
        regions: GB/T 2260 codes.
        arms: ``a`` or ``b``.
        queries: what is asked.
        owners: the place of each query's firm.
        without: firms in whose texts the model sees nothing.
    """

    ids: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    regions: list[str | None] = field(default_factory=list)
    arms: list[str] = field(default_factory=list)
    queries: list[StoredQuery] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    without: list[str] = field(default_factory=list)

    def add(self, firm: Firm, arm: str, asked: Sequence[StoredQuery], empty: set[str]) -> None:
        """Take in a firm with what is asked for it; ``empty`` are the texts in which the model sees nothing."""
        place, before = len(self.ids), len(self.queries)
        self.ids.append(firm.id)
        self.names.append(folded_name(firm.name))
        self.regions.append(firm.region)
        self.arms.append(arm)
        for one in asked:
            if (query := one.without(empty)).keys:
                self.queries.append(query if query.industry else replace(query, industry=firm.industry))
                self.owners.append(place)
        if len(self.queries) == before:
            self.without.append(firm.id)


class AskedVectors:
    """The vectors of queries as a source, made of the kept vectors of their texts; nothing is held.

    Args:
        queries: of the run.
        store: where the vectors of their texts are kept.
        space: that of the snapshot.
    """

    def __init__(self, queries: Sequence[StoredQuery], store: VectorStore, space: Space) -> None:
        self._queries, self._store, self._space = queries, store, space

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._store.dimension

    def __len__(self) -> int:
        return len(self._queries)

    def take(self, positions: Ints) -> Floats:
        """The unit vectors float32 ``[n, dimension]`` of queries."""
        return stored_vectors([self._queries[n] for n in positions.tolist()], self._store, self._space)


def push_firms(
    catalogue: Catalogue, embedder: Embedder, request: PushRequest, opted_out: frozenset[str], report: Report
) -> PushFirms:
    """Walk the firms, embed what is queried for each, and note it. What was embedded before is not embedded again.

    Args:
        catalogue: the records.
        embedder: of the encoder that the patents were embedded with.
        request: which firms, and the rules of each arm.
        opted_out: firms that get no list.
        report: called with how far it is.
    """
    needs, conditions = _open_needs(catalogue), conditions_of(request.firms)
    arm_of = arm_by(request.seed, compared=request.compare is not None)
    found, done, total = PushFirms(), 0, catalogue.count(Kind.FIRMS)
    report(Progress("embed", 0, total))
    for page in catalogue.iterate(Kind.FIRMS, batch_size=_PAGE):
        passing = still_passing(page, Kind.FIRMS, conditions) if conditions else {firm.id for firm in page}
        firms = [
            firm
            for firm in cast(list[Firm], page)
            if firm.id in passing
            and firm.id not in opted_out
            and firm.status not in request.arms[arm_of(firm.id)].exclude_firm_status
        ]
        asked = _asked_with(catalogue, firms, needs)
        text_parts = {
            key: index_state
            for records in asked.values()
            for record in records
            for key, index_state in zip(record.keys, record.embedded, strict=True)
        }
        absent = embedder.absent(text_parts)
        embedder.embed(absent, Role.QUERY, _within(done, len(page), total, len(absent), report))
        for firm in firms:
            found.add(firm, arm_of(firm.id), asked[firm.id], embedder.empty)
        done += len(page)
        report(Progress("embed", done, total))
    return found


def _within(done: int, page: int, total: int, texts: int, report: Report) -> Callable[[int], None]:
    """Tells how far a page of firms is by the texts of it that are embedded: a page takes minutes."""
    return lambda embedded: report(Progress("embed", done + page * embedded // max(1, texts), total))


def arm_by(seed: int, *, compared: bool) -> Callable[[str], str]:
    """Assigns firms to two rankings at random, the same way for a seed; all to ``a`` where nothing is compared."""

    def arm(firm_id: str) -> str:
        drawn = hashlib.sha256(f"{seed}\0{firm_id}".encode()).digest()[0]
        return "b" if compared and drawn % 2 else "a"

    return arm


def _open_needs(catalogue: Catalogue) -> dict[str, list[str]]:
    """Ids of the open needs of each firm that has some."""
    needs: dict[str, list[str]] = {}
    for page in catalogue.iterate(Kind.NEEDS):
        for need in cast(list[Need], page):
            if need.firm_id and need.status in OPEN:
                needs.setdefault(need.firm_id, []).append(need.id)
    return needs


def _asked_with(
    catalogue: Catalogue, firms: Sequence[Firm], needs: dict[str, list[str]]
) -> dict[str, list[StoredQuery]]:
    wanted = [need_id for firm in firms for need_id in needs.get(firm.id, ())]
    known = catalogue.get_many(Kind.NEEDS, wanted) if wanted else {}
    asked: dict[str, list[StoredQuery]] = {}
    for firm in firms:
        mine = [known[need_id] for need_id in needs.get(firm.id, ()) if need_id in known]
        asked[firm.id] = [StoredQuery.of(record) for record in mine or [firm]]
    return asked
