"""Records by id."""

from __future__ import annotations

from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind
from app.errors import unknown_record


class RecordService:
    """Reads single records from the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def get(self, kind: Kind, record_id: str) -> AnyRecord:
        """The record.

        Raises:
            NotFoundError: there is none with this id.
        """
        record = self._catalogue.get(kind, record_id)
        if record is None:
            raise unknown_record(kind, record_id)
        return record
