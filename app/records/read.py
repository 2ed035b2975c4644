"""Records by id, as they leave the service, and the cursors of lists of them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind
from app.errors import FieldError, InputError, unknown_record


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


class RecordOut(BaseModel):
    """A record, over HTTP and in a webhook's message alike: fields that have no value are left out."""

    model_config = ConfigDict(extra="allow")

    id: str


def number_of(cursor: str | None) -> int:
    """The number of the last line that was given out, which a cursor of a list that only grows stands for; 0 for none.

    Raises:
        InputError: it is not a cursor that was given out.
    """
    number = 0 if cursor is None else int(cursor) if cursor.isascii() and cursor.isdigit() else -1
    if not 0 <= number < 2**63:
        wrong = FieldError("cursor", "none that was given out", "无效的游标")
        raise InputError("Cannot use the cursor.", "游标无效。", fields=(wrong,))
    return number
