"""The table of experiments as markdown, and its place in a document that people write around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from app.errors import InputError, JobError
from app.evaluation.experiments import COMPARED, Figure, Row

BEGIN, END = "<!-- patmatch bench quality: begin -->", "<!-- patmatch bench quality: end -->"
"""The lines between which the command writes; everything else in a document is left as it is."""


def markdown(rows: Sequence[Row], facts: Mapping[str, object]) -> str:
    """A table for each group; differences whose interval leaves out 0 are bold.

    Args:
        rows: those of a group next to each other; the first row is what the others are compared with.
        facts: what was measured on, by name.
    """
    said = "; ".join(f"{name} {value}" for name, value in facts.items())
    lines = [
        f"{said}. Compared with: {rows[0].name}.",
        *(line for group, found in groupby(rows, key=lambda row: row.group) for line in _table(group, list(found))),
    ]
    return "\n".join(lines) + "\n"


def written_into(path: Path, block: str) -> None:
    """Put the block between the marker lines of a file; a file that is not there is made.

    Raises:
        InputError: the file has not one line of each marker, in their order.
        JobError: it cannot be read or written.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else f"{BEGIN}\n{END}\n"
        path.write_text(between_markers(text, block, path.name), encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise JobError(f"cannot write {path.name}: {reason}", f"无法写入 {path.name}：{reason}") from error


def between_markers(text: str, block: str, name: str) -> str:
    """The text with ``block`` between its markers.

    Raises:
        InputError: as `written_into`.
    """
    lines = text.splitlines(keepends=True)
    places = [[n for n, line in enumerate(lines) if line.strip() == marker] for marker in (BEGIN, END)]
    if [len(found) for found in places] != [1, 1] or places[0][0] > places[1][0]:
        raise InputError(
            f"{name} must have the lines {BEGIN} and {END} once each, in this order; the table goes between them",
            f"{name} 必须依次包含 {BEGIN} 与 {END} 各一行；表格写在两行之间",
            code="no_markers",
        )
    (begin,), (end,) = places
    return "".join(lines[: begin + 1]) + "\n" + block + "\n" + "".join(lines[end:])


def _table(group: str, rows: Sequence[Row]) -> Iterator[str]:
    names = [cell for name in COMPARED for cell in (name, "difference")]
    yield ""
    yield f"### {group}"
    yield ""
    yield "| what | " + " | ".join([*names, "hub_share@10", "reach@10"]) + " |"
    yield "|---" * (len(names) + 3) + "|"
    for row in rows:
        cells = [cell for name in COMPARED for cell in _cells(row.figures.get(name))]
        yield "| " + " | ".join([row.name, *cells, f"{row.hub_share:.3f}", f"{row.reach:.3f}"]) + " |"


def _cells(figure: Figure | None) -> tuple[str, str]:
    if figure is None:
        return "-", "-"
    value = f"{figure.value:.3f} ({figure.mean:.3f} ± {figure.deviation:.3f})"
    if figure.interval is None:
        return value, f"{figure.difference:+.3f}"
    mark = "**" if figure.told else ""
    low, high = figure.interval.low, figure.interval.high
    return value, f"{mark}{figure.difference:+.3f}{mark} ({low:+.3f} to {high:+.3f})"
