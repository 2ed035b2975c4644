"""The last sheet of a workbook: what it is, how it was made, and what each column says, in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.sheets.columns import NOTHING, Column, Words

SHEET = Words("说明", "About")


class Fact(NamedTuple):
    """One line: what it is about, and what is so."""

    name: Words
    value: Words | str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the last sheet says beside the columns.

    Attributes:
        title: of the workbook.
        facts: how it was made; one without a value is left out.
        notes: sentences for who reads or fills it in.
    """

    title: Words
    facts: Sequence[Fact] = ()
    notes: Sequence[Words] = ()

    def rows(self, columns: Sequence[Column]) -> list[tuple[str, str, str, str]]:
        """Item and content in Chinese, item and content in English.

        The names of columns are within a phrase: a row of them alone would look like a table's header to whoever reads
        the workbook again.
        """
        found = [(self.title.zh, "", self.title.en, "")]
        found += [("填写与阅读", note.zh, "How to use it", note.en) for note in self.notes]
        for name, value in self.facts:
            zh, en = value if isinstance(value, Words) else (value, value)
            if zh or en:
                found.append((name.zh, zh, name.en, en))
        for column in columns:
            if column.about != NOTHING:
                found.append(
                    (f"列：{column.header.zh}", column.about.zh, f"column: {column.header.en}", column.about.en)
                )
        return found
