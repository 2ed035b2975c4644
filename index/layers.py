"""What is searched at one moment: a snapshot, and over it the records that changed since.

A `View` is a pile of layers: the snapshot at the bottom, then segments, small exact indexes of changed records. A
record is visible in one layer only: where a newer version of it lies higher, or where it is gone, its place in the
lower layer is hidden. A view never changes; a change makes a new one, which shares everything that stays.

To others a record has one address, a number that counts the positions of all layers from the bottom up; it holds in
that view alone.

Segments are merged as they grow, each at least twice as large as the next (O'Neil et al., The log-structured
merge-tree, 1996), so that there are few of them and a record is copied a logarithmic number of times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from index.arrays import Floats, IdList, Mask, Positions
from index.bm25 import best
from index.columns import ColumnKind, Columns, Condition, Ids
from index.engine import NO_POSITION, FaissIndex, Plan
from index.segments import Segment, Upsert
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

    def showing(self, shown: Mask) -> Layer:
        """The layer with all hidden but what is shown, bool ``[n]``, and was visible before."""
        hidden = ~shown if self.hidden is None else self.hidden | ~shown
        return replace(self, hidden=hidden, hidden_count=int(np.count_nonzero(hidden)))

    def holding(self, terms: Sequence[str], corpus: TermIndex) -> Mask:
        """Bool ``[n]``: the positions that have all of some terms of the index."""
        if isinstance(self.searched, Segment):
            return self.searched.postings.holding(terms)
        found = np.zeros(len(self.searched.ids), dtype=np.bool_)
        found[corpus.holding(terms)] = True
        return found

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
        addresses: int64 ``[n]``, of the records in the view.
    """

    ids: tuple[str, ...]
    scores: Floats
    addresses: Positions


