"""Words of other people for our closed vocabularies, which `words.toml` lists, and the functions that look them up."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from unicodedata import normalize

from app.domain import Event, Level

_LISTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def _by_word(table: Mapping[str, list[str]]) -> dict[str, str]:
    return {word: ours for ours, words in table.items() for word in words}


MISSING = frozenset(_LISTS["missing"])
"""Cells that say that there is no value, in lower case."""

LONGEST_MISSING = max(map(len, MISSING))
"""Longer cells hold a value, whatever it is (spaces around a short word aside)."""

_LICENCE_OF = _by_word(_LISTS["licence"])
_HOLDER_TYPE_OF = _by_word(_LISTS["holder_type"])
_DOCUMENT_KIND_OF = _by_word(_LISTS["document_kind"])
_CONTAINED: Mapping[str, list[tuple[str, tuple[str, ...]]]] = {
    name: [(ours, tuple(parts)) for ours, *parts in rows] for name, rows in _LISTS["contained"].items()
}
_EVENT_OF = {word: Event(event) for word, event in _by_word(_LISTS["event"]).items()}
_LEVEL_OF = {word: Level(level) for word, level in _by_word(_LISTS["level"]).items()}
A = TypeVar("A")
_LONGEST_ANSWER = 64
_YES, _NO = frozenset(_LISTS["yes"]), frozenset(_LISTS["no"])


def is_missing(value: object) -> bool:
    """Whether a cell holds no value: empty, or a word such as ``N/A`` or ``无``."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or (len(value) <= LONGEST_MISSING and value.strip().lower() in MISSING)
    if isinstance(value, float):
        return value != value
    if isinstance(value, (list, tuple)):
        return all(not isinstance(item, (list, tuple, dict)) and is_missing(item) for item in value)
    return isinstance(value, dict) and not value


@lru_cache(maxsize=4096)
def licence_words(word: str) -> tuple[str, ...]:
    """The licence modes that ``word`` names (转让或许可 are two); none where nobody knows it."""
    folded = _folded(word)
    if ours := _LICENCE_OF.get(folded.replace(" ", "").replace("_", "").replace("-", "")):
        return (ours,)
    found = []
    for ours, parts in _CONTAINED["licence"]:
        if any(part in folded for part in parts) and not folded.startswith(("不", "非")):
            found.append(ours)
            for part in parts:
                folded = folded.replace(part, " ")  # 开放许可 is no 许可 as well
    return tuple(found)


@lru_cache(maxsize=4096)
def holder_type_word(word: str) -> str | None:
    """``word`` as one of our holder types; ``None`` where nobody knows it."""
    folded = _folded(word)
    if ours := _HOLDER_TYPE_OF.get(folded):
        return ours
    known = next((_HOLDER_TYPE_OF[part] for part in _parts(folded) if part in _HOLDER_TYPE_OF), None)
    return known or _contained("holder_type", folded)


@lru_cache(maxsize=4096)
def document_kind_word(word: str) -> str | None:
    """``word`` or a kind code as ``invention``, ``utility`` or ``design``; ``None`` where nobody knows it."""
    folded = _folded(word)
    if ours := _DOCUMENT_KIND_OF.get(folded):
        return ours
    known = next((_DOCUMENT_KIND_OF[part] for part in _parts(folded) if part in _DOCUMENT_KIND_OF), None)
    return _contained("document_kind", folded) or known


def event_word(word: str) -> Event | None:
    """``word`` as an event; ``None`` where it is none."""
    return _agreed(_EVENT_OF, word)


def level_word(word: str) -> Level | None:
    """``word`` as a level; ``None`` where it is none."""
    return _agreed(_LEVEL_OF, word)


def _agreed(known: Mapping[str, A], word: str) -> A | None:
    """What a person chose in a cell: ``拒绝。`` and ``强相关（4）`` too, but nothing of ``3-4``."""
    folded = _folded(word).removesuffix(".0")  # 3.0: a column of numbers with gaps
    if folded in known or len(folded) > _LONGEST_ANSWER:
        return known.get(folded)
    for mark in ".。!":
        folded = folded.replace(mark, "\n")
    said = {known.get(part) for part in _parts(folded)}
    return said.pop() if len(said) == 1 else None


def yes_or_no(value: object) -> bool | None:
    """``value`` as a truth value; ``None`` when it is neither."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return bool(value) if value in (0, 1) else None
    folded = _folded(str(value))
    return True if folded in _YES else False if folded in _NO else None


def _folded(word: str) -> str:
    return " ".join(normalize("NFKC", word).casefold().split())


def _parts(folded: str) -> list[str]:
    for mark in "()[];,/|、-:":
        folded = folded.replace(mark, "\n")
    return [part.strip() for part in folded.split("\n") if part.strip()]


def _contained(vocabulary: str, folded: str) -> str | None:
    return next((ours for ours, parts in _CONTAINED[vocabulary] if any(part in folded for part in parts)), None)
