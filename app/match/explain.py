"""Why the matches of a query match, from what a snapshot keeps about terms: no text of a record is embedded for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from threading import Lock

import numpy as np

from app.arrays import Floats
from app.domain import AnyRecord, FigureMet, Match, Why
from app.match.required import holding_excluded
from app.ranking.reasons import Terms, TermTable, carrying_sentence, meanings
from app.serving.served import Served
from app.serving.term_tables import table_of
from app.serving.translation import translated
from app.text.negation import excluded_terms
from app.text.quantities import compared, figures
from app.text.reading import term_reading
from app.text.sentences import sentences
from app.text.terms import letters_shared, shared_terms, vocabulary
from index import Snapshot
from models import EmptyTextError, Encoder, Role

_TERMS_SHOWN = 8
_MEANINGS_SHOWN = 8
_FIGURES_SHOWN = 16
"""Figures of a query that are compared; a need with more is a data sheet."""
_QUERY_TERMS = 48
"""Terms of a query that are compared, those of its title first: a text of 3,000 characters has hundreds."""
_BODY_WEIGHT = 0.4
"""Weight of a term of a need's text beside one of its title in the choice of a sentence."""
_NEW_TERMS = 4
"""Terms of a query that are embedded because no table has them, the longest: each takes a few milliseconds."""
_NEW_LONGEST = 40
"""Characters of the longest of these: what is longer is a sequence or noise, and would take as long as an abstract."""
_NEW_KEPT = 4_096
"""New terms whose vectors are kept in memory, 1.5 KB each: who asks again, or asks for the next page, uses the same."""
_TABLES_KEPT = 6
"""Tables that are kept read: of each target the served one, and the one before while requests end."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A record as reasons are looked for in it: the terms of its title, its sentences and their terms."""

    title: Sequence[str]
    sentences: Sequence[str]
    terms: Sequence[Sequence[str]]

    @property
    def names(self) -> Iterator[str]:
        """Every term, repeats included."""
        return chain(self.title, *self.terms)


@dataclass(frozen=True, slots=True)
class _Question:
    """A query as its matches are compared with it.

    Attributes:
        vocabulary: its terms to the letter.
        query: its terms with what each tells.
        weighed: the same with what each counts in the choice of a sentence.
        known: terms of all matches.
        places: of these by name.
    """

    vocabulary: frozenset[str]
    query: Terms
    weighed: Terms
    known: Terms
    places: Mapping[str, int]


class Explainer:
    """Says why matches match. Safe to call from many threads."""

    def __init__(self) -> None:
        self._tables: dict[str, TermTable | None] = {}
        self._new: dict[tuple[str, str], Floats] = {}
        self._lock = Lock()

    def explained(
        self, served: Served, text_parts: Sequence[str], matches: Sequence[Match], *, titled: bool
    ) -> tuple[Match, ...]:
        """The matches of one query, each with its reasons.

        Without a table of terms, in a snapshot of an older version or of a few records, reasons are by letters alone.

        Args:
            served: what was searched.
            text_parts: the query's texts.
            matches: what was found.
            titled: whether the first of two text parts is a title.

        Raises:
            OverloadedError: too many texts wait for the encoder.
        """
        asked, table = vocabulary(" ".join(text_parts)), self._table(served.snapshot)
        readings = [_reading(match.record, table) for match in matches]
        if table is None:
            whys = [_by_letters(match, one, asked) for match, one in zip(matches, readings, strict=True)]
        else:
            query = self._query(table, served.encoder, text_parts)
            weighed = replace(query, weights=_weighed(query, table, text_parts, titled=titled))
            known = table.terms(list(chain.from_iterable(one.names for one in readings)))
            question = _Question(asked, query, weighed, known, {name: n for n, name in enumerate(known.names)})
            whys = [_by_meaning(match, one, question, table) for match, one in zip(matches, readings, strict=True)]
        said = _figures_and_exclusions(text_parts, matches) if titled else [((), ())] * len(matches)
        return tuple(
            replace(match, why=replace(why, figures=met, excluded=excluded))
            for match, why, (met, excluded) in zip(matches, whys, said, strict=True)
        )

    def _table(self, snapshot: Snapshot) -> TermTable | None:
        with self._lock:
            if snapshot.id not in self._tables:
                while len(self._tables) >= _TABLES_KEPT:
                    self._tables.pop(next(iter(self._tables)))
                self._tables[snapshot.id] = table_of(snapshot.arrays)
            return self._tables[snapshot.id]

    def _query(self, table: TermTable, encoder: Encoder, text_parts: Sequence[str]) -> Terms:
        """A query's terms, those of its first view first; some that no table has are embedded."""
        names = list(
            dict.fromkeys(chain.from_iterable(table.lexicon.terms(term_reading(text_part)) for text_part in text_parts))
        )
        unknown = table.unknown(names)
        short = [name for name in unknown if len(name) <= _NEW_LONGEST]
        new = sorted(short, key=lambda name: (-len(name), name))[:_NEW_TERMS]
        known = set(names) - set(unknown) | set(new)
        return table.terms(
            [name for name in names if name in known][:_QUERY_TERMS], self._embedded(table, encoder, new)
        )

    def _embedded(self, table: TermTable, encoder: Encoder, names: Sequence[str]) -> Mapping[str, Floats]:
        """Vectors of terms in the table's space, float32 ``[d]``; none where the model sees nothing in a term."""
        mark = encoder.fingerprint
        missing = [name for name in names if (mark, name) not in self._new]
        with translated():
            met = _encoded(encoder, missing)
        with self._lock:
            self._new |= {(mark, name): vector for name, vector in met.items()}
            kept = {name: self._new[mark, name] for name in names if (mark, name) in self._new}
            while len(self._new) > _NEW_KEPT:
                self._new.pop(next(iter(self._new)))
        if not kept:
            return {}
        return dict(zip(kept, table.moved(list(kept), np.stack(list(kept.values()))), strict=True))


