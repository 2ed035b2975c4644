"""What a filtered search asks of a record, field by field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Prefix:
    """A code of the field begins with one of ``values``: ``H01M`` passes ``H01M10/0567``."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """A code of the field is one of ``values``."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Equals:
    """The field's flag is known and is ``value``."""

    field: str
    value: bool


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The field's number is known and is ``value`` or more."""

    field: str
    value: int


@dataclass(frozen=True, slots=True)
class Between:
    """The field's day is known and lies from ``from_day`` to ``to_day``, both included; ``None`` is open."""

    field: str
    from_day: date | None = None
    to_day: date | None = None


@dataclass(frozen=True, slots=True)
class Ids:
    """The record's id is one of ``ids``, or with ``negate`` none of them. Unknown ids change nothing."""

    ids: tuple[str, ...]
    negate: bool = False


Condition = Prefix | OneOf | Equals | AtLeast | Between | Ids
