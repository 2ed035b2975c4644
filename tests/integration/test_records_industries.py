"""The mapping of industries from its file to what a filter finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder

from app.domain import Kind
from app.main import create_app
from app.settings import Settings
from app.wiring import Services
from scripts.cli import run

SAMPLE = Path(__file__).parents[2] / "sample"
WITHOUT_INDUSTRY = 32


def loaded(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    """The exit status and the report of one `patmatch ingest`."""
    status = run(["ingest", *words, "--home", str(home), "--json"])
    report = json.loads(capsys.readouterr().out.strip().splitlines()[-1])["files"][0]
    assert isinstance(report, dict)
    return status, report


@pytest.mark.parametrize("order", [("industries", "patents"), ("patents", "industries")], ids="-then-".join)
def test_records_industries_are_told_in_either_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], order: tuple[str, ...]
) -> None:
    """Whichever comes first, the same patents get the same industries, and a second load of both changes nothing."""
    files = {"industries": str(SAMPLE / "industries.csv"), "patents": str(SAMPLE / "patents.jsonl")}
    for kind in order:
        assert loaded(tmp_path, capsys, kind, files[kind])[0] == 0
    _, patents = loaded(tmp_path, capsys, "patents", files["patents"])
    assert (patents["added"], patents["changed"], patents["unchanged"]) == (0, 0, 200)
    _, industries = loaded(tmp_path, capsys, "industries", files["industries"])
    assert (industries["pairs"], industries["differs"], industries["patents"], industries["changed"]) == (
        34,
        False,
        WITHOUT_INDUSTRY,
        0,
    )


def test_records_industries_can_be_filtered_by_and_are_shown(tmp_path: Path) -> None:
    """A told industry is in the index, in GET and in the answer; a mapping that is replaced is followed."""
    services = Services(Settings(home=tmp_path), encoder=HashingEncoder)
    services.importing.load(SAMPLE / "patents.jsonl", Kind.PATENTS)
    own = {record.id for page in services.catalogue.iterate(Kind.PATENTS) for record in page if record.industry}
    report = services.importing.load(SAMPLE / "industries.csv", "industries")
    assert (report.patents, report.changed) == (WITHOUT_INDUSTRY, WITHOUT_INDUSTRY)
    services.indexing.build(Kind.PATENTS, publish=True)
    services.serving.open()
    with TestClient(create_app(services=services)) as client:
        asked = {"queries": [{"text": "水"}], "k": 200, "filter": {"industry": ["N7721"]}}
        matches = client.post("/v1/match", json=asked).json()["results"][0]["matches"]
        told = [match for match in matches if match["record"].get("industry_derived")]
        assert told
        assert not {match["id"] for match in told} & own
        assert {match["id"] for match in matches} & own
        record = client.get(f"/v1/patents/{told[0]['id']}").json()
        assert (record["industry_derived"], "N7721" in record["industry"]) == (True, True)
        put = client.put(f"/v1/patents/{record['id']}", json=record | {"industry": ["C38"], "industry_derived": False})
        assert put.json()["outcome"] == "updated"
        assert "industry_derived" not in client.get(f"/v1/patents/{record['id']}").json()
        bare = {"title": "污水处理", "ipc": ["C02F3/00"]}
        client.put("/v1/patents/NEW", json=bare)
        assert client.get("/v1/patents/NEW").json()["industry"] == ["N7721"]
        assert client.put("/v1/patents/NEW", json=bare).json()["outcome"] == "unchanged"


def test_records_industries_bad_rows_are_listed_and_exit_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Good rows are the mapping, the others are in the rejects file; without a good row the mapping stays."""
    mixed = tmp_path / "mixed.csv"
    mixed.write_text("IPC分类号,国民经济行业代码\nC02F,N7721\nnonsense,N7721\nC02F,\n", encoding="utf8")
    status, report = loaded(tmp_path, capsys, "industries", str(mixed))
    assert (status, report["rows"], report["pairs"], report["rejected"]) == (3, 3, 1, 2)
    assert report["reasons"] == {"bad_ipc": 1, "missing_industry": 1}
    listed = Path(str(report["rejects_file"])).read_text(encoding="utf-8-sig")
    assert "mixed.csv,,3,ipc,NONSENSE,bad_ipc" in listed
    assert "mixed.csv,,4,industry,,missing_industry" in listed
    bad = tmp_path / "bad.csv"
    bad.write_text("ipc,industry\nnonsense,N7721\n", encoding="utf8")
    status, report = loaded(tmp_path, capsys, "industries", str(bad))
    assert (status, report["replaced"]) == (3, False)
    services = Services(Settings(home=tmp_path), encoder=HashingEncoder)
    assert services.catalogue.industries.rows() == [("C02F", "N7721")]
    services.close()


def test_records_industries_are_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two files would each replace the other: wrong usage."""
    file = str(SAMPLE / "industries.csv")
    assert run(["ingest", "industries", file, file, "--home", str(tmp_path)]) == 2
    assert "one file" in capsys.readouterr().err


def test_records_industries_of_another_file_fail_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of patents is no mapping: it needs an industry column that has codes, and says so by row."""
    path = tmp_path / "needs.csv"
    path.write_text("需求编号,需求名称\nN1,电解液\n", encoding="utf8")
    assert run(["ingest", "industries", str(path), "--home", str(tmp_path)]) == 1
    assert "needs a column for ipc" in capsys.readouterr().err
