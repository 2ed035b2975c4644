"""The table of terms that reasons are looked up in: a build makes it from the catalogue, a snapshot keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from app.catalogue import Catalogue
from app.domain import Kind
from app.ranking.reasons import TermTable, chance_thresholds, packed, rarity
from app.ranking.space import ANY, Means, Space
from app.serving.embedding import Embedder
from app.text.reading import passage_of, term_reading
from app.text.segments import Lexicon, document_frequencies, learnt, script_of
from models import Role

Arrays = Mapping[str, npt.NDArray[Any]]

MOST_TERMS = 20_000
"""Terms of a table: of 100,000 patents those that about one in 3,000 holds. They are embedded once per fingerprint, in
the time of some 1,200 abstracts, and take 8 MB of a snapshot at 384 dimensions."""
FEWEST_TERMS = 200
"""With fewer terms, similarity by chance cannot be measured; reasons are then by letters alone."""
_FEWEST_TEXTS = 2
"""Texts that hold a term of the table: one that a single text holds leads to no other."""
_OWN_TEXTS, _OTHER_TEXTS = 8_000, 2_000
"""Texts that terms are learnt from, 1 ms each: of the target, and of each kind that asks for it."""
_PAGE = 2_000

_NAMES, _CODES, _WEIGHTS, _USES = "meanings.names", "meanings.codes", "meanings.weights", "meanings.uses"
_MEANS, _THRESHOLDS = "meanings.means", "meanings.thresholds"
_SCRIPTS = ("han", "hangul", "kana", "spaced")
"""The order of the scripts in a snapshot; the mean of all comes after them."""


def measured_table(catalogue: Catalogue, target: Kind, ids: Sequence[str], embedder: Embedder) -> TermTable | None:
    """The table of a target's terms; ``None`` where there are too few.

    Args:
        catalogue: where the texts are.
        target: whose index is built.
        ids: of its records.
        embedder: embeds the terms, and keeps their vectors for the next build.
    """
    texts = [term_reading(text) for text in _texts(catalogue, target, ids)]
    lexicon = learnt(texts)
    frequencies = document_frequencies(texts, lexicon)
    common = [term for term, texts_with in frequencies.items() if texts_with >= _FEWEST_TEXTS]
    # Equals by name, so that two builds of one corpus keep the same terms.
    names = sorted(common, key=lambda term: (-frequencies[term], term))[:MOST_TERMS]
    if len(names) < FEWEST_TERMS:
        return None
    embedder.embed(names, Role.QUERY)  # first, since it finds those in which the model sees nothing
    names = [name for name in names if name not in embedder.empty]
    uses = np.array([frequencies[name] for name in names], dtype=np.int32)
    vectors, scripts = embedder.vectors(names, Role.QUERY), [script_of(name) for name in names]
    means = Means(vectors.shape[1])
    means.add(vectors, scripts)
    measured = means.result()
    space = Space(measured, measured)
    moved = space.of_passages(vectors, scripts)
    return TermTable(
        lexicon=_lexicon(names, uses),
        places={name: place for place, name in enumerate(names)},
        codes=packed(moved),
        weights=rarity(len(texts), uses),
        uses=uses,
        space=space,
        thresholds=chance_thresholds(moved, scripts),
    )


def table_arrays(table: TermTable | None) -> dict[str, npt.NDArray[Any]]:
    """A table as named arrays of a snapshot; none where there is none."""
    if table is None:
        return {}
    names = "\n".join(table.places).encode()
    means = [table.space.queries.get(script, table.space.queries[ANY]) for script in (*_SCRIPTS, ANY)]
    thresholds = [[table.thresholds.get((one, two), np.nan) for two in _SCRIPTS] for one in _SCRIPTS]
    return {
        _NAMES: np.frombuffer(names, dtype=np.uint8),
        _CODES: table.codes,
        _WEIGHTS: table.weights,
        _USES: table.uses,
        _MEANS: np.stack(means),
        _THRESHOLDS: np.array(thresholds, dtype=np.float32),
    }


def table_of(arrays: Arrays) -> TermTable | None:
    """The table that `table_arrays` wrote; ``None`` where a snapshot holds none."""
    if _NAMES not in arrays:
        return None
    names = arrays[_NAMES].tobytes().decode().split("\n")
    means = dict(zip((*_SCRIPTS, ANY), arrays[_MEANS], strict=True))
    bounds = {
        (_SCRIPTS[one], _SCRIPTS[two]): float(arrays[_THRESHOLDS][one, two])
        for one, two in np.argwhere(~np.isnan(arrays[_THRESHOLDS])).tolist()
    }
    return TermTable(
        lexicon=_lexicon(names, arrays[_USES]),
        places={name: place for place, name in enumerate(names)},
        codes=arrays[_CODES],
        weights=arrays[_WEIGHTS],
        uses=arrays[_USES],
        space=Space(means, means),
        thresholds=bounds,
    )


def _lexicon(names: Sequence[str], uses: npt.NDArray[np.int32]) -> Lexicon:
    return Lexicon.of({name: int(count) for name, count in zip(names, uses, strict=True) if script_of(name) == "han"})


def _texts(catalogue: Catalogue, target: Kind, ids: Sequence[str]) -> Iterator[str]:
    """Texts of the target spread over its ids, and some of each other kind: queries are in their words."""
    chosen = ids[:: max(1, len(ids) // _OWN_TEXTS)][:_OWN_TEXTS]
    for start in range(0, len(chosen), _PAGE):
        for record in catalogue.get_many(target, chosen[start : start + _PAGE]).values():
            yield passage_of(record)
    for kind in Kind:
        if kind is not target:
            records = chain.from_iterable(catalogue.iterate(kind, batch_size=_PAGE))
            yield from (passage_of(record) for record in islice(records, _OTHER_TEXTS))
