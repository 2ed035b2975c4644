"""Files loaded into a catalogue: joined with what is stored, reported, and taken back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa

import app.catalogue.loads as loads
import app.records.imports as imports
from app.catalogue import Asked, Catalogue
from app.catalogue.firms import FirmNames
from app.catalogue.tables import LOAD_RANGES, LOADS
from app.domain import Firm, Grading, Kind, Need, OptOut, Patent
from app.errors import ConflictError, InputError, NotFoundError, UsageError
from app.ingest.fields.codes import credit_code_holds
from app.records.imports import ImportService, LoadOptions
from app.records.loads import LoadHistory
from scripts.cli import run

CASES = Path(__file__).parents[1] / "unit/ingest/cases"
PARTIAL = [CASES / "05_partial_1_full.csv", CASES / "05_partial_2_status.csv"]


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """An empty catalogue."""
    made = Catalogue.open(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}")
    yield made
    made.close()


@pytest.fixture
def importing(catalogue: Catalogue, tmp_path: Path) -> ImportService:
    """What loads files."""
    return ImportService(catalogue, tmp_path / "rejects")


@pytest.fixture
def history(catalogue: Catalogue) -> LoadHistory:
    """What takes loads back."""
    return LoadHistory(catalogue)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of lines."""

    def made(name: str, *lines: str) -> Path:
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path / name

    return made


def all_of(catalogue: Catalogue, kind: Kind = Kind.PATENTS) -> dict[str, dict[str, object]]:
    """Every record as it is shown."""
    return {record.id: record.shown for page in catalogue.iterate(kind) for record in page}


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


# Taking back


def test_loads_taken_back_stand_as_before(
    importing: ImportService, history: LoadHistory, catalogue: Catalogue, file: Callable[..., Path]
) -> None:
    """What a load changed is as it was, what it added is gone, and what it brought back is deleted again."""
    importing.load(PARTIAL[0], Kind.PATENTS)
    catalogue.delete(Kind.PATENTS, ["CN600000002A"])
    before = all_of(catalogue)
    rows = file(
        "n.csv", "公开号,名称,法律状态", "CN600000001A,新名称,失效", "CN600000002A,一种轴承,有效", "CN7A,泵,有效"
    )
    assert importing.load(rows, Kind.PATENTS).added == 2
    undone = history.undo("load-2")
    assert undone.state == "undone"
    assert undone.load.undone == {"restored": 2, "deleted": 1, "changed_since": 0, "changed_since_ids": {}}
    assert all_of(catalogue) == before
    assert [finding.name for finding in catalogue.check() if not finding.ok] == []
    again = history.undo("2").load.undone
    assert again == undone.load.undone


def test_loads_taken_back_leave_what_was_changed_since(
    importing: ImportService, history: LoadHistory, catalogue: Catalogue, file: Callable[..., Path]
) -> None:
    """Of added and of changed records; they are named."""
    importing.load(PARTIAL[0], Kind.PATENTS)
    rows = file(
        "n.csv",
        "公开号,名称,法律状态",
        "CN600000001A,新名称,失效",
        "CN600000002A,新轴承,失效",
        "CN7A,泵,有效",
        "CN8A,阀,有效",
    )
    importing.load(rows, Kind.PATENTS)
    for key in ("CN600000001A", "CN7A"):
        record = catalogue.get(Kind.PATENTS, key)
        assert isinstance(record, Patent)
        catalogue.upsert([replace(record, abstract="手工补充")])
    undone = history.undo("load-2").load.undone
    assert undone == {
        "restored": 1,
        "deleted": 1,
        "changed_since": 2,
        "changed_since_ids": {"patents": ["CN600000001A", "CN7A"]},
    }
    left = all_of(catalogue)
    assert (left["CN600000001A"]["title"], left["CN600000002A"]["title"]) == ("新名称", "一种轴承")
    assert set(left) == {"CN600000001A", "CN600000002A", "CN7A"}


def test_loads_taken_back_one_after_the_other(
    importing: ImportService, history: LoadHistory, catalogue: Catalogue, file: Callable[..., Path]
) -> None:
    """What a later load had changed is the earlier one's again once the later one is taken back."""
    importing.load(PARTIAL[0], Kind.PATENTS)
    first = all_of(catalogue)
    importing.load(file("a.csv", "公开号,名称", "CN600000001A,甲", "CN7A,泵"), Kind.PATENTS)
    second = all_of(catalogue)
    importing.load(file("b.csv", "公开号,名称", "CN600000001A,乙", "CN7A,真空泵"), Kind.PATENTS)
    history.undo("load-3")
    assert all_of(catalogue) == second
    history.undo("load-2")
    assert all_of(catalogue) == first
    history.undo("load-1")
    assert all_of(catalogue) == {}


