"""Gradings of patents: the record and a line of history change in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa

from app.catalogue.backend import IDS, Backend
from app.catalogue.failures import translated
from app.catalogue.kept_grades import GRADED, graded, line_of, state_of, write_lines
from app.catalogue.logs import in_utc
from app.catalogue.rows import CODECS
from app.catalogue.statements import Statements
from app.catalogue.tables import PATENT_GRADES
from app.catalogue.writing import Writer
from app.domain import GradeChange, Grading, Kind, Patent

_COLUMNS = PATENT_GRADES.c


class GradeLog:
    """Gradings of one catalogue. Safe to call from many threads."""

    def __init__(self, backend: Backend, writer: Writer, patents: Statements) -> None:
        self._backend = backend
        self._writer = writer
        self._patents = patents

    def add(self, gradings: Sequence[Grading]) -> list[bool | None]:
        """Grade patents in one transaction.

        Returns:
            One outcome a grading: whether it changed anything, ``None`` where there is no such patent. What changed
            nothing has no line in the history.
        """
        if not gradings:
            return []
        with self._writer.transaction() as connection:
            wanted = self._backend.ids_parameter([grading.patent_id for grading in gradings])
            decode = CODECS[Kind.PATENTS].decode
            rows = connection.execute(self._patents.by_ids, {IDS: wanted})
            records = {row[0]: cast(Patent, decode(row)) for row in rows}
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
        with translated(), self._backend.reading() as connection:
            rows = connection.execute(asked).mappings().all()
        return [GradeChange(**{**row, "at": in_utc(row["at"])}) for row in rows]


def _given(grading: Grading) -> dict[str, Any]:
    return {name: value for name in GRADED if (value := getattr(grading, name)) is not None}
