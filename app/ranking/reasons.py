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

from app.arrays import Floats, Ints
from app.domain import Meaning

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


def chance_thresholds(vectors: Floats, scripts: Sequence[str]) -> dict[tuple[str, str], float]:
    """How similar the most similar of random terms of each two scripts are: the thresholds of a table of terms.

    Measured and not fixed, because every model has its own spread. Scripts of too few terms have no entry.

    Args:
        vectors: float32 ``[t, d]``, unit vectors relative to the mean of their script.
        scripts: of each.
    """
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
        value, told = float(similar[row, column]), float(min(query.weights[row], record.weights[column]))
        pair = Meaning(query=query.names[row], record=record.names[column], similarity=min(value, 1.0))
        if back[column] == row and value >= bound and told >= TELLING and not _written_alike(pair, letters):
            found.append((value * told, pair))
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
            told = record.weights[own] @ record.vectors[own]
            lengths = max(float(np.linalg.norm(told) * np.linalg.norm(asked)), _NOTHING)
            scores[place] += float(told @ asked) / lengths
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