def test_loads_taken_back_after_a_mapping_of_industries(
    importing: ImportService, history: LoadHistory, catalogue: Catalogue, file: Callable[..., Path]
) -> None:
    """Industries derived since are no change by somebody else, and those of restored patents are of the new mapping."""
    importing.load(PARTIAL[0], Kind.PATENTS)
    importing.load(PARTIAL[1], Kind.PATENTS)
    importing.load(file("map.csv", "IPC分类号,行业代码", "B01D,C3463", "F16C,C3451"), "industries")
    assert all_of(catalogue)["CN600000001A"]["industry"] == ("C3463",)
    assert (history.undo("load-2").load.undone or {})["restored"] == 1
    record = all_of(catalogue)["CN600000001A"]
    assert (record["status"], record["industry"], record["industry_derived"]) == ("active", ("C3463",), True)
    assert (history.undo("load-1").load.undone or {})["deleted"] == 2
    with pytest.raises(UsageError, match="load the file that was in force before"):
        history.undo("load-3")


def test_loads_taken_back_put_gradings_right(
    importing: ImportService, history: LoadHistory, catalogue: Catalogue, file: Callable[..., Path]
) -> None:
    """A load that had changed the grade of a graded patent leaves two lines in its history."""
    importing.load(PARTIAL[0], Kind.PATENTS)
    catalogue.grades.add([Grading(patent_id="CN600000001A", grade="B", maturity=None, agreed=None, by="judge")])
    importing.load(file("g.csv", "公开号,名称,等级", "CN600000001A,一种膜分离装置,A"), Kind.PATENTS)
    history.undo("load-2")
    lines = [(line.from_grade, line.to_grade, line.by) for line in catalogue.grades.history("CN600000001A")]
    assert lines == [("A", "B", "undo g.csv"), ("B", "A", "g.csv"), (None, "B", "judge")]
    importing.load(PARTIAL[1], Kind.PATENTS)
    record = catalogue.get(Kind.PATENTS, "CN600000001A")
    assert isinstance(record, Patent)
    assert record.grade == "B"


def test_loads_taken_back_part_firms_that_met(
    importing: ImportService, history: LoadHistory, catalogue: Catalogue, file: Callable[..., Path]
) -> None:
    """A firm known by its name stands again, with needs and opt-out, when the load of its code is taken back."""
    importing.load(file("list.csv", "企业名称,省份,城市", "苏州某某膜科技有限公司,江苏省,苏州市"), Kind.FIRMS)
    (made,) = all_of(catalogue, Kind.FIRMS)
    assert made.startswith("firm-")
    catalogue.upsert([Need(id="N1", title="膜材料", lang="zh", firm_id=made)])
    catalogue.opt_outs.add(OptOut(firm_id=made, at=datetime.now(UTC)))
    before = all_of(catalogue, Kind.FIRMS)
    coded = ("统一社会信用代码,企业名称,省份,城市", "91320594MA1XK7Q3PB,苏州某某膜科技有限公司,江苏省,苏州市")
    importing.load(file("coded.csv", *coded), Kind.FIRMS)
    assert set(all_of(catalogue, Kind.FIRMS)) == {"91320594MA1XK7Q3PB"}
    assert all_of(catalogue, Kind.NEEDS)["N1"]["firm_id"] == "91320594MA1XK7Q3PB"
    history.undo("load-2")
    assert all_of(catalogue, Kind.FIRMS) == before
    assert all_of(catalogue, Kind.NEEDS)["N1"]["firm_id"] == made
    assert catalogue.opt_outs.opted_out() == {made}


