"""What a filtered search requires of a record, and the filter columns that tell which positions pass.

Code columns (one code or several for a position) keep, for each code of a sorted dictionary, the positions that have
it. A prefix is then one range of the dictionary and one slice of positions: the cost is that of the positions that
pass, not of all. Days, numbers and flags are one value a position, compared in one pass.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.arrays import Array, IdList, Mask, read_array, write_array
from index.durable import sync_file
from index.errors import ConditionError, VectorInputError


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


MISSING_NUMBER = int(np.iinfo(np.int32).min)
MISSING_FLAG = -1
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
COLUMNS_FILE = "columns.json"


class ColumnKind(StrEnum):
    """What a column holds for each position."""

    CODE = "code"  # a string or None
    CODES = "codes"  # any number of strings
    DAY = "day"  # a date or None
    NUMBER = "number"  # an int or None
    FLAG = "flag"  # True, False or None


Value = str | Sequence[str] | date | int | bool | None


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """A column to be built: its kind and one value for each position."""

    kind: ColumnKind
    values: Iterable[Value]


@dataclass(frozen=True, slots=True)
class CodeColumn:
    """Sorted ``codes``; the positions of ``codes[c]`` are ``positions[starts[c]:starts[c + 1]]``, ascending."""

    codes: list[str]
    starts: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int32]

    def known(self, codes: Iterable[str]) -> set[str]:
        """Those of ``codes`` that some position has."""
        places = ((code, bisect_left(self.codes, code)) for code in codes)
        return {code for code, place in places if place < len(self.codes) and self.codes[place] == code}

    def passing(self, condition: Condition, count: int) -> Mask:
        """Bool ``[count]``: the positions with a code that is one of the condition's, or begins with one."""
        if not isinstance(condition, Prefix | OneOf):
            raise _misfit(condition, "codes")
        mask = np.zeros(count, dtype=np.bool_)
        for value in condition.values:
            low = bisect_left(self.codes, value)
            beginning = itemgetter(slice(len(value))) if isinstance(condition, Prefix) else None
            high = bisect_right(self.codes, value, key=beginning)
            mask[self.positions[self.starts[low] : self.starts[high]]] = True
        return mask


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """One int32 (days since 1970, or a number) or int8 (a flag) for each position, with a value that means none."""

    kind: ColumnKind
    values: npt.NDArray[np.int32] | npt.NDArray[np.int8]

    def passing(self, condition: Condition, _count: int) -> Mask:
        """Bool ``[n]``: the positions whose value is known and passes."""
        values = self.values
        if isinstance(condition, Equals) and self.kind is ColumnKind.FLAG:
            return np.asarray(values == np.int8(condition.value))
        if isinstance(condition, AtLeast) and self.kind is ColumnKind.NUMBER:
            # A bound beyond int32 would overflow in the comparison; no value reaches it and none is below it.
            return np.asarray(values >= max(condition.value, MISSING_NUMBER + 1))
        if isinstance(condition, Between) and self.kind is ColumnKind.DAY:
            low = MISSING_NUMBER + 1 if condition.from_day is None else day_number(condition.from_day)
            mask = np.asarray(values >= low)
            if condition.to_day is not None:
                mask &= values <= day_number(condition.to_day)
            return mask
        raise _misfit(condition, f"a {self.kind}")


@dataclass(frozen=True, slots=True)
class FirstCodes:
    """A column of single codes the other way round: for each position its code.

    Attributes:
        codes: in ascending order.
        places: int16 or int32 ``[n]``, where in ``codes`` that of each position is; -1 where it has none.
        counts: how many positions have each code that there is, and how many have none under ``None``.
    """

    codes: tuple[str, ...]
    places: npt.NDArray[np.integer[Any]]
    counts: Mapping[str | None, int]

    def other_than(self, code: str | None) -> Mask:
        """Bool ``[n]``: the positions whose code is another one; ``None`` stands for no code."""
        place = -1 if code is None else self.codes.index(code) if code in self.codes else len(self.codes)
        return np.asarray(self.places != place)


