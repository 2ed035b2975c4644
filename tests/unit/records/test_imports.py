"""One loader and one report for files of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain import Kind
from app.records.imports import ImportService, LoadReport


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (Kind.PATENTS.value, {"added", "changed", "unchanged", "repeated", "encoding", "columns", "rows_per_second"}),
        ("industries", {"kind", "pairs", "replaced", "differs", "patents", "changed"}),
        ("grades", {"kind", "changed", "unchanged"}),
        ("feedback", {"recorded", "known", "needs", "warnings"}),
    ],
)
def test_records_imports_report_has_the_keys_of_its_kind(kind: str, own: set[str]) -> None:
    """Every report says what was read and rejected; what became of the rows is in the words of the kind."""
    keys = LoadReport("a.csv", kind).as_json().keys()
    assert keys >= own | {"file", "rows", "rejected", "reasons", "rejects_file", "seconds"}
    assert ("kind" in keys) == (kind != "feedback")
    assert ("added" in keys) == (kind == Kind.PATENTS.value)


class _Broken:
    """A catalogue whose database is gone."""

    def upsert(self, _records: object, *, source: str) -> None:
        raise OSError(source)


def test_records_imports_rejects_before_a_failure_are_listed(tmp_path: Path) -> None:
    """A load that fails in the middle of a batch leaves the rows that were rejected in it listed."""
    path = tmp_path / "a.csv"
    path.write_text("id,title\n,A\nP1,B\n", encoding="utf-8")
    with pytest.raises(OSError, match=r"a\.csv"):
        ImportService(_Broken(), tmp_path / "rejects").load(path, Kind.PATENTS)
    (listed,) = (tmp_path / "rejects").iterdir()
    assert listed.suffix == ".csv"
    assert "missing_id" in listed.read_text(encoding="utf-8-sig")
