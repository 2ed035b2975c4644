"""What is searched at one moment: a snapshot, and over it the records that changed since.

A `View` is a pile of layers: the snapshot at the bottom, then segments, small exact indexes of changed records. A
record is visible in one layer only: where a newer version of it lies higher, or where it is gone, its place in the
lower layer is hidden. A view never changes; a change makes a new one, which shares everything that stays.

Segments are merged as they grow, each at least twice as large as the next (O'Neil et al., The log-structured
merge-tree, 1996), so that there are few of them and a record is copied a logarithmic number of times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import faiss
import numpy as np

from index.bm25 import NO_TERMS, Postings, TermCounts, best
from index.checks import Floats, Mask, Positions
from index.columns import ColumnKind, Columns, ColumnValues, Value
from index.conditions import Condition, Ids
from index.engine import NO_POSITION, FaissIndex
from index.ids import IdList
from index.plan import Plan
from index.snapshot import Snapshot
from index.terms import TermIndex

SMALL_PART = 50_000
"""Records of a part up to which it is searched exactly: below that an inverted list search would come back short."""


@dataclass(frozen=True, slots=True)
class Part:
    """The records whose first code in ``field`` is ``code``; ``None`` for those without one."""

    field: str
    code: str | None


class Searched(Protocol):
    """A snapshot or a segment: an index, with the id and the filter columns of each position."""

    @property
    def index(self) -> FaissIndex:
        """The vectors."""
        ...

    @property
    def ids(self) -> IdList:
        """The ids."""
        ...

    @property
    def columns(self) -> Columns:
        """The filter columns."""
        ...


@dataclass(frozen=True, slots=True)
class Upsert:
    """A record as a segment holds it: its vector, the value of each filter column, and its terms.

    Attributes:
        vector: float32 ``[dimension]`` of unit length.
        terms: none where the snapshot below has no inverted index.
        around: the mean of its neighbours in the snapshot, float32 ``[dimension]``; ``None`` where that keeps none.
    """

    id: str
    vector: Floats
    values: Mapping[str, Value]
    terms: TermCounts = NO_TERMS
    around: Floats | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """Changed records in an exact index; ``values`` and ``terms`` are kept to merge it with another."""

    index: FaissIndex
    ids: IdList
    columns: Columns
    values: tuple[Mapping[str, Value], ...]
    terms: tuple[TermCounts, ...]
    postings: Postings
    around: Floats

    @classmethod
    def of(cls, records: Sequence[Upsert], kinds: Mapping[str, ColumnKind], dimension: int) -> Segment:
        """A segment of records with different ids, put in the order of their ids, as a snapshot's are.

        Raises:
            VectorInputError: an id occurs twice, or a value does not fit its column.
        """
        ordered = sorted(records, key=lambda record: record.id)
        flat = faiss.IndexFlatIP(dimension)
        flat.add(np.stack([record.vector for record in ordered]))
        columns = {name: ColumnValues(kind, [r.values.get(name) for r in ordered]) for name, kind in kinds.items()}
        return cls(
            FaissIndex(flat, threads=1),
            IdList.of([record.id for record in ordered]),
            Columns.build(len(ordered), columns),
            tuple(record.values for record in ordered),
            tuple(record.terms for record in ordered),
            Postings.of([record.terms for record in ordered]),
            np.stack([np.zeros_like(r.vector) if r.around is None else r.around for r in ordered]),
        )

    def upserts(self, hidden: Mask | None) -> list[Upsert]:
        """Its visible records."""
        places = np.arange(len(self.ids)) if hidden is None else np.flatnonzero(~hidden)
        vectors = self.index.vectors_at(places)
        return [
            Upsert(self.ids[place], vector, self.values[place], self.terms[place], self.around[place])
            for place, vector in zip(places.tolist(), vectors, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Layer:
    """A snapshot or segment with the positions that are hidden in it, bool ``[n]``; ``None`` hides none."""

    searched: Searched
    hidden: Mask | None = None
    hidden_count: int = 0

    @property
    def visible(self) -> int:
        """How many records it shows."""
        return len(self.searched.ids) - self.hidden_count

    def hiding(self, ids: Iterable[str]) -> Layer:
        """The layer with these ids hidden, those that it has."""
        places = self.searched.ids.positions_of(ids)
        if not len(places):
            return self
        hidden = np.zeros(len(self.searched.ids), dtype=np.bool_) if self.hidden is None else self.hidden.copy()
        hidden[places] = True
        return replace(self, hidden=hidden, hidden_count=int(np.count_nonzero(hidden)))

    def mask(self, conditions: Sequence[Condition]) -> Mask | None:
        """Bool ``[n]``: what passes; ``None`` when there is nothing to pass. A field that is not there passes none."""
        if not conditions:
            return None
        columns = self.searched.columns
        fields = {condition.field for condition in conditions if not isinstance(condition, Ids)}
        if not fields <= set(columns.fields):
            return np.zeros(len(self.searched.ids), dtype=np.bool_)
        return columns.mask(conditions, self.searched.ids)

    def within(self, part: Part, allowed: Mask | None) -> tuple[Mask | None, Mask | None]:
        """What is allowed and what is hidden where a search looks at one part alone."""
        first = self.searched.columns.first_codes(part.field)
        outside = first.other_than(part.code)
        if allowed is not None:
            return allowed & ~outside, self.hidden
        if first.counts.get(part.code, 0) <= SMALL_PART:
            return ~outside, self.hidden
        return None, outside if self.hidden is None else outside | self.hidden

    def search_terms(
        self, queries: Sequence[Mapping[str, float]], k: int, allowed: Mask | None, corpus: TermIndex
    ) -> list[tuple[Floats, Positions]]:
        """Scores float32 ``[m]`` and positions int64 ``[m]`` of the ``k`` best of each query's terms."""
        if not isinstance(self.searched, Segment):
            found = [corpus.search(terms, k, allowed=allowed, hidden=self.hidden) for terms in queries]
            return [(hits.scores, hits.positions) for hits in found]
        results = []
        for terms in queries:
            scores = self.searched.postings.scores(terms, corpus)
            if allowed is not None:
                scores[~allowed] = 0
            if self.hidden is not None:
                scores[self.hidden] = 0
            positions = best(scores, k)
            results.append((scores[positions], positions))
        return results

    def term_scores(self, terms: Mapping[str, float], positions: Positions, corpus: TermIndex) -> Floats:
        """BM25 of ``positions`` int64 ``[n]``, float32 ``[n]``."""
        if isinstance(self.searched, Segment):
            return self.searched.postings.scores(terms, corpus)[positions]
        return corpus.scores(terms, positions)


