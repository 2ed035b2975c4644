"""Which headers of other people mean which field of ours, and how a row's cells are assigned to fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import normalize

from app.ingest.headings.synonyms import SYNONYMS, TRANSLATION_MARKS

EXTRA = "extra"
"""Mapping target that keeps a column in ``extra`` although its header is a known one."""
IGNORE = "ignore"
"""Mapping target that drops a column."""

_BRACKETED = re.compile(r"[(\[{【〔《<「『](?P<inside>[^)\]}】〕》>」』]*)[)\]}】〕》>」』]")
_SEPARATORS = re.compile(r"[\W_]+")

# Fields that take the values of all their columns; the others take the best column that has a value.
MERGED = frozenset(("ipc", "licence", "industry"))


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each field of a row is.

    Attributes:
        headers: the row's headers, unnamed and repeated ones made distinct.
        fields: our field -> positions of its cells, the best first.
        singles: the fields that have one column, with its position: nearly all, and quick to read.
        multiples: the other fields.
        extras: positions that no field uses.
        spares: the lesser positions of fields that have several, kept in ``extra`` where they add something.
    """

    headers: tuple[str, ...]
    fields: Mapping[str, tuple[int, ...]]
    singles: tuple[tuple[str, int], ...]
    multiples: tuple[tuple[str, tuple[int, ...]], ...]
    extras: tuple[int, ...]
    spares: tuple[tuple[str, int], ...]

    @property
    def columns(self) -> dict[str, str]:
        """Their header -> our field, for each header that is used.

        A column may serve two fields, as an application number may be the id; it counts for the one that it suits best.
        """
        best = {self.headers[places[0]]: name for name, places in self.fields.items()}
        return {self.headers[place]: name for name, places in self.fields.items() for place in places} | best


def fields_of(kind: str) -> tuple[str, ...]:
    """Our fields that a column may be mapped to."""
    return tuple(SYNONYMS[kind])


def recognise(header: str, kind: str) -> tuple[tuple[str, int], ...]:
    """The fields that ``header`` stands for, each with its rank among the headers of that field (0 is best)."""
    table = _table(kind)
    whole = _folded(header)
    if whole in table:
        return table[whole]
    text = normalize("NFKC", header)
    if any(_folded(match["inside"]) in TRANSLATION_MARKS for match in _BRACKETED.finditer(text)):
        return ()  # 摘要(英文): a translation stands beside the text and is no field of ours
    return table.get(_folded(_BRACKETED.sub(" ", text)), ())


def plan_columns(headers: Sequence[str], kind: str, mapping: Mapping[str, str]) -> Plan:
    """Assign columns to fields: by ``mapping`` (their header -> our field) where it names them, else by synonyms."""
    names = _distinct(headers)
    chosen = {_folded(theirs): ours for theirs, ours in mapping.items()}
    mapped = set(chosen.values())
    ranked: dict[str, list[tuple[int, int]]] = {}
    ignored = set()
    for position, header in enumerate(headers):
        target = mapping.get(header) or chosen.get(_folded(header))
        if target == IGNORE:
            ignored.add(position)
        elif target is not None:
            ranked.setdefault(target, []).append((-1, position))
        else:
            for name, rank in recognise(header, kind):
                if name not in mapped:
                    ranked.setdefault(name, []).append((rank, position))
    ranked.pop(EXTRA, None)
    fields = {name: tuple(position for _, position in sorted(places)) for name, places in ranked.items()}
    best = {places[0] for places in fields.values()}
    used = {position for positions in fields.values() for position in positions}
    return Plan(
        headers=names,
        fields=fields,
        singles=tuple((name, places[0]) for name, places in fields.items() if len(places) == 1),
        multiples=tuple((name, places) for name, places in fields.items() if len(places) > 1),
        extras=tuple(p for p in range(len(names)) if p not in used and p not in ignored),
        spares=tuple(
            (name, p) for name, places in fields.items() if name not in MERGED for p in places[1:] if p not in best
        ),
    )


def count_recognised(headers: Iterable[str], kind: str, mapping: Mapping[str, str]) -> int:
    """How many different fields ``headers`` provide; 0 for a row that is no header row."""
    chosen = {_folded(theirs): ours for theirs, ours in mapping.items()}
    found: set[str] = set()
    for header in headers:
        target = chosen.get(_folded(header))
        found.update([target] if target else (name for name, _ in recognise(header, kind)[:1]))
    return len(found)


def same_header(one: str, other: str) -> bool:
    """Whether two headers differ only in case, width, spaces and punctuation."""
    return _folded(one) == _folded(other)


@lru_cache(maxsize=4096)
def _folded(header: str) -> str:
    return _SEPARATORS.sub("", normalize("NFKC", header).casefold())


@lru_cache(maxsize=len(SYNONYMS))
def _table(kind: str) -> dict[str, tuple[tuple[str, int], ...]]:
    table: dict[str, tuple[tuple[str, int], ...]] = {}
    for name, ranks in SYNONYMS[kind].items():
        for rank, words in enumerate(ranks):
            for word in (name, *words) if rank == 0 else words:
                entries = table.get(_folded(word), ())
                if name not in {known for known, _ in entries}:
                    table[_folded(word)] = (*entries, (name, rank))
    return table


def _distinct(headers: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    taken: set[str] = set()
    for position, header in enumerate(headers, start=1):
        name = base = " ".join(header.split()) or f"column {position}"
        copy = 1
        while name in taken:
            copy += 1
            name = f"{base} ({copy})"
        taken.add(name)
        names.append(name)
    return tuple(names)
