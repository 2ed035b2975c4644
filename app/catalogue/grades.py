"""Gradings of patents: the record and a line of history change in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa

from app.catalogue.grade_history import GRADED, graded, line_of, state_of, write_lines
from app.catalogue.tables import PATENT_GRADES
from app.catalogue.writing import Part
from app.domain import GradeChange, Grading, Kind, Patent

_COLUMNS = PATENT_GRADES.c


class GradeLog(Part):
    """Gradings of one catalogue."""

    def add(self, gradings: Sequence[Grading]) -> list[bool | None]:
        """Grade patents in one transaction.

        Returns:
            One outcome a grading: whether it changed anything, ``None`` where there is no such patent. What changed
            nothing has no line in the history.
        """
        if not gradings:
            return []
        with self._writer.transaction() as connection:
            ids = [grading.patent_id for grading in gradings]
            records = cast(dict[str, Patent], self._writer.records(connection, Kind.PATENTS, ids))
            outcomes: list[bool | None] = []
            lines: list[dict[str, Any]] = []
            for grading in gradings:
                before = records.get(grading.patent_id)
                after = None if before is None else graded(before, _given(grading))
                outcomes.append(None if before is None else after != before)
                if before is not None and after is not None and after != before:
                    records[before.id] = after
                    states = state_of(before), state_of(after)
                    lines.append(line_of(before.id, *states, by=grading.by, note=grading.note))
            if lines:
                changed = {line["patent_id"] for line in lines}
                self._writer.put_within(connection, Kind.PATENTS, [records[key] for key in sorted(changed)])
                write_lines(connection, lines)
        return outcomes

    def history(self, patent_id: str) -> list[GradeChange]:
        """Every change of a patent's grading, the latest first."""
        asked = sa.select(PATENT_GRADES).where(_COLUMNS.patent_id == patent_id).order_by(_COLUMNS.number.desc())
        return [GradeChange(**row._mapping) for row in self._backend.read(asked)]


def _given(grading: Grading) -> dict[str, Any]:
    return {name: value for name in GRADED if (value := getattr(grading, name)) is not None}