class Columns:
    """The columns of ``count`` positions, by field name. Immutable; safe to use from several threads."""

    def __init__(self, count: int, columns: Mapping[str, CodeColumn | ValueColumn]) -> None:
        self._count = count
        self._columns = dict(columns)
        self._first: dict[str, FirstCodes] = {}

    @classmethod
    def build(cls, count: int, fields: Mapping[str, ColumnValues]) -> Columns:
        """Columns from one value for each position.

        Raises:
            VectorInputError: a field has not ``count`` values, or one that does not fit its kind.
        """
        return cls(count, {name: _build_column(name, count, column) for name, column in fields.items()})

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(self._columns)

    def __len__(self) -> int:
        return self._count

    def mask(self, conditions: Iterable[Condition], ids: IdList | None = None) -> Mask:
        """Bool ``[n]``: the positions that pass all of ``conditions``; no value in a field does not pass.

        Args:
            conditions: combined with AND; the values of one are combined with OR.
            ids: the ids of the positions, needed where a condition is ``Ids``.

        Raises:
            ConditionError: there is no such field, or the condition does not fit its kind.
        """
        result: Mask | None = None
        for condition in conditions:
            passing = self._passing(condition, ids)
            result = passing if result is None else np.logical_and(result, passing, out=result)
        return np.ones(self._count, dtype=np.bool_) if result is None else result

    def known_codes(self, field: str, codes: Iterable[str]) -> set[str]:
        """Those of ``codes`` that some position has in ``field``; none where that holds no codes."""
        column = self._columns.get(field)
        return column.known(codes) if isinstance(column, CodeColumn) else set()

    def first_codes(self, field: str) -> FirstCodes:
        """The code of each position, the alphabetically first of several. Made at the first call, and cached.

        A field that is not there, or holds no codes, has none at any position.
        """
        found = self._first.get(field)
        if found is None:  # two threads may both make it; both make the same
            found = self._first[field] = _first_codes(self._columns.get(field), self._count)
        return found

    def _passing(self, condition: Condition, ids: IdList | None) -> Mask:
        if isinstance(condition, Ids):
            if ids is None:
                raise ConditionError("a condition on ids needs the list of ids")
            mask = np.full(self._count, condition.negate, dtype=np.bool_)
            mask[ids.positions_of(condition.ids)] = not condition.negate
            return mask
        column = self._columns.get(condition.field)
        if column is None:
            raise ConditionError(
                f"there is no field {condition.field!r}; there are {', '.join(self._columns) or 'none'}"
            )
        return column.passing(condition, self._count)

    def write(self, directory: Path) -> tuple[str, ...]:
        """Write all columns and flush them to the disk; the names of the files."""
        fields: dict[str, Any] = {}
        arrays: dict[str, Array] = {}
        for name, column in self._columns.items():
            if isinstance(column, CodeColumn):
                fields[name] = {"kind": ColumnKind.CODES, "codes": column.codes}
                arrays[f"columns.{name}.starts.npy"] = column.starts
                arrays[f"columns.{name}.positions.npy"] = column.positions
            else:
                fields[name] = {"kind": column.kind}
                arrays[f"columns.{name}.values.npy"] = column.values
        for file, array in arrays.items():
            write_array(directory / file, array)
        said = json.dumps({"count": self._count, "fields": fields}, ensure_ascii=False)
        (directory / COLUMNS_FILE).write_text(said, encoding="utf-8")
        sync_file(directory / COLUMNS_FILE)
        return (COLUMNS_FILE, *arrays)

    @classmethod
    def read(cls, directory: Path) -> Columns:
        """The columns that ``write`` wrote, mapped.

        Raises:
            ValueError: the files do not hold such columns.
        """
        said = json.loads((directory / COLUMNS_FILE).read_text(encoding="utf-8"))
        columns: dict[str, CodeColumn | ValueColumn] = {}
        try:
            for name, field in said["fields"].items():
                kind, stem = ColumnKind(field["kind"]), f"columns.{name}"
                if kind is ColumnKind.CODES:
                    starts = read_array(directory / f"{stem}.starts.npy")
                    columns[name] = CodeColumn(field["codes"], starts, read_array(directory / f"{stem}.positions.npy"))
                else:
                    columns[name] = ValueColumn(kind, read_array(directory / f"{stem}.values.npy"))
            return cls(int(said["count"]), columns)
        except (KeyError, TypeError) as error:
            raise ValueError(f"it does not describe columns: {error}") from error


