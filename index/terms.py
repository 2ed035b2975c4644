"""The inverted index of a snapshot: which texts hold the terms of a query, and how well they fit by BM25.

Its files are tantivy's, mapped. tantivy wants a directory of its own, which it writes a lock into; a published snapshot
is never written to, so it is shown a temporary directory of links, which is gone once the files are mapped.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import tantivy

from index.arrays import Floats, Mask, Positions, check_mask
from index.bm25 import ForwardIndex, inverse_frequency, saturated
from index.errors import VectorInputError, VerificationError

TERMS_FILE = "terms.json"
META_FILE = "meta.json"
EXTENSIONS = ("fast", "fieldnorm", "idx", "pos", "store", "term")
TERMS, POSITION, TOKENS, SAMPLE, TEXT_LENGTH = "terms", "position", "tokens", "sample", "length"

FEW = 2_000
"""Positions that are queried one by one; more are looked up as a set, which first costs a pass over all positions."""
SCORE_NS, HIT_NS = 4_000, 1_000
"""What a position costs that is scored, and a hit of a deeper search, of 940,000 texts and some 34 terms; only their
ratio matters, for the choice between the two."""
DEEPEST = 65_536
"""Hits that a deeper search may bring; beyond, every passing position is scored."""
SCORE_TOLERANCE = 1e-4
"""How far apart two float32 sums of one BM25 may lie, relative to it."""

WEIGHTS_KEPT = 500_000
"""Terms whose rarity is remembered, 60 MB: asked again and again by the queries of a run."""

_SPARE = 16


@dataclass(frozen=True, slots=True)
class TermHits:
    """What a query's terms found, best first, equal scores by position.

    Attributes:
        positions: int64 ``[m]``, at most as many as requested: each shares a term.
        scores: float32 ``[m]``, BM25.
    """

    positions: Positions
    scores: Floats


class TermIndex:
    """Terms by position, searched by BM25. Only read; safe to use from several threads at once.

    The score of a text is the sum over the query's terms of ``w idf tf (k1 + 1) / (tf + k1 (1 - b + b length / mean))``
    with ``k1 = 1.2`` and ``b = 0.75``, the length rounded to one byte; see `index.bm25`. Sums are in float32 and in no
    fixed order, so that equal texts may differ by its rounding.

    Args:
        searcher: tantivy's.
        schema: of its index.
        tokens: terms of all texts together.
        sample: texts that were kept to verify with.
        forward: the same terms text by text.
    """

    def __init__(
        self,
        searcher: tantivy.Searcher,
        schema: tantivy.Schema,
        tokens: int,
        sample: Sequence[Mapping[str, Any]],
        forward: ForwardIndex,
    ) -> None:
        self._searcher = searcher
        self._forward = forward
        self._schema = schema
        self._count = int(searcher.num_docs)
        self._tokens = tokens
        self._sample = sample
        self._weights: dict[str, float] = {}

    @classmethod
    def open(cls, directory: Path) -> TermIndex:
        """The index whose files lie in ``directory``.

        Raises:
            OSError: a file cannot be read.
            ValueError: the files are not such an index.
        """
        body = json.loads((directory / TERMS_FILE).read_text(encoding="utf-8"))
        try:
            meta, tokens, sample = body["index"], int(body[TOKENS]), list(body[SAMPLE])
            with _linked(directory, meta) as shown:
                index = tantivy.Index.open(str(shown))
                index.config_reader("manual")
                index.reload()
                found = index.searcher()
                forward = ForwardIndex.open(directory, tokens / max(1, int(found.num_docs)))
                return cls(found, index.schema, tokens, sample, forward)
        except (KeyError, TypeError) as error:
            raise ValueError(f"it does not describe an index of terms: {error}") from error

    def __len__(self) -> int:
        return self._count

    @property
    def texts_by_position(self) -> int:
        """Texts whose terms are kept text by text too."""
        return len(self._forward)

    @property
    def mean_length(self) -> float:
        """Mean number of terms of a text."""
        return self._tokens / max(1, self._count)

    def document_frequency(self, term: str) -> int:
        """How many texts hold a term."""
        return int(self._searcher.doc_freq(TERMS, term)) if term and is_text(term) else 0

    @property
    def rarest(self) -> float:
        """The inverse document frequency of a term that one text holds."""
        return inverse_frequency(1, self._count)

    def weight(self, term: str) -> float:
        """The inverse document frequency; a term that no text holds counts as held by one."""
        if (known := self._weights.get(term)) is None:
            known = inverse_frequency(self.document_frequency(term), self._count)
            if len(self._weights) < WEIGHTS_KEPT:
                self._weights[term] = known
        return known

    def search(
        self, terms: Mapping[str, float], k: int, *, allowed: Mask | None = None, hidden: Mask | None = None
    ) -> TermHits:
        """The ``k`` best of the positions that share a term, are ``allowed`` and not ``hidden``.

        A filtered search gives the true best, whatever the selectivity: all that an unfiltered search returns and that
        passes is among them. Where few positions pass, all of these are scored; where many do, the search goes deeper
        until ``k`` of them are found or nothing is left that shares a term, and no deeper than `DEEPEST`, from where on
        all that pass are scored.

        Args:
            terms: what each counts, beside its rarity; more than 0.
            k: 1 or more.
            allowed: bool ``[n]``; every position when not given.
            hidden: bool ``[n]``, positions that no search finds any more; none when not given.

        Raises:
            VectorInputError: an argument is not of this kind.
        """
        if k < 1:
            raise VectorInputError(f"k must be 1 or more, not {k}")
        clauses, passing = self._clauses(terms), _passing(allowed, hidden, self._count)
        reachable = self._count if passing is None else int(np.count_nonzero(passing))
        if not clauses or not reachable:
            return _EMPTY
        if passing is None:
            return self._found(clauses, min(k, reachable))
        depth = -(-min(k, reachable) * self._count // reachable) + _SPARE
        if reachable * SCORE_NS > depth * HIT_NS:
            while depth <= DEEPEST:
                hits = self._found(clauses, min(depth, self._count))
                kept = passing[hits.positions]
                if int(kept.sum()) >= min(k, reachable) or len(hits.positions) < depth:
                    return TermHits(hits.positions[kept][:k], hits.scores[kept][:k])
                depth *= 2
        return self._best_among(clauses, np.flatnonzero(passing), k)

    def scores(self, terms: Mapping[str, float], positions: Positions) -> Floats:
        """BM25 of each of ``positions`` int64 ``[n]``, float32 ``[n]``; 0 where nothing is shared.

        Raises:
            VectorInputError: a position is not in the index, or a term counts nothing or less.
        """
        self._check_terms(terms)
        if not len(positions):
            return np.zeros(0, dtype=np.float32)
        if not 0 <= positions.min() <= positions.max() < self._count:
            raise VectorInputError(f"positions must be from 0 to {self._count - 1}")
        weights = {term: count * self.weight(term) for term, count in terms.items() if is_text(term)}
        return self._forward.scores(weights, positions)

    def holding(self, terms: Sequence[str]) -> Positions:
        """The positions that have all of some terms, one at least, int64 ``[m]`` in no order."""
        if not all(self.document_frequency(term) for term in terms):
            return _EMPTY.positions
        clauses = [(tantivy.Occur.Must, self._query(TERMS, term, "basic")) for term in terms]
        every = tantivy.Query.const_score_query(tantivy.Query.boolean_query(clauses), 1.0)
        most = min(self.document_frequency(term) for term in terms)
        hits = self._searcher.search(every, limit=most, count=False).hits
        return np.array(self._searcher.fast_field_values(POSITION, [address for _, address in hits]), dtype=np.int64)

    def check_sample(self) -> int:
        """Raise unless the texts that were kept when the index was written have the scores that BM25 gives them.

        Returns:
            How many were looked at.

        Raises:
            VerificationError: one has another score, or a search does not find it.
        """
        for text in self._sample:
            position, counts = int(text[POSITION]), text[TERMS]
            terms = dict.fromkeys(counts, 1.0)
            weights = np.array([self.weight(term) for term in terms], dtype=np.float32)
            length = np.full(len(terms), text[TEXT_LENGTH], dtype=np.int64)
            tf = saturated(np.array(list(counts.values()), dtype=np.int32), length, self.mean_length)
            true = float(weights @ tf)
            only = np.zeros(self._count, dtype=np.bool_)
            only[position] = True
            scores = (*self.search(terms, 1, allowed=only).scores, *self.scores(terms, np.array([position])))
            best = self.search(terms, 1).scores
            if any(abs(score - true) > SCORE_TOLERANCE * true for score in scores) or len(scores) != 2:
                raise VerificationError(f"the text at position {position} scores {scores} for its terms, not {true}")
            if not len(best) or best[0] < true * (1 - SCORE_TOLERANCE):
                raise VerificationError(f"a search for terms of the text at position {position} finds nothing as good")
        return len(self._sample)

    def _clauses(self, terms: Mapping[str, float]) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        """What each term that some text holds adds to the score."""
        self._check_terms(terms)
        return [
            (tantivy.Occur.Should, tantivy.Query.boost_query(self._query(TERMS, term, "freq"), weight))
            for term, weight in terms.items()
            if self.document_frequency(term)
        ]

    @staticmethod
    def _check_terms(terms: Mapping[str, float]) -> None:
        if not all(0 < weight < np.inf for weight in terms.values()):
            raise VectorInputError("what a term counts must be a finite number over 0")

    def _query(self, field: str, value: object, option: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, value, option)

    def _best_among(
        self, clauses: Sequence[tuple[tantivy.Occur, tantivy.Query]], positions: Positions, k: int
    ) -> TermHits:
        """The ``k`` best of ascending ``positions``."""
        found = [
            self._found([(tantivy.Occur.Must, self._only(block)), *clauses], min(k, len(block)))
            for block in np.array_split(positions, -(-len(positions) // DEEPEST))
        ]
        return _sorted(np.concatenate([hits.positions for hits in found]), np.concatenate([h.scores for h in found]), k)

    def _only(self, positions: Positions) -> tantivy.Query:
        """A query that these positions pass, without a score."""
        if len(positions) > FEW:
            among = tantivy.Query.term_set_query(self._schema, POSITION, positions.tolist())
        else:
            each = [self._query(POSITION, position, "basic") for position in positions.tolist()]
            among = tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in each])
        return tantivy.Query.const_score_query(among, 0.0)

    def _found(self, clauses: Sequence[tuple[tantivy.Occur, tantivy.Query]], limit: int) -> TermHits:
        # Counting all that match would look at each of them.
        hits = self._searcher.search(tantivy.Query.boolean_query(clauses), limit=limit, count=False).hits
        shared = [(score, address) for score, address in hits if score > 0]
        positions = self._searcher.fast_field_values(POSITION, [address for _, address in shared])
        scores = np.fromiter((score for score, _ in shared), dtype=np.float32, count=len(shared))
        return _sorted(np.array(positions, dtype=np.int64), scores, limit)


_EMPTY = TermHits(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))


def is_text(term: str) -> bool:
    """Whether UTF-8 can hold it: half a surrogate pair, which JSON can bring, it cannot."""
    try:
        term.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def segment_name(number: int) -> str:
    """The id of a segment as tantivy's ``meta.json`` has it."""
    return str(UUID(int=number))


