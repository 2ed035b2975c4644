"""Industries of GB/T 4754: codes and names, alone, side by side, as lists and as paths, to codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from unicodedata import normalize

_TABLE = Path(__file__).with_name("industries.tsv")

_CODE = re.compile(r"[A-T]?\d{0,4}")
# A code with its name before or behind it.
_CODED = re.compile(
    r"[(\[【]?([A-T]?\d{2,4}|[A-T])[\s()\[\]【】:：.\-]*[\u3400-\u9fff].*"
    r"|[\u3400-\u9fff].*[(\[【]([A-T]?\d{2,4}|[A-T])[)\]】]"
)
_DIGITS_ONLY = re.compile(r"\d{2,4}")
_LISTED = re.compile(r"[;|\n\r\t。]+")
_PATH = re.compile(r"[>→»\\/\-–—]+")
_ENUMERATED = re.compile(r"[,、]+")
_FILLING = re.compile(r"[\W_和及与的]+|以及")
_LAST_DIVISIONS = (
    (5, "A"), (12, "B"), (43, "C"), (46, "D"), (50, "E"), (52, "F"), (60, "G"), (62, "H"), (65, "I"), (69, "J"),
    (70, "K"), (72, "L"), (75, "M"), (79, "N"), (82, "O"), (83, "P"), (85, "Q"), (90, "R"), (96, "S"), (97, "T"),
)  # fmt: skip
"""The last division of each section of GB/T 4754-2017."""


@lru_cache(maxsize=16384)
def industry_codes(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The GB/T 4754 codes in ``text`` (``C3841``, ``3841``, ``C38 电气机械``, 制造业), and its parts that are none."""
    found: dict[str, None] = {}
    invalid = []
    for entry in _LISTED.split(normalize("NFKC", text)):
        for part in _parts(entry.strip()):
            if code := _code(part):
                found[code] = None
            elif part.strip():
                invalid.append("".join(part.split()))
    return tuple(found), tuple(invalid)


def deepest(codes: tuple[str, ...]) -> tuple[str, ...]:
    """The codes without those that another one is a part of: beside C266, C26 and C say nothing."""
    return tuple(code for code in codes if not any(other != code and other.startswith(code) for other in codes))


def with_section(code: str) -> str | None:
    """An industry code with its section's letter: ``3841`` is ``C3841``; ``None`` where there is no such division."""
    if not _DIGITS_ONLY.fullmatch(code):
        return code if code[:1].isalpha() else None
    division = int(code[:2])
    return next((letter + code for last, letter in _LAST_DIVISIONS if 0 < division <= last), None)


def _parts(entry: str) -> list[str]:
    """What an entry of a list is made of: itself, the end of a path (制造业>医药制造业), or a list of its own."""
    if not entry or _exact(entry):
        return [entry]
    path = [part.strip() for part in _PATH.split(entry) if part.strip()]
    if len(path) > 1 and not (len(path) == 2 and _CODE.fullmatch(path[0].upper())) and (ends := _ends(path)):
        return ends
    if _code(entry):
        return [entry]
    if len(path) > 1 and (ends := _ends(path)):
        return ends
    words = entry.split()
    if len(words) > 1 and all(map(_exact, words)):
        return _ends(words)
    return _ENUMERATED.split(entry)


def _ends(path: list[str]) -> list[str]:
    """The parts of a path that have a code, without those that another one is in."""
    codes = {part: with_section(code) or code for part in path if (code := _code(part))}
    last = set(deepest(tuple(dict.fromkeys(codes.values()))))
    ends: dict[str, str] = {}
    for part, code in codes.items():
        if code in last:
            ends.setdefault(code, part)
    return list(ends.values())


def _exact(text: str) -> str | None:
    """The code that a text is, or is the name of."""
    word = "".join(text.split()).upper()
    if not word:
        return None
    return word if _CODE.fullmatch(word) else _names().get(_folded(word))


def _code(text: str) -> str | None:
    if exact := _exact(text):
        return exact
    coded = _CODED.fullmatch("".join(text.split()).upper())
    return (coded[1] or coded[2]) if coded else None


def _folded(name: str) -> str:
    """A name as two editions of the standard and people agree on it: without marks, 和, 及 and the last 业."""
    return _FILLING.sub("", name).removesuffix("业").removesuffix("行")


@cache
def _names() -> Mapping[str, str]:
    """Folded name -> code, the shortest where several have one; where they lie apart, none."""
    found: dict[str, str | None] = {}
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            code, name = line.split("\t")
            known = found.setdefault(_folded(name), code)
            if known is not None and not code.startswith(known):
                found[_folded(name)] = None
    return {name: code for name, code in found.items() if code is not None}
