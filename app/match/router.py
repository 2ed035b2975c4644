"""Before the search: what a text names exactly is looked up, and only the rest of it is compared by meaning.

A number finds its record, a holder's name or an IPC code those that have it. They are listed first; scores stay what
the scorer gives, so the order within a group and the meaning of a score are as in any other answer. A text that is
nothing but a name or a code has no meaning to compare: it lists who has it, by the text's own cosine. One that is
nothing but a number gives its record, and behind it what is similar to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.arrays import Floats
from app.catalogue import Catalogue
from app.domain import Filter, Kind, Level, Match, Query, Recognised, RecognisedKind, Why
from app.errors import PatmatchError
from app.match.queries import ResolvedQuery, Route
from app.match.required import ClearFirst
from app.match.scorer import Candidates, CandidateSearch
from app.serving.translation import HOLDERS, conditions_of
from app.text.holder_names import NameCandidate, holder_candidates
from app.text.identifiers import Identifier, identifiers_in, without_spans
from app.text.normalising import fold_body
from index import Condition, Ids, IndexState, OneOf, Plan

MOST_AROUND = 100
"""Characters around a holder or an IPC code up to which the text asks for those that have it. A longer one is a need
that mentions a firm, most often the one that wrote it: there it is offered as a filter and changes no list."""
LONGEST_ID = 64
"""Characters of a text that may be a record's own id, in whatever form a bank writes it."""


@dataclass(slots=True)
class _Reading:
    """What is known of one text so far: spans that are named exactly, by text part."""

    recognised: list[Recognised] = field(default_factory=list)
    cut: list[tuple[int, int]] = field(default_factory=list)
    exact: dict[str, str] = field(default_factory=dict)
    filters: list[Filter] = field(default_factory=list)
    exact_codes: list[str] = field(default_factory=list)


