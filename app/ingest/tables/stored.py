"""Rows that a parser meets before it is known whether they are wanted, kept on disk."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from typing import IO, Any

_SPOOL_BYTES = 4 << 20
"""Fewer bytes than this stay in memory; a file would only cost time."""


class StoredRows:
    """The rows of one table, appended once and then read as often as wanted."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 - closed by close()

    def append(self, number: int, cells: list[Any]) -> None:
        """Add the row of this number."""
        self._file.write(json.dumps([number, cells], ensure_ascii=True).encode("ascii") + b"\n")

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows, with their numbers."""
        place = 0
        while True:
            # Several walks may be under way at once: each finds its own place again.
            self._file.seek(place)
            line = self._file.readline()
            if not line:
                return
            place = self._file.tell()
            number, cells = json.loads(line)
            yield number, cells

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()
