"""Source text to stored text: NFKC, visible characters, no HTML, one kind of white space.

Both folds are idempotent. Most texts are clean apart from full-width punctuation, so that case costs a few C-level
scans; only what fails them is taken apart.
"""

from __future__ import annotations

import re
from unicodedata import is_normalized, normalize

from app.text.markup import remove_tags, unescape_entities

ROUNDS = 6
"""How often a text is cleaned until it stays the same. Real text needs two rounds, escaped markup three."""

# NFKC of these characters, the only ones that most Chinese text has to lose. Replacing them first spares the full
# normalisation, which costs twenty times as much (measured: 14.9 against 0.8 microseconds for a business scope).
_WIDE_PUNCTUATION = (("，", ","), ("；", ";"), ("：", ":"), ("（", "("), ("）", ")"))

_NEWLINES = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # controls; tab, line breaks and \x1c-\x1f count as white space
    "\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]+"
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_ASIDE = re.compile(r"\(.*?\)|\[.*?\]|\s|[.,。,、·]")
_LEGAL_SUFFIX = re.compile(r"(?:股份有限公司|有限责任公司|有限公司|公司|co|ltd|inc|llc|corp|limited|corporation)+$")


def fold_line(text: str) -> str:
    """A title, a name or a code as one line."""
    plain = _plain(text)
    return _settle(text, lines=False) if plain is None else plain


def fold_body(text: str) -> str:
    r"""An abstract, a description or a scope; its line breaks stay as single ``\n``."""
    plain = _plain(text)
    return _settle(text, lines=True) if plain is None else plain


def folded_name(name: str) -> str:
    """A firm's or holder's name as two spellings of it agree: without brackets, widths, spaces and legal suffix.

    ``兰州(甘肃)新材料有限责任公司`` and ``兰州新材料有限公司`` are one. A name that is nothing else stays whole.
    """
    plain = fold_line(name).casefold()
    return _LEGAL_SUFFIX.sub("", _ASIDE.sub("", plain)) or plain


def _plain(text: str) -> str | None:
    """The answer for text that needs no more than its punctuation narrowed; ``None`` where it takes a closer look."""
    if not text.isascii() and not is_normalized("NFKC", text):
        for wide, narrow in _WIDE_PUNCTUATION:
            text = text.replace(wide, narrow)
        if not is_normalized("NFKC", text):
            return None
    clean = text.isprintable() and text.strip(" ") == text and not any(odd in text for odd in ("  ", "<", "&"))
    return text if clean else None


def _settle(text: str, *, lines: bool) -> str:
    for _ in range(ROUNDS):
        cleaned = _clean(text, lines=lines)
        if cleaned == text:
            return text
        text = cleaned
    # Markup that reappears whenever it is removed is an attack on the loop, not a text: break what it is made of.
    while True:
        cleaned = _clean(normalize("NFKC", text).replace("<", " ").replace("&", " "), lines=lines)
        if cleaned == text:
            return text
        text = cleaned


def _clean(text: str, *, lines: bool) -> str:
    if not text.isprintable():
        text = _NEWLINES.sub("\n", text)
        text = _INVISIBLE.sub("", text)
        text = _LONE_SURROGATE.sub("\ufffd", text)
    if not is_normalized("NFKC", text):
        text = normalize("NFKC", text)
    if "<" in text:
        text = remove_tags(text)
    if "&" in text:
        text = unescape_entities(text)
    if not lines or "\n" not in text:
        return " ".join(text.split())
    folded = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in folded if line)