class Router:
    """Finds what the texts of queries name. Safe to call from many threads.

    Args:
        catalogue: where numbers are looked up.
        max_text_chars: a longer text is not read; it is refused where it is resolved.
    """

    def __init__(self, catalogue: Catalogue, *, max_text_chars: int) -> None:
        self._catalogue = catalogue
        self._max_text_chars = max_text_chars

    def routes(self, queries: Sequence[Query], target: Kind, index_state: IndexState) -> list[Route]:
        """How each query is answered. Only patents have numbers, holders and classes."""
        return [
            Route(query) if target is not Kind.PATENTS or query.record_id else self._route(query, index_state)
            for query in queries
        ]

    def _route(self, query: Query, index_state: IndexState) -> Route:
        texts = {name: text for name in ("title", "text") if (text := getattr(query, name)) is not None}
        if max(map(len, texts.values()), default=0) > self._max_text_chars:
            return Route(query)
        rests, readings = dict[str, str](), list[_Reading]()
        for name, raw in texts.items():
            text = fold_body(raw)
            reading = self._read(text, index_state)
            rests[name] = without_spans(text, reading.cut) if reading.cut else raw
            readings.append(reading)
        recognised = tuple(dict.fromkeys(one for reading in readings for one in reading.recognised))
        if not recognised:
            return Route(query)
        return self._routed(query, rests, recognised, readings)

    def _routed(
        self, query: Query, rests: dict[str, str], recognised: tuple[Recognised, ...], readings: Sequence[_Reading]
    ) -> Route:
        exact = {key: text for reading in readings for key, text in reading.exact.items()}
        filters = [one for reading in readings for one in reading.filters]
        codes = [code for reading in readings for code in reading.exact_codes]
        whole = not any(rest.strip() for rest in rests.values())
        groups: list[tuple[Condition, ...]] = [(Ids(tuple(exact)),)] if exact else []
        if filters:
            named = tuple(condition for one in _combined(filters) for condition in conditions_of(one))
            if codes:
                groups.append((*named, OneOf("ipc", tuple(codes))))
            groups.append(named)
        if not whole:
            asked = replace(query, title=rests.get("title") or None, text=rests.get("text"))
        elif exact:
            asked = Query(id=query.id, record_kind=Kind.PATENTS, record_id=next(iter(exact)))
        else:
            asked = query
        return Route(
            asked,
            recognised=recognised,
            groups=tuple(groups),
            exact=exact,
            whole=whole,
            only=whole and not exact,
            nothing=whole and not groups,
        )

    def _read(self, text: str, index_state: IndexState) -> _Reading:
        reading = _Reading()
        found = identifiers_in(text)
        for one in found:
            if one.kind != "ipc":
                self._number(one, reading)
        if not reading.recognised:
            self._own_id(text, reading)
        classes = [one for one in found if one.kind == "ipc"]
        holders = _holders(text, index_state)
        taken = [*reading.cut, *((one.start, one.end) for one in classes), *((one.start, one.end) for one in holders)]
        around = len(without_spans(text, _apart(taken)))
        for one in classes:
            self._ipc(one, reading, index_state, restricts=around <= MOST_AROUND)
        for name in holders:
            _add_holder(text, name, reading, index_state, restricts=around <= MOST_AROUND)
        reading.cut = _apart(reading.cut)
        return reading

    def _number(self, one: Identifier, reading: _Reading) -> None:
        ids = self._catalogue.numbers.find(one.ids, one.application_numbers)
        if not ids and not one.certain:
            return
        reading.cut.append((one.start, one.end))
        reading.exact |= dict.fromkeys(ids, one.text)
        value = ids[0] if len(ids) == 1 else one.value
        chosen = Filter(ids=ids) if ids else None
        reading.recognised.append(Recognised(kind=one.kind, text=one.text, value=value, found=bool(ids), filter=chosen))

    def _own_id(self, text: str, reading: _Reading) -> None:
        """A text that is a record's id in a form of the bank's own, or an application number of another office."""
        written = "".join(text.split())
        if not written or len(written) > LONGEST_ID or not any(char.isdigit() for char in written):
            return
        spellings = tuple(dict.fromkeys((text.strip(), written, written.upper())))
        if ids := self._catalogue.numbers.find((spellings,), spellings):
            kind: RecognisedKind = "publication_number" if set(ids) & set(spellings) else "application_number"
            reading.cut.append((0, len(text)))
            reading.exact |= dict.fromkeys(ids, text.strip())
            reading.recognised.append(
                Recognised(kind=kind, text=text.strip(), value=ids[0], found=True, filter=Filter(ids=ids))
            )

    def _ipc(self, one: Identifier, reading: _Reading, index_state: IndexState, *, restricts: bool) -> None:
        if _overlaps(one.start, one.end, reading.cut):
            return
        chosen = Filter(ipc=(one.value,))
        found = bool(index_state.passing(conditions_of(chosen)).any())
        if not found and not one.certain:
            return
        reading.recognised.append(
            Recognised(kind="ipc", text=one.text, value=one.value, found=found, filter=chosen if found else None)
        )
        if not restricts:
            return
        reading.cut.append((one.start, one.end))
        if found:
            reading.filters.append(chosen)
            # A main group's subgroups begin like it; those that have the very code come before them.
            reading.exact_codes += sorted(index_state.known_codes("ipc", (one.value,)))


