"""The mapping of IPC symbols to industries, and bringing the patents up to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.catalogue import statements as sql
from app.catalogue.industries import ipc_key
from app.catalogue.rows import codes_of
from app.catalogue.tables import COUNTER, INDUSTRIES, PATENTS
from app.catalogue.writing import Part, steps
from app.domain import Kind

_DERIVED = sa.select(PATENTS.c.id, PATENTS.c.ipc, PATENTS.c.industry).where(
    sa.not_(PATENTS.c.deleted), sa.or_(PATENTS.c.industry_derived, PATENTS.c.industry == "[]")
)
"""Patents without an industry of their own."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A batch of patents that were looked at for their industries: how many, and how many changed."""

    looked: int
    changed: int


class IndustryMapping(Part):
    """The current mapping. What is written from now on gets its industries by it; `apply` does so for the rest."""

    def rows(self) -> list[tuple[str, str]]:
        """Symbols and industries, in their order."""
        return [(symbol, industry) for symbol, industry in self._backend.read(sql.READ_MAPPING)]

    def replace(self, rows: Sequence[tuple[str, str]]) -> bool:
        """Put another mapping in place of the current one; whether it differs."""
        wanted = list(dict.fromkeys((ipc_key(symbol), industry) for symbol, industry in rows))
        with self._writer.transaction() as connection:
            if [(symbol, industry) for symbol, industry in connection.execute(sql.READ_MAPPING)] == wanted:
                return False
            connection.execute(sa.delete(INDUSTRIES))
            if wanted:
                lines = [{"ipc": ipc, "industry": code, "position": n} for n, (ipc, code) in enumerate(wanted)]
                connection.execute(sa.insert(INDUSTRIES), lines)
            revision = COUNTER.c.value + 1
            connection.execute(sa.update(COUNTER).values(value=revision, industries=revision))
            steps.debug("catalogue.written")
        return True

    def apply(self, *, batch_size: int = 5000) -> Iterator[Derived]:
        """Look at all patents without an industry of their own, and write those that have another by the mapping now.

        Each batch is a short transaction; stopped anywhere, it is resumed by being run again.
        """
        for rows in self._backend.pages(_DERIVED, PATENTS.c.id, batch_size):
            mapping = self._writer.current_mapping()
            stale = [key for key, ipc, industry in rows if mapping.industries(codes_of(ipc)) != codes_of(industry)]
            yield Derived(len(rows), self._write_again(stale) if stale else 0)

    def _write_again(self, ids: Sequence[str]) -> int:
        """Patents are read inside the transaction: another writer may be faster."""
        with self._writer.transaction() as connection:
            records = self._writer.records(connection, Kind.PATENTS, ids)
            return self._writer.put_within(connection, Kind.PATENTS, list(records.values()), passed_on=True)
