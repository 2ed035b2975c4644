"""The domain's filter in the index's words: which columns a snapshot has, and which positions pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from app.domain import AnyRecord, Filter, Kind
from index import AtLeast, Between, ColumnKind, Condition, Equals, Ids, OneOf, Prefix, Snapshot

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
    found: list[Condition] = []
    for name in ("ipc", "industry", "region"):
        if (codes := getattr(asked, name)) is not None:
            # Sources write IPC with and without a space, and codes in either case.
            found.append(Prefix(name, tuple(code.upper().replace(" ", "") for code in codes)))
    for name in ("status", "holder_type", "licence", "grade", "lang"):
        if (values := getattr(asked, name)) is not None:
            found.append(OneOf(name, tuple(values)))
    for name in ("agreed", "dormant"):
        if (flag := getattr(asked, name)) is not None:
            found.append(Equals(name, flag))
    if asked.maturity_min is not None:
        found.append(AtLeast("maturity", asked.maturity_min))
    if asked.filed_from is not None or asked.filed_to is not None:
        found.append(Between("filed_on", asked.filed_from, asked.filed_to))
    if asked.ids is not None:
        found.append(Ids(tuple(asked.ids)))
    if asked.not_ids is not None:
        found.append(Ids(tuple(asked.not_ids), negate=True))
    return found


def allowed_positions(snapshot: Snapshot, asked: Filter) -> npt.NDArray[np.bool_]:
    """Bool ``[n]``: the positions of the snapshot that pass the filter."""
    conditions = conditions_of(asked)
    fields = {condition.field for condition in conditions if not isinstance(condition, Ids)}
    if fields - set(snapshot.columns.fields):
        return np.zeros(snapshot.count, dtype=np.bool_)
    return snapshot.mask(conditions)
