"""The terms of a corpus with their vectors, made once when its index is built and looked up ever after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.arrays import Floats
from app.ranking.reasons import Terms, Thresholds
from app.ranking.space import Space
from app.text.segments import Lexicon, script_of

Codes = npt.NDArray[np.int8]

_STEPS = 127
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class TermTable:
    """Terms, what each tells, and where it lies.

    Attributes:
        lexicon: cuts texts into these terms.
        places: of each term in the arrays.
        codes: int8 ``[t, d]``, the direction of each term relative to the mean of its script.
        weights: float32 ``[t]``, inverse document frequencies.
        uses: int32 ``[t]``, how many of the texts that they were learnt from hold each.
        space: the means of the scripts.
        thresholds: see `app.ranking.reasons.chance_thresholds`.
    """

    lexicon: Lexicon
    places: Mapping[str, int]
    codes: Codes
    weights: Floats
    uses: npt.NDArray[np.int32]
    space: Space
    thresholds: Thresholds

    def unknown(self, names: Sequence[str]) -> list[str]:
        """Those of ``names`` that the table does not hold."""
        return [name for name in names if name not in self.places]

    def moved(self, names: Sequence[str], vectors: Floats) -> Floats:
        """The encoder's vectors float32 ``[n, d]`` of ``names`` where the table's lie."""
        return self.space.of_passages(vectors, [script_of(name) for name in names])

    def terms(self, names: Sequence[str], more: Mapping[str, Floats] | None = None) -> Terms:
        """Those of ``names``, each once, that have a vector in the table or, float32 ``[d]``, among ``more``.

        A term of ``more`` is rarer than any of the table and weighs as much as its rarest.
        """
        others = more or {}
        known = [name for name in dict.fromkeys(names) if name in self.places or name in others]
        vectors = np.empty((len(known), self.codes.shape[1]), dtype=np.float32)
        weights = np.full(len(known), self.weights.max(initial=0.0), dtype=np.float32)
        rows = np.array([self.places.get(name, -1) for name in known], dtype=np.int64)
        own = rows >= 0
        vectors[own] = unpacked(self.codes[rows[own]])
        weights[own] = self.weights[rows[own]]
        for row in np.flatnonzero(~own).tolist():
            vectors[row] = others[known[row]]
        return Terms(known, [script_of(name) for name in known], vectors, weights)


def packed(vectors: Floats) -> Codes:
    """Directions float32 ``[n, d]`` as int8, each scaled to its largest part: a cosine errs by less than 0.003."""
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True, initial=0.0), _NOTHING)
    return np.asarray(np.rint(vectors * (_STEPS / largest)), dtype=np.int8)


def unpacked(codes: Codes) -> Floats:
    """The unit vectors float32 ``[n, d]`` of `packed`."""
    vectors = codes.astype(np.float32)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _NOTHING), dtype=np.float32)


def rarity(texts: int, frequency: npt.ArrayLike) -> Floats:
    """Inverse document frequencies, float32: ``log(1 + (n - f + 0.5) / (f + 0.5))``, as in BM25."""
    counts = np.asarray(frequency, dtype=np.float64)
    return np.log(1 + (texts - counts + 0.5) / (counts + 0.5)).astype(np.float32)
