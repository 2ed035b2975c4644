"""What experiments are made from: the vectors and terms of judged queries and of a corpus, as a build has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

import index
from app.arrays import Floats
from app.catalogue import Catalogue
from app.domain import Kind, Query
from app.ingest.text import fold_line
from app.progress import Report
from app.ranking.reading import heading_of
from app.ranking.space import Space
from app.ranking.views import TITLE_WEIGHT, combine_views
from app.services.embedding import Embedder
from app.services.evaluation_material import EvaluationMaterial
from app.services.queries import QueryResolver, ResolvedQuery
from app.services.spaces import measured_space
from app.services.walks import PAGE, Walk, Walker
from models import Encoder, Role

HEADINGS = 2_000
"""Headings of the corpus that ask it as if they were queries, at most: they tell how near a record is to everything."""

_TARGET = Kind.PATENTS
_ANY_LENGTH = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentMaterial:
    """Vectors are the encoder's own, unit vectors.

    Attributes:
        query_ids: of the queries that the model can read.
        views: the texts of each: title and text, or one of them.
        view_vectors: of all views of all queries, float32 ``[v, d]``.
        query_languages: of each query.
        ids: of the documents that the model can read, ascending.
        passages: their vectors, float32 ``[n, d]``.
        languages: of each document.
        headings: of some documents, asked as queries, float32 ``[m, d]``.
        heading_places: whose they are, int64 ``[m]``.
        space: as a build measures it.
        terms: of each document, and how often each occurs.
    """

    query_ids: tuple[str, ...]
    views: tuple[tuple[str, ...], ...]
    view_vectors: Floats
    query_languages: tuple[str | None, ...]
    ids: tuple[str, ...]
    passages: Floats
    languages: tuple[str | None, ...]
    headings: Floats
    heading_places: npt.NDArray[np.int64]
    space: Space
    terms: tuple[Mapping[str, int], ...]

    def queries(self, title_weight: float = TITLE_WEIGHT) -> Floats:
        """One vector a query, float32 ``[q, d]``, with this weight of a title beside a text."""
        counts = [len(views) for views in self.views]
        pair = (title_weight, 1 - title_weight)
        weights = [weight for count in counts for weight in (pair if count == 2 else (1.0,) * count)]
        return combine_views(self.view_vectors, counts, weights)


def titles_of(material: EvaluationMaterial) -> dict[str, str]:
    """What makes two queries one: their title as it is cleaned, whatever the case; the text where there is none."""
    return {row.id: (fold_line(row.title) or fold_line(row.text)).casefold() for row in material.queries.values()}


def experiment_material(
    material: EvaluationMaterial, encoder: Encoder, vectors_dir: Path, report: Report
) -> ExperimentMaterial:
    """Embed what has no kept vector, and read the corpus as a build does.

    Raises:
        ConflictError: another job writes vectors of this model.
    """
    with (
        _catalogue(material) as catalogue,
        index.VectorStore(vectors_dir / encoder.fingerprint, encoder.dimension) as store,
    ):
        embedder = Embedder(encoder, store)
        walker = Walker(catalogue)
        walk = walker.caught_up(_TARGET, embedder, report)
        source = index.StoredVectors(store, walk.keys)
        places, headings = _headings(catalogue, walk)
        embedder.embed(headings, Role.QUERY)
        read = [n for n, heading in enumerate(headings) if heading not in embedder.empty]
        queries = _readable(catalogue, material.asked(), embedder)
        views = [view for query in queries for view in query.views]
        return ExperimentMaterial(
            query_ids=tuple(query.query.id for query in queries),
            views=tuple(query.views for query in queries),
            view_vectors=embedder.vectors(views, Role.QUERY),
            query_languages=tuple(query.lang for query in queries),
            ids=tuple(walk.ids),
            passages=source.take(np.arange(len(walk.ids), dtype=np.int64)),
            languages=tuple(walk.languages),
            headings=embedder.vectors(headings, Role.QUERY),
            heading_places=places[read],
            space=measured_space(source, walk.languages, walk.headings, embedder, fewest=1),
            terms=tuple(walker.terms(_TARGET, walk)),
        )


@contextmanager
def _catalogue(material: EvaluationMaterial) -> Iterator[Catalogue]:
    with TemporaryDirectory(prefix="patmatch-experiments-", ignore_cleanup_errors=True) as folder:
        catalogue = Catalogue.open(f"sqlite:///{Path(folder) / 'catalogue.sqlite3'}")
        try:
            material.store(catalogue)
            yield catalogue
        finally:
            catalogue.close()


def _headings(catalogue: Catalogue, walk: Walk) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Where some records lie, spread over the corpus, and their headings."""
    places = np.sort(np.random.default_rng(0).permutation(len(walk.ids))[:HEADINGS]).astype(np.int64)
    wanted = [walk.ids[place] for place in places.tolist()]
    pages = (wanted[start : start + PAGE] for start in range(0, len(wanted), PAGE))
    records = dict(chain.from_iterable(catalogue.get_many(_TARGET, page).items() for page in pages))
    return places, [heading_of(records[key]) for key in wanted]


def _readable(catalogue: Catalogue, queries: list[Query], embedder: Embedder) -> list[ResolvedQuery]:
    """The queries as the service reads them; those of which the model cannot see every view fail there as well."""
    resolver = QueryResolver(catalogue, max_text_chars=_ANY_LENGTH)
    resolved = [one for one in resolver.resolve(queries, _TARGET) if isinstance(one, ResolvedQuery)]
    embedder.embed([view for query in resolved for view in query.views], Role.QUERY)
    return [query for query in resolved if not embedder.empty.intersection(query.views)]
