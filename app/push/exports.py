"""Push runs as files: Parquet, CSV and JSON Lines with codes for machines, workbooks with words for people."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from datetime import tzinfo
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from app.catalogue import PushEntry, PushRun
from app.domain import Firm, Patent
from app.errors import InputError
from app.push.sheets import COLUMNS, NAME, about_run, sheet_row
from app.sheets import BOM, MOST_SHEETS, Lang, inert, open_book, whole

EXPORTS = (".xlsx", ".csv", ".parquet", ".jsonl")


class Placed(NamedTuple):
    """One place of a list, with the firm and the patent as they are now."""

    entry: PushEntry
    firm: Firm
    patent: Patent


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLayout:
    """How a workbook is laid out.

    Attributes:
        lang: of headers and words.
        per_firm: whether each firm has a sheet of its own.
        link: template of the address of a patent, with ``{id}`` in the id's place; ``None`` for the source's own link.
    """

    lang: Lang = "zh"
    per_firm: bool = False
    link: str | None = None


Pages = Iterable[Sequence[Placed]]


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export is of, and how it looks.

    Attributes:
        run: whose lists they are.
        layout: of a workbook.
        zone: of the times that a workbook says.
    """

    run: PushRun
    layout: SheetLayout
    zone: tzinfo


def write_export(out: Path, pages: Pages, exported: Exported, report: Callable[[int], object]) -> int:
    """Write places to a file, whole or not at all.

    Args:
        out: ends in one of `EXPORTS`.
        pages: some thousand places at a time, by firm and rank.
        exported: what is written, and how.
        report: called with how many are written, page by page.

    Returns:
        How many.
    """
    done = 0
    with _writer(out, exported) as write:
        for page in pages:
            write(page)
            done += len(page)
            report(done)
    return done


def check_sheets(run: PushRun, layout: SheetLayout) -> None:
    """Raise where a workbook of this run would have too many sheets.

    Raises:
        InputError: each of too many firms is to have its own.
    """
    if layout.per_firm and run.firms > MOST_SHEETS:
        raise InputError(
            f"The run has {run.firms} lists, and a workbook takes {MOST_SHEETS} sheets of firms; leave out "
            "--sheet-per-firm, or choose one firm with --firm.",
            f"该批次有 {run.firms} 份清单，一个工作簿最多按 {MOST_SHEETS} 家企业分表；"
            "请去掉 --sheet-per-firm，或用 --firm 指定一家企业。",
            code="too_many_sheets",
        )


def export_row(placed: Placed) -> dict[str, Any]:
    """A place as machines read it."""
    entry, firm, patent = placed
    return {
        "run": entry.run,
        "firm_id": entry.firm_id,
        "firm_name": firm.name,
        **dict(zip(_OF_ENTRY, _of_entry(entry), strict=True)),
        "title": patent.title,
        "holders": ";".join(patent.holders),
    }


_OF_ENTRY = tuple(field.name for field in fields(PushEntry) if field.name not in ("run", "firm_id"))
_of_entry = attrgetter(*_OF_ENTRY)  # `asdict` copies every value, which took half of an export's time
_INTEGERS = {"rank", "firm_rank", "patent_revision"}
_NAMES = ("run", "firm_id", "firm_name", *_OF_ENTRY, "title", "holders")
_SCHEMA = pa.schema(
    [
        pa.field(name, pa.int64() if name in _INTEGERS else pa.float64() if name == "score" else pa.string())
        for name in _NAMES
    ]
)

Write = Callable[[Sequence[Placed]], object]


def _writer(out: Path, exported: Exported) -> AbstractContextManager[Write]:
    return _workbook(out, exported) if out.suffix.lower() == ".xlsx" else _for_machines(out)


@contextmanager
def _for_machines(out: Path) -> Iterator[Write]:
    with whole(out) as beside, _WRITERS[out.suffix.lower()](beside) as write:
        yield lambda page: write(list(map(export_row, page)))


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[list[dict[str, Any]]], object]]:
    with pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
        yield lambda rows: writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA))


@contextmanager
def _csv(path: Path) -> Iterator[Callable[[list[dict[str, Any]]], object]]:
    with path.open("w", encoding="utf8", newline="") as file:
        file.write(BOM)
        writer = csv.DictWriter(file, _NAMES)
        writer.writeheader()
        yield lambda rows: writer.writerows(map(_as_cells, rows))


def _as_cells(row: dict[str, Any]) -> dict[str, Any]:
    return {name: inert(value) if isinstance(value, str) else value for name, value in row.items()}


@contextmanager
def _jsonl(path: Path) -> Iterator[Callable[[list[dict[str, Any]]], object]]:
    with path.open("w", encoding="utf8") as file:
        yield lambda rows: file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


_WRITERS: Mapping[str, Any] = {".parquet": _parquet, ".csv": _csv, ".jsonl": _jsonl}


@contextmanager
def _workbook(out: Path, exported: Exported) -> Iterator[Write]:
    layout = exported.layout
    with open_book(out, layout.lang) as book:
        table = None if layout.per_firm else book.table(NAME.of(layout.lang), COLUMNS)
        last_firm: str | None = None

        def write(page: Sequence[Placed]) -> None:
            nonlocal table, last_firm
            for firm_id, places in groupby(page, key=lambda placed: placed.entry.firm_id):
                for entry, firm, patent in places:
                    if layout.per_firm and firm_id != last_firm:
                        table, last_firm = book.table(firm.name, COLUMNS), firm_id
                    if table is not None:
                        table.add(sheet_row(entry, firm, patent, layout.link))

        yield write
        if table is None:
            book.table(NAME.of(layout.lang), COLUMNS)
        book.about(about_run(exported.run, exported.zone), COLUMNS)
