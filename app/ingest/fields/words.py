"""Words of other people for our closed vocabularies, which `words.toml` lists, and the functions that look them up."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from unicodedata import normalize

from app.domain import Event, Kind, Level

_LISTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def _by_word(table: Mapping[str, list[str]]) -> dict[str, str]:
    return {word: ours for ours, words in table.items() for word in words}


MISSING = frozenset(_LISTS["missing"])
"""Cells that say that there is no value, in lower case."""

LONGEST_MISSING = max(map(len, MISSING))
"""Longer cells hold a value, whatever it is (spaces around a short word aside)."""

_STATUS = {kind: _by_word(_LISTS["status"][kind.value]) for kind in Kind}
_LICENCE_OF = _by_word(_LISTS["licence"])
_HOLDER_TYPE_OF = _by_word(_LISTS["holder_type"])
_DOCUMENT_KIND_OF = _by_word(_LISTS["document_kind"])
_EVENT_OF = {word: Event(event) for word, event in _by_word(_LISTS["event"]).items()}
_LEVEL_OF = {word: Level(level) for word, level in _by_word(_LISTS["level"]).items()}
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
def status_word(kind: Kind, word: str) -> str:
    """``word`` as one of our statuses, or as it came when it is none that we know."""
    folded = _folded(word)
    table = _STATUS[kind]
    if folded in table:
        return table[folded]
    # 失效-未缴年费, 审中/实质审查, 有效（授权）: the first part that is known decides.
    for part in _parts(folded):
        if part in table:
            return table[part]
    return word


@lru_cache(maxsize=4096)
def licence_word(word: str) -> str:
    """``word`` as one of our licence modes, or as it came."""
    return _LICENCE_OF.get(_folded(word).replace(" ", "").replace("_", "").replace("-", ""), word)


@lru_cache(maxsize=4096)
def holder_type_word(word: str) -> str:
    """``word`` as one of our holder types, or as it came."""
    folded = _folded(word)
    return _HOLDER_TYPE_OF.get(folded) or next(
        (_HOLDER_TYPE_OF[p] for p in _parts(folded) if p in _HOLDER_TYPE_OF), word
    )


@lru_cache(maxsize=4096)
def document_kind_word(word: str) -> str:
    """``word`` as ``invention``, ``utility`` or ``design``, or as it came."""
    return _DOCUMENT_KIND_OF.get(_folded(word), word)


def event_word(word: str) -> Event | None:
    """``word`` as an event; ``None`` where it is none."""
    return _EVENT_OF.get(_folded(word))


def level_word(word: str) -> Level | None:
    """``word`` as a level; ``None`` where it is none."""
    return _LEVEL_OF.get(_folded(word))


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
