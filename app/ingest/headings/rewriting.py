"""Cells that a source writes in a way of its own, rewritten to the forms that every reader of fields knows.

What a step leaves out of a cell is kept: the cell as it came is added behind the row, under its own header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.ingest.fields.holders import split_at_commas
from app.ingest.fields.values import as_text
from app.ingest.headings.folding import folded
from app.ingest.headings.profiles import Profile, Traits

Step = Callable[[Any], Any]

_LANGUAGE_MARK = re.compile(r"\[([A-Z]{2})\]|\(([A-Z]{2})\)(?=\s)")
_PREFERRED_LANGUAGES = ("ZH", "CN", "EN")
"""Which of several texts is the record's: Chinese first, else English, else the first."""
_REFERENCE = re.compile(r"\((?:[A-Z]{2}[\w/.\- ]{4,20})\)")
_SYMBOL = re.compile(r"[A-H]\d{2}[A-Z]\s?\d{1,4}/\d{2,6}")


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is done to the cells of a row.

    Attributes:
        steps: position -> what its cell becomes.
        joined: position -> the positions whose cells make it.
        kept: positions whose cells are added behind the row as they came.
        given: values that are added behind those, the same in every row.
    """

    steps: Mapping[int, Step]
    joined: Mapping[int, tuple[int, ...]]
    kept: tuple[int, ...]
    given: tuple[str, ...]

    def __call__(self, cells: Sequence[Any]) -> list[Any]:
        """The cells that the row is read from."""
        written = list(cells)
        for position, parts in self.joined.items():
            if cells[position] is not None:
                written[position] = "".join((as_text(cells[part]) or "").strip() for part in parts)
        for position, step in self.steps.items():
            written[position] = step(written[position])
        written += [cells[position] if written[position] != cells[position] else None for position in self.kept]
        return written + list(self.given)


def rewriting_of(
    profile: Profile, headers: Sequence[str], fields: Mapping[str, tuple[int, ...]]
) -> tuple[Rewriting | None, tuple[str, ...]]:
    """How the rows below ``headers`` are rewritten, and the fields whose values are given with the profile."""
    traits = profile.traits
    places = {folded(header): position for position, header in reversed(list(enumerate(headers)))}
    steps: dict[int, Step] = {}
    kept: dict[int, None] = {}
    for position, lossy, step in _steps(traits, places, fields):
        before = steps.get(position)
        steps[position] = step if before is None else partial(_both, before, step)
        if lossy:
            kept[position] = None
    joined = {}
    for name, parts in traits.joined.items():
        if name not in fields or folded(headers[fields[name][0]]) not in parts:
            continue
        position = fields[name][0]
        if all(part in places for part in parts[:-1]):  # the last is the kind, which a number may lack
            joined[position] = tuple(places[part] for part in parts if part in places)
        else:
            steps[position], kept[position] = _nothing, None  # an office alone is no number
    given = {name: value for name, value in traits.given.items() if name not in fields}
    if not (steps or joined or given):
        return None, ()
    return Rewriting(
        steps, joined, (*joined, *(place for place in kept if place not in joined)), tuple(given.values())
    ), tuple(given)


def _steps(
    traits: Traits, places: Mapping[str, int], fields: Mapping[str, tuple[int, ...]]
) -> list[tuple[int, bool, Step]]:
    """Position, whether the step leaves something out, and the step; in the order in which they are taken."""
    found: list[tuple[int, bool, Step]] = [
        (places[header], True, partial(_inside, key)) for header, key in traits.inside.items() if header in places
    ]
    found += [(places[header], True, _ipc_symbols) for header in traits.symbols if header in places]
    by_field: list[tuple[tuple[str, ...], bool, Step]] = [
        (traits.first_line, True, _first_line),
        (traits.languages, True, _one_language),
        (traits.references, True, _without_references),
    ]
    if traits.holders:
        by_field.append((("holders",), False, partial(_names, traits.holders)))
    by_field += [((name,), False, partial(_prefixed, office)) for name, office in traits.prefix.items()]
    for names, lossy, step in by_field:
        found += [(position, lossy, step) for name in names for position in fields.get(name, ())]
    return found


def _both(first: Step, second: Step, cell: Any) -> Any:  # noqa: ANN401 - a cell may be anything
    return second(first(cell))


def _nothing(_cell: Any) -> None:  # noqa: ANN401
    return None


def _first_line(cell: Any) -> Any:  # noqa: ANN401
    if not isinstance(cell, str) or "\n" not in cell:
        return cell
    return next((line.strip() for line in cell.splitlines() if line.strip()), cell)


def _names(separator: str, cell: Any) -> Any:  # noqa: ANN401
    """Names one below the other, which every reader of holders takes for a list."""
    if not isinstance(cell, str):
        return cell
    names = split_at_commas(cell) if separator == "," else cell.replace(separator, "\n").splitlines()
    return "\n".join(name.strip() for name in names if name.strip())


def _inside(key: str, cell: Any) -> Any:  # noqa: ANN401
    """The values of objects; of texts in several languages the one that is preferred."""
    entries = cell if isinstance(cell, (list, tuple)) else (cell,)
    objects = [entry for entry in entries if isinstance(entry, Mapping) and entry.get(key)]
    if not objects:
        return cell if any(not isinstance(entry, Mapping) for entry in entries) else None
    if any("language" in entry for entry in objects):
        texts = {str(entry.get("language")).upper(): entry[key] for entry in reversed(objects)}
        return next((texts[code] for code in _PREFERRED_LANGUAGES if code in texts), objects[0][key])
    return [entry[key] for entry in objects]


def _one_language(cell: Any) -> Any:  # noqa: ANN401
    if not isinstance(cell, str):
        return cell
    marks = list(_LANGUAGE_MARK.finditer(cell))
    if not marks or cell[: marks[0].start()].strip():
        return cell
    ends = [*(mark.start() for mark in marks[1:]), len(cell)]
    texts: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=True):
        texts.setdefault(mark[1] or mark[2], cell[mark.end() : end].strip())
    return next((texts[code] for code in _PREFERRED_LANGUAGES if texts.get(code)), next(iter(texts.values())))


def _without_references(cell: Any) -> Any:  # noqa: ANN401
    if not isinstance(cell, str):
        return cell
    parts = [part.strip() for part in _REFERENCE.split(cell)]
    return next((part for part in parts if part), cell)


def _ipc_symbols(cell: Any) -> Any:  # noqa: ANN401
    if not isinstance(cell, str):
        return cell
    found = dict.fromkeys(match.group().replace(" ", "") for match in _SYMBOL.finditer(cell))
    return ";".join(found) or cell


def _prefixed(office: str, cell: Any) -> Any:  # noqa: ANN401
    text = (as_text(cell) or "").strip()
    return f"{office}{text}" if text and not text.upper().startswith(office) else cell
