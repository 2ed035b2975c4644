"""Identifiers in TREC files, whose columns white space separates."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

_UNSAFE = re.compile(r"[\s%]")
_ESCAPES = re.compile(r"(?:%[0-9A-F]{2})+")


def escaped(identifier: str) -> str:
    """The identifier with white space and ``%`` percent-encoded, as UTF-8."""
    return _UNSAFE.sub(lambda found: quote(found[0]), identifier) or "-"


def unescaped(identifier: str) -> str:
    """What `escaped` was given. Anything else with a ``%`` is another tool's own identifier and stays as it is."""
    return _ESCAPES.sub(_plain, identifier)


def _plain(found: re.Match[str]) -> str:
    try:
        text = unquote_to_bytes(found[0]).decode("utf-8")
    except UnicodeDecodeError:
        return found[0]
    return text if all(_UNSAFE.fullmatch(character) for character in text) else found[0]
