"""Firms by name, and what becomes of a firm that was known by its name alone when its code is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import sqlalchemy as sa

from app.catalogue.load_history import remember_met
from app.catalogue.rows import CODECS
from app.catalogue.tables import FEEDBACK, FIRMS, NEEDS, OPT_OUTS, PUSH_LISTS
from app.catalogue.writing import Part
from app.domain import Firm, Kind, Need

_DERIVED = ("firm-", "firm.")
"""Ids of firms that were made of their names lie between these two."""


class FirmNames(Part):
    """The firms of one catalogue by their names."""

    def named(self, names: Sequence[str]) -> list[Firm]:
        """The firms that bear one of these names as it is stored, in the order of their ids.

        An index on the name serves it; without one it reads all firms.
        """
        rows = self._backend.read_of(self._writer.statements[Kind.FIRMS].records, FIRMS.c.name, list(names))
        return sorted((cast(Firm, CODECS[Kind.FIRMS].decode(row)) for row in rows), key=lambda firm: firm.id)

    def derived(self) -> list[Firm]:
        """The firms whose ids were made of their names."""
        key = FIRMS.c.id
        asked = self._writer.statements[Kind.FIRMS].records.where(key >= _DERIVED[0], key < _DERIVED[1])
        return [cast(Firm, CODECS[Kind.FIRMS].decode(row)) for row in self._backend.read(asked)]

    def derived_of_needs(self) -> set[str]:
        """Ids made of a firm's name that needs have, whether or not the firm is there."""
        key = NEEDS.c.firm_id
        asked = sa.select(key).where(key >= _DERIVED[0], key < _DERIVED[1], sa.not_(NEEDS.c.deleted)).distinct()
        return {row[0] for row in self._backend.read(asked)}

    def become(self, derived: Mapping[str, str], firms: Sequence[Firm], *, load: int | None = None) -> int:
        """Let firms take the place of those with derived ids, in one transaction; durable at the return.

        The firms are written, the others are deleted; their needs, answers, opt-outs and lists are the firms' from
        then on.

        Args:
            derived: their ids, each with the id of the firm that it is.
            firms: those firms.
            load: the number of the load that does this; taking it back parts them again.

        Returns:
            How many records changed.
        """
        with self._writer.transaction() as connection:
            asked = self._writer.statements[Kind.FIRMS].live_ids
            gone = [row[0] for row in self._backend.rows_of(connection, asked, list(derived))]
            changed = self._writer.put_within(connection, Kind.FIRMS, firms, deletes=gone, load=load)
            moved = [
                replace(need, firm_id=derived[need.firm_id])
                for need in self._needs_of(connection, list(derived))
                if need.firm_id is not None
            ]
            if moved:
                changed += self._writer.put_within(connection, Kind.NEEDS, moved, load=load)
            for old in sorted(self._with_more(connection, list(derived))):
                if load is not None:
                    remember_met(connection, load, old, derived[old])
                self._hand_over(connection, old, derived[old])
        return changed

    def _with_more(self, connection: sa.Connection, firm_ids: Sequence[str]) -> set[str]:
        """Those of the ids under which something is kept beside the records: few of many."""
        found: set[str] = set()
        for table in (FEEDBACK, OPT_OUTS, PUSH_LISTS):
            asked = sa.select(table.c.firm_id).where(self._backend.is_one_of(table.c.firm_id)).distinct()
            found.update(row[0] for row in self._backend.rows_of(connection, asked, firm_ids))
        return found

    def _needs_of(self, connection: sa.Connection, firm_ids: Sequence[str]) -> list[Need]:
        asked = self._writer.statements[Kind.NEEDS].records.where(self._backend.is_one_of(NEEDS.c.firm_id))
        rows = self._backend.rows_of(connection, asked, list(firm_ids))
        return [cast(Need, CODECS[Kind.NEEDS].decode(row)) for row in rows]

    def _hand_over(self, connection: sa.Connection, old: str, new: str) -> None:
        """What is kept beside the records under a firm's id."""
        for table in (FEEDBACK, OPT_OUTS):
            connection.execute(sa.update(table).where(table.c.firm_id == old).values(firm_id=new))
        lists = PUSH_LISTS.alias()
        taken = sa.select(lists.c.run).where(lists.c.firm_id == new)
        connection.execute(
            sa.update(PUSH_LISTS).where(PUSH_LISTS.c.firm_id == old, PUSH_LISTS.c.run.not_in(taken)).values(firm_id=new)
        )
