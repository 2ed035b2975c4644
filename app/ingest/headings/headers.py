"""Which headers of other people mean which field of ours, and how a row's cells are assigned to fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from unicodedata import normalize

from app.domain import Kind
from app.ingest.headings.folding import BRACKETED, folded, unbracketed
from app.ingest.headings.profiles import Profile, profile_named, recognised_profile
from app.ingest.headings.rewriting import Rewriting, rewriting_of
from app.ingest.headings.synonyms import MERGED, PATTERNS, SYNONYMS, TRANSLATION_MARKS

EXTRA = "extra"
"""Mapping target that keeps a column in ``extra`` although its header is a known one."""
IGNORE = "ignore"
"""Mapping target that drops a column."""
_MAPPED = -1
"""The rank of a mapped column, which has no others beside it."""

_ALTERNATIVES = re.compile(r"\s*(?:[/|、]|或者|或)\s*")
_OF_PATENT = "专利"
"""In a list of patents, it adds nothing before another header: 专利授权日期, 专利目前状态."""
_TRADITIONAL = str.maketrans(
    "開號專權請標題發類狀態國際簡稱單編證書領時間現況維關鍵詞內說業製種轉讓許審實質屬機構聯絡電話經營範圍統會註冊記錄項術難點預資萬額條達舉辦區縣級當長體產學醫東龍歲應階",
    "开号专权请标题发类状态国际简称单编证书领时间现况维关键词内说业制种转让许审实质属机构联络电话经营范围统会注册记录项术难点预资万额条达举办区县级当长体产学医东龙岁应阶",
)
"""Characters of headers; the dictionary of whole texts takes a second to load."""
_LONG = 40
"""Characters of a header that may give a choice of names; longer ones explain themselves."""

_TRANSLATED = frozenset(("title", "abstract"))
"""Fields that a translation stands in for, where a file has nothing else."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each field of a row is.

    Attributes:
        headers: the row's headers, unnamed and repeated ones made distinct.
        fields: our field -> positions of its cells, the best first.
        extras: positions that no field uses.
        profile: the known export that the headers are of, ``None`` where they are of no known one.
        rewriting: what is done to the cells of such an export before they are read.
        day_first: whether 05/07/2010 is the fifth of July there; ``None`` where nobody knows: it is not guessed.
        singles: the fields that have one column, with its position: nearly all, and quick to read.
        multiples: the other fields.
        spares: the lesser positions of fields that have several, kept in ``extra`` where they add something.
    """

    headers: tuple[str, ...]
    fields: Mapping[str, tuple[int, ...]]
    extras: tuple[int, ...]
    profile: str | None = None
    rewriting: Rewriting | None = None
    day_first: bool | None = None
    singles: tuple[tuple[str, int], ...] = field(init=False)
    multiples: tuple[tuple[str, tuple[int, ...]], ...] = field(init=False)
    spares: tuple[tuple[str, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Sort the fields by how they are read."""
        entries, settle = self.fields.items(), object.__setattr__
        best = {places[0] for places in self.fields.values()}
        settle(self, "singles", tuple((name, places[0]) for name, places in entries if len(places) == 1))
        settle(self, "multiples", tuple((name, places) for name, places in entries if len(places) > 1))
        lesser = ((name, place) for name, places in entries if name not in MERGED for place in places[1:])
        settle(self, "spares", tuple((name, place) for name, place in lesser if place not in best))

    def rewritten(self, cells: Sequence[Any]) -> Sequence[Any]:
        """A row's cells as fields are read from them: as many as there are ``headers``."""
        return cells if self.rewriting is None else self.rewriting(cells)

    @property
    def columns(self) -> dict[str, str]:
        """Their header -> our field, for each header that is used.

        A column may serve two fields, as an application number may be the id; it counts for the one that it suits best.
        """
        given = len(self.rewriting.given) if self.rewriting else 0
        theirs = len(self.headers) - given  # what a profile gives has no column
        best = {self.headers[places[0]]: name for name, places in self.fields.items() if places[0] < theirs}
        every = ((place, name) for name, places in self.fields.items() for place in places if place < theirs)
        return {self.headers[place]: name for place, name in every} | best


def fields_of(kind: str) -> tuple[str, ...]:
    """Our fields that a column may be mapped to."""
    return tuple(SYNONYMS[kind])


def header_words(kind: str) -> frozenset[str]:
    """All headers of this kind that are known, folded."""
    return frozenset(_table(kind))


def recognise(header: str, kind: str) -> tuple[tuple[str, int], ...]:
    """The fields that ``header`` stands for, each with its rank among the headers of that field (0 is best)."""
    table = _table(kind)
    whole = folded(header)
    if whole in table:
        return table[whole]
    if is_translation(header):
        return ()  # 摘要(英文): a translation stands beside the text and is no field of ours
    return (
        table.get(unbracketed(header))
        or table.get(_behind_english(header))
        or (kind == Kind.PATENTS and whole[:2] == _OF_PATENT and table.get(whole[2:]))
        or _shared([table.get(folded(part), ()) for part in _alternatives(header)])
        or table.get(_simplified(header))
        or tuple((name, 0) for name, pattern in PATTERNS.get(kind, ()) if pattern.fullmatch(unbracketed(header)))
    )


def is_translation(header: str) -> bool:
    """Whether a header says in brackets that its column is a translation of another."""
    found = BRACKETED.finditer(normalize("NFKC", header))
    return any(folded(match["inside"]) in TRANSLATION_MARKS for match in found)