def test_loads_taken_back_in_many_batches(
    importing: ImportService,
    history: LoadHistory,
    catalogue: Catalogue,
    file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A record that comes in several batches of a load goes back to what it was before the first of them."""
    monkeypatch.setattr(imports, "_BATCH", 3)
    old = [Firm(id=f"F{n:02}", name=f"公司{n}", lang="zh") for n in range(6)]
    catalogue.upsert(old)
    before = all_of(catalogue, Kind.FIRMS)
    lines = [f"F{n:02},新公司{n}-{turn}" for turn in range(3) for n in range(10)]
    importing.load(file("f.csv", "id,name", *lines), Kind.FIRMS)
    assert all_of(catalogue, Kind.FIRMS)["F05"]["name"] == "新公司5-2"
    monkeypatch.setattr(loads, "_UNDONE_AT_ONCE", 4)
    load = catalogue.loads.latest(1)[0]
    assert catalogue.loads.take_back(load, Kind.FIRMS)
    assert catalogue.loads.take_back(load, Kind.FIRMS)
    assert not catalogue.loads.take_back(load, Kind.PATENTS)
    assert history.undo("load-1").load.undone == {
        "restored": 6, "deleted": 4, "changed_since": 0, "changed_since_ids": {},
    }  # fmt: skip
    assert all_of(catalogue, Kind.FIRMS) == before


def test_loads_of_a_dead_process_are_interrupted(
    importing: ImportService, history: LoadHistory, catalogue: Catalogue
) -> None:
    """They can be run again and taken back; one that runs cannot."""
    importing.load(PARTIAL[0], Kind.PATENTS)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = os.uname().nodename
    catalogue.loads.note(1, state="running", pid=gone.pid, host=host)
    assert history.get("load-1").state == "interrupted"
    catalogue.loads.note(1, state="running", pid=os.getpid(), host=host)
    assert history.get("1").state == "running"
    with pytest.raises(ConflictError, match="load-1 is running"):
        history.undo("load-1")
    catalogue.loads.note(1, state="running", pid=1, host="another")
    assert history.get("1").state == "running"
    with catalogue._backend.writing() as connection:
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(sa.update(LOADS).values(seen_at=long_ago))
    assert history.get("1").state == "interrupted"
    assert history.undo("load-1").load.undone == {
        "restored": 0, "deleted": 2, "changed_since": 0, "changed_since_ids": {},
    }  # fmt: skip
    for name in ("load-99", "x", "", "load--1", "９"):
        with pytest.raises(NotFoundError):
            history.get(name)


def test_loads_that_fail_say_so(importing: ImportService, history: LoadHistory, tmp_path: Path) -> None:
    """A file that is refused makes no line, unless one was begun for it."""
    bad = tmp_path / "bad.csv"
    bad.write_text("x,y\n1,2\n", encoding="utf-8")
    with pytest.raises(Exception, match="no header"):
        importing.load(bad, Kind.PATENTS)
    assert history.latest(5) == []
    asked = Asked("patents", "bad.csv", "api", "h", None, {})
    number = importing._catalogue.loads.begin(asked)
    with pytest.raises(Exception, match="no header"):
        importing.load(bad, Kind.PATENTS, options=LoadOptions(load=number))
    said = history.get("load-1").as_json()
    assert (said["state"], said["error"]["code"]) == ("failed", "no_header")
    assert "未找到表头行" in said["error"]["message_zh"]


# The command


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


def test_loads_many_firms_meet_at_once(
    importing: ImportService,
    catalogue: Catalogue,
    history: LoadHistory,
    file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Firms that meet their codes are written together: each for itself, a list of thousands would take hours."""
    names = [f"第{number}新材料有限公司" for number in range(1, 201)]
    importing.load(file("list.csv", "企业名称,城市,行业", *(f"{name},苏州,医药制造业" for name in names)), "firms")
    needs = (f"{name},要{name}的泵,{name},苏州" for name in names)
    importing.load(file("needs.csv", "需求名称,需求描述,企业名称,城市", *needs), "needs")
    before = [record for kind in Kind for page in catalogue.iterate(kind) for record in page]
    at_once: list[int] = []
    become = FirmNames.become

    def counted(self: FirmNames, derived: dict[str, str], firms: list[Firm], *, load: int | None = None) -> int:
        at_once.append(len(derived))
        return become(self, derived, firms, load=load)

    monkeypatch.setattr(FirmNames, "become", counted)
    codes = [f"91320594{number:010d}" for number in range(1, 201)]
    coded = (f"{code},{name},江苏省,苏州市" for code, name in zip(codes, names, strict=True))
    report = importing.load(file("coded.csv", "统一社会信用代码,企业名称,省份,城市", *coded), "firms")
    assert at_once == [200]
    assert report.warnings == {"credit_code_checksum": 200 - sum(map(credit_code_holds, codes))}
    firms = catalogue.get_many(Kind.FIRMS, codes)
    assert len(firms) == catalogue.count(Kind.FIRMS) == 200
    assert {firm.industry for firm in firms.values()} == {("C27",)}
    linked = [need.firm_id for page in catalogue.iterate(Kind.NEEDS) for need in page if isinstance(need, Need)]
    assert sorted(map(str, linked)) == codes
    with catalogue._backend.reading() as connection:
        assert [row.load for row in connection.execute(sa.select(LOAD_RANGES))] == [1, 2, 3]
    history.undo("load-3")
    assert [record for kind in Kind for page in catalogue.iterate(kind) for record in page] == before
