"""Ids in paths: with slashes and other marks, plain and percent-encoded, in every spelling."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder

from app.domain import Kind
from app.main import create_app
from app.settings import Settings
from app.wiring import Services

CASE = Path(__file__).parents[1] / "unit" / "ingest" / "cases" / "13_id_with_slash.csv"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a service with a file whose ids have slashes, and records with marks in theirs."""
    services = Services(Settings(home=tmp_path_factory.mktemp("home")), encoder=HashingEncoder)
    services.importing.load(CASE, Kind.PATENTS)
    services.indexing.build(Kind.PATENTS, publish=True)
    with TestClient(create_app(services=services), raise_server_exceptions=False) as client:
        client.put("/v1/firms/F/1", json={"name": "甲厂"}).raise_for_status()
        client.put("/v1/needs/需求/2024/1", json={"title": "膜", "firm_id": "F/1"}).raise_for_status()
        yield client


def spelled(written: str) -> list[str]:
    """An id in a path as it is, and with its marks percent-encoded."""
    return [written, quote(written, safe="")]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("US 2011/0199900 A1", "US20110199900A1"),
        ("US20110199900A1", "US20110199900A1"),
        ("us-20110199900-a1", "US20110199900A1"),
        ("WO2019/199901", "WO2019199901"),
        ("WO 2019/199901", "WO2019199901"),
    ],
)
def test_api_ids_of_patents_in_any_spelling(client: TestClient, written: str, kept: str) -> None:
    """GET finds them; PUT writes the record that is there and says its id, whichever spelling the body has."""
    for path in spelled(written):
        found = client.get(f"/v1/patents/{path}")
        assert (found.status_code, found.json()["id"]) == (200, kept)
        given = {**found.json(), "id": written}
        put = client.put(f"/v1/patents/{path}", json=given)
        assert (put.status_code, put.json()["id"]) == (200, kept)
    assert client.get("/v1/match").status_code == 405


def test_api_ids_with_slashes_have_grades(client: TestClient) -> None:
    """What goes on behind an id is no part of it."""
    for path in spelled("US 2011/0199900 A1"):
        graded = client.post(f"/v1/patents/{path}/grades", json={"grade": "A"})
        assert (graded.status_code, graded.json()["patent_id"]) == (200, "US20110199900A1")
        assert len(client.get(f"/v1/patents/{path}/grades").json()["history"]) == 1


def test_api_ids_with_slashes_of_needs_and_firms(client: TestClient) -> None:
    """Alerts, watches, lists and opt-outs, too."""
    for need, firm in zip(spelled("需求/2024/1"), spelled("F/1"), strict=True):
        assert client.get(f"/v1/needs/{need}").json()["firm_id"] == "F/1"
        assert client.get(f"/v1/needs/{need}/alerts").status_code == 200
        assert client.put(f"/v1/needs/{need}/watch", json={"level": "strong"}).status_code == 200
        assert client.get(f"/v1/needs/{need}/watch").json()["need_id"] == "需求/2024/1"
        assert client.delete(f"/v1/needs/{need}/watch").status_code == 204
        assert client.get(f"/v1/firms/{firm}").json()["name"] == "甲厂"
        assert client.put(f"/v1/firms/{firm}/opt-out").status_code == 201
        assert client.get(f"/v1/firms/{firm}/opt-out").json()["firm_id"] == "F/1"
        assert client.delete(f"/v1/firms/{firm}/opt-out").status_code == 204
        assert client.get(f"/v1/firms/{firm}/push-list").json()["code"] == "no_push_run"


def test_api_ids_that_are_really_others_are_refused(client: TestClient) -> None:
    """A body that names another record than its path, and a path that names none."""
    put = client.put("/v1/patents/CN-109999907-B", json={"id": "CN109999908B", "title": "膜"})
    assert (put.status_code, put.json()["errors"][0]["field"]) == (422, "id")
    assert client.get("/v1/patents/").status_code in (404, 422)
    assert client.get("/v1/patents/CN109999907B").status_code == 404


def test_api_ids_deleted_in_any_spelling(client: TestClient) -> None:
    """The kept id answers, and is gone under each spelling."""
    assert client.put("/v1/patents/CN-109999907-B", json={"title": "膜"}).json()["id"] == "CN109999907B"
    deleted = client.delete("/v1/patents/CN109999907(B)")
    assert (deleted.status_code, deleted.json()["id"]) == (200, "CN109999907B")
    assert client.delete("/v1/patents/CN109999907B").status_code == 404
    assert client.put("/v1/patents/CN109999907B", json={"title": "膜"}).status_code == 201
    body = {"upsert": [], "delete": ["CN 109999907 B"]}
    assert client.post("/v1/patents:batch", json=body).json()["deleted"] == 1


def test_api_ids_of_one_character_are_ids(client: TestClient) -> None:
    """A number that would only count in a file is what its sender says here."""
    assert client.put("/v1/patents/1", json={"title": "膜"}).json()["id"] == "1"
    assert client.get("/v1/patents/1").status_code == 200