def plan_columns(headers: Sequence[str], kind: str, mapping: Mapping[str, str], profile: str | None = None) -> Plan:
    """Assign columns to fields: by ``mapping``, by the profile of a known export, by synonyms.

    Args:
        headers: of the row's columns.
        kind: whose fields they are.
        mapping: their header -> our field; what it names counts alone.
        profile: the known export that they are to be read as; recognised by themselves where ``None``.

    Raises:
        InputError: there is no such profile.
    """
    known = profile_named(profile, kind) if profile is not None else recognised_profile(headers, kind)
    names = _distinct(headers)
    ranked, ignored = _ranked(headers, kind, mapping, known)
    ranked.pop(EXTRA, None)
    fields = {name: tuple(position for _, position in sorted(places)) for name, places in ranked.items()}
    rewriting, given = rewriting_of(known, headers, fields) if known else (None, ())
    kept: tuple[int, ...] = ()
    if rewriting is not None:
        kept = tuple(range(len(names), len(names) + len(rewriting.kept)))
        names += tuple(names[position] for position in rewriting.kept)
        fields |= {name: (len(names) + place,) for place, name in enumerate(given)}
        names += given
    used = {position for positions in fields.values() for position in positions}.union(kept, ignored)
    return Plan(
        headers=names,
        fields=fields,
        extras=tuple(place for place in range(len(names)) if place not in used) + kept,
        profile=known.name if known else None,
        rewriting=rewriting,
        day_first=known.traits.day_first if known else None,
    )


def _ranked(
    headers: Sequence[str], kind: str, mapping: Mapping[str, str], known: Profile | None
) -> tuple[dict[str, list[tuple[int, int]]], set[int]]:
    """Field -> rank and position of its columns, and the positions that the mapping drops."""
    chosen = {folded(theirs): ours for theirs, ours in mapping.items()}
    mapped = set(chosen.values())
    ranked: dict[str, list[tuple[int, int]]] = {}
    ignored = set()
    translations: list[tuple[str, int]] = []
    for position, header in enumerate(headers):
        target = mapping.get(header) or chosen.get(folded(header))
        if target == IGNORE:
            ignored.add(position)
        elif target is not None:
            ranked.setdefault(target, []).append((_MAPPED, position))
        else:
            found = (known.targets(header) if known else ()) or recognise(header, kind)
            for name, rank in found:
                if name not in mapped:
                    ranked.setdefault(name, []).append((rank, position))
            if not found and is_translation(header):
                translations += [(name, position) for name, _ in _table(kind).get(unbracketed(header), ())]
    missing = _TRANSLATED - mapped - set(ranked)
    for name, position in translations:
        if name in missing:
            ranked.setdefault(name, []).append((0, position))
    return ranked, ignored


def count_recognised(headers: Iterable[str], kind: str, mapping: Mapping[str, str], profile: str | None = None) -> int:
    """How many different fields ``headers`` provide; 0 for a row that is no header row."""
    chosen = {folded(theirs): ours for theirs, ours in mapping.items()}
    headers = tuple(headers)
    known = profile_named(profile, kind) if profile is not None else recognised_profile(headers, kind)
    found: set[str] = set()
    for header in headers:
        target = chosen.get(folded(header))
        names = (known.targets(header) if known else ()) or recognise(header, kind)
        found.update([target] if target else (name for name, _ in names[:1]))
    return len(found)


def same_header(one: str, other: str) -> bool:
    """Whether two headers differ only in case, width, spaces and punctuation."""
    return folded(one) == folded(other)


@lru_cache(maxsize=8192)
def _simplified(header: str) -> str:
    """A header of Taiwan or Hong Kong (公開號, 專利權人) as it is written with Simplified characters."""
    return "" if header.isascii() or len(header) > _LONG else unbracketed(header.translate(_TRADITIONAL))


@lru_cache(maxsize=8192)
def _alternatives(header: str) -> list[str]:
    """The names that a header gives a choice of: 专利号/申请号, 专利号或申请号."""
    return [part for part in _ALTERNATIVES.split(normalize("NFKC", header)) if part] if len(header) < _LONG else []


def _shared(meanings: Sequence[tuple[tuple[str, int], ...]]) -> tuple[tuple[str, int], ...]:
    """The fields that several headers have in common, with the ranks of the first; 申请日/公开日 have none."""
    if len(meanings) < 2:
        return ()
    common = set.intersection(*({name for name, _ in found} for found in meanings))
    return tuple((name, rank) for name, rank in meanings[0] if name in common)


@lru_cache(maxsize=8192)
def _behind_english(header: str) -> str:
    """The Chinese name of a header that has the English one before it: Title-题名."""
    english, dash, chinese = header.partition("-")
    return folded(chinese) if dash and english.isascii() and not chinese.isascii() else ""


@lru_cache(maxsize=len(SYNONYMS))
def _table(kind: str) -> dict[str, tuple[tuple[str, int], ...]]:
    table: dict[str, tuple[tuple[str, int], ...]] = {}
    for name, ranks in SYNONYMS[kind].items():
        for rank, words in enumerate(ranks):
            for word in (name, *words) if rank == 0 else words:
                entries = table.get(folded(word), ())
                if name not in {known for known, _ in entries}:
                    table[folded(word)] = (*entries, (name, rank))
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
