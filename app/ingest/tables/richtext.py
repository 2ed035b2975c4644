"""Powers in the texts of a workbook: Excel writes 10⁵ as 105 with a raised 5, which its reader takes for 105."""

from __future__ import annotations

from typing import IO

from app.ingest.tables.sheetxml import feed_all
from app.text.markup import raised


def powers(stream: IO[bytes]) -> dict[str, str]:
    """Text as the reader of workbooks gives it -> with its raised numbers as such.

    A text that also stands in the table without a raised part is left out: nobody could tell the two apart.

    Raises:
        MonsterError: it would not fit in memory.
        ExpatError: it is no XML.
    """
    walk = _Walk()
    feed_all(stream, walk.start, walk.end, walk.text)
    return walk.certain()


class _Walk:
    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._others: set[int] = set()
        self._parts: list[str] = []
        self._written: list[str] = []
        self._is_raised = self._is_text = self._is_reading = False

    def certain(self) -> dict[str, str]:
        """What was found, without texts that also stand there with nothing raised."""
        return {plain: text for plain, text in self.found.items() if hash(plain) not in self._others}

    def start(self, tag: str, given: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "si":
            self._parts, self._written = [], []
        elif name == "r":
            self._is_raised = False
        elif name == "vertAlign":
            self._is_raised = given.get("val") == "superscript"
        elif name == "rPh":  # how a text is read aloud
            self._is_reading = True
        elif name == "t":
            self._is_text = not self._is_reading
            self._parts.append("")

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name == "rPh":
            self._is_reading = False
        elif name == "t":
            part = self._parts[-1]
            self._written.append(raised(part) if self._is_raised else part)
            self._is_text = False
        elif name == "si":
            self._end_item()

    def text(self, text: str) -> None:
        if self._is_text:
            self._parts[-1] += text

    def _end_item(self) -> None:
        plain, written = "".join(self._parts), "".join(self._written)
        if plain != written:
            self.found[plain] = written
        else:
            self._others.add(hash(plain))
        self._is_raised = False
