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
    """A catalogue whose database is gone in the middle."""

    def __init__(self) -> None:
        self.loads = self
        self.ended: list[tuple[str, dict[str, str]]] = []

    def apply(self, _kind: Kind, _merge: object, *, source: str, load: int) -> None:
        raise OSError(f"{source} {load}")

    def begin(self, _asked: object) -> int:
        return 7

    def end(self, _number: int, state: str, *, rows: int, report: dict[str, dict[str, str]]) -> None:
        assert rows == 2
        self.ended.append((state, report["error"]))


def test_records_imports_rejects_before_a_failure_are_listed(tmp_path: Path) -> None:
    """A load that fails in the middle of a batch leaves the rows that were rejected in it listed."""
    path = tmp_path / "a.csv"
    path.write_text("id,title\n,A\nP1,B\n", encoding="utf-8")
    broken = _Broken()
    with pytest.raises(OSError, match=r"a\.csv 7"):
        ImportService(broken, tmp_path / "rejects").load(path, Kind.PATENTS)
    assert broken.ended == [
        ("failed", {"code": "internal", "message": "unforeseen: OSError", "message_zh": "意外错误：OSError"})
    ]
    (listed,) = (tmp_path / "rejects").iterdir()
    assert listed.suffix == ".csv"
    assert "missing_id" in listed.read_text(encoding="utf-8-sig")
