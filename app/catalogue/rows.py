"""A record to its row and back, exactly.

Multi-valued fields (codes, holders) and the two mappings are compact JSON texts; everything else is a plain column.
Plain text columns refuse U+0000, which PostgreSQL cannot store, and every text refuses lone surrogates, which UTF-8
cannot write: on both databases alike, so that a catalogue can move from one to the other. JSON texts keep U+0000,
escaped: a source's own text may hold it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from hashlib import blake2b
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any, NamedTuple, NoReturn, cast

from app.catalogue.backend import damaged_record
from app.domain import RECORD_TYPES, AnyRecord, Kind
from app.errors import FieldError, InputError

MAX_ID_CHARS = 500
"""PostgreSQL indexes keys of at most 2,704 bytes; a character takes up to four."""

_DIGEST_BYTES = 16
_BETWEEN, _ABSENT = "\0a", "\0b"
"""What stands between two values, and for a value that is absent, in the text that is hashed. Values hold no U+0000, so
that no two rows have one text."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
_parse = json.JSONDecoder().raw_decode


class EncodedRow(NamedTuple):
    """A record as its table holds it. A tuple, because one is made for every record of a load.

    Attributes:
        values: those of the kind's fields, in their order: text, ``int``, ``bool``, ISO dates as text, or ``None``.
        digest: 16 bytes of BLAKE2b over them.
    """

    id: str
    values: list[Any]
    digest: bytes


class RowCodec:
    """Turns the records of one kind into rows and back.

    Attributes:
        names: the columns, in the order of the kind's fields.
    """

    def __init__(self, kind: Kind) -> None:
        self.names = tuple(field.name for field in fields(RECORD_TYPES[kind]))
        self._type = cast(Callable[..., AnyRecord], RECORD_TYPES[kind])
        self._get = cast(Callable[[AnyRecord], tuple[Any, ...]], attrgetter(*self.names))
        self._encoders = tuple((place, _ENCODERS[name]) for place, name in enumerate(self.names) if name in _ENCODERS)
        self._decoders = tuple((name, _DECODERS[name]) for name in self.names if name in _DECODERS)

    def encode(self, record: AnyRecord) -> EncodedRow:
        """The row of a record.

        Raises:
            InputError: a value that no database can hold; it names the record and the field.
        """
        values = list(self._get(record))
        try:
            for place, encoder in self._encoders:
                values[place] = encoder(values[place])
            text = _joined(values)
            payload = text.encode()
        except (TypeError, ValueError, RecursionError):
            self._refuse(record)
        if text.count("\0") != len(values) - 1 + values.count(None) or not 0 < len(record.id) <= MAX_ID_CHARS:
            self._refuse(record)
        return EncodedRow(record.id, values, blake2b(payload, digest_size=_DIGEST_BYTES).digest())

    def decode(self, row: Sequence[Any]) -> AnyRecord:
        """The record of a row of exactly the columns `names`, dates and booleans as Python's own.

        Raises:
            CatalogueProblem: the row is not as it was written.
        """
        values = dict(zip(self.names, row, strict=True))
        try:
            for name, decoder in self._decoders:
                values[name] = decoder(values[name])
        except (TypeError, ValueError) as error:
            raise damaged_record(row[0]) from error
        return self._type(**values)

    def by_id(self, rows: Iterable[Sequence[Any]]) -> dict[str, AnyRecord]:
        """The records of rows as `decode` takes them, by id."""
        return {row[0]: self.decode(row) for row in rows}

    def digest(self, row: Sequence[Any]) -> bytes:
        """The digest of a stored row of exactly the columns `names`: that of `encode`, if nothing has changed it."""
        return blake2b(_joined(row).encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).digest()

    def _refuse(self, record: AnyRecord) -> NoReturn:
        """Raise for the first field that cannot be stored."""
        for name in self.names:
            problem = _problem(name, getattr(record, name))
            if problem:
                en, zh = problem
                shown = ascii(record.id)[:60]
                raise InputError(
                    f"record {shown}, field {name}: {en}",
                    f"记录 {shown} 的字段 {name}:{zh}",
                    fields=(FieldError(name, en, zh),),
                )
        raise AssertionError(f"a record was refused without a reason: {record.id!r}")


def _joined(values: Sequence[Any]) -> str:
    return _BETWEEN.join([_ABSENT if v is None else v if v.__class__ is str else str(v) for v in values])


def _problem(name: str, value: Any) -> tuple[str, str] | None:  # noqa: ANN401 - any field's value
    """Why a field's value cannot be stored, in English and Chinese; ``None`` where it can."""
    if name == "id" and not 0 < len(value) <= MAX_ID_CHARS:
        return f"an id has 1 to {MAX_ID_CHARS} characters", f"编号长度应为 1 至 {MAX_ID_CHARS} 个字符"
    try:
        str(_ENCODERS.get(name, str)(value)).encode()
    except UnicodeEncodeError:
        return "it holds half a character (a lone surrogate)", "含有不完整的字符(单独的代理码位)"
    except (TypeError, ValueError, RecursionError):
        return "it holds a value that cannot be written", "含有无法写入的值"
    if isinstance(value, str) and "\0" in value:
        return "it holds the character U+0000", "含有字符 U+0000"
    return None


def codes_text(codes: Sequence[str]) -> str:
    """A tuple of texts as a JSON array. Written by hand: an encoder's set-up costs more than most of these arrays."""
    return f"[{','.join(map(encode_basestring, codes))}]" if codes else "[]"


def codes_of(text: str) -> tuple[str, ...]:
    """The reverse of `codes_text`."""
    return () if text == "[]" else tuple(_parse(text)[0])


def mapping_text(mapping: Mapping[str, Any]) -> str:
    """A mapping as a JSON object with sorted keys, so that the order of a source's columns is not a change.

    Raises:
        TypeError, ValueError: a value or key that JSON cannot write.
    """
    if not mapping:
        return "{}"
    try:
        return (
            "{" + ",".join([f"{encode_basestring(k)}:{encode_basestring(mapping[k])}" for k in sorted(mapping)]) + "}"
        )
    except TypeError:  # a value that is no text
        return _JSON.encode(dict(mapping))


def mapping_of(text: str) -> dict[str, Any]:
    """The reverse of `mapping_text`."""
    return {} if text == "{}" else cast(dict[str, Any], _parse(text)[0])


def _date_text(day: date | None) -> str | None:
    return None if day is None else date.isoformat(day)  # the date's own, so that of a datetime the time is left


def _word_text(word: str | None) -> str | None:
    # A plain text of an enum's member, which a driver would write by its name.
    return None if word is None else str(word)


def _small_integer(number: int | None) -> int | None:
    if number is not None and not -(2**31) <= number < 2**31:
        raise ValueError(f"not a 32-bit integer: {number}")
    return number


_CODES = ("industry", "ipc", "holders", "licence")
_MAPPINGS = ("original", "extra")
_ENCODERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_CODES, codes_text),
    **dict.fromkeys(_MAPPINGS, mapping_text),
    **dict.fromkeys(("filed_on", "published_on"), _date_text),
    "holder_type": _word_text,
    "maturity": _small_integer,
}
"""How a field is written; those that are not here are their own column values."""
_DECODERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_CODES, codes_of),
    **dict.fromkeys(_MAPPINGS, mapping_of),
}


def field_value(name: str, stored: Any) -> Any:  # noqa: ANN401 - any field's value
    """One stored value as the record has it."""
    decoder = _DECODERS.get(name)
    return stored if decoder is None or stored is None else decoder(stored)


CODECS: dict[Kind, RowCodec] = {kind: RowCodec(kind) for kind in Kind}
