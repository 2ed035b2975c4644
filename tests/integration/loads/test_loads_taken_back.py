"""Loads taken back, interrupted and failed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from load_samples import PARTIAL, all_of

import app.catalogue.loads as loads
import app.records.imports as imports
from app.catalogue import Asked, Catalogue
from app.catalogue.firms import FirmNames
from app.catalogue.tables import LOAD_RANGES, LOADS
from app.domain import Firm, Grading, Kind, Need, OptOut, Patent
from app.errors import ConflictError, NotFoundError, UsageError
from app.ingest.fields.codes import credit_code_holds
from app.records.imports import ImportService, LoadOptions
from app.records.loads import LoadHistory


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
