"""Files that cannot be used as a whole: each is refused at once, by name, with what to do."""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from app.domain import Kind
from app.errors import InputError
from app.ingest import read_records

CSV = ("id,title\n" + "".join(f"R{number},一种电池的制备方法{number}\n" for number in range(500))).encode()


def _xlsx() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["id", "title"])
    for number in range(200):
        book.active.append([f"R{number}", f"一种电池{number}"])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _xls() -> bytes:
    return (Path(__file__).parents[1] / "unit/ingest/cases/17_old_binary.xls").read_bytes()


def _parquet() -> bytes:
    buffer = io.BytesIO()
    rows = range(5_000)
    parquet.write_table(pa.table({"id": [f"R{n}" for n in rows], "title": [f"一种电池{n}" for n in rows]}), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.xls", b"x", "unknown_format"),
        ("a.json", b"[]", "unknown_format"),
        ("a.doc.gz", gzip.compress(b"x"), "unknown_format"),
        ("noname", b"x", "unknown_format"),
        ("a.csv", b"", "empty_file"),
        ("a.jsonl.gz", gzip.compress(b"\n\n"), "empty_file"),
        ("a.csv.gz", CSV, "not_gzip"),
        ("a.csv.gz", gzip.compress(CSV)[:-200], "damaged_file"),
        ("a.csv.gz", gzip.compress(CSV)[:300] + b"\x00" * 50 + gzip.compress(CSV)[350:], "damaged_file"),
        ("a.csv", "甲,乙\n1,2\n".encode(), "no_header"),
        ("a.csv", "统一社会信用代码,企业名称\n1,2\n".encode(), "missing_column"),
        ("a.csv", "专利名称,地区\n1,2\n".encode(), "missing_column"),
        ("a.csv", _xlsx()[:2_000], "damaged_file"),
        ("a.jsonl", b"x\ny\n", "no_header"),
        ("a.jsonl", b'{"a": 1}\n', "no_header"),
        ("a.jsonl", b'{"title": "x"}\n', "missing_column"),
        ("a.xlsx", b"PK\x03\x04 no workbook", "damaged_file"),
        ("a.xlsx", b"\x00\x01" * 500, "damaged_file"),
        ("a.xlsx", _xlsx()[:2_000], "damaged_file"),
        ("a.xlsx.gz", gzip.compress(_xlsx())[:-100], "damaged_file"),
        ("a.parquet", CSV, "damaged_file"),
        ("a.parquet", _parquet()[:-50], "damaged_file"),
        ("a.parquet", b"", "damaged_file"),
    ],
)
def test_ingest_files_damage_is_told_by_name(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    """The error has a code, names the file without its folder, and says what to do in both languages."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_records(path, Kind.PATENTS)
    error = caught.value
    assert error.error_code == code
    assert error.message.startswith(f"{name}: ")
    assert error.message_zh.startswith(f"{name}：")
    assert str(tmp_path) not in error.message + error.message_zh


def test_ingest_files_damage_missing_file_and_folder(tmp_path: Path) -> None:
    """A path that is no file is told as such."""
    (tmp_path / "folder.csv").mkdir()
    for name in ("none.csv", "folder.csv"):
        with pytest.raises(InputError) as caught:
            read_records(tmp_path / name, Kind.PATENTS)
        assert caught.value.error_code == "no_file"


def test_ingest_files_damage_mapping_names_a_missing_header(tmp_path: Path) -> None:
    """A typing slip in the mapping stops the import before a row is read."""
    path = tmp_path / "a.csv"
    path.write_bytes(CSV)
    with pytest.raises(InputError) as caught:
        read_records(path, Kind.PATENTS, mapping={"tytle": "title"})
    assert caught.value.error_code == "mapping"
    assert "'tytle'" in caught.value.message
    assert "id, title" in caught.value.message


def test_ingest_files_damage_gzip_without_its_suffix_is_read(tmp_path: Path) -> None:
    """A gzipped file whose name does not say so is no reason to refuse it."""
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(CSV))
    assert sum(outcome.record is not None for outcome in read_records(path, Kind.PATENTS)) == 500


def test_ingest_files_damage_closing_early_leaves_nothing_open(tmp_path: Path) -> None:
    """Neither a file given up half way nor one never iterated leaks; pytest turns a leak into an error."""
    for name, content in (("a.csv", CSV), ("a.xlsx", _xlsx()), ("a.parquet.gz", gzip.compress(_parquet()))):
        path = tmp_path / name
        path.write_bytes(content)
        with read_records(path, Kind.PATENTS) as source:
            assert next(iter(source)).record is not None
        with read_records(path, Kind.PATENTS):
            pass


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.xlsx", _xlsx),
        ("a.xls", _xls),
        ("a.parquet", _parquet),
        ("a.csv.gz", lambda: gzip.compress(CSV)),
        ("a.csv", lambda: CSV),
    ],
)
def test_ingest_files_damage_anywhere_gives_rows_or_an_input_error(
    tmp_path: Path, name: str, make: Callable[[], bytes]
) -> None:
    """Bytes changed or cut at random never raise anything but InputError, and never hang."""
    generator = random.Random(7)  # noqa: S311 - not for secrets
    whole = make()
    path = tmp_path / name
    refused = 0
    for _ in range(60):
        data = bytearray(whole)
        if generator.random() < 0.3:
            del data[generator.randrange(len(data)) :]
        for _ in range(generator.randrange(1, 20)):
            if data:
                data[generator.randrange(len(data))] = generator.randrange(256)
        path.write_bytes(data)
        try:
            for outcome in read_records(path, Kind.PATENTS):
                assert (outcome.record is None) == bool(outcome.rejected)
        except InputError as error:
            refused += error.message.startswith(f"{name}: ")
    assert refused > 0 or name == "a.csv"
