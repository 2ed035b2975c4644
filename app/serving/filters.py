"""The domain's filter in the index's words: which columns a snapshot has, and which positions pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

    def given(*names: str) -> Iterator[tuple[str, Any]]:
        return ((name, value) for name in names if (value := getattr(asked, name)) is not None)

    found: list[Condition] = [
        # Sources write IPC with and without a space, and codes in either case.
        *(
            Prefix(name, tuple(code.upper().replace(" ", "") for code in codes))
            for name, codes in given("ipc", "industry", "region")
        ),
        *(OneOf(name, values) for name, values in given("status", "holder_type", "licence", "grade", "lang")),
        *(Equals(name, flag) for name, flag in given("agreed", "dormant")),
        *(AtLeast("maturity", least) for _, least in given("maturity_min")),
        *(Ids(ids, negate=name == "not_ids") for name, ids in given("ids", "not_ids")),
    ]
    if asked.filed_from is not None or asked.filed_to is not None:
        found.append(Between("filed_on", asked.filed_from, asked.filed_to))
    return found


def still_passing(records: Sequence[AnyRecord], kind: Kind, conditions: Sequence[Condition]) -> set[str]:
    """Ids of those records that pass, by what they hold themselves.

    Args:
        records: of one kind, each id once.
        kind: theirs.
        conditions: of `conditions_of`.
    """
    # A column that this kind does not have passes no record, and cannot be built.
    if {condition.field for condition in conditions if not isinstance(condition, Ids)} - set(COLUMNS[kind]):
        return set()
    fields = {name: ColumnValues(column, column_values(records, name)) for name, column in COLUMNS[kind].items()}
    ids = [record.id for record in records]
    mask = Columns.build(len(records), fields).mask(conditions, IdList.of(ids))
    return {key for key, passes in zip(ids, mask.tolist(), strict=True) if passes}