def segment_file(number: int, extension: str) -> str:
    """The name of a segment's file in a snapshot."""
    return f"terms-{number}.{extension}"


def _sorted(positions: Positions, scores: Floats, k: int) -> TermHits:
    order = np.lexsort((positions, -scores))[:k]
    return TermHits(positions[order], scores[order])


def _passing(allowed: Mask | None, hidden: Mask | None, count: int) -> Mask | None:
    """The positions to look at; ``None`` for all."""
    passing = None if allowed is None else check_mask(allowed, count)
    if hidden is None or not check_mask(hidden, count).any():
        return passing
    return ~hidden if passing is None else passing & ~hidden


@contextmanager
def _linked(directory: Path, meta: Mapping[str, Any]) -> Iterator[Path]:
    """A directory as tantivy wants it, for as long as it takes to map the files."""
    segments: Iterable[object] = meta["segments"]
    # A thread of tantivy may still write its lock there while it is removed; what then is left are a few empty files.
    with tempfile.TemporaryDirectory(prefix="patmatch-terms-", ignore_cleanup_errors=True) as name:
        shown = Path(name)
        (shown / META_FILE).write_text(json.dumps(meta), encoding="utf-8")
        for number, _ in enumerate(segments):
            for extension in EXTENSIONS:
                target = (directory / segment_file(number, extension)).resolve()
                (shown / f"{number:032x}.{extension}").symlink_to(target)
        yield shown
