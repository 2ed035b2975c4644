"""Finding the header: the row with headers we know, perhaps below a title, and with all that its kind of file needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain import Kind
from app.errors import InputError
from app.ingest.headings.folding import LONGEST_HEADER
from app.ingest.headings.headerrows import NEW, OTHER, joined_languages, table_of, translates
from app.ingest.headings.headers import EXTRA, IGNORE, Plan, count_recognised, fields_of, plan_columns, same_header
from app.ingest.headings.kinds import KIND_NAMES_ZH, explains_columns, kind_of, lists_headers, looks_like
from app.ingest.headings.levels import Known, is_grouping, joined
from app.ingest.headings.profiles import profile_named
from app.ingest.headings.synonyms import REQUIRED
from app.ingest.tables.wrapping import STARTS, unwrapped

_SHOWN = 30
"""Headers listed in a message; the rest is counted."""

_FIELD_NAMES_ZH = {
    "id": "编号",
    "title": "名称",
    "abstract": "摘要",
    "holders": "权利人",
    "name": "企业名称",
    "text": "描述",
    "problem": "技术难题",
    "ipc": "IPC分类号",
    "industry": "国民经济行业代码",
    "event": "事件",
    "level": "相关级别",
    "grade": "等级",
    "maturity": "成熟度",
    "agreed": "双向认可",
}


@dataclass(frozen=True, slots=True)
class Heading:
    """A header row.

    Attributes:
        row: its number from 1; of several rows the last, below which the records begin.
        headers: its cells; of several rows the spelling that is known.
        recognised: how many of our fields they provide.
        rows: the numbers of all rows that hold headers; empty where that is ``row`` alone.
        labels: the headers with all their levels; empty where they are the headers.
        spelled: the rows as they stand, where there are several.
        passed: rows of a table of something else that stands above.
    """

    row: int
    headers: tuple[str, ...]
    recognised: int
    rows: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    spelled: tuple[tuple[str, ...], ...] = ()
    passed: int = 0

    @property
    def all_rows(self) -> tuple[int, ...]:
        """The numbers of all rows that hold headers; none where the format has no such row."""
        return self.rows or ((self.row,) if self.row else ())


@dataclass(frozen=True, slots=True)
class HeaderSearch:
    """What to look for in the file called ``name``, as the export ``profile`` where one is named."""

    name: str
    kind: str
    mapping: Mapping[str, str]
    profile: str | None = None

    def __post_init__(self) -> None:
        """Check the profile's name before the file is opened."""
        if self.profile is not None:
            profile_named(self.profile, self.kind)

    def plan(self, headers: Sequence[str]) -> Plan:
        """Where each field of a row with these headers is."""
        return plan_columns(headers, self.kind, self.mapping, self.profile)

    def best(self, rows: Iterable[Sequence[object]]) -> Heading:
        """The row with the most known headers, with the names of groups above or below it that make more known.

        The first of equals; ``recognised`` is 0 where no row has any.
        """
        known = Known(self.kind, self.mapping)
        best = Heading(0, (), 0)
        seen: list[list[str]] = []
        for number, cells in enumerate(rows, start=1):
            texts = [known.cleaned(_text(cell)) for cell in cells]
            seen.append(texts)
            found = self._count(texts)
            if found > best.recognised:
                best = Heading(number, tuple(texts), found)
        if not best.recognised:
            widest: list[str] = []
            for texts in seen:
                widest = texts if len(texts) > len(widest) else widest
            return Heading(0, tuple(widest), 0)
        firsts = [next(filter(None, texts), "") for texts in seen[best.row :]]
        if not self.mapping and lists_headers(firsts, self.kind):
            return Heading(0, best.headers, 0)
        best = self._first_of_several(best, seen, known)
        levelled = self._levelled(best, seen, known)
        if levelled is best:
            levelled = _in_two_languages(best, seen, known)
        numbers = levelled.all_rows
        spelled = tuple(tuple(seen[number - 1]) for number in numbers) if len(numbers) > 1 else ()
        return replace(levelled, spelled=spelled, passed=self._passed(numbers[0] - 1, seen, known))

    def _first_of_several(self, best: Heading, rows: Sequence[list[str]], known: Known) -> Heading:
        """The header of the first table of the kind, where ``best`` has records above it that have their own.

        Or the best of the kind, where ``best`` is the header of something else.
        """
        if self.kind in set(Kind) and table_of(best.headers, known, self.profile) == OTHER:
            fitting = [place for place, texts in enumerate(rows) if table_of(texts, known, self.profile) == NEW]
            if not fitting:
                return best
            place = max(fitting, key=lambda place: self._count(rows[place]))
            best = Heading(place + 1, tuple(rows[place]), self._count(rows[place]))
        for place in range(best.row - 2 if self.kind in set(Kind) else 0):
            texts = rows[place]
            if table_of(texts, known, self.profile) != NEW:
                continue
            fields = plan_columns(texts, self.kind, self.mapping, self.profile).fields
            places = {first for first, *_ in fields.values()}
            between = rows[place + 1 : best.row - 1]
            if any(self._is_record(row, places) for row in between):
                return Heading(place + 1, tuple(texts), self._count(texts))
        return best

    def _is_record(self, row: Sequence[str], places: Collection[int]) -> bool:
        filled = sum(1 for place in places if place < len(row) and row[place])
        return filled > 1 and self._count(row) < filled

    def _passed(self, above: int, rows: Sequence[list[str]], known: Known) -> int:
        """Rows of a table of something else, with a header of its own, among those above the header."""
        if self.kind in set(Kind):
            for place in range(above):
                if table_of(rows[place], known, self.profile) == OTHER:
                    return sum(1 for row in rows[place + 1 : above] if any(row))
        return 0

    def _levelled(self, best: Heading, rows: Sequence[list[str]], known: Known) -> Heading:
        """``best`` with the level below it and those above it, where they say more."""
        place = best.row - 1
        if place + 1 < len(rows):
            best = self._with(best, rows[place], rows[place + 1], known, below=True)
        first = (best.rows or (best.row,))[0] - 1
        for above in range(first - 1, max(first - 3, -1), -1):
            if any(table_of(rows[place], known, self.profile) for place in range(above)):
                break  # a record of the table above, and no name of a group
            wider = self._with(best, rows[above], list(best.headers), known, below=False)
            if wider is best:
                break
            best = replace(wider, rows=(above + 1, *best.all_rows), row=best.row)
        return best

    def _with(self, best: Heading, group: list[str], names: list[str], known: Known, *, below: bool) -> Heading:
        if not is_grouping(group, names):
            return best
        headers, labels = joined(group, names, known)
        found = self._count(headers)
        # Below, the next row may be the first record; above, a group may tell two names apart without a field more.
        same = tuple(headers) == best.headers and not below
        if below and found == best.recognised:
            same = not all(known.is_name(name) for name in names if name)
        if found < best.recognised or (found == best.recognised and same):
            return best
        if below:
            return Heading(best.row + 1, tuple(headers), found, (best.row, best.row + 1), tuple(labels))
        return replace(best, headers=tuple(headers), recognised=found, labels=tuple(labels))

    def _count(self, texts: Sequence[str]) -> int:
        return count_recognised(
            [text for text in texts if text and len(text) <= LONGEST_HEADER], self.kind, self.mapping, self.profile
        )

    def require(self, heading: Heading) -> None:
        """Check that the headers are those of a file of this kind.

        Raises:
            InputError: no header is known, one that the kind needs is missing, or the mapping names one that is absent.
        """
        if not self.mapping and explains_columns(heading.headers, self.kind):
            raise self._error(
                "no_records",
                "the table explains columns and holds no records",
                "该表是字段说明，不含记录",
                heading.headers,
            )
        other = None if self.mapping or self.profile else kind_of(heading.headers, self.kind)
        hint, hint_zh = looks_like(other) if other else ("", "")
        if not heading.recognised and not self.mapping and not hint:
            raise self._error(
                "no_header", "no header row was found", "未找到表头行", heading.headers,
            )  # fmt: skip
        self.check_mapping(heading.headers)
        fields = self.plan(heading.headers).fields
        for group in REQUIRED[self.kind]:
            if not any(name in fields for name in group) and (hint or not self._is_partial(group, fields)):
                wanted = " or ".join(group)
                wanted_zh = "或".join(_FIELD_NAMES_ZH[name] for name in group)
                raise self._error(
                    "missing_column",
                    f"a file of {self.kind} needs a column for {wanted}, and none was recognised{hint}",
                    f"{KIND_NAMES_ZH[self.kind]}文件需要“{wanted_zh}”列，但未识别到{hint_zh}",
                    heading.headers,
                )
        if other:
            raise self._error(
                "wrong_kind",
                f"this is no file of {self.kind}{hint}",
                f"这不是{KIND_NAMES_ZH[self.kind]}文件{hint_zh}",
                heading.headers,
            )

    def _is_partial(self, lacking: Sequence[str], fields: Collection[str]) -> bool:
        """Whether a file without some fields still says something of records that are there: it has ids and more."""
        return self.kind in set(Kind) and "id" in fields and "id" not in lacking and len(fields) > 1

    def check_mapping(self, headers: Sequence[str]) -> None:
        """Check the mapping's both sides.

        Raises:
            InputError: it names a header that the file does not have, or a field that the kind does not have.
        """
        allowed = (*fields_of(self.kind), EXTRA, IGNORE)
        for theirs, ours in self.mapping.items():
            if ours not in allowed:
                raise InputError(
                    f"{self.name}: the mapping sends {theirs!r} to {ours!r}, which {self.kind} do not have; "
                    f"allowed are {', '.join(allowed)}",
                    f"{self.name}：映射将“{theirs}”指向“{ours}”，但{KIND_NAMES_ZH[self.kind]}没有该字段；可用字段：{'、'.join(allowed)}",
                    code="mapping",
                )
            if not any(same_header(theirs, header) for header in headers):
                raise self._error(
                    "mapping", f"the mapping names the header {theirs!r}, which the file does not have",
                    f"映射中的表头“{theirs}”在文件中不存在", headers,
                )  # fmt: skip

    def _error(self, code: str, message: str, message_zh: str, headers: Sequence[str]) -> InputError:
        named = [header for header in headers if header]
        shown = ", ".join(header[:40] for header in named[:_SHOWN]) or "-"
        if len(named) > _SHOWN:
            shown += f", ... ({len(named)})"
        return InputError(
            f"{self.name}: {message}. Headers seen: {shown}. Rename a header, or name the columns with --mapping",
            f"{self.name}：{message_zh}。识别到的表头：{shown}。请修改表头，或用 --mapping 指定列的对应关系",
            code=code,
        )


def _in_two_languages(best: Heading, rows: Sequence[list[str]], known: Known) -> Heading:
    """``best`` with the row below or above it that says the same in another language."""
    for row in (best.row + 1, best.row - 1):
        if 0 < row <= len(rows) and translates(rows[row - 1], best.headers, known):
            headers = joined_languages(best.headers, rows[row - 1], known)
            both = (min(row, best.row), max(row, best.row))
            return Heading(both[1], tuple(headers), best.recognised, both)
    return best


def _text(cell: Any) -> str:  # noqa: ANN401 - cells may be anything
    """A header as a line of text, without what Excel's syntax puts around it."""
    if cell is None:
        return ""
    text = cell if isinstance(cell, str) else str(cell)
    if text[:1] in STARTS:
        text = unwrapped(text)
    return text.strip()