def _first_codes(column: CodeColumn | ValueColumn | None, count: int) -> FirstCodes:
    codes = tuple(column.codes) if isinstance(column, CodeColumn) else ()
    small = len(codes) < np.iinfo(np.int16).max
    places: npt.NDArray[np.integer[Any]] = np.full(count, -1, dtype=np.int16 if small else np.int32)
    if isinstance(column, CodeColumn):
        for place in range(len(codes) - 1, -1, -1):
            places[column.positions[column.starts[place] : column.starts[place + 1]]] = place
    found = np.bincount(places.astype(np.int64) + 1, minlength=len(codes) + 1).tolist()
    counts: dict[str | None, int] = dict(zip((None, *codes), found, strict=True))
    return FirstCodes(codes, places, {code: number for code, number in counts.items() if number})


def _build_column(name: str, count: int, column: ColumnValues) -> CodeColumn | ValueColumn:
    if column.kind in (ColumnKind.CODE, ColumnKind.CODES):
        return _build_codes(name, count, column)
    encoded = [_encode(name, column.kind, value) for value in column.values]
    _check_count(name, count, len(encoded))
    if column.kind is ColumnKind.FLAG:
        return ValueColumn(column.kind, np.array(encoded, dtype=np.int8))
    return ValueColumn(column.kind, np.array(encoded, dtype=np.int32))


def _build_codes(name: str, count: int, column: ColumnValues) -> CodeColumn:
    by_code: dict[str, list[int]] = {}
    position = -1
    for position, value in enumerate(column.values):
        codes = (value,) if isinstance(value, str) else value or ()
        if not isinstance(codes, Sequence) or not all(isinstance(code, str) for code in codes):
            raise VectorInputError(f"field {name!r}: position {position} has {value!r}, which is no code")
        for code in set(codes):
            if code:
                by_code.setdefault(code, []).append(position)
    _check_count(name, count, position + 1)
    ordered = sorted(by_code)
    starts = np.zeros(len(ordered) + 1, dtype=np.int64)
    np.cumsum([len(by_code[code]) for code in ordered], out=starts[1:])
    positions = np.fromiter((at for code in ordered for at in by_code[code]), dtype=np.int32, count=int(starts[-1]))
    return CodeColumn(ordered, starts, positions)


def _encode(name: str, kind: ColumnKind, value: Value) -> int:
    if value is None:
        return MISSING_FLAG if kind is ColumnKind.FLAG else MISSING_NUMBER
    if kind is ColumnKind.DAY and isinstance(value, date):
        return day_number(value)
    if kind is ColumnKind.FLAG and isinstance(value, bool):
        return int(value)
    if kind is ColumnKind.NUMBER and isinstance(value, int) and abs(value) <= np.iinfo(np.int32).max:
        return value
    raise VectorInputError(f"field {name!r} is a {kind} column and cannot hold {value!r}")


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH_ORDINAL


def _check_count(name: str, expected: int, found: int) -> None:
    if expected != found:
        raise VectorInputError(f"field {name!r} has {found} values for {expected} positions")


def _misfit(condition: Condition, held: str) -> ConditionError:
    field = getattr(condition, "field", "ids")
    return ConditionError(f"field {field!r} holds {held}; {type(condition).__name__} does not apply to it")
