"""Files loaded into a catalogue: joined with what is stored, and reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import openpyxl
import pytest
from load_samples import PARTIAL, all_of

import app.records.imports as imports
from app.catalogue import Catalogue
from app.domain import Grading, Kind, Patent
from app.errors import InputError, UsageError
from app.records.imports import ImportService, LoadOptions
from scripts.cli import run


def test_loads_a_partial_file_changes_its_fields_alone(importing: ImportService, catalogue: Catalogue) -> None:
    """A file of statuses changes statuses; abstract, IPC and holders stay."""
    full = importing.load(PARTIAL[0], Kind.PATENTS)
    before = all_of(catalogue)
    found = importing.load(PARTIAL[1], Kind.PATENTS)
    assert (full.added, found.changed, found.unchanged, found.merged) == (2, 1, 1, 2)
    after = all_of(catalogue)
    assert after["CN600000001A"] == before["CN600000001A"] | {"status": "inactive", "original": {"status": "失效"}}
    assert after["CN600000001A"]["ipc"] == ("B01D61/00",)
    assert after["CN600000002A"] == before["CN600000002A"]
    again = importing.load(PARTIAL[1], Kind.PATENTS)
    assert (again.changed, again.unchanged) == (0, 2)


def test_loads_a_partial_workbook_changes_its_fields_alone(
    importing: ImportService, catalogue: Catalogue, tmp_path: Path
) -> None:
    """Rows of a sheet say what they have values for, as those of a text file do."""
    importing.load(PARTIAL[0], Kind.PATENTS)
    book = openpyxl.Workbook()
    for row in (("公开号", "法律状态"), ("CN600000001A", "失效"), ("CN600000002A", None)):
        book.active.append(row)
    book.save(tmp_path / "status.xlsx")
    found = importing.load(tmp_path / "status.xlsx", Kind.PATENTS)
    assert (found.changed, found.unchanged, found.rejected, found.fields) == (1, 1, 0, {"id": 2, "status": 1})
    changed = all_of(catalogue)["CN600000001A"]
    assert (changed["status"], changed["ipc"], changed["holders"]) == ("inactive", ("B01D61/00",), ("某大学",))


@pytest.mark.parametrize("order", list(permutations(("full", "title", "ipc"))))
def test_loads_one_patent_of_three_sources_in_any_order(
    importing: ImportService, catalogue: Catalogue, file: Callable[..., Path], order: tuple[str, ...]
) -> None:
    """Chinese texts, two holders, IPC and dates are one record; the English title stands beside the Chinese."""
    files = {
        "full": file("cnipa.csv", "公开号,名称,摘要", "CN109999907B,一种膜分离装置,本发明公开一种膜分离装置"),
        "title": file(
            "google.csv",
            "id,title,assignee,filing date",
            "CN109999907B,A membrane separation device,Imaginary University;Imaginary Membrane Co.,2019-01-07",
        ),
        "ipc": file(
            "espacenet.csv",
            "id,title,ipc,filing date,application no",
            "CN109999907B,A membrane separation device,B01D61/00;C02F1/44,2019-01-07,CN201910012366",
        ),
    }
    apart = sum(importing.load(files[name], Kind.PATENTS).apart for name in order)
    record = catalogue.get(Kind.PATENTS, "CN109999907B")
    assert isinstance(record, Patent)
    assert (record.title, record.abstract, record.lang) == ("一种膜分离装置", "本发明公开一种膜分离装置", "zh")
    assert record.ipc == ("B01D61/00", "C02F1/44")
    assert len(record.holders) == 2
    assert str(record.filed_on) == "2019-01-07"
    assert record.extra == {"title (en)": "A membrane separation device"}
    assert apart == {0: 2, 1: 1, 2: 0}[order.index("full")]


def test_loads_a_row_without_a_title_is_part_of_a_record_that_is_there(
    importing: ImportService, catalogue: Catalogue, file: Callable[..., Path]
) -> None:
    """It says its status of a known patent, and is rejected of one that nobody knows."""
    importing.load(PARTIAL[0], Kind.PATENTS)
    rows = file("s.csv", "公开号,名称,法律状态", "CN600000001A,,失效", "CN9A,,失效")
    report = importing.load(rows, Kind.PATENTS)
    assert (report.changed, report.rejected, dict(report.reasons)) == (1, 1, {"missing_title": 1})
    record = catalogue.get(Kind.PATENTS, "CN600000001A")
    assert record is not None
    assert (record.status, record.heading) == ("inactive", "一种膜分离装置")
    whole = importing.load(rows, Kind.PATENTS, options=LoadOptions(replace=True))
    assert (whole.rejected, whole.changed) == (2, 0)


@pytest.mark.parametrize(
    ("kind", "whole", "part", "field", "value"),
    [
        ("patents", ("公开号,名称", "CN1A,膜"), ("公开号,法律状态", "CN1A,失效"), "status", "inactive"),
        ("firms", ("id,企业名称", "F1,某公司"), ("id,经营范围", "F1,电解液的研发"), "business_scope", "电解液的研发"),
        ("needs", ("id,需求名称", "N1,膜材料"), ("id,状态", "N1,已关闭"), "status", "closed"),
    ],
)
def test_loads_a_file_without_titles_says_something_of_what_is_there(
    importing: ImportService,
    catalogue: Catalogue,
    file: Callable[..., Path],
    kind: str,
    whole: tuple[str, ...],
    part: tuple[str, ...],
    field: str,
    value: str,
) -> None:
    """Ids and one column are enough for records that are known; ids alone, or another kind's headers, are not."""
    importing.load(file("whole.csv", *whole), kind)
    assert importing.load(file("part.csv", *part), kind).changed == 1
    (record,) = all_of(catalogue, Kind(kind)).values()
    assert record[field] == value
    with pytest.raises(InputError, match="needs a column"):
        importing.load(file("ids.csv", "id,备注", "X1,无"), kind)


