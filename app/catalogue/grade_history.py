"""Gradings outlast the loading of records: what a graded patent's record leaves out stays as it was graded.

From its first grading on, a patent's history says of every moment what its grade, maturity and agreement were: a record
that is loaded with other values is a line of it too, by the name of where it came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from app.catalogue.backend import Backend
from app.catalogue.statements import next_number
from app.catalogue.tables import PATENT_GRADES
from app.domain import AnyRecord, Patent

GRADED = ("grade", "maturity", "agreed")
"""The fields of a patent that a grading sets."""

_COLUMNS = PATENT_GRADES.c
_State = Mapping[str, Any]


def with_gradings(
    connection: sa.Connection, backend: Backend, records: Sequence[AnyRecord], source: str | None = None
) -> tuple[Sequence[AnyRecord], list[dict[str, Any]]]:
    """Records as they go in: patents with the gradings that stand, where their records leave these out.

    Args:
        connection: reads the history.
        backend: the database.
        records: of one kind; of two with one id the last counts.
        source: where they come from.

    Returns:
        The records, as the same object where none of them was ever graded; and lines of the history, without number and
        time, of patents whose record says something else than it did.
    """
    patents = [record for record in records if isinstance(record, Patent)]
    stand = _stand(connection, backend, patents)
    if not stand:
        return records, []
    completed = [
        graded(patent, {name: stand[patent.id][name] for name in GRADED if getattr(patent, name) is None})
        if patent.id in stand
        else patent
        for patent in patents
    ]
    return completed, _lines(completed, stand, source)


def lines_since(
    connection: sa.Connection, backend: Backend, records: Sequence[AnyRecord], source: str | None
) -> list[dict[str, Any]]:
    """Lines of the history, without number and time, of graded patents that say something else than it does."""
    patents = [record for record in records if isinstance(record, Patent)]
    return _lines(patents, _stand(connection, backend, patents), source)


def _stand(connection: sa.Connection, backend: Backend, patents: Sequence[Patent]) -> dict[str, dict[str, Any]]:
    """The gradings that stand, by id."""
    if not patents:
        return {}
    asked = sa.select(_COLUMNS.patent_id, *(_COLUMNS[f"to_{name}"] for name in GRADED)).order_by(_COLUMNS.number)
    asked = asked.where(backend.is_one_of(_COLUMNS.patent_id))
    rows = backend.rows_of(connection, asked, [patent.id for patent in patents])
    return {row[0]: dict(zip(GRADED, row[1:], strict=True)) for row in rows}


def _lines(patents: Sequence[Patent], stand: Mapping[str, _State], source: str | None) -> list[dict[str, Any]]:
    now = {patent.id: state_of(patent) for patent in patents if patent.id in stand}
    changes = ((key, stand[key], state) for key, state in now.items() if state != stand[key])
    return [line_of(*change, by=source, note=None) for change in changes]


def write_lines(connection: sa.Connection, lines: Sequence[Mapping[str, Any]]) -> None:
    """Put lines behind those of the history."""
    if lines:
        number, now = next_number(connection, PATENT_GRADES), datetime.now(UTC)
        connection.execute(
            sa.insert(PATENT_GRADES), [{"number": number + n, "at": now, **line} for n, line in enumerate(lines)]
        )


def line_of(patent_id: str, before: _State, after: _State, *, by: str | None, note: str | None) -> dict[str, Any]:
    """One line, without number and time."""
    return {
        "patent_id": patent_id,
        "by": by,
        "note": note,
        **{f"from_{name}": before[name] for name in GRADED},
        **{f"to_{name}": after[name] for name in GRADED},
    }


def state_of(patent: Patent) -> _State:
    """What a patent's record says of its grading."""
    return {name: getattr(patent, name) for name in GRADED}


def graded(patent: Patent, given: Mapping[str, Any]) -> Patent:
    """A patent with what was graded; a source's own word for it is no longer what was graded."""
    changed = replace(patent, **given)
    if changed == patent:
        return patent
    return replace(changed, original={name: text for name, text in patent.original.items() if name not in given})
