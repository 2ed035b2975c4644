"""Named selections of patents, and how many patents a filter passes, by SQL.

The conditions are those of the index (`app.serving.translation`): fields combine with AND, a list's values with OR,
codes match by prefix, and a patent without a value for a filtered field does not pass. Codes are compared as JSON
texts, in which a quote inside a code is escaped, so that no code is taken for another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from typing import Any

import sqlalchemy as sa

from app.catalogue.backend import AnyRow
from app.catalogue.tables import PATENTS, POOLS
from app.catalogue.writing import Part
from app.domain import Filter, Pool

_IDS_A_PAGE = 50_000


@dataclass(frozen=True, slots=True)
class Band:
    """Patents of one year of filing and one level of maturity; ``None`` where that is not known."""

    filed_year: int | None
    maturity: int | None
    patents: int


class PoolShelf(Part):
    """The saved pools of one catalogue, and what filters pass in it."""

    def put(self, pool: Pool) -> bool:
        """Save a pool under its name; whether there was none."""
        values = {
            "filter": filter_text(pool.filter),
            "changed_from": pool.changed_from,
            "note": pool.note,
            "updated_at": datetime.now(UTC),
        }
        with self._writer.transaction() as connection:
            replaced = connection.execute(sa.update(POOLS).where(POOLS.c.name == pool.name).values(values)).rowcount
            if not replaced:
                connection.execute(sa.insert(POOLS), [{"name": pool.name, **values}])
        return not replaced

    def get(self, name: str) -> Pool | None:
        """The pool of that name."""
        return next(map(_pool, self._backend.read(sa.select(POOLS).where(POOLS.c.name == name))), None)

    def all(self) -> list[Pool]:
        """All pools in the order of their names."""
        return [_pool(row) for row in self._backend.read(sa.select(POOLS).order_by(POOLS.c.name))]

    def delete(self, name: str) -> bool:
        """Forget a pool; whether there was one."""
        with self._writer.transaction() as connection:
            return bool(connection.execute(sa.delete(POOLS).where(POOLS.c.name == name)).rowcount)

    def count(self, pool: Pool) -> int:
        """How many patents are in a pool now. Reads the table once."""
        return int(self._backend.value(sa.select(sa.func.count()).select_from(PATENTS).where(*_conditions(pool))))

    def bands(self, pool: Pool) -> list[Band]:
        """The patents of a pool by age and maturity: year of filing, latest first, then maturity, highest first."""
        year = sa.extract("year", PATENTS.c.filed_on).label("year")
        asked = sa.select(year, PATENTS.c.maturity, sa.func.count()).where(*_conditions(pool))
        rows = self._backend.read(asked.group_by(year, PATENTS.c.maturity))
        bands = [Band(None if row[0] is None else int(row[0]), row[1], row[2]) for row in rows]
        return sorted(bands, key=lambda band: (-(band.filed_year or 0), -(band.maturity or 0)))

    def ids(self, pool: Pool) -> Iterator[list[str]]:
        """The ids of a pool's patents in their order, a page at a time, each a short transaction."""
        asked = sa.select(PATENTS.c.id).where(*_conditions(pool))
        for rows in self._backend.pages(asked, PATENTS.c.id, _IDS_A_PAGE):
            yield [row[0] for row in rows]


_DAYS = ("filed_from", "filed_to", "published_from", "published_to")


def filter_text(chosen: Filter) -> str:
    """A filter as a JSON object without what it leaves open."""
    given = {item.name: value for item in fields(chosen) if (value := getattr(chosen, item.name)) is not None}
    return json.dumps(given, ensure_ascii=False, sort_keys=True, default=date.isoformat)


def filter_of(text: str) -> Filter:
    """The reverse of `filter_text`."""
    values: dict[str, Any] = json.loads(text)
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
        elif name in _DAYS:
            values[name] = date.fromisoformat(value)
    return Filter(**values)


def _pool(row: AnyRow) -> Pool:
    return Pool(**{**row._mapping, "filter": filter_of(row.filter)})


def _conditions(pool: Pool) -> list[sa.ColumnElement[bool]]:
    return [sa.not_(PATENTS.c.deleted), *_codes(pool.filter), *_words(pool.filter), *_ranges(pool)]


def _codes(chosen: Filter) -> Iterator[sa.ColumnElement[bool]]:
    for name in ("ipc", "industry"):
        if (codes := getattr(chosen, name)) is not None:
            yield sa.or_(sa.false(), *(_begins(PATENTS.c[name], _code(code)) for code in codes))
    if chosen.region is not None:
        yield sa.or_(sa.false(), *(_has_prefix(PATENTS.c.region, _code(code)) for code in chosen.region))
    if chosen.licence is not None:
        yield sa.or_(sa.false(), *(_holds(PATENTS.c.licence, _quoted(mode)) for mode in chosen.licence))


def _words(chosen: Filter) -> Iterator[sa.ColumnElement[bool]]:
    for name in ("status", "holder_type", "grade", "lang"):
        if (values := getattr(chosen, name)) is not None:
            yield PATENTS.c[name].in_(values)
    if chosen.kind is not None:
        yield PATENTS.c.document_kind.in_(chosen.kind)
    for name in ("agreed", "dormant"):
        if (flag := getattr(chosen, name)) is not None:
            yield PATENTS.c[name] == flag
    if chosen.ids is not None:
        yield PATENTS.c.id.in_(chosen.ids)
    if chosen.not_ids is not None:
        yield PATENTS.c.id.not_in(chosen.not_ids)


def _ranges(pool: Pool) -> Iterator[sa.ColumnElement[bool]]:
    chosen, columns = pool.filter, PATENTS.c
    if chosen.maturity_min is not None:
        yield columns.maturity >= chosen.maturity_min
    for column, first, last in (
        (columns.filed_on, chosen.filed_from, chosen.filed_to),
        (columns.published_on, chosen.published_from, chosen.published_to),
    ):
        if first is not None:
            yield column >= first
        if last is not None:
            yield column <= last
    if pool.changed_from is not None:
        yield columns.updated_at >= datetime.combine(pool.changed_from, time.min, UTC)


def _code(code: str) -> str:
    # Sources write IPC with and without a space, and codes in either case; the index does the same.
    return code.upper().replace(" ", "")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _begins(column: sa.Column[str], prefix: str) -> sa.ColumnElement[bool]:
    """Whether a code of a JSON list begins so: it stands behind the opening bracket or a comma."""
    opened = _quoted(prefix)[:-1]
    return sa.or_(_has_prefix(column, f"[{opened}"), _holds(column, f",{opened}"))


def _has_prefix(column: sa.Column[str], prefix: str) -> sa.ColumnElement[bool]:
    return sa.func.substr(column, 1, len(prefix)) == prefix


def _holds(column: sa.Column[str], part: str) -> sa.ColumnElement[bool]:
    """Whether a text holds another, in their case: LIKE heeds case on one database and not on the other."""
    return sa.func.replace(column, part, "") != column