def test_loads_gradings_stand_when_rows_are_merged(importing: ImportService, catalogue: Catalogue) -> None:
    """A grading between two loads stays."""
    importing.load(PARTIAL[0], Kind.PATENTS)
    catalogue.grades.add([Grading(patent_id="CN600000001A", grade="A", maturity=None, agreed=True, by="judge")])
    importing.load(PARTIAL[1], Kind.PATENTS)
    record = catalogue.get(Kind.PATENTS, "CN600000001A")
    assert isinstance(record, Patent)
    assert (record.grade, record.agreed, record.status, record.ipc) == ("A", True, "inactive", ("B01D61/00",))


def test_loads_whole_records_empty_what_they_leave_out(importing: ImportService, catalogue: Catalogue) -> None:
    """What is emptied is counted by field, before and after; a grading is not emptied."""
    importing.load(PARTIAL[0], Kind.PATENTS)
    catalogue.grades.add([Grading(patent_id="CN600000001A", grade="A", maturity=None, agreed=None, by="judge")])
    revision = catalogue.revision()
    tried = importing.load(PARTIAL[1], Kind.PATENTS, options=LoadOptions(replace=True, dry_run=True))
    counts = {"abstract": 2, "ipc": 2, "holders": 2, "holder_type": 2}
    assert (dict(tried.emptied), tried.changed, tried.load, tried.rejects) == (counts, 2, None, None)
    assert catalogue.revision() == revision
    done = importing.load(PARTIAL[1], Kind.PATENTS, options=LoadOptions(replace=True))
    assert dict(done.emptied) == counts
    record = catalogue.get(Kind.PATENTS, "CN600000001A")
    assert isinstance(record, Patent)
    assert (record.abstract, record.ipc, record.grade) == ("", (), "A")


@pytest.mark.parametrize("batch", [2, 5000])
def test_loads_a_repeated_id_is_listed_by_row(
    importing: ImportService,
    catalogue: Catalogue,
    file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
) -> None:
    """With other content it is a warning that names the earlier row, in one batch or across; the same again is none."""
    monkeypatch.setattr(imports, "_BATCH", batch)
    rows = file(
        "r.csv",
        "公开号,名称,摘要,法律状态,申请人",
        "CN1A,膜,甲摘要,有效,某大学",
        "CN2A,轴承,乙摘要,有效,某大学",
        "CN3A,泵,丙摘要,有效,某大学",
        "CN1A,膜,,失效,",
        "CN2A,轴承,乙摘要,有效,某大学",
    )
    report = importing.load(rows, Kind.PATENTS)
    assert (report.rows, report.added, report.changed, report.unchanged) == (5, 3, 0, 0)
    assert (report.repeated, report.rejected, dict(report.warnings)) == (2, 0, {"repeated_id": 1})
    assert report.first_rows == {"repeated_id": [(None, 5)]}
    assert report.rejects is not None
    assert "row 2 has the same id" in report.rejects.read_text("utf-8-sig")
    record = catalogue.get(Kind.PATENTS, "CN1A")
    assert isinstance(record, Patent)
    assert (record.abstract, record.status, record.holders) == ("甲摘要", "inactive", ("某大学",))
    tried = importing.load(rows, Kind.PATENTS, options=LoadOptions(dry_run=True))
    assert (tried.added, tried.repeated) == (0, 2)


