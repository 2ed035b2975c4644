"""Columns that merely count the rows, known by the first rows of a file or a sheet: they are no ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from app.ingest.fields.numbers import is_counter
from app.ingest.headings.headers import Plan
from app.ingest.outcomes import RawRow

LOOKED_AHEAD = 30
"""Rows of a sheet that are read before the first is handed out: of the longest allowed they take 120 MB at most."""


class CounterWatch:
    """Looks ahead in rows for columns of ids that only count.

    Args:
        plan_of: where the fields of a row are.
        exempt: whether a header was named as the id by whoever loads the file.
        one_table: whether rows of other headers belong to the same table, as objects with other keys do.

    Attributes:
        found: headers of such columns, by sheet.
    """

    def __init__(
        self, plan_of: Callable[[RawRow], Plan], exempt: Callable[[str], bool], *, one_table: bool = False
    ) -> None:
        self._plan_of = plan_of
        self._exempt = exempt
        self._one_table = one_table
        self.found: dict[str | None, dict[str, None]] = {}

    def settled(self, rows: Iterable[RawRow]) -> Iterator[RawRow]:
        """The same rows, each handed out when it is known of its table which columns count."""
        waiting: list[RawRow] = []
        sheet, headers, decided = None, None, False
        for row in rows:
            if row.sheet != sheet or (row.headers is not headers and not self._is_of(headers, row.headers)):
                yield from self._decided(waiting)
                waiting, sheet, headers, decided = [], row.sheet, row.headers, False
            if decided:
                yield row
                continue
            waiting.append(row)
            if len(waiting) == LOOKED_AHEAD:
                yield from self._decided(waiting)
                waiting, decided = [], True
        yield from self._decided(waiting)

    def _is_of(self, headers: tuple[str, ...] | None, others: tuple[str, ...]) -> bool:
        """Whether rows of these headers are of one table, of which some may have cells beyond its last column."""
        if headers is None or self._one_table:
            return self._one_table
        both = min(len(headers), len(others))
        return headers[:both] == others[:both]

    def _decided(self, rows: list[RawRow]) -> list[RawRow]:
        values: dict[str, list[Any]] = {}
        for row in rows:
            if row.rejected is None:
                plan = self._plan_of(row)
                for place in set(plan.fields.get("id", ())).difference(plan.fields.get("application_number", ())):
                    values.setdefault(plan.headers[place], []).append(row.cells[place])
        for header, cells in values.items():
            if not self._exempt(header) and is_counter(cells):
                self.found.setdefault(rows[0].sheet, {})[header] = None
        return rows


def without_counters(plan: Plan, counters: Iterable[str]) -> Plan:
    """A plan in which these columns are no ids; they are kept beside the record."""
    named = set(counters)
    counted = {place for place in plan.fields.get("id", ()) if plan.headers[place] in named}
    if not counted:
        return plan
    fields = dict(plan.fields)
    fields["id"] = tuple(place for place in fields["id"] if place not in counted)
    if not fields["id"]:
        del fields["id"]
    used = {place for places in fields.values() for place in places}
    return replace(plan, fields=fields, extras=tuple(sorted({*plan.extras, *(counted - used)})))
