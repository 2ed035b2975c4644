"""How a text is read by the model and the term index. What is stored and shown stays as its source wrote it.

One thing is written in many ways: in Traditional or Simplified characters, with the spaces of a scanner between them,
with pinyin behind them. Vectors and terms of the ways differ; of one reading they are the same. A text that is its own
reading, as most are, keeps the vector that was made of it.
"""

from __future__ import annotations

import re
from functools import cache
from unicodedata import normalize

from opencc import OpenCC

from app.domain import AnyRecord, Firm, Need
from app.text.boilerplate import without_legal_formulae, without_stock
from app.text.pinyin import without_pinyin

READING = "2"
"""Of the reading. Another one is another meaning of every snapshot: count up whenever `read` or the stock changes."""

_HAN = "\u3400-\u9fff\uf900-\ufaff"
_ANY_HAN = re.compile(f"[{_HAN}]")
_LAST_OF_PLANE = "\uffff"
_KANA_OR_HANGUL = re.compile("[\u3041-\u309f\u30a1-\u30fa\u1100-\u11ff\uac00-\ud7af]")
# A character that stands alone is of a word that was torn apart; two words of a list (锂电池 电解液) stay two.
_TORN = re.compile(f"(?<![{_HAN}])([{_HAN}])[ \t\u3000]+(?=[{_HAN}])|(?<=[{_HAN}])[ \t\u3000]+(?=[{_HAN}](?![{_HAN}]))")


def read(text: str, lang: str | None) -> str:
    """The text as it is embedded; a text that is read already stays as it is.

    Args:
        text: cleaned as ingest cleans.
        lang: its language. Only Chinese is changed; where the language is not known, what looks Chinese.
    """
    if lang not in ("zh", None) or not _ANY_HAN.search(text):
        return text
    if lang is None and _KANA_OR_HANGUL.search(text):
        return text
    return _one_script(text)


def term_reading(text: str) -> str:
    """The text in which terms are looked for: in NFKC, read as Chinese whatever its language, in lower case.

    Terms are only compared, so Japanese 電池 may well meet 电池.
    """
    return _one_script(normalize("NFKC", text)).casefold()


def as_written(text: str) -> str:
    """The text with its words whole but in its own script and case, so that it lines up with `term_reading`."""
    return _whole(normalize("NFKC", text))


def heading_of(record: AnyRecord) -> str:
    """The heading of a record as it is embedded."""
    return read(record.heading, record.lang)


def need_views(title: str, text: str, lang: str | None) -> tuple[str, ...]:
    """What is asked for as it is embedded: title and text, without empty ones and what says nothing of the subject."""
    return tuple(view for view in (read(title, lang), without_stock(read(text, lang))) if view)


def views_of(record: AnyRecord) -> tuple[str, ...]:
    """The views of a record as they are embedded."""
    if isinstance(record, Need):
        return need_views(record.title, record.text, record.lang)
    views = tuple(read(view, record.lang) for view in record.views)
    if isinstance(record, Firm) and record.business_scope:
        return (*views[:-1], without_legal_formulae(views[-1]))
    return views


def passage_of(record: AnyRecord) -> str:
    """The one text of a record that is embedded when it is what is searched for."""
    return "\n".join(views_of(record))


def _one_script(text: str) -> str:
    if not _ANY_HAN.search(text):
        return text
    whole = _whole(text)
    simplified: str = _simplifier().convert(whole)
    # Some rare characters have a Simplified form that nobody uses and no model knows: 二噁英 is written with 噁.
    if max(simplified) <= _LAST_OF_PLANE or len(simplified) != len(whole):
        return simplified
    return "".join(old if new > _LAST_OF_PLANE else new for old, new in zip(whole, simplified, strict=True))


def _whole(text: str) -> str:
    """Without spaces inside words and without pinyin; each may hide the other, so until nothing changes."""
    while True:
        whole = without_pinyin(_TORN.sub(lambda match: match[1] or "", text))
        if whole == text:
            return text
        text = whole


@cache
def _simplifier() -> OpenCC:
    """Loaded when first needed. A conversion of 230 characters takes 4 microseconds, so nothing is tested before it."""
    return OpenCC("t2s")
