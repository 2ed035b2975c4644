"""A row joined with the record that is stored: a file that has only some of the columns changes only some fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import fields, replace
from typing import Any, NamedTuple

from app.domain import RECORD_TYPES, AnyRecord, Kind, Patent
from app.text.normalising import HAN, KANA_OR_HANGUL

_APART = ("id", "lang", "original", "extra", "industry_derived")
"""Fields that are joined in a way of their own."""

_DERIVED = {"holder_type": "holders", "region": "province"}
"""Fields that are told by another where a source does not state them, and so change with that."""

_HOMES = {"CN": "zh", "TW": "zh", "HK": "zh", "MO": "zh", "JP": "ja", "KR": "ko"}
"""Offices whose own language a patent keeps where other sources translate it or write its holders in Latin letters."""
_EAST_ASIAN = re.compile(f"[{HAN}]|{KANA_OR_HANGUL.pattern}")
_LATIN = "latin"
"""Stands for the language of a text that is too short to tell it, beside one in East Asian script."""


class Merged(NamedTuple):
    """What became of a row and a stored record.

    Attributes:
        kept: whether the record has something that the row does not.
        apart: texts of the row that stay beside the record's, since they are in another language.
    """

    record: AnyRecord
    kept: bool
    apart: int = 0


def merged(stored: AnyRecord, incoming: AnyRecord, given: Set[str]) -> Merged:
    """The stored record with what a row says of it.

    A field that the row has no value for, or none that could be used, stays. ``extra`` is joined by key, and
    ``original`` follows each field. Texts of two languages are never mixed: where a row in another language brings only
    a part of the texts, the stored ones stay and the row's go to ``extra`` (``title (en)``); where it brings all of
    them, they take the place of the stored ones, which go to ``extra``; but where both have the same texts, those in
    the language of the patent's office stay. Holders in another script are a translation, too.

    Args:
        stored: the record that is there.
        incoming: the row's, with the same id.
        given: fields that the row has a value for, as `RowOutcome.given`.
    """
    texts = _Texts(stored, incoming)
    taken = {name for name in _PLAIN[stored.kind] if _is_taken(name, stored, incoming, given)}
    taken.update(texts.taken)
    if texts.holders_stay:
        taken.discard("holders")
        if "holder_type" not in given:
            taken.discard("holder_type")
    changed: dict[str, Any] = {name: getattr(incoming, name) for name in taken}
    if "industry" in taken and isinstance(stored, Patent):
        changed["industry_derived"] = False  # the source's own; what is derived is derived again from the IPC codes
    changed["lang"] = texts.language(given)
    if changed["lang"] != stored.lang:
        taken.add("lang")
    changed["original"] = dict(_original(stored, incoming, taken))
    changed["extra"] = texts.extra()
    record = replace(stored, **changed)
    return Merged(record, record != incoming, texts.apart)


class _Texts:
    """The titles and bodies of both, and which of them the record gets."""

    def __init__(self, stored: AnyRecord, incoming: AnyRecord) -> None:
        self._stored, self._incoming = stored, incoming
        self._brought = [name for name in stored.parts if getattr(incoming, name)]
        held = [name for name in stored.parts if getattr(stored, name)]
        home = _HOMES.get(stored.id[:2]) if isinstance(stored, Patent) else None
        self._foreign = bool(self._brought) and bool(held) and _differ(stored, incoming)
        fewer = not set(held) <= set(self._brought)
        self._aside = self._foreign and (fewer or (held == self._brought and stored.lang == home))
        self.taken = [] if self._aside else self._brought
        self._translated = self._foreign and _holders_differ(stored, incoming)
        self.holders_stay = self._translated and (_is_east_asian(_holders(stored)) if home else self._aside)

    @property
    def apart(self) -> int:
        """Texts of the row that do not become the record's."""
        texts = len(self._other(self._incoming, self._stored)) if self._aside else 0
        return texts + self.holders_stay

    def language(self, given: Set[str]) -> str | None:
        """The language of the texts that the record gets."""
        stored, incoming = self._stored.lang, self._incoming.lang
        if self._foreign and not self._aside:
            return incoming
        return (incoming or stored) if "lang" in given and not self._aside else (stored or incoming)

    def extra(self) -> dict[str, Any]:
        """Both extras by key, and the texts that did not become the record's."""
        joined = {**self._stored.extra, **self._incoming.extra}
        if self._translated:
            stays, goes = (self._stored, self._incoming) if self.holders_stay else (self._incoming, self._stored)
            joined[_beside("holders", goes)] = "; ".join(_holders(goes))
            joined.pop(_beside("holders", stays), None)
        if self._aside:
            return joined | self._other(self._incoming, self._stored)
        if self._foreign:
            joined |= self._other(self._stored, self._incoming)
            for name in self.taken:
                joined.pop(_beside(name, self._incoming), None)
        return joined

    def _other(self, of: AnyRecord, beside: AnyRecord) -> dict[str, str]:
        found = ((name, getattr(of, name)) for name in self._brought)
        return {_beside(name, of): text for name, text in found if text and text != getattr(beside, name)}


