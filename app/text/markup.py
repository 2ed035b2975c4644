"""HTML remnants in text. Only tags that HTML and patent offices know go: ``x<5 and y>3`` and ``List<Item>`` stay."""

from __future__ import annotations

import html
import re
from html.entities import html5

_BREAKING = frozenset(
    (
        "br", "p", "div", "li", "ul", "ol", "dl", "dt", "dd", "tr", "table", "thead", "tbody", "tfoot", "h1", "h2",
        "h3", "h4", "h5", "h6", "hr", "blockquote", "pre", "html", "head", "body", "center",
    )
)  # fmt: skip
_SPACING = frozenset(("td", "th", "caption"))
_INLINE = frozenset(
    (
        "a", "b", "i", "u", "s", "q", "em", "strong", "sub", "sup", "span", "font", "small", "big", "strike", "del",
        "ins", "code", "tt", "kbd", "nobr", "wbr", "img", "meta", "o:p",
        # MathML and the tags of patent offices
        "math", "maths", "mi", "mo", "mn", "mrow", "msub", "msup", "msubsup", "mfrac", "msqrt", "mroot", "mtext",
        "mspace", "mover", "munder", "munderover", "mfenced", "mtable", "mtr", "mtd", "mstyle", "figref", "chemistry",
    )
)  # fmt: skip
_NAMES = "|".join(sorted((re.escape(name) for name in _BREAKING | _SPACING | _INLINE), key=len, reverse=True))

# An attribute must have a value, so that "a <b and c> d" is no tag. Lengths are bounded: a hostile text must not make
# the search for a closing quote run to its end from every opening.
_TAG = re.compile(
    rf"<(?P<close>/)?(?P<name>{_NAMES})"
    r"(?P<attributes>(?:\s{1,9}[A-Za-z_:][-\w:.]{0,40}\s{0,9}=\s{0,9}(?:\"[^\"<>]{0,2000}\"|'[^'<>]{0,2000}'|[^\s\"'<>]{1,500})){0,40})"
    r"\s{0,9}/?>",
    re.IGNORECASE,
)
# A power that loses its tag is another number: 10<sup>5</sup> is 10⁵. What is no number keeps its letters alone.
_SUPERSCRIPT = re.compile(
    r"<sup(?:\s[^<>]{0,100})?>\s{0,9}([0-9n+\-\u2212\u2013]{1,8})\s{0,9}</sup\s{0,9}>"
    r"|<m[no]>\s{0,9}([0-9n+\-\u2212]{1,8})\s{0,9}</m[no]>(?=\s{0,9}</msup>)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\s{0,9}[0-9n+\-\u2212\u2013]{1,8}\s{0,9}")
_RAISED = str.maketrans("0123456789nN+-\u2212\u2013", "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿⁿ⁺⁻⁻⁻")
_LONE_CLOSER = re.compile(r"</([A-Za-z])\s{0,9}>")
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ESCAPED_AMPERSANDS = re.compile(r"&(?:amp;)+", re.IGNORECASE)

# Content that was never meant to be read.
_HIDDEN = (("<!--", "-->"), ("<style", "</style>"), ("<script", "</script>"))


def remove_tags(text: str) -> str:
    """``text`` without tags: block tags become line breaks, cells a space, inline tags nothing (``H<sub>2</sub>O``).

    Numbers in ``<sup>`` become superscripts: ``10<sup>5</sup>`` is 10⁵.
    """
    for opener, closer in _HIDDEN:
        if opener in text:
            text = _cut_between(text, opener, closer)
    if "sup" in text.lower():
        text = _SUPERSCRIPT.sub(lambda match: (match[1] or match[2]).translate(_RAISED), text)
    closed = {match[1].lower() for match in _LONE_CLOSER.finditer(text)}

    def replacement(match: re.Match[str]) -> str:
        name = match["name"].lower()
        if name in _BREAKING:
            return "\n"
        if name in _SPACING:
            return " "
        # In "a<b>c" and "Pair<S>" a lone letter in brackets is mathematics or a type, unless it is closed further on.
        lone = len(name) == 1 and not match["close"] and not match["attributes"]
        return match[0] if lone and name not in closed else ""

    return _TAG.sub(replacement, text)


def raised(text: str) -> str:
    """A text that its source shows raised: a number as a power (⁵), anything else as it stands."""
    return text.translate(_RAISED) if _NUMBER.fullmatch(text) else text


def unescape_entities(text: str) -> str:
    """``text`` with entities as characters, also escaped twice (``&amp;lt;``). What is no entity stays (``R&D;``)."""
    return _ENTITY.sub(_character, _ESCAPED_AMPERSANDS.sub("&", text))


def _character(match: re.Match[str]) -> str:
    name = match[1]
    return html.unescape(match[0]) if name.startswith("#") or f"{name};" in html5 else match[0]


def _cut_between(text: str, opener: str, closer: str) -> str:
    """``text`` without its parts from ``opener`` to ``closer``; an opener that is never closed stays."""
    pieces = []
    position = 0
    while (start := text.find(opener, position)) >= 0:
        end = text.find(closer, start)
        if end < 0:
            break
        pieces.append(text[position:start])
        position = end + len(closer)
    return " ".join([*pieces, text[position:]])
