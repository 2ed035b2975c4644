"""What stands in a column of ids: one number, several in one cell, none yet, or a count of the rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from app.ingest.fields.values import as_text
from app.ingest.fields.words import is_missing
from app.text.identifiers import identifiers_in
from app.text.normalising import fold_line
from app.text.numbers import application_number, patent_number

LONGEST_CELL = 2_000
"""Characters of a cell in which several numbers are looked for; a family that is listed has a few hundred."""
_OUT_OF_STEP = 5
"""One step in so many may be another: rows were deleted or sorted."""

_SEPARATORS = (
    re.compile(r"[\n\r;；|]+"),
    re.compile(r"[\n\r;；|,，、\s]+"),
    re.compile(r"\s*(?:[;；|,，、\n\r]|\s/\s)\s*"),
)
_FOREIGN = re.compile(r"[0-9A-Za-z]")
"""What may not be left of a cell beside its numbers: it would be an id of another form that holds one."""

_LONGEST_PLACEHOLDER = 16
_BRACKETS = re.compile(r"[\s()（）\[\]【】.。…!！?？:：,，、*~～\-—–_/\\]+")
_COUNTING = re.compile(r"[1-9]")
"""No placeholder has a digit, and nearly every id has."""
_EMPTY_MARKS = re.compile(r"[0xX#]*")
_PLACEHOLDER = re.compile(
    r"(?:已|正在|正|尚在|仍在)?(?:专利|商标|软著|证书|代码|号码?|编号)?(?:已|正在|正|尚在|仍在)?"
    r"(?:申请|受理|办理|审查|审核|审批|审理|实审|实质审查|初审|公开|公示|注册|登记|核实|确认|补充|完善|查询|提交|变更|筹建|申报|备案)(?:之|过程)?中"
    r"|(?:待|暂|尚|还未|尚未|拟|正在|即将|等待|未(?!来))[\u4e00-\u9fff]{0,6}"
    r"|(?:无|没有|尚无|暂无)(?:专利|编号|号码?|证书|代码|数据|内容|信息|相关|此项|该项|记录)?(?:专利|编号|号码?|证书|代码)?"
    r"|不(?:适用|详|明|公开|涉及|便公开|知道|确定)"
    r"|(?:已|正在)(?:申请|受理|提交|申报)(?:专利)?(?:待[\u4e00-\u9fff]{1,4})?"
    r"|(?:保密|涉密|略|空|同上|见附件|详见附件|另附|不公开|个人|自然人|个体|专有技术|技术秘密|非专利|非专利技术)"
    r"|ZL|CN|ZLCN|CNZL|ZLNO|PENDING|TBD|TBA|TBC|NA|NONE|NULL|NIL|NO|NOTYET|NOTAVAILABLE|NOTAPPLICABLE|APPLIED|APPLICATIONPENDING|PATENTPENDING"
    r"|INPROGRESS|INAPPLICATION|UNPUBLISHED|UNKNOWN|UNASSIGNED|出願中|審査中|申請中|審查中|受理中|출원중|심사중|해당없음"
)
# Six digits at most: offices and registries give longer numbers in a row, too.
_COUNT = re.compile(r"[(\[第]?0*([0-9]{1,6})(?:\.0+)?[)\]、.号项]?")


class CellNumbers(NamedTuple):
    """The numbers of one cell.

    Attributes:
        chosen: the one that the record is kept under: the first publication of China, else the first, else the first
            application.
        place: of it among all, from 0.
        total: of all.
    """

    chosen: str
    place: int
    total: int


def numbers_of_cell(text: str, *, bare: bool = False) -> CellNumbers | None:
    """The patent numbers that a cell holds and nothing else but remarks; ``None`` where it holds another kind of id.

    Args:
        text: as it came, with its line breaks: they say where one number ends.
        bare: as `app.text.numbers.patent_number` takes it.
    """
    if (one := patent_number(text, bare=bare)) is not None:
        return CellNumbers(one, 0, 1)
    if text.isascii() and text.isalnum():
        return None
    return _several(text, bare) if len(text) <= LONGEST_CELL else None


@lru_cache(maxsize=16_384)
def _several(text: str, bare: bool) -> CellNumbers | None:
    for separator in _SEPARATORS:
        parts = [part for part in separator.split(text) if part.strip()]
        numbers = [patent_number(part, bare=bare) for part in parts]
        if (
            len(parts) > 1
            and (found := [number for number in numbers if number is not None])
            and len(found) == len(parts)
        ):
            return _chosen(found)
    return _within(fold_line(text), bare)


def _within(line: str, bare: bool) -> CellNumbers | None:
    """Numbers among remarks: CN109999907B 已授权."""
    spans = [one for one in identifiers_in(line) if one.kind != "ipc" and one.certain]
    rest, last = [], 0
    for one in spans:
        rest.append(line[last : one.start])
        last = one.end
    rest.append(line[last:])
    if not spans or _FOREIGN.search("".join(rest)):
        return None
    found = [patent_number(one.text, bare=bare) or patent_number(one.value, bare=bare) for one in spans]
    return _chosen([number for number in found if number is not None]) if all(found) else None


def _chosen(numbers: Sequence[str]) -> CellNumbers:
    publications = [place for place, number in enumerate(numbers) if "." not in number]
    chinese = [place for place in publications if numbers[place].startswith("CN")]
    place = (chinese or publications or [0])[0]
    return CellNumbers(numbers[place], place, len(numbers))


@lru_cache(maxsize=16_384)
def application_of_cell(text: str) -> str | None:
    """The application that a cell names, of several the first Chinese one, else the first; ``None`` for none known."""
    if (one := application_number(text)) is not None:
        return one
    for separator in _SEPARATORS[:2]:
        found = [application_number(part) for part in separator.split(text) if part.strip()]
        if (
            len(found) > 1
            and (known := [number for number in found if number is not None])
            and len(known) == len(found)
        ):
            return next((number for number in known if number.startswith("CN")), known[0])
    return None


def is_placeholder(text: str) -> bool:
    """Whether a cell of ids says that there is none yet: 申请中, 待核实, 办理中, ``pending``, ``/``, ``0``."""
    return len(text) <= 2 * _LONGEST_PLACEHOLDER and not _COUNTING.search(text) and _says_none(text)


@lru_cache(maxsize=16_384)
def _says_none(text: str) -> bool:
    bare = _BRACKETS.sub("", fold_line(text)).upper()
    if len(bare) > _LONGEST_PLACEHOLDER:
        return False
    return bool(_EMPTY_MARKS.fullmatch(bare) or _PLACEHOLDER.fullmatch(bare))


def is_counter(values: Sequence[object]) -> bool:
    """Whether a column merely counts its rows: 1, 2, 3 … in their order, from any start, up or down.

    Args:
        values: of the first rows, in their order; cells without a value are passed over. A section may count anew.
    """
    counts: list[int] = []
    for value in values:
        if is_missing(value):
            continue
        number = _count_of(value)
        if number is None:
            return False
        counts.append(number)
    if len(counts) < 2:
        return counts == [1]
    steps = [after - before for before, after in pairwise(counts)]
    first = counts[0]
    up = sum(step == 1 or (after == first and step < 0) for step, after in zip(steps, counts[1:], strict=True))
    down = sum(step == -1 for step in steps)
    rising = all(step > 0 or after == first for step, after in zip(steps, counts[1:], strict=True))
    in_step = max(up if rising else 0, down if down == len(steps) else 0)
    return in_step * _OUT_OF_STEP >= len(steps) * (_OUT_OF_STEP - 1)


def _count_of(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    text = as_text(value)
    if text is None or len(text) > _LONGEST_PLACEHOLDER:
        return None
    match = _COUNT.fullmatch("".join(fold_line(text).split()))
    return int(match[1]) if match else None
