"""Rows of a table that are no records: titles of sections, totals, units, notes, repeated headers.

They are told by what they say and by how little else their row holds: a record whose title begins like one of them has
other cells, and is kept.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unicodedata import normalize

from app.ingest.headings.folding import BRACKETED, LONGEST_HEADER
from app.ingest.headings.headers import same_header
from app.ingest.headings.heading import HeaderSearch

SECTION, TOTAL, UNIT, NOTE, HEADER, EXAMPLE = "section", "total", "unit", "note", "header", "example"
OTHER_TABLE = "other_table"
"""Kinds of skipped rows, as a report counts them."""

_NUMERAL = "一二三四五六七八九十百"
_SPACES = re.compile(r"\s+")
_MARKED = re.compile(r"[*＊\s]")
_MAX_CHARS = 4_000
_SECTION_CHARS = 40
_MAX_WIDER = 20
"""Times the header's cells; a row of more is broken, and looking at a million cells would cost more than it tells."""

_LISTS: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("leftovers.toml").read_text(encoding="utf-8"))


def _any(name: str) -> str:
    """A pattern for the words of one list, the longest first."""
    return "(?:" + "|".join(re.escape(word) for word in sorted(_LISTS[name], key=len, reverse=True)) + ")"


_TOTAL = re.compile(
    rf"{_any('totals')}(?:\([^)]{{0,20}}\))?[:=]?[约为共]?[\d,.]*{_any('counted')}?[.。]?\Z"
    rf"|(?:以上)?(?:合计|总计|共计|共|共有|总共):?[\d,.{_NUMERAL}]+{_any('counted')}.{{0,40}}\Z"
)
TOTALS = frozenset(
    form
    for word in _LISTS["totals"]
    for name in (word, word.title(), word.upper())
    for form in (name, f"{name}:", f"{name}：")
)
"""First cells of rows that are looked at however much they hold."""
_AMOUNT = re.compile(rf"[-+]?[¥$]?[\d,.]*%?(?:{_any('counted')}|万|亿|/|-|—)*\Z")
_NOTE = re.compile(
    rf"[*※★●【\[(]*{_any('notes')}(?:\d{{1,2}})?[】\])]*:.*\Z"
    r"|[*※].*\Z|(?:注|说明|备注|note)\d{1,2}[.、].*\Z|\((?:注|说明|备注|单位|盖章|公章|以下|此)[^)]*\).*\Z",
    re.DOTALL,
)
_NOTE_WORD = re.compile(rf"{_any('notes')}:?\Z")
_CLOSING = re.compile(rf"{_any('notes')}\Z|{_any('closing')}.*\Z", re.DOTALL)
_SECTION_NUMBER = re.compile(
    rf"(?:附?表|附件)[{_NUMERAL}\d]{{1,3}}(?!\w*\d)|[{_NUMERAL}]{{1,4}}[、.．,:)]|\([{_NUMERAL}\d]{{1,4}}\)|第[{_NUMERAL}\d]{{1,4}}(?:类|部分|章|节|批|组|项|篇|大类|领域)"
    r"|[ivx]{1,5}[、.:]|\d{1,2}[、.](?!\d)|[a-z][、.:]|[◆■▲●★▶►□○◇【]"
)
_SECTION_END = re.compile(rf"{_any('section_ends')}(?:\([^)]{{0,20}}\))?:?\Z|】\Z")
_UNIT = re.compile(
    rf"[(\[【]?(?:单位:?)?(?:{_any('units')}|[年月日/\-.]{{3,8}}|y{{4}}[-/.年]?m{{2}}[-/.月]?d{{2}}日?)[)\]】]?\Z"
)
_EXAMPLE = re.compile(rf"[(\[【]?{_any('examples')}[)\]】]?\d{{0,2}}:?\Z")
_MAX_UNIT_ROWS = 3
"""Rows below the header that may hold units, the columns' numbers or an example."""


def _folded(value: Any) -> str:  # noqa: ANN401 - cells may be anything
    text = value if isinstance(value, str) else str(value)
    return _SPACES.sub("", normalize("NFKC", text[:_MAX_CHARS])).lower()


