"""Gradings one by one, each change with its line of history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalogue import Catalogue
from app.domain import GradeChange, Kind
from app.errors import unknown_record
from app.ingest import grading_of
from app.records.write import refused


class GradingService:
    """Grades patents. The same grading again changes nothing.

    Args:
        catalogue: where patents and their history are.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def grade(self, patent_id: str, fields: Mapping[str, Any]) -> bool:
        """Grade one patent; whether anything changed.

        Raises:
            InputError: a field cannot be used; the error names it.
            NotFoundError: there is no such patent.
        """
        outcome = grading_of(patent_id, fields)
        if outcome.record is None:
            raise refused("grading", "分级", [found.as_field_error() for found in outcome.rejected])
        (changed,) = self._catalogue.grades.add([outcome.record])
        if changed is None:
            raise unknown_record(Kind.PATENTS, patent_id)
        return changed

    def history(self, patent_id: str) -> list[GradeChange]:
        """Every change of a patent's grading, the latest first; of a deleted patent, too.

        Raises:
            NotFoundError: there is no such patent, and never was one with a history.
        """
        lines = self._catalogue.grades.history(patent_id)
        if not lines and self._catalogue.get(Kind.PATENTS, patent_id) is None:
            raise unknown_record(Kind.PATENTS, patent_id)
        return lines
