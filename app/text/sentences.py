"""Sentences of a text in any script."""

from __future__ import annotations

import re

# A full stop ends a sentence where a space and no lower-case letter follow: not in "3.5", and not in "e.g. a cell".
_SENTENCE = re.compile(r"(?:[^。！？!?;；\n.]|\.(?!\s+[^\s\da-z])(?!\s*$))+[。！？!?;；.]?")


def sentences(text: str) -> list[str]:
    """The sentences of a text in any script; clauses between semicolons count as sentences, as patents use them."""
    found = [match.group().strip() for match in _SENTENCE.finditer(text)]
    return [sentence for sentence in found if any(character.isalnum() for character in sentence)]
