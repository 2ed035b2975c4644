"""Pools: named selections of patents with counts, some built in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.catalogue import Band, Catalogue
from app.domain import Filter, Licence, Pool
from app.errors import ConflictError, FieldError, InputError, NotFoundError

MAX_NAME_CHARS = 64
NEW = "new"
NEW_DAYS = 30
"""How far back `new` looks where no day is given: a run a month sees each arrival once."""


def _ours(name: str, note: str, chosen: Filter) -> Pool:
    return Pool(name=name, filter=chosen, note=note, built_in=True)


_BUILT_IN = (
    _ours("dormant", "never transferred, licensed or used · 沉睡专利", Filter(dormant=True)),
    _ours("agreed", "both sides rated it worth industrialising · 双向认可", Filter(agreed=True)),
    _ours("open_licence", "open licence · 开放许可", Filter(licence=(Licence.OPEN_LICENCE,))),
    _ours("pay_after_use", "pay after use · 先使用后付费", Filter(licence=(Licence.PAY_AFTER_USE,))),
    _ours(NEW, "added or changed since a day · 新入库或有变更", Filter()),
)


@dataclass(frozen=True, slots=True)
class CountedPool:
    """A pool and how many patents are in it now; ``bands`` counts them by year of filing and maturity."""

    pool: Pool
    patents: int
    bands: tuple[Band, ...] = ()


class PoolService:
    """Saves pools and counts them. A pool is its filter: what is in it follows the catalogue.

    Args:
        catalogue: where pools and patents are.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def get(self, name: str, *, since: date | None = None) -> Pool:
        """The pool of that name, in place of its own day with ``since`` where that is given.

        Raises:
            NotFoundError: there is none.
        """
        pool = self._built_in(name) or self._catalogue.pools.get(name)
        if pool is None:
            shown = name[:MAX_NAME_CHARS]
            raise NotFoundError(f"There is no pool {shown!r}.", f"没有名为 {shown!r} 的专利池。", code="unknown_pool")
        return pool if since is None else replace(pool, changed_from=since)

    def show(self, name: str, *, since: date | None = None) -> CountedPool:
        """A pool, counted by year of filing and maturity.

        Raises:
            NotFoundError: there is none of that name.
        """
        pool = self.get(name, since=since)
        bands = tuple(self._catalogue.pools.bands(pool))
        return CountedPool(pool, sum(band.patents for band in bands), bands)

    def all(self) -> list[CountedPool]:
        """Every pool with its count, the built-in ones first. Each count reads the patents once."""
        names = [pool.name for pool in _BUILT_IN]
        pools = [*(self.get(name) for name in names), *self._catalogue.pools.all()]
        return [CountedPool(pool, self._catalogue.pools.count(pool)) for pool in pools]

    def put(self, pool: Pool) -> bool:
        """Save a pool under its name; whether it is new.

        Raises:
            InputError: the name cannot be used, or the filter is by holder, whose names the catalogue does not fold.
            ConflictError: a built-in pool has it.
        """
        _check_name(pool.name)
        self._refuse_built_in(pool.name)
        if pool.filter.holder is not None:
            wrong = FieldError(
                "filter.holder", "a pool cannot select by holder; filter matches by it", "专利池不支持按持有人筛选"
            )
            raise InputError("Cannot use the filter of the pool.", "专利池的筛选条件不可用。", fields=(wrong,))
        return self._catalogue.pools.put(pool)

    def delete(self, name: str) -> None:
        """Delete a pool.

        Raises:
            NotFoundError: there is none of that name.
            ConflictError: it is built in.
        """
        self._refuse_built_in(name)
        self.get(name)
        self._catalogue.pools.delete(name)

    def filter(self, name: str, *, since: date | None = None) -> Filter:
        """A pool as one filter that an index understands: of a pool of changes, with the ids that it has now.

        Raises:
            NotFoundError: there is none of that name.
        """
        pool = self.get(name, since=since)
        if pool.changed_from is None:
            return pool.filter
        found = self._catalogue.pools.ids(pool)
        return replace(pool.filter, ids=tuple(key for page in found for key in page))

    def _built_in(self, name: str) -> Pool | None:
        found = next((pool for pool in _BUILT_IN if pool.name == name), None)
        if found is None or found.name != NEW:
            return found
        return replace(found, changed_from=datetime.now(UTC).date() - timedelta(days=NEW_DAYS))

    def _refuse_built_in(self, name: str) -> None:
        if self._built_in(name) is not None:
            raise ConflictError(
                f"The pool {name!r} is built in; choose another name.",
                f"{name!r} 是内置专利池，请使用其他名称。",
                code="built_in_pool",
            )


def pool_json(counted: CountedPool) -> dict[str, Any]:
    """A pool as JSON types, without what it leaves open."""
    pool = counted.pool
    given = {name: getattr(pool.filter, name) for name in pool.filter.__dataclass_fields__}
    known: dict[str, Any] = {
        "name": pool.name,
        "filter": {name: _plain(value) for name, value in given.items() if value is not None},
        "changed_from": None if pool.changed_from is None else pool.changed_from.isoformat(),
        "note": pool.note,
        "built_in": pool.built_in,
        "patents": counted.patents,
    }
    if counted.bands:
        known["bands"] = [
            {"filed_year": band.filed_year, "maturity": band.maturity, "patents": band.patents}
            for band in counted.bands
        ]
    return known


def _plain(value: Any) -> Any:  # noqa: ANN401 - a filter's value
    if isinstance(value, date):
        return value.isoformat()
    return [str(item) for item in value] if isinstance(value, tuple) else value


def _check_name(name: str) -> None:
    if 0 < len(name) <= MAX_NAME_CHARS and name.isprintable() and name == name.strip() and "/" not in name:
        return
    wrong = FieldError(
        "name",
        f"1 to {MAX_NAME_CHARS} characters that can be seen, without a slash",
        f"应为 1 至 {MAX_NAME_CHARS} 个可见字符，不含斜杠",
    )
    raise InputError("Cannot use the name of the pool.", "专利池名称不可用。", fields=(wrong,))