@dataclass(frozen=True, slots=True)
class NamedFirst:
    """Finds the candidates of queries, those that meet what a query names before the others.

    A group that has all the places that are wanted is followed by no other, unless `clear` looks beyond: folding may
    leave few of it, and then a deeper search lists more of the group first, so that pages follow one another.

    Attributes:
        search: that finds candidates under the conditions of the request.
        clear: puts those that use what a text excludes behind the others, within each group.
        depth: how many are looked at.
    """

    search: CandidateSearch
    clear: ClearFirst
    depth: int

    def listed(self, queries: Sequence[ResolvedQuery], vectors: Floats) -> tuple[list[Candidates], tuple[Plan, ...]]:
        """The candidates of each query, and how each layer was searched for all of them.

        Args:
            queries: some of which may have a route.
            vectors: float32 ``[q, d]``, in the space of the snapshot.
        """
        found, plans = self.search.search(queries, vectors, self.depth)
        listed = [
            self._named(query, vector, one) if query.groups else self.clear.ordered(one, query.excluded)
            for query, vector, one in zip(queries, vectors, found, strict=True)
        ]
        return listed, plans

    def _named(self, query: ResolvedQuery, vector: Floats, rest: Candidates) -> Candidates:
        parts, whole = list[Candidates](), True
        for group in query.groups:
            found, _ = self.search.within(group).search([query], vector[None], self.depth)
            parts.append(self.clear.ordered(found[0], query.excluded))
            whole = self.clear.beyond or len(parts[-1].ids) < self.clear.places
            if not whole:
                break
        if whole and (query.route is None or not query.route.only):
            parts.append(self.clear.ordered(rest, query.excluded))
        places: dict[str, tuple[int, int]] = {}
        for number, part in enumerate(parts):
            sections = part.groups or (0,) * len(part.ids)
            for key, address, section in zip(part.ids, part.addresses.tolist(), sections, strict=True):
                places.setdefault(key, (address, 2 * number + section))
        addresses = np.array([address for address, _ in places.values()], dtype=np.int64)
        scorer = self.search.scorer
        asked = scorer.query(query.text_parts, query.lang, vector, titled=query.titled)
        groups = tuple(group for _, group in places.values())
        return Candidates(tuple(places), addresses, scorer.relevance(asked, addresses), groups)


def routed(
    resolved: Sequence[ResolvedQuery | PatmatchError], routes: Sequence[Route]
) -> list[ResolvedQuery | PatmatchError]:
    """The same queries, each with its route."""
    pairs = zip(resolved, routes, strict=True)
    return [replace(one, route=route) if isinstance(one, ResolvedQuery) else one for one, route in pairs]


def marked(match: Match, route: Route) -> Match:
    """A match with what says that the query names it; a query that is its number and nothing else is sure of it."""
    if (text := route.exact.get(match.id)) is None:
        return match
    why = replace(match.why or Why(signals=match.evidence), exact=text)
    if route.whole:
        return replace(match, why=why, score=1.0, level=Level.STRONG)
    return replace(match, why=why)


def _holders(text: str, index_state: IndexState) -> list[NameCandidate]:
    """The names that the index knows, the longest where two overlap."""
    candidates = holder_candidates(text)
    known = index_state.known_codes(HOLDERS, {one.folded for one in candidates})
    named = sorted((one for one in candidates if one.folded in known), key=lambda one: (one.start - one.end, one.start))
    kept: list[NameCandidate] = []
    for one in named:
        if not _overlaps(one.start, one.end, [(other.start, other.end) for other in kept]):
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def _add_holder(text: str, name: NameCandidate, reading: _Reading, index_state: IndexState, *, restricts: bool) -> None:
    written = text[name.start : name.end]
    chosen = Filter(holder=(written,))
    if _overlaps(name.start, name.end, reading.cut) or not index_state.passing(conditions_of(chosen)).any():
        return
    reading.recognised.append(Recognised(kind="holder", text=written, value=written, found=True, filter=chosen))
    if restricts:
        reading.filters.append(chosen)
        if name.ended:  # 锂离子电池 may be the firm of that name, and is a thing all the same
            reading.cut.append((name.start, name.end))


def _combined(filters: Sequence[Filter]) -> list[Filter]:
    """One filter of the holders and one of the classes: several of a kind are alternatives."""
    holders = tuple(name for one in filters for name in one.holder or ())
    codes = tuple(code for one in filters for code in one.ipc or ())
    return [Filter(holder=holders or None, ipc=codes or None)]


def _overlaps(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < other_end and other_start < end for other_start, other_end in spans)


def _apart(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in their order, without those that begin inside one before."""
    kept: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept
