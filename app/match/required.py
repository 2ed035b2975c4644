"""Terms that records must hold or must not: those that a request names, and those that a query's own text excludes.

What a request names is exact: every record listed holds each `must` term or a name of the same thing, and none of the
`must_not` terms. The index of terms hides beforehand what cannot hold a `must` term; the text of the record decides.
What a text excludes (`app.text.negation`) is read, not said, so that it only stands behind the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.arrays import Mask
from app.domain import AnyRecord, MatchRequest
from app.errors import FieldError, InputError
from app.match.scorer import Candidates
from app.text.containing import folded_term, holds, needed, told_by_index
from app.text.negation import held
from app.text.reading import term_reading
from app.text.synonyms import in_force
from index import Condition, Ids, IndexState

MOST_TERMS = 32
"""Terms of `must` and of `must_not`: each is a search of the index of terms and of every text that is read."""
LONGEST_TERM = 64
"""Characters of one; longer is a sentence, which hardly two texts share."""

COMMON = 50_000
"""Texts of a snapshot from which on a term is common: to list them takes as long as a search."""
READ_AT_ONCE = 64
"""Candidates whose texts are read together where a query's text excludes something: mostly the first are enough."""

EXACTLY: Condition = Ids((), negate=True)
"""A condition that all pass, with which a search is exact."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a request asks of the text of each record.

    Attributes:
        must: for each term its names, folded; a record holds one of them.
        must_not: names, folded; a record holds none of them.
    """

    must: tuple[tuple[str, ...], ...] = ()
    must_not: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: MatchRequest) -> Requirements:
        """Those of a request.

        Raises:
            InputError: there are too many terms, or one is too long or has no letter, digit or character.
        """
        for field, terms in (("must", request.must), ("must_not", request.must_not)):
            _check(field, terms)
        return cls(
            tuple(_names(term) for term in request.must),
            tuple(dict.fromkeys(name for term in request.must_not for name in _names(term))),
        )

    def __bool__(self) -> bool:
        """Whether anything is required."""
        return bool(self.must or self.must_not)

    def narrowed(self, index_state: IndexState, *, strict: bool) -> IndexState:
        """The index state without records that cannot pass; addresses stay.

        Args:
            index_state: what is searched.
            strict: hide by common terms too, and also what may hold a `must_not` term without holding it, since too
                few of the records that were found before pass.
        """
        if not self:
            return index_state
        shown: Mask = np.ones(len(index_state.holding(())), dtype=np.bool_)
        for names in self.must:
            if strict or not any(_common(index_state, name) for name in names):
                shown &= np.logical_or.reduce([index_state.holding(needed(name)) for name in names])
        for name in self.must_not:
            if needed(name) and (strict or (told_by_index(name) and not _common(index_state, name))):
                shown &= ~index_state.holding(needed(name))
        return index_state.showing(shown)

    def passing(self, records: Mapping[str, AnyRecord]) -> dict[str, AnyRecord]:
        """Those of the records whose text is as required."""
        return {key: record for key, record in records.items() if self._met_by(term_reading(record.passage))}

    def _met_by(self, folded: str) -> bool:
        return all(any(holds(folded, name) for name in names) for names in self.must) and not any(
            holds(folded, name) for name in self.must_not
        )


def _common(index_state: IndexState, name: str) -> bool:
    """Whether so many texts may hold a name that reading the first candidates is cheaper than listing all that do."""
    corpus = index_state.terms
    return corpus is not None and min(map(corpus.document_frequency, needed(name)), default=0) > COMMON


def _names(term: str) -> tuple[str, ...]:
    """A term and the other names of the same thing, folded."""
    return tuple(dict.fromkeys(folded_term(name) for name in (term, *in_force().groups(term))))


def _check(field: str, terms: Sequence[str]) -> None:
    problem = None
    if len(terms) > MOST_TERMS:
        problem = (
            f"{field} has {len(terms)} terms; at most {MOST_TERMS} are allowed.",
            f"{field} 有 {len(terms)} 个词，最多允许 {MOST_TERMS} 个。",
        )
    elif wrong := [term for term in terms if len(term) > LONGEST_TERM]:
        problem = (
            f"A term of {field} has {len(wrong[0])} characters; at most {LONGEST_TERM} are allowed.",
            f"{field} 中有一个词长 {len(wrong[0])} 个字符，最多允许 {LONGEST_TERM} 个。",
        )
    elif any(not any(character.isalnum() for character in term_reading(term)) for term in terms):
        problem = (
            f"A term of {field} has no letter, digit or Chinese character; give a word.",
            f"{field} 中有一个词不含文字或数字，请填写词语。",
        )
    if problem is not None:
        raise InputError(*problem, code="bad_terms", fields=(FieldError(field, *problem),))


def holding_excluded(record: AnyRecord, excluded: Sequence[str]) -> tuple[str, ...]:
    """Those of the terms that a query's text excludes which a record uses, and nowhere says to be without."""
    return held(record.passage, excluded, [in_force().groups(term) for term in excluded]) if excluded else ()


@dataclass(frozen=True, slots=True)
class ClearFirst:
    """Puts the candidates that use what a query's text excludes behind the others.

    Attributes:
        read: gives records by their ids.
        places: how many candidates that are clear of it are wanted.
        beyond: whether those that use it are kept though there may be more than ``places`` clear ones.
    """

    read: Callable[[Sequence[str]], Mapping[str, AnyRecord]]
    places: int
    beyond: bool

    def ordered(self, found: Candidates, excluded: Sequence[str]) -> Candidates:
        """The candidates, best first, in that order; those that use it are a group of their own.

        Args:
            found: best first, of one group.
            excluded: terms.
        """
        if not excluded:
            return found.first(self.places)
        clear, using = list[int](), list[int]()
        for start in range(0, len(found.ids), READ_AT_ONCE):
            block = found.ids[start : start + READ_AT_ONCE]
            records = self.read(block)
            for place, key in enumerate(block, start):
                uses = key in records and holding_excluded(records[key], excluded)
                (using if uses else clear).append(place)
            if len(clear) >= self.places:
                break
        kept_using = using if self.beyond or len(clear) < self.places else []
        clear = clear[: self.places]
        kept = [*clear, *kept_using]
        return Candidates(
            tuple(found.ids[place] for place in kept),
            found.addresses[kept],
            found.relevance.at(kept),
            (*[0] * len(clear), *[1] * len(kept_using)),
        )
