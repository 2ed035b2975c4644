"""Gradings of patents, over HTTP and by file, with their history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder

from app.domain import Kind, Patent
from app.main import create_app
from app.settings import Settings
from app.wiring import Services
from scripts.cli import run


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the catalogue is."""
    return tmp_path / "home"


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    """Services over two patents; the first is graded by its source."""
    made = Services(Settings(home=home), encoder=HashingEncoder)
    first = Patent(id="P1", title="a", grade="B", ipc=("H01M10/05",), original={"grade": "B级", "title": "A"})
    made.catalogue.upsert([first, Patent(id="P2", title="b")])
    yield made
    made.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    """A client of them."""
    with TestClient(create_app(services=services), raise_server_exceptions=False) as client:
        yield client


def test_api_grades_change_the_record_and_keep_its_history(client: TestClient, services: Services) -> None:
    """What is given is set, the rest stays; a filter sees it at once; the history has who, when, from and to."""
    before = services.catalogue.revision()
    first = client.post("/v1/patents/P1/grades", json={"grade": "A", "agreed": True, "by": "王", "note": "复评"})
    assert (first.status_code, first.json()["outcome"]) == (200, "graded")
    assert services.catalogue.revision() == before + 1
    record = client.get("/v1/patents/P1").json()
    assert (record["grade"], record["agreed"], record["ipc"], record["original"]) == (
        "A", True, ["H01M10/05"], {"title": "A"},
    )  # fmt: skip
    again = client.post("/v1/patents/P1/grades", json={"grade": "A", "by": "李"})
    assert again.json()["outcome"] == "unchanged"
    client.post("/v1/patents/P1/grades", json={"maturity": 6})
    latest, oldest = client.get("/v1/patents/P1/grades").json()["history"]
    assert datetime.now(UTC) - datetime.fromisoformat(oldest.pop("at")) < timedelta(minutes=1)
    assert oldest == {
        "by": "王", "note": "复评", "from_grade": "B", "to_grade": "A", "from_maturity": None, "to_maturity": None,
        "from_agreed": None, "to_agreed": True,
    }  # fmt: skip
    assert (latest["by"], latest["from_maturity"], latest["to_maturity"], latest["to_grade"]) == (None, None, 6, "A")
    assert client.get("/v1/pools/agreed").json()["patents"] == 1
    client.delete("/v1/patents/P1")
    assert len(client.get("/v1/patents/P1/grades").json()["history"]) == 2, "kept beyond the record"


def test_api_grades_outlast_a_put_a_batch_and_a_file(client: TestClient, services: Services, tmp_path: Path) -> None:
    """What leaves the grading out, or has an empty cell, keeps it; what gives another is in the history."""
    client.post("/v1/patents/P1/grades", json={"grade": "A", "maturity": 6, "agreed": True, "by": "王"})
    client.put("/v1/patents/P1", json={"title": "new"})
    client.post("/v1/patents:batch", json={"upsert": [{"id": "P1", "title": "newer", "grade": None}]})
    path = tmp_path / "patents.csv"
    path.write_text("专利编号,名称,等级\nP1,newest,\n", encoding="utf8")
    services.importing.load(path, Kind.PATENTS)
    record = client.get("/v1/patents/P1").json()
    assert (record["title"], record["grade"], record["maturity"], record["agreed"]) == ("newest", "A", 6, True)
    assert len(client.get("/v1/patents/P1/grades").json()["history"]) == 1
    client.put("/v1/patents/P1", json={"title": "newest", "grade": "B"})
    client.post("/v1/patents:batch", json={"upsert": [{"id": "P1", "title": "newest", "maturity": 7}]})
    path.write_text("专利编号,名称,等级\nP1,newest,C\n", encoding="utf8")
    services.importing.load(path, Kind.PATENTS)
    lines = client.get("/v1/patents/P1/grades").json()["history"]
    told = [
        (line["by"], line["from_grade"], line["to_grade"], line["to_maturity"], line["to_agreed"]) for line in lines
    ]
    assert told[:-1] == [
        ("patents.csv", "B", "C", 7, True), ("POST /v1/patents:batch", "B", "B", 7, True),
        ("PUT /v1/patents", "A", "B", 6, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "status", "fields"),
    [
        ("P1", {"grade": "D"}, 422, ["grade"]),
        ("P1", {"maturity": 10, "agreed": "maybe"}, 422, ["maturity", "agreed"]),
        ("P1", {"note": "nothing"}, 422, ["grade"]),
        ("P1", {"grade": "A", "level": 1}, 422, ["level"]),
        ("P1", {"grade": "A", "id": "P2"}, 422, ["id"]),
        ("P1", {"grade": "A", "by": "x" * 201}, 422, ["by"]),
        ("P9", {"grade": "A"}, 404, None),
    ],
)
def test_api_grades_name_the_bad_field(
    client: TestClient, path: str, body: dict[str, object], status: int, fields: list[str] | None
) -> None:
    """Nothing is changed by what cannot be used."""
    response = client.post(f"/v1/patents/{path}/grades", json=body)
    assert response.status_code == status
    if fields is not None:
        assert [error["field"] for error in response.json()["errors"]] == fields
    assert client.get("/v1/patents/P1").json()["grade"] == "B"
    assert client.get("/v1/patents/P1/grades").json() == {"patent_id": "P1", "history": []}
    assert client.get("/v1/patents/P9/grades").status_code == 404


def test_commands_ingest_grades(
    services: Services, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file as offices make it: good rows grade, the others are listed and the status is 3; again, nothing changes."""
    path = tmp_path / "regraded.csv"
    path.write_text(
        "专利编号,等级,成熟度,双向认可,评审人\nP1,A级,TRL 7,是,王\nP2,,5,,王\nP2,D,,,王\nP9,A,,,王\nP2,,,,王\n",
        encoding="utf8",
    )
    assert run(["ingest", "grades", str(path), "--home", str(home), "--json"]) == 3
    report = json.loads(capsys.readouterr().out.strip().splitlines()[-1])["files"][0]
    assert (report["rows"], report["changed"], report["unchanged"], report["rejected"]) == (5, 2, 0, 3)
    assert report["reasons"] == {"bad_grade": 1, "unknown_record": 1, "nothing_graded": 1}
    assert "regraded.csv,,5,id,P9,unknown_record" in Path(report["rejects_file"]).read_text(encoding="utf-8-sig")
    record = services.catalogue.get(Kind.PATENTS, "P1")
    assert isinstance(record, Patent)
    assert (record.grade, record.maturity, record.agreed) == ("A", 7, True)
    assert services.grading.history("P2")[0].by == "王"
    assert run(["ingest", "grades", str(path), "--home", str(home), "--json"]) == 3
    report = json.loads(capsys.readouterr().out.strip().splitlines()[-1])["files"][0]
    assert (report["changed"], report["unchanged"]) == (0, 2)
