"""How pairs of a run are scored: as `match` ranks them, with what does not depend on the query made once for all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.arrays import Floats, Ints, Mask
from app.match.candidates import asked_terms, brought
from app.progress import Progress, Report
from app.push.firms import PushFirms
from app.push.patents import PushPatents
from app.ranking.levels import Scale
from app.ranking.relevance import Crossings, Terms, crossings, relevance_of_codes
from app.ranking.space import surrounded
from app.serving.served import Served

Rows = Sequence[Floats]

_BLOCK = 8_192
"""Vectors seen among their ten neighbours at once: 126 MB."""


def ranked_rows(patents: PushPatents, folder: Path, report: Report) -> Rows:
    """The vectors that cosines are taken with, float32 ``[n, d]`` of each layer, by position.

    Each record stands among its neighbours (`app.ranking.space.surrounded`). A pair that is scored on its own looks
    them up; a run scores millions, so they are written out, in a mapped file of 1.4 GB for 940,000. Where a snapshot
    keeps no neighbours, the vectors are its own.
    """
    rows = []
    for number, layer in enumerate(patents.view.layers):
        own = layer.searched.index.all_rows()
        rows.append(own if patents.view.snapshot.neighbours is None else _written(patents, number, folder, report))
    return rows


def _written(patents: PushPatents, number: int, folder: Path, report: Report) -> Floats:
    count = len(patents.view.layers[number].searched.ids)
    shape, path = (count, patents.view.snapshot.manifest.dimension), folder / f"ranked-{number}.f32"
    folder.mkdir(parents=True, exist_ok=True)
    # Made anew by every process that makes a run: that takes seconds, and a part of a file is not to be told from one.
    rows = np.memmap(path, dtype=np.float32, mode="w+", shape=shape)
    for start in range(0, count, _BLOCK):
        positions = np.arange(start, min(start + _BLOCK, count), dtype=np.int64)
        places = np.stack([np.full_like(positions, number), positions], axis=1)
        around = patents.view.around_at(places)
        vectors = patents.view.vectors_at(places)
        rows[positions] = vectors if around is None else surrounded(vectors, around)
        report(Progress("neighbours", start + len(positions), count))
    rows.flush()
    return np.memmap(path, dtype=np.float32, mode="r", shape=shape)


class PushScoring:
    """Scores pairs of a run.

    Args:
        served: what is searched.
        patents: of the run.
        firms: whose queries.
        rows: of `ranked_rows`.
        shared_terms: whether shared terms count.

    Attributes:
        scale: how relevance is read as a score.
        fused: whether shared terms count here.
    """

    def __init__(
        self, served: Served, patents: PushPatents, firms: PushFirms, rows: Rows, *, shared_terms: bool
    ) -> None:
        self._served, self._patents, self._firms, self.rows = served, patents, firms, rows
        self.scale: Scale = served.reading(shared_terms=shared_terms).scale
        self.fused = served.ranking(shared_terms=shared_terms) == "fused"
        names = sorted({name for name in patents.languages.tolist() if name})
        self._languages: list[str | None] = [None, *names]
        self._crossings: dict[str | None, Crossings] = {}
        codes = {name: code for code, name in enumerate(self._languages)}
        self._codes = np.array([codes[name or None] for name in patents.languages.tolist()], dtype=np.int16)

    def terms_of(self, query: int) -> Terms:
        """What each term of a query counts; none where shared terms do not."""
        terms = self._served.view.terms
        if not self.fused or terms is None:
            return {}
        return asked_terms(self._firms.texts[query], terms, titled=self._firms.queries[query].need_id is not None)

    def cosines(self, vector: Floats, places: Ints) -> Floats:
        """Of a query's vector float32 ``[d]`` with the patents at ``places`` int64 ``[n]``, float32 ``[n]``."""
        found = np.empty(len(places), dtype=np.float32)
        for layer, positions, mine in self._by_layer(places):
            found[mine] = self.rows[layer][positions] @ vector
        return found

    def relevance(self, query: int, terms: Terms, places: Ints, cosines: Floats) -> Floats:
        """What ranks the patents at ``places`` int64 ``[n]`` for a query, float32 ``[n]``."""
        asked, shared = self._firms.queries[query], None
        if self.fused and (index := self._served.view.terms) is not None:
            bm25 = np.zeros(len(places), dtype=np.float32)
            for layer, positions, mine in self._by_layer(places):
                bm25[mine] = self._patents.view.layers[layer].term_scores(terms, positions, index)
            shared = brought(bm25, terms, index, titled=asked.need_id is not None)
        if (crossed := self._crossings.get(asked.lang)) is None:
            crossed = crossings(self._served.state.space, asked.lang, tuple(self._languages))
            self._crossings[asked.lang] = crossed
        return relevance_of_codes(cosines, shared, asked.lang, crossed.at(self._codes[places])).total

    def _by_layer(self, places: Ints) -> list[tuple[int, Ints, Mask | slice]]:
        """Layer, positions in it, and which of ``places`` they are."""
        starts = np.array(self._patents.offsets, dtype=np.int64)
        if len(starts) == 1:
            return [(0, places, slice(None))]
        layers = np.searchsorted(starts, places, side="right") - 1
        return [(n, places[layers == n] - starts[n], layers == n) for n in np.unique(layers).tolist()]


class RankedVectors:
    """The vectors of patents by their place in the run, as a source.

    Args:
        patents: of the run.
        rows: of `ranked_rows`.
    """

    def __init__(self, patents: PushPatents, rows: Rows) -> None:
        self._patents, self._rows = patents, rows

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._patents.view.snapshot.manifest.dimension

    def __len__(self) -> int:
        return len(self._patents)

    def take(self, positions: Ints) -> Floats:
        """The vectors at ``positions``."""
        places = self._patents.places(positions)
        found = np.empty((len(positions), self.dimension), dtype=np.float32)
        for layer in np.unique(places[:, 0]).tolist():
            mine = places[:, 0] == layer
            found[mine] = self._rows[layer][places[mine, 1]]
        return found
