"""The domain's filter in the index's words: which columns a snapshot has, and which positions pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain import AnyRecord, Filter, Kind
from index import AtLeast, Between, ColumnKind, Columns, ColumnValues, Condition, Equals, IdList, Ids, OneOf, Prefix

_COMMON = {
    "industry": ColumnKind.CODES,
    "region": ColumnKind.CODE,
    "status": ColumnKind.CODE,
    "filed_on": ColumnKind.DAY,
    "lang": ColumnKind.CODE,
}

COLUMNS: Mapping[Kind, Mapping[str, ColumnKind]] = {
    Kind.PATENTS: {
        **_COMMON,
        "ipc": ColumnKind.CODES,
        "holder_type": ColumnKind.CODE,
        "licence": ColumnKind.CODES,
        "grade": ColumnKind.CODE,
        "agreed": ColumnKind.FLAG,
        "dormant": ColumnKind.FLAG,
        "maturity": ColumnKind.NUMBER,
    },
    Kind.NEEDS: _COMMON,
    Kind.FIRMS: _COMMON,
}
"""The filter columns of each target's snapshots. A field that a target does not have passes no record."""


def column_values(page: Sequence[AnyRecord], name: str) -> list[Any]:
    """One value of the column for each record."""
    return [getattr(record, name) for record in page]


def conditions_of(asked: Filter) -> list[Condition]:
    """The filter as conditions, all of which a position must pass."""
    found: list[Condition | None] = [
        *(_prefix(name, getattr(asked, name)) for name in ("ipc", "industry", "region")),
        *(_one_of(name, getattr(asked, name)) for name in ("status", "holder_type", "licence", "grade", "lang")),
        *(_equals(name, getattr(asked, name)) for name in ("agreed", "dormant")),
        None if asked.maturity_min is None else AtLeast("maturity", asked.maturity_min),
        None if asked.ids is None else Ids(asked.ids),
        None if asked.not_ids is None else Ids(asked.not_ids, negate=True),
    ]
    if asked.filed_from is not None or asked.filed_to is not None:
        found.append(Between("filed_on", asked.filed_from, asked.filed_to))
    return [condition for condition in found if condition is not None]


def _prefix(name: str, codes: tuple[str, ...] | None) -> Prefix | None:
    # Sources write IPC with and without a space, and codes in either case.
    return None if codes is None else Prefix(name, tuple(code.upper().replace(" ", "") for code in codes))


def _one_of(name: str, values: tuple[str, ...] | None) -> OneOf | None:
    return None if values is None else OneOf(name, values)


def _equals(name: str, flag: bool | None) -> Equals | None:
    return None if flag is None else Equals(name, flag)


def still_passing(records: Sequence[AnyRecord], kind: Kind, conditions: Sequence[Condition]) -> set[str]:
    """Ids of those records that pass, by what they hold themselves.

    Args:
        records: of one kind, each id once.
        kind: theirs.
        conditions: of `conditions_of`.
    """
    if {condition.field for condition in conditions if not isinstance(condition, Ids)} - set(COLUMNS[kind]):
        return set()
    fields = {name: ColumnValues(column, column_values(records, name)) for name, column in COLUMNS[kind].items()}
    ids = [record.id for record in records]
    mask = Columns.build(len(records), fields).mask(conditions, IdList.of(ids))
    return {key for key, passes in zip(ids, mask.tolist(), strict=True) if passes}
