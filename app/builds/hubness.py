"""Hubs of a corpus before and after its vectors are moved: few records that are near everything take others' places.

Radovanović, Nanopoulos and Ivanović, Hubs in Space: Popular Nearest Neighbors in High-Dimensional Data, 2010. A build
measures both with the same queries, by exact search, and the snapshot's manifest keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from app.arrays import Floats
from app.evaluation.collection import QueryRun, Ranked
from app.evaluation.measures import NDCG_DEPTH, hub_share, reach
from app.ranking.space import PLAIN, Space
from app.serving.spaces import MovedVectors
from index import Manifest, VectorSource
from index.engine import exact_search
from index.faiss_build import blocks_of

HUBNESS_KEY = "hubness"
"""Where a manifest, under ``extra``, says what was measured; absent in the encoder's own space and in older ones."""
HUBNESS_QUERIES = 200
"""Queries that are asked, at most: 2,000 places. Both figures depend on how many there are, so it is kept with them."""

Asked = Callable[[], tuple[Floats, Sequence[str | None]]]
"""Gives the encoder's own vectors of queries, float32 ``[q, d]``, and the language of each."""

_Hubness = dict[str, Any]


def measured_hubness(
    source: VectorSource,
    languages: Sequence[str | None],
    space: Space,
    asked: Asked,
    threads: int | None = None,
) -> dict[str, _Hubness]:
    """``hub_share@10`` and ``reach@10`` of the nearest ten, by cosines in the encoder's space and in this one.

    All vectors are read twice, a block at a time.

    Args:
        source: the encoder's own vectors, as they are kept.
        languages: of each.
        space: where they are moved to.
        asked: gives queries, called only where vectors are moved at all.
        threads: that the search may use; ``None`` leaves it to OpenMP.

    Returns:
        As `HUBNESS_KEY`, for a manifest: ``queries``, and ``before`` and ``after`` by name of the measure. Nothing
        where vectors are not moved.
    """
    if space is PLAIN:
        return {}
    queries, query_languages = asked()
    if not len(queries):
        return {}
    before = _measured(source, queries, threads)
    after = _measured(MovedVectors(source, space, languages), space.of_queries(queries, query_languages), threads)
    return {HUBNESS_KEY: {"queries": len(queries), "before": before, "after": after}}


def hubness_of(manifest: Manifest) -> _Hubness | None:
    """What a snapshot's build measured; ``None`` where it did not."""
    found: _Hubness | None = manifest.extra.get(HUBNESS_KEY)
    return found


def _measured(source: VectorSource, queries: Floats, threads: int | None) -> dict[str, float]:
    nearest = exact_search(blocks_of(source), queries, min(NDCG_DEPTH, len(source)), threads)
    runs = [
        QueryRun(query_id=str(number), ranked=tuple(Ranked(str(position), 0.0) for position in positions.tolist()))
        for number, positions in enumerate(nearest.positions)
    ]
    found = {"hub_share@10": hub_share(runs, len(source)), "reach@10": reach(runs, len(source))}
    return {name: round(value, 6) for name, value in found.items()}
