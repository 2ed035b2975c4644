"""Which kind of file headers are of, where they are not of the kind that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain import Kind
from app.ingest.headings.folding import folded
from app.ingest.headings.headers import plan_columns, recognise
from app.ingest.headings.synonyms import COLUMN_WORDS, FEEDBACK, GRADES, INDUSTRIES, MEANING_WORDS, REQUIRED

KIND_NAMES_ZH = {
    Kind.PATENTS: "专利",
    Kind.NEEDS: "需求",
    Kind.FIRMS: "企业",
    INDUSTRIES: "行业对照",
    FEEDBACK: "反馈",
    GRADES: "分级",
}
_COMMANDS = {kind: f"patmatch ingest {kind}" for kind in Kind} | {FEEDBACK: "patmatch feedback import"}

_DECISIVE: dict[str, frozenset[str]] = {
    Kind.PATENTS: frozenset(("id", "application_number")),
    Kind.NEEDS: frozenset(("title", "text", "problem")),
    Kind.FIRMS: frozenset(("business_scope",)),
}
"""Fields of a kind that say enough alone, where a header stands for them that the other kind does not know."""
_FEWEST = 2
"""Other fields decide together: one may be an additional column."""
_FEWEST_LABELS = 3
"""Headers that stand below one another: fewer may be values, as 专利 or 状态 are."""
_MAJORITY = 2
"""How many times as many fields must speak for the other kind as for the one that was asked for."""


def kind_of(headers: Sequence[str], wanted: str) -> str | None:
    """The kind that ``headers`` are of rather than of ``wanted``; ``None`` where they may well be of that."""
    if wanted == GRADES:
        return None  # any list of patents that has grades may be read for them
    if wanted != FEEDBACK and _is_feedback(headers, wanted):
        return FEEDBACK
    speaking = {other: _speaking_for(other, wanted, headers) for other in Kind if other != wanted}
    strongest = max(speaking, key=lambda other: (_is_decided(other, wanted, *speaking[other]), len(speaking[other][0])))
    if _is_decided(strongest, wanted, *speaking[strongest]):
        return strongest
    if _has_required(headers, wanted):
        return None
    complete = _complete_kind(headers, wanted)
    if complete and _speaking_for(complete, wanted, headers)[1] & _DECISIVE.get(wanted, frozenset()):
        return None  # 公开号, 摘要: a part of what is wanted, whatever else its texts might be
    return complete


def looks_like(kind: str) -> tuple[str, str]:
    """What to say of a file that is rather of ``kind``, in English and Chinese."""
    return (
        f"; it looks like a file of {kind}: load it with `{_COMMANDS[kind]}`",
        f"；该文件看起来是{KIND_NAMES_ZH[kind]}文件，请用 `{_COMMANDS[kind]}` 导入",
    )


def explains_columns(headers: Sequence[str], kind: str) -> bool:
    """Whether headers are those of a table that explains the columns of another: 字段名称, 说明. It has no records."""
    words = {folded(header) for header in headers if header}
    if not (words & COLUMN_WORDS and words & MEANING_WORDS):
        return False
    return not any(recognise(word, kind) for word in words - MEANING_WORDS)


def lists_headers(cells: Sequence[str], kind: str) -> bool:
    """Whether a column holds headers: a list of another table's columns, or a form with its labels at the side.

    Such a list names each once; a word that is in every row, as a firm called 说明, is a value.
    """
    filled = {cell for cell in cells if cell}
    known = sum(bool(recognise(cell, kind)) for cell in filled)
    return known >= _FEWEST_LABELS and 2 * known >= len(filled)


def _speaking_for(other: str, wanted: str, headers: Sequence[str]) -> tuple[set[str], set[str]]:
    """The fields of ``other`` by headers that ``wanted`` does not know, and those of ``wanted`` the other way round."""
    strange: set[str] = set()
    familiar: set[str] = set()
    for header in headers:
        theirs, ours = recognise(header, other), recognise(header, wanted)
        if theirs and not ours:
            strange.update(name for name, _ in theirs)
        elif ours and not theirs:
            familiar.update(name for name, _ in ours)
    return strange, familiar


def _is_decided(other: str, wanted: str, strange: set[str], familiar: set[str]) -> bool:
    decisive = bool(strange & _DECISIVE[other])
    if wanted == INDUSTRIES:
        # A mapping may have names and remarks beside its codes, but no numbers of documents.
        return other == Kind.PATENTS and decisive and "title" in strange
    if familiar:
        return len(strange) > _MAJORITY * len(familiar) and len(strange) > _FEWEST
    return decisive or len(strange) >= _FEWEST


def _is_feedback(headers: Sequence[str], wanted: str) -> bool:
    """Whether headers say what became of a pair; lists of patents or firms name one side of it alone."""
    strange, _ = _speaking_for(FEEDBACK, wanted, headers)
    every = {name for header in headers for name, _ in recognise(header, FEEDBACK)}
    return bool(strange & {"event", "level"}) and "patent_id" in every and bool(every & {"firm_id", "need_id"})


def _has_required(headers: Sequence[str], kind: str) -> bool:
    fields = plan_columns(headers, kind, {}).fields
    return all(any(name in fields for name in group) for group in REQUIRED[kind])


def _complete_kind(headers: Sequence[str], wanted: str) -> str | None:
    return next((kind for kind in Kind if kind != wanted and _has_required(headers, kind)), None)
