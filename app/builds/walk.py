"""Passes over the catalogue that a build makes: every text embedded, ids and columns taken along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from random import Random
from typing import Any

from app.arrays import Floats
from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind
from app.progress import Progress, Report
from app.ranking.space import Space
from app.serving.embedding import Embedder
from app.serving.spaces import HEADINGS_A_LANGUAGE
from app.serving.translation import COLUMNS, column_values
from app.text.reading import heading_of, passage_of
from app.text.terms import terms_of
from index import text_key
from index.durable import failpoint
from models import Role

PAGE = 4096
"""Records read, and their missing texts embedded, at once; sorting by length pays from some hundred texts on."""
_SAMPLE = 200
"""Queries that an approximate index is tuned and measured on: 4,000 places, a standard error below 0.003 at 0.98."""
_EXACT_SAMPLE = 32
"""Queries for an exact index, whose recall can only show a fault; a small demo is not kept waiting for more."""
_CATCH_UP = 1_000
"""Records changed during a walk from which on it is walked again; fewer are the served delta's business."""
_MOST_WALKS = 3
"""After these a build goes on all the same: a catalogue that changes all the time would never let it end."""


_ASKERS = {
    Kind.PATENTS: (Kind.NEEDS, Kind.FIRMS, Kind.PATENTS),
    Kind.NEEDS: (Kind.PATENTS, Kind.NEEDS),
    Kind.FIRMS: (Kind.PATENTS, Kind.FIRMS),
}
"""Whose texts are the recall's sample queries, by preference: those made of the corpus itself flatter an index."""


@dataclass(slots=True)
class Walk:
    """One pass over the catalogue: ids, text keys and filter columns, in the order of ids."""

    revision: int
    ids: list[str] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    skipped: int = 0
    headings: dict[str | None, list[str]] = field(default_factory=dict)
    _seen: Counter[str | None] = field(default_factory=Counter)
    _random: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - a sample, no secret

    @property
    def languages(self) -> list[str | None]:
        """The language of each record."""
        return self.columns["lang"]

    def add(self, page: list[AnyRecord], passages: list[str], kind: Kind) -> None:
        """Take in a page of records, and the passage of each."""
        self.ids += [record.id for record in page]
        self.keys += [text_key(Role.PASSAGE, text) for text in passages]
        for name in COLUMNS[kind]:
            self.columns.setdefault(name, []).extend(column_values(page, name))
        for record in page:  # each as likely as any other of its language (Vitter's algorithm R, 1985)
            kept = self.headings.setdefault(record.lang, [])
            self._seen[record.lang] += 1
            if len(kept) < HEADINGS_A_LANGUAGE:
                kept.append(heading_of(record))
            elif (place := self._random.randrange(self._seen[record.lang])) < HEADINGS_A_LANGUAGE:
                kept[place] = heading_of(record)

    def headings_alike(self, count: int) -> list[tuple[str, str | None]]:
        """Up to ``count`` of the headings that were kept, and the language of each, by its share of the records."""
        records = self._seen.total() or 1
        return [
            (heading, language)
            for language, kept in self.headings.items()
            for heading in kept[: round(count * self._seen[language] / records)]
        ][:count]


class Walker:
    """Walks the records of a catalogue.

    Args:
        catalogue: whose records.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def caught_up(self, target: Kind, embedder: Embedder, report: Report) -> Walk:
        """Walk, and walk again while many records changed meanwhile: embedding may take days, a second walk minutes.

        The revision is that before the last walk: what is changed during a walk is seen in either state, so whoever
        adds the changes since then to the snapshot misses none.
        """
        for _ in range(_MOST_WALKS):
            walk = self._walk(target, embedder, report)
            failpoint("build.walked")
            if self._catalogue.count_changed(target, walk.revision) < _CATCH_UP:
                break
        return walk

    def terms(self, target: Kind, walk: Walk) -> Iterator[Mapping[str, int]]:
        """The terms of each record of a walk, in its order.

        A record that was changed or deleted since has none: whoever adds the changes since the walk adds its own.
        """
        for start in range(0, len(walk.ids), PAGE):
            ids, keys = walk.ids[start : start + PAGE], walk.keys[start : start + PAGE]
            records = self._catalogue.get_many(target, ids)
            for record_id, key in zip(ids, keys, strict=True):
                record = records.get(record_id)
                passage = "" if record is None else passage_of(record)
                yield terms_of(passage) if text_key(Role.PASSAGE, passage) == key else {}

    def _walk(self, target: Kind, embedder: Embedder, report: Report) -> Walk:
        walk, total = Walk(self._catalogue.revision()), self._catalogue.count(target)

        def tell(done: int) -> None:
            report(Progress("embed", len(walk.ids) + done, total))

        tell(0)
        for page in self._catalogue.iterate(target, batch_size=PAGE):
            failpoint("build.page")
            texts = [passage_of(record) for record in page]
            embedder.embed(texts, Role.PASSAGE, tell)
            failpoint("build.embedded")
            readable = [pair for pair in zip(page, texts, strict=True) if pair[1] not in embedder.empty]
            walk.skipped += len(page) - len(readable)
            walk.add([record for record, _ in readable], [text for _, text in readable], target)
            tell(0)
        return walk

    def asked_of(self, target: Kind, embedder: Embedder, walk: Walk, count: int) -> tuple[Floats, list[str | None]]:
        """Up to ``count`` queries for this target: headings of the kind that asks for it, then of its own records.

        Its own are those that its space was measured with, so they are embedded already.

        Returns:
            The encoder's own vectors float32 ``[m, d]``, and the language of each.
        """
        asked = self._headings(_ASKERS[target][0], count)
        return _embedded(embedder, asked + walk.headings_alike(count - len(asked)))

    def sample_queries(self, target: Kind, embedder: Embedder, space: Space, *, exact: bool) -> Floats:
        """Vectors float32 ``[m, d]`` of texts that ask for this target: other kinds' first, then its own titles."""
        size, asked = _EXACT_SAMPLE if exact else _SAMPLE, list[_Asked]()
        for kind in _ASKERS[target]:
            asked += self._headings(kind, size - len(asked))
        return space.of_queries(*_embedded(embedder, asked))

    def _headings(self, kind: Kind, count: int) -> list[_Asked]:
        """The first ``count`` headings of a kind."""
        records = chain.from_iterable(self._catalogue.iterate(kind, batch_size=max(1, count)))
        return [(heading_of(record), record.lang) for record in islice(records, count)]


_Asked = tuple[str, str | None]


def _embedded(embedder: Embedder, asked: list[_Asked]) -> tuple[Floats, list[str | None]]:
    """Vectors of those texts that the model can read, and the language of each."""
    vectors = embedder.vectors([text for text, _ in asked], Role.QUERY)
    return vectors, [language for text, language in asked if text not in embedder.empty]
