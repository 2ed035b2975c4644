"""A file's rows one by one, as whatever a row is read into; what readers of other things than records share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from app.ingest.outcomes import IngestLimits, RawRow, SourceFile
from app.ingest.reading import RowSource
from app.ingest.streams import damage_named

Row = TypeVar("Row")


class RowFile(ABC, Generic[Row]):
    """One file's rows. Iterate once.

    Attributes:
        source: what was recognised about the file.
    """

    def __init__(self, rows: RowSource, source: SourceFile, mapping: Mapping[str, str], limits: IngestLimits) -> None:
        self.source = source
        self._rows = rows
        self._mapping = mapping
        self._limits = limits

    def __iter__(self) -> Iterator[Row]:
        """Each row that is not blank, in the file's order.

        Raises:
            InputError: the file turns out to be damaged.
        """
        try:
            with damage_named(self.source.name):
                for row in self._rows.rows():
                    yield self._read(row)
        finally:
            self._rows.close()

    @abstractmethod
    def _read(self, row: RawRow) -> Row:
        """What a row holds, or why it cannot be used."""
