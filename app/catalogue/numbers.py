"""Patents by the numbers that people write: ids in another spelling, and application numbers."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from app.catalogue.tables import PATENTS
from app.catalogue.writing import Part

_NUMBERS = sa.select(PATENTS.c.id, PATENTS.c.application_number).where(sa.not_(PATENTS.c.deleted))


class PatentNumbers(Part):
    """Looks patents up by number. Both columns have an index: a look-up costs the same in a bank of any size."""

    def find(self, ids: Sequence[Sequence[str]], application_numbers: Sequence[str] = ()) -> tuple[str, ...]:
        """The ids of the patents that a number names, in order.

        Args:
            ids: spellings of the id, the likeliest group first; the first group that has any decides.
            application_numbers: spellings of the application number, which decide where no id does.
        """
        wanted = [spelling for group in ids for spelling in group]
        there = {row[0] for row in self._backend.read_of(_NUMBERS, PATENTS.c.id, wanted)} if wanted else set()
        for group in ids:
            if named := there.intersection(group):
                return tuple(sorted(named))
        if not application_numbers:
            return ()
        rows = self._backend.read_of(_NUMBERS, PATENTS.c.application_number, application_numbers)
        return tuple(sorted(row[0] for row in rows))