def test_loads_a_dry_run_counts_as_the_load_does(
    importing: ImportService, catalogue: Catalogue, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for ids that come in several batches, which are not there yet; nothing is written, no file neither."""
    monkeypatch.setattr(imports, "_BATCH", 2)
    rows = file("r.csv", "公开号,名称,法律状态", *(f"CN{n % 4}A,膜{n % 4},有效" for n in range(9)), ",无号,")
    tried = importing.load(rows, Kind.PATENTS, options=LoadOptions(dry_run=True))
    assert catalogue.revision() == 0
    assert catalogue.loads.latest(5) == []
    done = importing.load(rows, Kind.PATENTS)
    kept = ("rows", "added", "changed", "unchanged", "repeated", "rejected", "reasons", "warnings", "fields")
    assert {name: tried.as_json()[name] for name in kept} == {name: done.as_json()[name] for name in kept}
    assert (done.added, done.repeated, done.rejected) == (4, 5, 1)
    with pytest.raises(UsageError, match="tried"):
        importing.load(rows, "grades", options=LoadOptions(dry_run=True))


def test_loads_say_how_the_file_was_read(importing: ImportService) -> None:
    """Format, encoding, header row, columns, and how full each field is."""
    said = importing.load(PARTIAL[0], Kind.PATENTS).as_json()
    assert (said["format"], said["encoding"], said["load"], said["dry_run"]) == ("csv", "utf-8-sig", "load-1", False)
    (sheet,) = said["sheets"]
    assert sheet["header_rows"] == [1]
    assert {column["header"]: column["field"] for column in sheet["columns"]}["申请人"] == "holders"
    assert said["fields"] == dict.fromkeys(("id", "title", "abstract", "holders", "ipc", "status"), 2)


def test_loads_commands_list_and_take_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The words of `patmatch ingest`, with options before them or behind."""
    home = ["--home", str(tmp_path / "home")]
    assert run(["ingest", "patents", str(PARTIAL[0]), *home]) == 0
    said = capsys.readouterr().out
    assert "how 05_partial_1_full.csv was read · 读取方式" in said
    assert "填充率" in said
    assert run(["ingest", "--json", *home, "patents", str(PARTIAL[1]), "--dry-run"]) == 0
    (tried,) = json.loads(capsys.readouterr().out.splitlines()[-1])["files"]
    assert (tried["dry_run"], tried["changed"], tried["load"]) == (True, 1, None)
    assert run(["ingest", "loads", *home, "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out.splitlines()[-1])["loads"]
    assert (listed["id"], listed["state"], listed["report"]["added"]) == ("load-1", "done", 2)
    assert run(["ingest", "undo", "load-1", *home, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["undone"]["deleted"] == 2
    assert run(["ingest", "undo", "load-5", *home]) == 1


def test_loads_command_asks_before_it_empties(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Piped it needs --yes, but only where stored values would go."""
    home = ["--home", str(tmp_path / "home")]
    assert run(["ingest", "patents", str(PARTIAL[0]), "--replace", *home]) == 0
    capsys.readouterr()
    assert run(["ingest", "patents", str(PARTIAL[1]), "--replace", *home]) == 2
    said = capsys.readouterr().err
    assert "abstract 2, ipc 2" in said
    assert "将清空已有的值" in said
    assert run(["ingest", "patents", str(PARTIAL[1]), "--replace", "--yes", *home]) == 0
    assert run(["ingest", "patents", str(PARTIAL[1]), "--replace", *home]) == 0