_NOTHING = Found((), np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class IndexState:
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
    def of(cls, snapshot: Snapshot, kinds: Mapping[str, ColumnKind], revision: int) -> IndexState:
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

    def changed(self, upserts: Sequence[Upsert], gone: Iterable[str], revision: int) -> IndexState:
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

    def holding(self, terms: Sequence[str]) -> Mask:
        """Bool, by address: the records, hidden ones too, that have all of some terms; all where no index can tell."""
        if self.terms is None or not terms:
            return np.ones(sum(len(layer.searched.ids) for layer in self.layers), dtype=np.bool_)
        return np.concatenate([layer.holding(terms, self.terms) for layer in self.layers])

    def showing(self, shown: Mask) -> IndexState:
        """The same with all records hidden but what is shown, bool by address; addresses stay."""
        parts = np.split(shown, self._starts[1:])
        return replace(self, layers=tuple(layer.showing(part) for layer, part in zip(self.layers, parts, strict=True)))

    def term_scores(self, terms: Mapping[str, float], addresses: Positions) -> Floats:
        """BM25 of the records at ``addresses`` int64 ``[n]``, float32 ``[n]``; 0 where nothing is shared.

        The statistics are the snapshot's, whichever layer a record is in. All 0 without an inverted index.
        """
        scores = np.zeros(len(addresses), dtype=np.float32)
        if self.terms is not None:
            for layer, mine, positions in self._by_layer(addresses):
                scores[mine] = layer.term_scores(terms, positions, self.terms)
        return scores

    def part_sizes(self, field: str) -> dict[str | None, int]:
        """How many records of all layers, hidden ones too, have each code of a field first."""
        total: Counter[str | None] = Counter()
        for layer in self.layers:
            total.update(layer.searched.columns.first_codes(field).counts)
        return dict(total)

    def codes_at(self, field: str, addresses: Positions) -> tuple[tuple[str | None, ...], Positions]:
        """The first codes in ``field`` that there are, and which of them each record has; ``None`` stands for none.

        Args:
            field: of the filter columns.
            addresses: int64 ``[n]``.

        Returns:
            Codes, and int64 ``[n]``, places among them.
        """
        numbers: dict[str | None, int] = {}
        found = np.zeros(len(addresses), dtype=np.int64)
        for layer, mine, positions in self._by_layer(addresses):
            first = layer.searched.columns.first_codes(field)
            own = [numbers.setdefault(code, len(numbers)) for code in (*first.codes, None)]
            found[mine] = np.array(own, dtype=np.int64)[first.places[positions]]  # -1 is the last of them: no code
        return tuple(numbers), found

    def known_codes(self, field: str, codes: Collection[str]) -> set[str]:
        """Those of ``codes`` that some record of any layer has in ``field``, hidden ones too."""
        return set().union(*(layer.searched.columns.known_codes(field, codes) for layer in self.layers))

    def vectors_at(self, addresses: Positions) -> Floats:
        """The vectors float32 ``[n, dimension]`` of the records at ``addresses`` int64 ``[n]``."""
        vectors = np.empty((len(addresses), self.snapshot.manifest.dimension), dtype=np.float32)
        for layer, mine, positions in self._by_layer(addresses):
            vectors[mine] = layer.searched.index.vectors_at(positions)
        return vectors

    def neighbour_means_at(self, addresses: Positions) -> Floats | None:
        """The mean of the neighbours of the records at ``addresses`` int64 ``[n]``, float32 ``[n, dimension]``.

        ``None`` where the snapshot keeps no neighbours. Those of changed records are in the snapshot too.
        """
        if self.snapshot.neighbours is None:
            return None
        neighbour_means = np.zeros((len(addresses), self.snapshot.manifest.dimension), dtype=np.float32)
        for layer, mine, positions in self._by_layer(addresses):
            own = layer.searched
            neighbour_means[mine] = (
                own.neighbour_means[positions] if isinstance(own, Segment) else self.snapshot.neighbour_means(positions)
            )
        return neighbour_means

    @property
    def ids(self) -> list[str]:
        """The id at each address, of hidden records too."""
        return [record_id for layer in self.layers for record_id in layer.searched.ids]

    def passing(self, conditions: Sequence[Condition]) -> Mask:
        """Bool, by address: the visible records that pass all conditions."""
        found = []
        for layer in self.layers:
            allowed = layer.mask(conditions)
            shown = np.ones(len(layer.searched.ids), dtype=np.bool_) if allowed is None else allowed
            found.append(shown if layer.hidden is None else shown & ~layer.hidden)
        return np.concatenate(found)

    def address_of(self, record_id: str) -> int | None:
        """Where a record is visible, or ``None``."""
        for layer, start in reversed(list(zip(self.layers, self._starts.tolist(), strict=True))):
            position = layer.searched.ids.position_of(record_id)
            if position is not None and (layer.hidden is None or not layer.hidden[position]):
                return int(start + position)
        return None

    def vector_of(self, record_id: str) -> Floats | None:
        """The vector float32 ``[dimension]`` that a record is found by, or ``None``."""
        address = self.address_of(record_id)
        return None if address is None else self.vectors_at(np.array([address], dtype=np.int64))[0]

    @property
    def _starts(self) -> Positions:
        """The first address of each layer."""
        return np.cumsum([0, *(len(layer.searched.ids) for layer in self.layers[:-1])], dtype=np.int64)

    def _by_layer(self, addresses: Positions) -> Iterator[tuple[Layer, Positions | slice, Positions]]:
        """Each layer that holds some of the addresses: which of them, and their positions in it."""
        if len(self.layers) == 1:  # as nearly always after a build
            yield self.layers[0], slice(None), addresses
            return
        starts = self._starts
        numbers = np.searchsorted(starts, addresses, side="right") - 1
        for number in np.unique(numbers).tolist():
            mine = np.flatnonzero(numbers == number)
            yield self.layers[number], mine, addresses[mine] - starts[number]

    def _merged(self, parts: Sequence[tuple[Floats, Positions]], k: int) -> Found:
        there = [positions != NO_POSITION for _, positions in parts]
        scores = np.concatenate([s[mask] for (s, _), mask in zip(parts, there, strict=True)])
        addresses = np.concatenate(
            [
                positions[mask] + start
                for (_, positions), mask, start in zip(parts, there, self._starts.tolist(), strict=True)
            ]
        )
        if len(parts) == 1 or not len(scores):
            return Found(tuple(self.layers[0].searched.ids.take(addresses)), scores, addresses)
        # The k best, with everything that ties with the last of them; ids decide among equals.
        near = np.flatnonzero(scores >= np.partition(scores, -min(k, len(scores)))[-min(k, len(scores))])
        named = np.empty(len(near), dtype=object)
        for layer, mine, positions in self._by_layer(addresses[near]):
            named[mine] = layer.searched.ids.take(positions)
        order = sorted(range(len(near)), key=lambda n: (-scores[near[n]], named[n]))[:k]
        kept = near[order]
        return Found(tuple(named[n] for n in order), scores[kept], addresses[kept])
