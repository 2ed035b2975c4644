"""Names of firms and holders, as two spellings of one are compared."""

from __future__ import annotations

import re

from app.text.normalising import fold_line

_ASIDE = re.compile(r"\(.*?\)|\[.*?\]|\s|[.,。,、·]")
_SUFFIX = re.compile(r"(?:股份有限公司|有限责任公司|有限公司|公司|co|ltd|inc|llc|corp|limited|corporation)+$")


def folded_name(name: str) -> str:
    """A firm's or holder's name as two spellings of it agree: without brackets, widths, spaces and legal suffix.

    ``兰州(甘肃)新材料有限责任公司`` and ``兰州新材料有限公司`` are one. A name that is nothing else stays whole.
    """
    plain = fold_line(name).casefold()
    bare = _SUFFIX.sub("", _ASIDE.sub("", plain))
    return bare or plain