class Leftovers:
    """Tells which rows of one table are no records.

    Args:
        headers: the table's headers.
        known: positions of columns that fill a field of ours.

    Attributes:
        lead: the position of the first column that fills a field, and ``leads`` its header in some spellings.
        few: a row with more cells than this is a record, if it does not stand right below the header.
        near: rows below the header that are yet to be looked at whatever they hold.
    """

    def __init__(self, headers: Sequence[str], known: frozenset[int]) -> None:
        self._width = len(headers)
        self._known = known
        named = sum(1 for header in headers if header)
        self.few = max(2, named // 2) if named > 2 else 1
        self.near = _MAX_UNIT_ROWS
        self._headers = headers
        self.lead = min(known, default=0)
        lead = headers[self.lead] if headers else ""
        bare = _MARKED.sub("", BRACKETED.sub("", lead))
        self.leads = frozenset((lead, bare, f"*{lead}", f"*{bare}", f"{lead}*", f"{bare}*")) - {""}

    @classmethod
    def of(cls, headers: Sequence[str], search: HeaderSearch) -> Leftovers:
        """Those of a table with these headers."""
        fields = search.plan(headers).fields
        return cls(headers, frozenset(place for places in fields.values() for place in places))

    def is_header(self, cells: Sequence[Any]) -> bool:
        """Whether a row whose cell at ``lead`` is one of ``leads`` is the header once more, as on printed pages."""
        pairs = zip(cells, self._headers, strict=False)
        texts = [(cell, header) for cell, header in pairs if isinstance(cell, str) and cell]
        alike = sum(same_header(cell[:LONGEST_HEADER], header) for cell, header in texts)
        return alike > 0 and 2 * alike >= len(texts)

    def kind(self, cells: Sequence[Any], *, spread: bool = False) -> str | None:
        """What the row is when it is no record.

        Args:
            cells: the row as it stands, before merged cells are filled.
            spread: whether its first cell is merged over most of the table.
        """
        if len(cells) > _MAX_WIDER * self._width:
            return None
        filled = [place for place, cell in enumerate(cells) if cell is not None and cell != "" and not _blank(cell)]
        if not filled:
            return None
        first = cells[filled[0]]
        self.near -= 1
        if self.near >= 0 and (found := self._under_header(cells, filled)):
            return found
        if not isinstance(first, str):
            return None
        text = _folded(first)
        if len(filled) > self.few and not spread:
            return TOTAL if first in TOTALS and self._is_total(text, cells, filled) else None
        if self._is_total(text, cells, filled):
            return TOTAL
        if self._is_note(text, cells, filled):
            return NOTE
        if self._is_section(text, filled, spread=spread):
            return SECTION
        return None

    def _under_header(self, cells: Sequence[Any], filled: Sequence[int]) -> str | None:
        texts = [_folded(cells[place]) for place in filled]
        if all(_UNIT.match(text) for text in texts):
            return UNIT
        if len(texts) > 2 and len(texts) >= self._width - 1 and _counts_up(texts):
            return UNIT
        if any(_EXAMPLE.match(text) for text in texts[:2]):
            return EXAMPLE
        return None

    def _is_total(self, text: str, cells: Sequence[Any], filled: Sequence[int]) -> bool:
        return bool(_TOTAL.match(text)) and all(_AMOUNT.match(_folded(cells[place])) for place in filled[1:])

    def _is_note(self, text: str, cells: Sequence[Any], filled: Sequence[int]) -> bool:
        if len(filled) == 1:
            closing = filled[0] == 0 or filled[0] not in self._known
            return bool(_NOTE.match(text) or (closing and _CLOSING.match(text)))
        # 填表人：张三 | 审核人：李四, or the mark in one cell and its text in the next.
        if len(filled) == 2 and _NOTE_WORD.match(text):
            return text.endswith(":") or not self._known.issuperset(filled)
        return all(_NOTE.match(_folded(cells[place])) for place in filled)

    def _is_section(self, text: str, filled: Sequence[int], *, spread: bool) -> bool:
        if len(filled) > 1 or self._width < 2 or len(text) > _SECTION_CHARS:
            return False
        if spread or filled[0] not in self._known:
            return True
        return filled[0] <= 1 and bool(_SECTION_NUMBER.match(text) or _SECTION_END.search(text))


def _blank(cell: Any) -> bool:  # noqa: ANN401 - cells may be anything
    return isinstance(cell, str) and cell.isspace()


def _counts_up(texts: Sequence[str]) -> bool:
    """1, 2, 3 … below a header: the columns' numbers. A form may begin with 甲, 乙."""
    numbers = [text.strip("()[]（）").removesuffix(".0") for text in texts if text not in ("甲", "乙", "丙", "栏次")]
    return len(numbers) > 1 and numbers == [str(number) for number in range(1, len(numbers) + 1)]
