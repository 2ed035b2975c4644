"""A table as a file of the format that its name says: a workbook for people, CSV or JSON Lines for machines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from secrets import token_hex
from typing import Any

from app.errors import InputError
from app.sheets.about import About
from app.sheets.books import Row, open_book
from app.sheets.cells import inert
from app.sheets.columns import Column, Lang, Words

TABLES = (".xlsx", ".csv", ".jsonl")
BOM = "\ufeff"
"""Excel takes a CSV file for UTF-8 only where it begins with this."""


def table_format(path: Path, formats: Sequence[str] = TABLES) -> str:
    """The ending of the file's name, in lower case.

    Raises:
        InputError: it is none of the formats.
    """
    suffix = path.suffix.lower()
    if suffix not in formats:
        raise InputError(
            f"The file must end in {', '.join(formats)}, not {suffix or 'nothing'}.",
            f"导出文件的扩展名必须是 {'、'.join(formats)}。",
            code="bad_export",
        )
    return suffix


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to, which becomes ``path`` at the end; nothing is left where an error ends it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_table(
    path: Path, name: Words, columns: Sequence[Column], rows: Iterable[Row], about: About, lang: Lang = "zh"
) -> int:
    """Write one table, whole or not at all.

    Args:
        path: ends in one of `TABLES`.
        name: of the sheet.
        columns: of the table; CSV and JSON Lines have their keys and the codes of their values.
        rows: by the keys of the columns.
        about: for the last sheet of a workbook.
        lang: of a workbook.

    Returns:
        How many rows.

    Raises:
        InputError: the file's name has another ending.
    """
    suffix, count = table_format(path), 0
    if suffix == ".xlsx":
        with open_book(path, lang) as book:
            table = book.table(name.of(lang), columns)
            for count, row in enumerate(rows, start=1):  # noqa: B007 - counted
                table.add(row)
            book.about(about, columns)
        return count
    keys = [column.key for column in columns]
    with whole(path) as beside, beside.open("w", encoding="utf8", newline="") as file:
        if suffix == ".jsonl":
            for count, row in enumerate(rows, start=1):  # noqa: B007 - counted
                said = {key: row[key] for key in keys if row.get(key) not in (None, "", (), [])}
                file.write(json.dumps(said, ensure_ascii=False, default=str) + "\n")
            return count
        file.write(BOM)
        writer = csv.writer(file)
        writer.writerow(keys)
        for count, row in enumerate(rows, start=1):  # noqa: B007 - counted
            writer.writerow([_cell(row.get(key)) for key in keys])
    return count


def _cell(value: Any) -> Any:  # noqa: ANN401 - whatever a row has
    if isinstance(value, (list, tuple)):
        value = ";".join(map(str, value))
    if isinstance(value, date):
        return value.isoformat()
    return inert(value) if isinstance(value, str) else value