def _figures_and_exclusions(
    text_parts: Sequence[str], matches: Sequence[Match]
) -> list[tuple[tuple[FigureMet, ...], tuple[str, ...]]]:
    """What each record says of the query's figures, and which of the terms that the query excludes it uses."""
    asked = list(dict.fromkeys(chain.from_iterable(map(figures, text_parts))))[:_FIGURES_SHOWN]
    excluded = excluded_terms(text_parts)
    return [
        (
            tuple(
                FigureMet(query=one.query.text, record=one.record.text if one.record else None, state=one.state)
                for one in compared(asked, figures(match.record.passage) if asked else ())
            ),
            holding_excluded(match.record, excluded),
        )
        for match in matches
    ]


def _encoded(encoder: Encoder, names: Sequence[str]) -> dict[str, Floats]:
    """The encoder's vectors of those of ``names`` in which it sees something."""
    left = list(names)
    while left:
        try:
            return dict(zip(left, encoder.encode(left, Role.QUERY).vectors, strict=True))
        except EmptyTextError as error:
            left.pop(error.position)
    return {}


def _reading(record: AnyRecord, table: TermTable | None) -> _Reading:
    *title, body = record.text_parts
    found = sentences(body) or [body]
    if table is None:
        return _Reading((), found, ())
    cut = table.lexicon.terms
    return _Reading(cut(term_reading(" ".join(title))), found, [cut(term_reading(sentence)) for sentence in found])


def _by_letters(match: Match, reading: _Reading, asked: frozenset[str]) -> Why:
    letters = shared_terms(asked, match.record.passage, _TERMS_SHOWN)
    place = int(_letters(letters, reading.sentences).argmax())
    return Why(terms=letters, passage=reading.sentences[place], signals=match.evidence)


def _by_meaning(match: Match, reading: _Reading, question: _Question, table: TermTable) -> Why:
    letters = shared_terms(question.vocabulary, match.record.passage, _TERMS_SHOWN)
    rows = list(dict.fromkeys(_rows(question.places, reading.names)))
    own = {row: place for place, row in enumerate(rows)}
    record = _part(question.known, rows)
    parts = [[own[row] for row in dict.fromkeys(_rows(question.places, terms))] for terms in reading.terms]
    place = carrying_sentence(question.weighed, record, parts, _letters(letters, reading.sentences))
    return Why(
        terms=letters,
        meanings=meanings(question.query, record, table.thresholds, letters, _MEANINGS_SHOWN),
        passage=reading.sentences[place],
        signals=match.evidence,
    )


def _weighed(query: Terms, table: TermTable, text_parts: Sequence[str], *, titled: bool) -> Floats:
    """What a query's terms count in the choice of a sentence: those of its title more than those of its text."""
    if not titled or len(text_parts) < 2:
        return query.weights
    title = set(table.lexicon.terms(term_reading(text_parts[0])))
    shares = np.array([1.0 if name in title else _BODY_WEIGHT for name in query.names], dtype=np.float32)
    return query.weights * shares


def _letters(letters: tuple[str, ...], found: Sequence[str]) -> Floats:
    return np.array([letters_shared(letters, sentence) for sentence in found], dtype=np.float32)


def _rows(places: Mapping[str, int], names: Iterable[str]) -> list[int]:
    return [places[name] for name in names if name in places]


def _part(terms: Terms, rows: Sequence[int]) -> Terms:
    own = np.asarray(rows, dtype=np.int64)
    return Terms(
        [terms.names[row] for row in rows], [terms.scripts[row] for row in rows], terms.vectors[own], terms.weights[own]
    )