def _beside(name: str, record: AnyRecord) -> str:
    return f"{name} ({record.lang or _LATIN})"


def _differ(one: AnyRecord, other: AnyRecord) -> bool:
    """Whether two records are in two languages; of texts too short to tell, whether only one is in Latin letters."""
    if one.lang and other.lang:
        return one.lang != other.lang
    return _is_east_asian(_texts_of(one)) != _is_east_asian(_texts_of(other))


def _holders_differ(one: AnyRecord, other: AnyRecord) -> bool:
    names, others = _holders(one), _holders(other)
    return bool(names) and bool(others) and _is_east_asian(names) != _is_east_asian(others)


def _holders(record: AnyRecord) -> tuple[str, ...]:
    return record.holders if isinstance(record, Patent) else ()


def _texts_of(record: AnyRecord) -> tuple[str, ...]:
    return tuple(getattr(record, name) for name in record.parts)


def _is_east_asian(texts: tuple[str, ...]) -> bool:
    return any(_EAST_ASIAN.search(text) for text in texts)


def _is_taken(name: str, stored: AnyRecord, incoming: AnyRecord, given: Set[str]) -> bool:
    new, old = getattr(incoming, name), getattr(stored, name)
    if is_empty(new) or is_empty(old):
        return not is_empty(new)
    if name == "region" and old.startswith(new):
        return False  # a province says nothing new of a record whose county is known
    if name in given:
        return True
    source = _DERIVED.get(name)
    return source in given and getattr(incoming, source) != getattr(stored, source) if source else False


def _original(stored: AnyRecord, incoming: AnyRecord, taken: Set[str]) -> Iterator[tuple[str, str]]:
    """The source's own text of each field, from the side that the field is from; of equal fields from either."""
    for name in {**stored.original, **incoming.original}:
        if getattr(stored, name, None) == getattr(incoming, name, None):
            yield name, stored.original.get(name, incoming.original.get(name, ""))
        elif name in (side := incoming if name in taken else stored).original:
            yield name, side.original[name]


def is_empty(value: object) -> bool:
    """Whether a field has no value; ``False`` and 0 are values."""
    return value is None or value == "" or value == ()


def _plain_names(kind: Kind) -> tuple[str, ...]:
    record_type = RECORD_TYPES[kind]
    names = (one.name for one in fields(record_type))
    return tuple(name for name in names if name not in _APART and name not in record_type.parts)


_PLAIN = {kind: _plain_names(kind) for kind in Kind}
"""Fields that are taken or kept each for itself."""


def emptied(stored: AnyRecord, record: AnyRecord) -> Iterator[str]:
    """The fields whose stored values are gone in the record that takes its place; of ``extra`` each key."""
    for name in (*stored.parts, *_PLAIN[stored.kind]):
        if name == "industry" and getattr(stored, "industry_derived", False):
            continue
        if not is_empty(getattr(stored, name)) and is_empty(getattr(record, name)):
            yield name
    for key, value in stored.extra.items():
        if not is_empty(value) and key not in record.extra:
            yield "extra"
