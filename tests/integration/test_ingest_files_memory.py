"""Memory while reading does not grow with the file."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from app.domain import Kind
from app.ingest import IngestOptions, read_records

SMALL, LARGE = 250, 1_000
ALLOWED_GROWTH = 2_500_000
"""Bytes: read buffers, and caches that fill. The large file holds 5.5 MB more text as Python holds it."""

LIMITS = IngestOptions(max_row_chars=100_000)
"""What is read before a quote counts as never closed is held in memory; the default is more than these files have."""

_PARAGRAPH = "本发明公开了一种锂离子电池电解液的制备方法，其步骤包括混合、除水与过滤。" * 100


def _texts(rows: int) -> Iterator[tuple[str, str, str]]:
    return ((f"CN{number}A", f"一种电池{number}", f"{number}{_PARAGRAPH}") for number in range(rows))


def _csv(path: Path, rows: int) -> None:
    with path.open("w", encoding="gb18030", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("公开号", "名称", "摘要"))
        writer.writerows(_texts(rows))


def _json_lines(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for identity, title, abstract in _texts(rows):
            stream.write(json.dumps({"id": identity, "title": title, "abstract": abstract}, ensure_ascii=False) + "\n")


def _unclosed(path: Path, rows: int) -> None:
    _csv(path, rows)
    with path.open("r+", encoding="gb18030", newline="") as stream:
        content = stream.read()
        stream.seek(0)
        stream.write(content.replace("CN5A,", 'CN5A,"', 1))


def _xlsx(path: Path, rows: int) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("专利")
    sheet.append(("公开号", "名称", "摘要"))
    for row in _texts(rows):
        sheet.append(row)
    book.save(path)


def _parquet(path: Path, rows: int) -> None:
    names = ("公开号", "名称", "摘要")
    columns = zip(*_texts(rows), strict=True)
    parquet.write_table(pa.table(dict(zip(names, columns, strict=True))), path)


def _peak(path: Path) -> int:
    """Bytes of the highest mark of Python's memory while every row is read and dropped."""
    tracemalloc.start()
    try:
        for outcome in read_records(path, Kind.PATENTS, options=LIMITS):
            assert outcome.row
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.csv", _csv),
        ("a.jsonl", _json_lines),
        ("a.xlsx", _xlsx),
        ("a.parquet", _parquet),
        ("unclosed.csv", _unclosed),
    ],
)
def test_ingest_files_memory_stays_the_same(tmp_path: Path, name: str, write: Callable[[Path, int], None]) -> None:
    """Four times the rows take no more memory, whatever the format, and below a quote that is never closed."""
    peaks = []
    for rows in (SMALL, LARGE):
        path = tmp_path / f"{rows}-{name}"
        write(path, rows)
        peaks.append(_peak(path))
    assert peaks[1] - peaks[0] < ALLOWED_GROWTH
