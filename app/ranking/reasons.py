"""Why a record matches: terms of either side that mean the same, and the sentence that carries most of it.

Every term of a corpus is embedded once, alone, when its index is built. A text's terms are then looked up, not
computed, and everything here is products of small matrices. Terms are compared relative to the mean of their script
(`app.ranking.space`): a multilingual encoder keeps scripts apart as it keeps languages apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from app.arrays import Floats, Ints
from app.domain import Meaning
from app.ranking.space import Space
from app.text.segments import Lexicon, script_of

CHANCE, CHANCE_ALIKE = 1e-3, 2e-4
"""Share of random pairs of terms that are as similar as a pair must be to be shown: of two scripts, and of one. Within
one script terms that share a character or a stem lie close without meaning the same, so it takes more there."""
LEAST = 0.42
"""Similarity that a pair has in any case: of pairs below, in matches of unrelated texts, hardly one was right."""
TELLING = 3.0
"""Weight of a term that one text in twenty holds; what is more common says nothing of why two texts match."""
LETTERS_WEIGHT = 0.25
"""What shared letters count beside meaning in the choice of a sentence; beside cosines alone 0.1 to 0.5 chose alike."""
_PAIRS_DRAWN = 50_000
_FEWEST_DRAWN = 40
_NOTHING = 1e-9
_NEVER = float("inf")
_STEPS = 127
"""Largest part of a direction in 8 bits."""

Codes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of one text, each once.

    Attributes:
        names: as they are written, folded.
        scripts: of each, see `app.text.segments.script_of`.
        vectors: float32 ``[t, d]``, unit vectors relative to the mean of their script.
        weights: float32 ``[t]``, how much each tells: its inverse document frequency.
    """

    names: Sequence[str]
    scripts: Sequence[str]
    vectors: Floats
    weights: Floats


Thresholds = Mapping[tuple[str, str], float]
"""The similarity from which on two terms of a pair of scripts, in the order of their names, mean the same."""


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
        thresholds: see `chance_thresholds`.
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


def chance_thresholds(vectors: Floats, scripts: Sequence[str]) -> dict[tuple[str, str], float]:
    """How similar the most similar of random terms of each two scripts are: the thresholds of a table of terms.

    Measured and not fixed, because every model has its own spread. Scripts of too few terms have no entry.

    Args:
        vectors: float32 ``[t, d]``, unit vectors relative to the mean of their script.
        scripts: of each.
    """
    # A fixed seed: two builds of one corpus must show the same reasons.
    random, named, rows = np.random.default_rng(0), np.array(scripts), dict[str, Ints]()
    for script in sorted(set(scripts)):
        own = np.flatnonzero(named == script)
        if len(own) >= _FEWEST_DRAWN:
            rows[script] = own
    thresholds = {}
    for first, second in combinations_with_replacement(rows, 2):
        left, right = random.choice(rows[first], _PAIRS_DRAWN), random.choice(rows[second], _PAIRS_DRAWN)
        different = left != right
        similar = np.einsum("nd,nd->n", vectors[left[different]], vectors[right[different]])
        chance = float(np.quantile(similar, 1 - (CHANCE_ALIKE if first == second else CHANCE)))
        thresholds[first, second] = max(LEAST, chance)
    return thresholds


def meanings(
    query: Terms, record: Terms, thresholds: Thresholds, letters: Collection[str], limit: int
) -> tuple[Meaning, ...]:
    """Terms of both sides that mean the same though they are written otherwise, the most telling first.

    A pair is shown where each is the other's nearest and both are nearer than terms are by chance. Left out are terms
    that are common everywhere, that both sides share to the letter, or that hold each other.

    Args:
        query: terms of the query.
        record: terms of the record.
        thresholds: of `chance_thresholds`.
        letters: terms shared to the letter.
        limit: how many pairs are wanted.
    """
    if not len(query.names) or not len(record.names):
        return ()
    similar = query.vectors @ record.vectors.T
    nearest, back = similar.argmax(axis=1), similar.argmax(axis=0)
    found: list[tuple[float, Meaning]] = []
    for row, column in enumerate(nearest.tolist()):
        bound = _threshold(thresholds, query.scripts[row], record.scripts[column])
        value, telling = float(similar[row, column]), float(min(query.weights[row], record.weights[column]))
        pair = Meaning(query=query.names[row], record=record.names[column], similarity=min(value, 1.0))
        if back[column] == row and value >= bound and telling >= TELLING and not _written_alike(pair, letters):
            found.append((value * telling, pair))
    found.sort(key=lambda one: (-one[0], one[1].query))
    return tuple(pair for _, pair in found[:limit])


def carrying_sentence(query: Terms, record: Terms, sentences: Sequence[Sequence[int]], letters: Floats) -> int:
    """The place of the sentence that carries a match, by meaning and letter; the first of equals.

    A sentence's meaning is the cosine of its weighted sum of terms with the query's, which is about its subject, and
    the weighted mean over the query's terms of the most similar one in it, which is about details (the late
    interaction of Khattab and Zaharia, ColBERT, 2020).

    Args:
        query: terms of the query.
        record: terms of the record.
        sentences: of each, at least one, the places of its terms among the record's.
        letters: float32 ``[n]``, how many characters of the terms shared to the letter each has.
    """
    shares = letters / max(float(letters.max()), 1.0)
    if not len(query.names) or not len(record.names):
        return int(shares.argmax())
    similar = query.vectors @ record.vectors.T
    total = float(query.weights.sum())
    asked = query.weights @ query.vectors
    scores = LETTERS_WEIGHT * shares
    for place, rows in enumerate(sentences):
        if rows:
            own = np.asarray(rows)
            summed = record.weights[own] @ record.vectors[own]
            lengths = max(float(np.linalg.norm(summed) * np.linalg.norm(asked)), _NOTHING)
            scores[place] += float(summed @ asked) / lengths
            scores[place] += float(query.weights @ similar[:, own].max(axis=1)) / total
    return int(scores.argmax())


def _threshold(thresholds: Thresholds, first: str, second: str) -> float:
    return thresholds.get((min(first, second), max(first, second)), _NEVER)


def _written_alike(pair: Meaning, letters: Collection[str]) -> bool:
    return (
        pair.query in pair.record
        or pair.record in pair.query
        or any(pair.query in term or pair.record in term for term in letters)
    )
