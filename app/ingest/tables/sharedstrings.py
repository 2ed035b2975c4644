"""The texts of a workbook, kept on disk.

A workbook stores each text once in a table of its own and refers to it by number. openpyxl holds that table in memory,
which for a bank of patents is most of the file; here only the texts' places are held.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from typing import IO, Any
from xml.etree.ElementTree import Element, iterparse

from openpyxl.packaging.manifest import Manifest
from openpyxl.reader.excel import SHARED_STRINGS, ExcelReader

_SPOOL_BYTES = 1 << 20
"""A table smaller than this stays in memory after all; a file would only cost time."""


class StringTable:
    """Texts by number, appended once and then read in any order. 8 bytes of memory for each text."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 - closed by close()
        self._starts = array("Q", [0])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self):
            raise IndexError(number)
        self._file.seek(self._starts[number])
        # A lone surrogate may stand in a damaged workbook; it is dealt with where all text is.
        return self._file.read(self._starts[number + 1] - self._starts[number]).decode("utf-8", "surrogatepass")

    def append(self, text: str) -> None:
        """Add the text with the next number."""
        data = text.encode("utf-8", "surrogatepass")
        self._file.seek(self._starts[-1])
        self._file.write(data)
        self._starts.append(self._starts[-1] + len(data))

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()


class DiskStringsReader(ExcelReader):  # type: ignore[misc] # openpyxl publishes no types
    """openpyxl's reader of workbooks with the table of texts on disk."""

    package: Manifest

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream, read_only=True, data_only=True, keep_links=False)
        self.shared_strings = StringTable()

    def load(self) -> None:
        """Read what a workbook has besides its rows."""
        try:
            self.read()
        except BaseException:
            self.shared_strings.close()
            raise

    def read_strings(self) -> None:
        """Read the table of texts; called by :meth:`read`."""
        entry = self.package.find(SHARED_STRINGS)
        if entry is not None:
            with self.archive.open(entry.PartName[1:]) as source:
                for text in _texts(source):
                    self.shared_strings.append(text)


def _texts(source: IO[bytes]) -> Iterator[str]:
    events = iterparse(source, events=("start", "end"))  # noqa: S314 - expat bounds entity expansion
    _, root = next(events)
    for event, node in events:
        if event == "end" and _local(node) == "si":
            yield "".join(_runs(node))
            root.clear()


def _runs(item: Element) -> Iterator[str]:
    """The parts of one text: plain, or runs of different formats. Readings over characters (rPh) are no part of it."""
    for child in item:
        name = _local(child)
        if name == "t":
            yield child.text or ""
        elif name == "r":
            yield from (part.text or "" for part in child if _local(part) == "t")


def _local(node: Any) -> str:  # noqa: ANN401 - comments have a function for a tag
    return str(node.tag).rpartition("}")[2]
