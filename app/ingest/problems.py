"""Problems that a row can have, in the words that `problems.toml` has for each code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.ingest.outcomes import Problem

DISPLAY_CHARS = 200
"""How much of a value a problem shows: enough to find the cell, short enough for a table."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Templates; ``{field}`` and the facts handed to :func:`problem` are filled in."""

    reason: str
    reason_zh: str
    fix: str
    fix_zh: str


WORDINGS = {
    code: Wording(**texts)
    for code, texts in tomllib.loads(Path(__file__).with_name("problems.toml").read_text(encoding="utf-8")).items()
}
"""Code -> its words."""


def problem(code: str, field: str | None, value: object = "", **facts: Any) -> Problem:  # noqa: ANN401 - facts fill templates
    """The problem ``code`` at ``field``, with its words filled in.

    Raises:
        KeyError: no such code, or a fact that its words need is missing; both are mistakes of the program.
    """
    wording = WORDINGS[code]
    facts["field"] = field
    return Problem(
        field=field,
        value=shortened(value),
        code=code,
        reason=wording.reason.format_map(facts),
        reason_zh=wording.reason_zh.format_map(facts),
        fix=wording.fix.format_map(facts),
        fix_zh=wording.fix_zh.format_map(facts),
    )


def shortened(value: object, limit: int = DISPLAY_CHARS) -> str:
    """``value`` as a text of at most ``limit`` characters; the last one is an ellipsis where something was cut."""
    text = "" if value is None else value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
