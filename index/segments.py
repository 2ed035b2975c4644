"""Changed records over a snapshot: what is held of each, and the small exact indexes that they are searched in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from index.arrays import Floats, IdList, Mask
from index.bm25 import NO_TERMS, Postings, TermCounts
from index.columns import ColumnKind, Columns, ColumnValues, Value
from index.engine import FaissIndex


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
    neighbour_means: Floats | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """Changed records in an exact index; ``values`` and ``terms`` are kept to merge it with another."""

    index: FaissIndex
    ids: IdList
    columns: Columns
    values: tuple[Mapping[str, Value], ...]
    terms: tuple[TermCounts, ...]
    postings: Postings
    neighbour_means: Floats

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
            np.stack([np.zeros_like(r.vector) if r.neighbour_means is None else r.neighbour_means for r in ordered]),
        )

    def upserts(self, hidden: Mask | None) -> list[Upsert]:
        """Its visible records."""
        places = np.arange(len(self.ids)) if hidden is None else np.flatnonzero(~hidden)
        vectors = self.index.vectors_at(places)
        return [
            Upsert(self.ids[place], vector, self.values[place], self.terms[place], self.neighbour_means[place])
            for place, vector in zip(places.tolist(), vectors, strict=True)
        ]
