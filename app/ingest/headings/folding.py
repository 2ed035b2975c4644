"""What of a header counts when two are compared: neither case, width, spaces nor punctuation."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import normalize

LONGEST_HEADER = 200
"""Characters of a header. A longer cell is a text that stands where headers do."""

_SEPARATORS = re.compile(r"[\W_]+")
BRACKETED = re.compile(rf"[(\[{{【〔《<「『](?P<inside>[^)\]}}】〕》>」』]{{0,{LONGEST_HEADER}}})[)\]}}】〕》>」』]")


@lru_cache(maxsize=8192)
def folded(header: str) -> str:
    """A header in the form that headers are compared in."""
    return _SEPARATORS.sub("", normalize("NFKC", header).casefold())


@lru_cache(maxsize=8192)
def unbracketed(header: str) -> str:
    """The same without what stands in brackets, which is often a unit or a remark."""
    return folded(BRACKETED.sub(" ", normalize("NFKC", header)))
