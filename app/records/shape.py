"""A record as it leaves the service, over HTTP and in a webhook's message alike."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.domain import AnyRecord

_EMPTY: tuple[Any, ...] = (None, (), {}, "")


class RecordOut(BaseModel):
    """A record: fields that have no value are left out."""

    model_config = ConfigDict(extra="allow")

    id: str


def record_out(record: AnyRecord) -> RecordOut:
    """A record without its empty fields, `kind` added; `industry_derived` is there only where it is true."""
    named = ((field.name, getattr(record, field.name)) for field in fields(record))
    told = {name: value for name, value in named if value not in _EMPTY}
    if not told.get("industry_derived", True):
        del told["industry_derived"]
    return RecordOut(kind=record.kind.value, **told)
