"""Headers of several rows: names of groups above names of columns, joined so that each column says what it is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from app.ingest.headings.folding import LONGEST_HEADER
from app.ingest.headings.headers import recognise, same_header

_MARKS = re.compile(r"\A[*＊★●※▲☆\s]+|[*＊★●※▲☆\s:：]+\Z")
_NUMBERING = re.compile(
    r"\A\s*(?:\d{1,2}\s*[.、．)）]|[(（]\d{1,2}[)）]|[①-⑳]|[A-Z]\s*[.、．)）]|[一二三四五六七八九十]{1,3}、)\s*"
)
_SPACES = re.compile(r"\s+")

_ABOUT = re.compile(
    r"(?:的?(?:基本|主要|相关|详细|有关)?(?:信息|情况|资料|概况|数据|内容|栏|项目)|information|info|details?|data)\Z",
    re.IGNORECASE,
)
"""What the name of a group ends with and adds nothing: 权利人信息 is the group of the 权利人."""

_OF_FORM = re.compile(
    r"[:：]\s*[^\s:：(（]|\A(?:填[报表写]|制表|编制|报送|审核|联系|盖章|日期|时间|年度|单位)[^:：]{0,8}[:：]\s*(?:[(（]|\Z)"
)
"""What is a line of a form above its table: 填报日期：2024年5月1日, 填报单位：（盖章）, 填表人：."""

_LISTS: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("levels.toml").read_text(encoding="utf-8"))
_NEUTRAL = frozenset(_LISTS["neutral"])
_PLAIN_NAMES = frozenset(_LISTS["names"])
_NAMES = _PLAIN_NAMES.union(_LISTS["generic"])
_FOREIGN = re.compile("|".join(_LISTS["foreign"]))


@dataclass(frozen=True, slots=True)
class Known:
    """What headers may mean: the kind of the rows, and the mapping that names some of them."""

    kind: str
    mapping: Mapping[str, str]

    def __call__(self, header: str) -> bool:
        """Whether the header is one that we know."""
        return (
            bool(header)
            and len(header) <= LONGEST_HEADER
            and (bool(recognise(header, self.kind)) or any(same_header(theirs, header) for theirs in self.mapping))
        )

    def is_name(self, text: str) -> bool:
        """Whether the text is that of a column, by itself or within a group, and so no value of a record."""
        return self(text) or _folded(text) in _NAMES

    def cleaned(self, header: str) -> str:
        """``header`` without asterisks and numbers before it, where that makes it a known one."""
        if not header or len(header) > LONGEST_HEADER or self(header):
            return header
        bare = _MARKS.sub("", header)
        for candidate in (bare, _NUMBERING.sub("", bare, count=1)):
            if candidate != header and self(candidate):
                return candidate
        return header


def joined(group: Sequence[str], names: Sequence[str], known: Known) -> tuple[list[str], list[str]]:
    """The headers of two rows as one row, and beside it their labels with both levels.

    A group's name stands in the first of its columns; those to its right that have none are its too.
    """
    headers: list[str] = []
    labels: list[str] = []
    above = ""
    for place in range(max(len(group), len(names))):
        own = group[place] if place < len(group) else ""
        name = names[place] if place < len(names) else ""
        above = own or (above if name else "")
        if not name or not above or name == above:
            headers.append(name or above)
            labels.append(name or above)
        else:
            headers.append(_chosen(above, name, known))
            labels.append(f"{above} {name}")
    return headers, labels


def is_grouping(group: Sequence[str], names: Sequence[str]) -> bool:
    """Whether ``group`` may stand above ``names``: several texts, of which one covers more than one column."""
    texts = [place for place, text in enumerate(group) if text]
    if any(_OF_FORM.search(group[place]) for place in texts):
        return False
    if len(texts) < 2 or len({group[place] for place in texts}) < 2:
        return False
    ends = [*texts[1:], max(len(group), len(names))]
    return any(
        sum(1 for place in range(start, min(end, len(names))) if names[place]) > 1
        for start, end in zip(texts, ends, strict=True)
    )


def _chosen(group: str, name: str, known: Known) -> str:
    """The spelling of a group's column that we know: 申请人 名称, 权利人 (of 权利人信息 名称), or the name alone."""
    both = f"{group} {name}"
    folded = _folded(group)
    core = _ABOUT.sub("", folded)
    if _FOREIGN.search(core):
        return both
    generic = _folded(name) in _NAMES
    if not generic and known(name):
        return name
    if known(both):
        return both
    if core and known(core + name):
        return core + name
    if (core in _NEUTRAL or _folded(name) == "地区") and known(name):
        return name
    if _folded(name) in _PLAIN_NAMES and known(core):
        return core
    return both


def _folded(text: str) -> str:
    return _SPACES.sub("", normalize("NFKC", text)).casefold().strip(":：()（）")