@dataclass(frozen=True, slots=True)
class Found:
    """The nearest of one query over all layers, best first, equal scores by id.

    Attributes:
        ids: of the records.
        scores: float32 ``[n]``, inner products.
        places: int64 ``[n, 2]``: layer and position in it.
    """

    ids: tuple[str, ...]
    scores: Floats
    places: Positions


_NOTHING = Found((), np.empty(0, dtype=np.float32), np.empty((0, 2), dtype=np.int64))


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot and what changed since. Immutable: a request that holds it has all its answers from one moment.

    Attributes:
        snapshot: the bottom layer's.
        layers: from the bottom up.
        kinds: the filter columns of segments.
        revision: the catalogue's revision that the view is true for.
    """

    snapshot: Snapshot
    layers: tuple[Layer, ...]
    kinds: Mapping[str, ColumnKind]
    revision: int

    @classmethod
    def of(cls, snapshot: Snapshot, kinds: Mapping[str, ColumnKind], revision: int) -> View:
        """A view of a snapshot alone."""
        return cls(snapshot, (Layer(snapshot),), kinds, revision)

    def __len__(self) -> int:
        return sum(layer.visible for layer in self.layers)

    @property
    def upserted(self) -> int:
        """How many records are not where the snapshot has them: new ones and new versions."""
        return sum(layer.visible for layer in self.layers[1:])

    @property
    def hidden(self) -> int:
        """How many of the snapshot's records are hidden: gone, or replaced."""
        return self.layers[0].hidden_count

    def changed(self, upserts: Sequence[Upsert], gone: Iterable[str], revision: int) -> View:
        """The view after these changes.

        Args:
            upserts: new records and new versions, each id once.
            gone: ids of records that are no more; none of them in ``upserts``.
            revision: the catalogue's revision after them.
        """
        ids = [record.id for record in upserts] + list(gone)
        layers = [layer.hiding(ids) for layer in self.layers] if ids else list(self.layers)
        layers = [layers[0], *(layer for layer in layers[1:] if layer.visible)]
        fresh = list(upserts)
        while fresh and len(layers) > 1 and layers[-1].visible < 2 * len(fresh):
            merged = layers.pop()
            assert isinstance(merged.searched, Segment)  # noqa: S101 - only the bottom one is not
            fresh = merged.searched.upserts(merged.hidden) + fresh
        if fresh:
            layers.append(Layer(Segment.of(fresh, self.kinds, self.snapshot.manifest.dimension)))
        return replace(self, layers=tuple(layers), revision=revision)

    def search(
        self, queries: Floats, k: int, conditions: Sequence[Condition] = (), *, part: Part | None = None
    ) -> tuple[list[Found], tuple[Plan, ...]]:
        """The ``k`` nearest visible records of each query that pass all conditions.

        Args:
            queries: float32 ``[q, dimension]``, C-contiguous.
            k: 1 or more.
            conditions: combined with AND; with one or more of them the answer is exact.
            part: look there alone. Unlike a condition it leaves a search of an approximate index as fast and as
                approximate as one of everything, unless the part is small.

        Returns:
            What each query found, and how each layer was searched.
        """
        hits = []
        for layer in self.layers:
            allowed, hidden = layer.mask(conditions), layer.hidden
            if part is not None:
                allowed, hidden = layer.within(part, allowed)
            hits.append(layer.searched.index.search(queries, k, allowed=allowed, hidden=hidden))
        found = [self._merged([(hit.scores[n], hit.positions[n]) for hit in hits], k) for n in range(len(queries))]
        return found, tuple(hit.plan for hit in hits)

    @property
    def terms(self) -> TermIndex | None:
        """The inverted index of the snapshot, whose statistics hold for segments too; ``None`` where it has none."""
        return self.snapshot.terms

    def search_terms(
        self, queries: Sequence[Mapping[str, float]], k: int, conditions: Sequence[Condition] = ()
    ) -> list[Found]:
        """The ``k`` best visible records of each query's terms by BM25, of those that pass all conditions.

        A snapshot without an inverted index finds nothing, and then nor do its segments.

        Args:
            queries: what each term counts, beside its rarity; more than 0.
            k: 1 or more.
            conditions: combined with AND; with one or more of them the answer is exact.
        """
        if self.terms is None:
            return [_NOTHING for _ in queries]
        parts = [layer.search_terms(queries, k, layer.mask(conditions), self.terms) for layer in self.layers]
        return [self._merged([found[n] for found in parts], k) for n in range(len(queries))]

    def term_scores(self, terms: Mapping[str, float], places: Positions) -> Floats:
        """BM25 of the records at ``places`` int64 ``[n, 2]``, float32 ``[n]``; 0 where nothing is shared.

        The statistics are the snapshot's, whichever layer a record is in. All 0 without an inverted index.
        """
        scores = np.zeros(len(places), dtype=np.float32)
        if self.terms is None:
            return scores
        for number, layer in enumerate(self.layers):
            mine = np.flatnonzero(places[:, 0] == number)
            if len(mine):
                scores[mine] = layer.term_scores(terms, places[mine, 1], self.terms)
        return scores

    def part_sizes(self, field: str) -> dict[str | None, int]:
        """How many records of all layers, hidden ones too, have each code of a field first."""
        total: Counter[str | None] = Counter()
        for layer in self.layers:
            total.update(layer.searched.columns.first_codes(field).counts)
        return dict(total)

    def codes_at(self, field: str, places: Positions) -> list[str | None]:
        """The first code in ``field`` of the records at ``places`` int64 ``[n, 2]``, ``None`` where there is none."""
        found: list[str | None] = [None] * len(places)
        for number, layer in enumerate(self.layers):
            mine = np.flatnonzero(places[:, 0] == number)
            if len(mine):
                first = layer.searched.columns.first_codes(field)
                for n, place in zip(mine.tolist(), first.places[places[mine, 1]].tolist(), strict=True):
                    found[n] = first.codes[place] if place >= 0 else None
        return found

    def vectors_at(self, places: Positions) -> Floats:
        """The vectors float32 ``[n, dimension]`` at ``places`` int64 ``[n, 2]`` of a ``Found``."""
        vectors = np.empty((len(places), self.snapshot.manifest.dimension), dtype=np.float32)
        for number, layer in enumerate(self.layers):
            mine = np.flatnonzero(places[:, 0] == number)
            if len(mine):
                vectors[mine] = layer.searched.index.vectors_at(places[mine, 1])
        return vectors

    def around_at(self, places: Positions) -> Floats | None:
        """The mean of the neighbours of the records at ``places`` int64 ``[n, 2]``, float32 ``[n, dimension]``.

        ``None`` where the snapshot keeps no neighbours. Those of changed records are in the snapshot too.
        """
        if self.snapshot.neighbours is None:
            return None
        around = np.zeros((len(places), self.snapshot.manifest.dimension), dtype=np.float32)
        for number, layer in enumerate(self.layers):
            mine = np.flatnonzero(places[:, 0] == number)
            if len(mine):
                searched = layer.searched
                positions = places[mine, 1]
                around[mine] = (
                    searched.around[positions] if isinstance(searched, Segment) else self.snapshot.around(positions)
                )
        return around

    def place_of(self, record_id: str) -> tuple[int, int] | None:
        """Layer and position where a record is visible, or ``None``."""
        for number in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[number]
            position = layer.searched.ids.position_of(record_id)
            if position is not None and (layer.hidden is None or not layer.hidden[position]):
                return number, position
        return None

    def vector_of(self, record_id: str) -> Floats | None:
        """The vector float32 ``[dimension]`` that a record is found by, or ``None``."""
        place = self.place_of(record_id)
        return None if place is None else self.vectors_at(np.array([place], dtype=np.int64))[0]

    def _merged(self, parts: Sequence[tuple[Floats, Positions]], k: int) -> Found:
        there = [positions != NO_POSITION for _, positions in parts]
        scores = np.concatenate([s[mask] for (s, _), mask in zip(parts, there, strict=True)])
        places = np.concatenate(
            [
                np.stack([np.full(int(mask.sum()), number), positions[mask]], axis=1)
                for number, ((_, positions), mask) in enumerate(zip(parts, there, strict=True))
            ]
        )
        if len(parts) == 1 or not len(scores):
            ids = self.layers[0].searched.ids.take(places[:, 1]) if len(scores) else []
            return Found(tuple(ids), scores, places)
        # The k best, with everything that ties with the last of them; ids decide among equals.
        near = np.flatnonzero(scores >= np.partition(scores, -min(k, len(scores)))[-min(k, len(scores))])
        named = [(self.layers[layer].searched.ids[position]) for layer, position in places[near].tolist()]
        order = sorted(range(len(near)), key=lambda n: (-scores[near[n]], named[n]))[:k]
        kept = near[order]
        return Found(tuple(named[n] for n in order), scores[kept], places[kept])
