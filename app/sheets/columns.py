"""What a table has: its columns, with their headers in both languages, and how their values are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Lang = Literal["zh", "en"]
ColumnKind = Literal["text", "number", "score", "date", "moment", "link", "word"]
"""How a column's values are written. ``text`` is text whatever it looks like: ids and codes keep every digit. ``word``
is a code that ``words`` has names for. A ``link`` is an address that can be opened."""


class Words(NamedTuple):
    """What something is called, for people of both languages."""

    zh: str
    en: str

    def of(self, lang: Lang) -> str:
        """In this language."""
        return self.zh if lang == "zh" else self.en


NOTHING = Words("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        key: of its values in a row; what machines call it.
        header: above it.
        about: what the last sheet says of it; nothing where the header says all.
        width: in characters of the standard font, of which a Chinese one takes two; ``None`` to fit what is in it.
        words: of the codes of a ``word`` column; a code without one is shown as it is.
        choices: what a person may choose from; the column waits to be filled in.
        fill: whether a person fills it in.
        hint: shown beside a cell that is filled in.
        printed: whether it is on paper; columns that are not stand behind those that are.
    """

    key: str
    header: Words
    kind: ColumnKind = "text"
    about: Words = NOTHING
    width: float | None = None
    words: Mapping[str, Words] = field(default_factory=dict)
    choices: Sequence[Words] = ()
    fill: bool = False
    hint: Words = NOTHING
    printed: bool = True

    @property
    def filled_in(self) -> bool:
        """Whether a person fills it in."""
        return self.fill or bool(self.choices)
