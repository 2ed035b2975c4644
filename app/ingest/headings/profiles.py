"""Known exports: which source a header row comes from, and what only that source's headers and cells mean.

The profiles are data, one file a kind. A profile says what the general synonyms cannot: its fields come before theirs,
and a column that neither knows stays in ``extra``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.domain import Kind
from app.errors import InputError
from app.ingest.headings.folding import folded, unbracketed


@dataclass(frozen=True, slots=True)
class Traits:
    """How a source writes its cells, where no other source writes them so.

    Attributes:
        holders: what stands between the names of holders.
        day_first: whether 03/04/2019 is the third of April; ``None`` where nobody knows.
        first_line: fields whose cells have a line for each document; the first counts.
        joined: field -> headers whose cells make its value, one behind the other.
        prefix: field -> what stands before its value, as an office that the source leaves out.
        given: field -> its value in every row, where the file has no column for it.
        inside: header -> key of the objects in its cells that holds the value.
        languages: fields whose cells hold one text a language, each behind a mark such as ``[EN]``.
        references: fields whose texts name the documents that they were taken from, in brackets.
        symbols: headers whose cells hold IPC symbols with marks of a finer scheme behind them.
    """

    holders: str = ""
    day_first: bool | None = None
    first_line: tuple[str, ...] = ()
    joined: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prefix: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    inside: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of export.

    Attributes:
        name: what ``--profile`` calls it.
        kind: of its records.
        source: who writes it.
        signatures: sets of headers, folded; a file that has all of one set is of this kind.
        fields: our field -> its headers, folded, the best first. They come before the general synonyms.
        lesser: the same, for headers that count only where a row has no better one.
        traits: how its cells are written.
    """

    name: str
    kind: str
    source: str
    signatures: tuple[frozenset[str], ...]
    fields: Mapping[str, tuple[str, ...]]
    lesser: Mapping[str, tuple[str, ...]]
    traits: Traits

    def targets(self, header: str) -> tuple[tuple[str, int], ...]:
        """The fields that ``header`` stands for in this export, each with its rank; below 0 is before all synonyms."""
        word = folded(header)
        best = [
            (name, words.index(word) - _BEFORE) for name, words in self.fields.items() if word in words
        ]  # fmt: skip
        best += [(name, words.index(word) + _BEHIND) for name, words in self.lesser.items() if word in words]
        return tuple(best)


_BEFORE = 1_000
"""Ranks of a profile's headers count from below all ranks of synonyms ..."""
_BEHIND = 1_000
"""... and its lesser ones from above."""


def _folded_lists(table: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(map(folded, headers)) for name, headers in table.items()}


def _traits(table: Mapping[str, Any]) -> Traits:
    lists: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
    lists["joined"] = _folded_lists(table.get("joined", {}))
    lists["inside"] = {folded(header): key for header, key in table.get("inside", {}).items()}
    lists["symbols"] = tuple(map(folded, table.get("symbols", ())))
    return Traits(**lists)


def _loaded(kind: Kind) -> dict[str, Profile]:
    path = Path(__file__).with_name(f"profiles_{kind}.toml")
    return {
        name: Profile(
            name=name,
            kind=kind,
            source=entry["source"],
            signatures=tuple(frozenset(map(folded, headers)) for headers in entry["signatures"]),
            fields=_folded_lists(entry.get("fields", {})),
            lesser=_folded_lists(entry.get("lesser", {})),
            traits=_traits(entry.get("traits", {})),
        )
        for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items()
    }


PROFILES: Mapping[str, Mapping[str, Profile]] = {kind: _loaded(kind) for kind in Kind}
"""Kind of record -> name -> profile."""


def profile_named(name: str, kind: str) -> Profile:
    """The profile called ``name``.

    Raises:
        InputError: this kind of file has no such profile. The message lists those that it has.
    """
    known = PROFILES.get(kind, {})
    if name in known:
        return known[name]
    listed = ", ".join(sorted(known)) or "-"
    raise InputError(
        f"there is no profile {name!r} for a file of {kind}; there are {listed}",
        f"{kind} 文件没有名为“{name}”的导出格式；可用：{listed}",
        code="unknown_profile",
    )


def recognised_profile(headers: Sequence[str], kind: str) -> Profile | None:
    """The export that ``headers`` are of: the one with the largest signature that they hold; ``None`` for others."""
    words = {folded(header) for header in headers} | {unbracketed(header) for header in headers}
    best: Profile | None = None
    size = 0
    for profile, signature in _signatures(kind):
        if len(signature) > size and signature <= words:
            best, size = profile, len(signature)
    return best


@lru_cache(maxsize=8)
def _signatures(kind: str) -> tuple[tuple[Profile, frozenset[str]], ...]:
    return tuple(
        (profile, signature) for profile in PROFILES.get(kind, {}).values() for signature in profile.signatures
    )
