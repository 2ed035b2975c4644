"""Pairs of texts that belong together, from patents alone: titles, abstracts, their halves, titles in two languages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from app.domain import Patent
from app.text.reading import read
from app.text.sentences import sentences
from models.pairs import TextPair

SUBCLASS = 4
"""Characters of an IPC subclass: H01M."""
FEWEST_LEFT = 40
"""Characters of an abstract without its title, or of half of one, from which on it says something by itself."""
TITLES, TEXTS = 0.4, 0.7
"""Shares of patents whose title asks for the abstract, and up to which half the abstract asks for the title; of the
others one half asks for the other. Needs come as a title, as a text or as both, and achievements as titles alone."""
_TITLE_IN = re.compile(r"title_([a-z]{2})", re.IGNORECASE)
"""A column of titles in another language, by its code: title_en. Ingest keeps it among the extra ones."""


@dataclass(frozen=True, slots=True)
class PatentText:
    """What a patent says, as pairs are made from it.

    Attributes:
        id: decides which pair it gives.
        translated: its title in another language, where it has one.
        translated_lang: that language.
    """

    id: str
    title: str
    abstract: str
    lang: str | None
    ipc: str = ""
    translated: str = ""
    translated_lang: str | None = None

    @classmethod
    def of(cls, patent: Patent) -> Self:
        """What a record says; of titles in several other languages the first by its code."""
        titles = sorted(
            (found[1].lower(), title)
            for column, title in patent.extra.items()
            if (found := _TITLE_IN.fullmatch(column)) and isinstance(title, str) and title.strip()
        )
        lang, translated = next((one for one in titles if one[0] != patent.lang), (None, ""))
        ipc = patent.ipc[0] if patent.ipc else ""
        return cls(patent.id, patent.title, patent.abstract, patent.lang, ipc, translated, lang)


def pairs_of(patents: Iterable[PatentText], seed: int) -> Iterator[TextPair]:
    """One pair a patent, of a kind that its id and the seed draw, and two more where it has a title in two languages.

    A patent whose abstract says nothing beside its title gives none.
    """
    seen: set[str] = set()
    for patent in patents:
        if patent.abstract in seen:  # the same text under two numbers would stand against itself
            continue
        seen.add(patent.abstract)
        title, abstract = read(patent.title, patent.lang), read(patent.abstract, patent.lang)
        rest = without_title(abstract, title)
        group = f"{patent.lang or ''} {patent.ipc[:SUBCLASS]}"
        if len(rest) >= FEWEST_LEFT:
            yield from _pair(_share(patent.id, seed), title, rest, group)
        if patent.translated:
            translated = read(patent.translated, patent.translated_lang)
            yield TextPair(translated, rest if len(rest) >= FEWEST_LEFT else title, f"{group} translated")
            yield TextPair(translated, title, f"{group} translated title")


def held_out(patents: Iterable[PatentText], learned: Iterable[PatentText], most: int, seed: int) -> list[TextPair]:
    """Titles and abstracts of patents that were not learned from, one of each abstract, drawn by id and seed."""
    known = list(learned)
    ids, abstracts = {one.id for one in known}, {one.abstract for one in known}
    found: dict[str, tuple[float, TextPair]] = {}
    for patent in patents:
        if patent.id in ids or patent.abstract in abstracts:
            continue
        title, abstract = read(patent.title, patent.lang), read(patent.abstract, patent.lang)
        rest = without_title(abstract, title)
        if len(rest) >= FEWEST_LEFT:
            found.setdefault(rest, (_share(patent.id, seed), TextPair(title, rest)))
    return [pair for _, pair in sorted(found.values(), key=lambda one: one[0])[:most]]


def without_title(abstract: str, title: str) -> str:
    """The abstract where its title no longer stands to the letter: what is left has to be told by its meaning."""
    bare = title.removeprefix("一种")
    return abstract.replace(title, "").replace(bare, "").strip(" ,，。:：") if len(bare) > 1 else abstract


def _pair(share: float, title: str, rest: str, group: str) -> Iterator[TextPair]:
    if share < TITLES:
        yield TextPair(title, rest, f"{group} title")
        return
    first, second = halves(rest)
    if share < TEXTS and len(first) >= FEWEST_LEFT:
        yield TextPair(first, title, f"{group} text")
    elif min(len(first), len(second)) >= FEWEST_LEFT:
        yield TextPair(first, second, f"{group} halves")
    else:
        yield TextPair(title, rest, f"{group} title")


def halves(text: str) -> tuple[str, str]:
    """The first and the second half of a text, cut between two sentences or clauses; the second may be empty."""
    parts, half = sentences(text), len(text) / 2
    taken, size = 0, 0
    while taken < len(parts) and size < half:
        size += len(parts[taken])
        taken += 1
    return "".join(parts[:taken]), "".join(parts[taken:])


def _share(key: str, seed: int) -> float:
    """A number from 0 to 1 that a key and a seed always give."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {key}".encode(), digest_size=4).digest()) / 2**32
