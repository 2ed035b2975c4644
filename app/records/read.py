"""Records by id, as they leave the service, and the cursors of lists of them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from app.catalogue import Catalogue
from app.domain import AnyRecord, Kind
from app.errors import FieldError, InputError, NotFoundError, unknown_record
from app.text.identifiers import whole_number
from app.text.normalising import fold_line
from app.text.numbers import kept_id


def known_id(catalogue: Catalogue, kind: Kind, written: str) -> str:
    """The id of the record that is there under a spelling of its id; where none is, as it would be kept."""
    kept = kept_id(kind, written)
    return written if kept == written or catalogue.get(kind, written) is not None else kept


def with_kept_ids(ids: Sequence[str]) -> tuple[str, ...]:
    """Ids of any kind as they are given and as they would be kept: a list that names records by any spelling."""
    kept = (kept_id(kind, written) for written in ids for kind in (Kind.PATENTS, Kind.FIRMS))
    return tuple(dict.fromkeys((*ids, *kept)))


class RecordService:
    """Reads single records from the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def id_of(self, kind: Kind, written: str) -> str:
        """The id of the record that is there under a spelling of its id; see `known_id`."""
        return known_id(self._catalogue, kind, written)

    def get(self, kind: Kind, record_id: str) -> AnyRecord:
        """The record; a patent by any usual spelling of its number, too, where that names one alone.

        Raises:
            NotFoundError: there is none with this id, or several that the number may stand for.
        """
        record = self._catalogue.get(kind, record_id)
        if record is None and (kept := kept_id(kind, record_id)) != record_id:
            record = self._catalogue.get(kind, kept)
        if record is None and kind is Kind.PATENTS:
            record = self._by_number(record_id)
        if record is None:
            raise unknown_record(kind, record_id)
        return record

    def _by_number(self, written: str) -> AnyRecord | None:
        line = fold_line(written)
        number = whole_number(line)
        if number is None:
            joined = "".join(line.split())
            spellings = tuple(dict.fromkeys((line, joined, joined.upper())))
            found = self._catalogue.numbers.find((spellings,), spellings)
        else:
            found = self._catalogue.numbers.find(number.ids, number.application_numbers)
        if len(found) > 1:
            raise _ambiguous(written, found)
        return self._catalogue.get(Kind.PATENTS, found[0]) if found else None


_CANDIDATES_SHOWN = 20
"""Ids that an ambiguous number's error lists; the publications of one application are a few."""


def _ambiguous(written: str, ids: tuple[str, ...]) -> NotFoundError:
    shown = ", ".join(ids[:_CANDIDATES_SHOWN])
    return NotFoundError(
        f"The number {written[:80]!r} stands for several patents; ask by one of their ids: {shown}.",
        f"编号 {written[:80]!r} 对应多件专利，请改用其中一个 id：{shown}。",
        code="ambiguous_id",
    )


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
