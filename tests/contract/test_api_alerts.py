"""`/v1/needs/{id}/alerts`, `/v1/alerts` and `/v1/needs/{id}/watch`, as clients see them, and their commands."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder

from app.domain import Kind, Need
from app.main import create_app
from app.settings import Settings
from app.wiring import Services
from scripts.cli import run

SAMPLE = Path(__file__).parents[2] / "sample"
PATIENCE_SECONDS = 60
"""What the product promises."""
NEED = {"title": "寻求高镍三元锂电池电解液添加剂", "text": "需要高镍三元锂电池电解液添加剂的成熟技术。"}
PATENT = {
    "title": "一种高镍三元锂电池电解液添加剂",
    "abstract": "高镍三元锂电池电解液添加剂的成熟技术。",
    "status": "active",
}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """Services over the sample."""
    home: Path = tmp_path_factory.mktemp("alerts-home")
    made = Services(Settings(home=home, index_poll_seconds=0.05), encoder=HashingEncoder)
    for kind in (Kind.PATENTS, Kind.FIRMS):
        made.importing.load(SAMPLE / f"{kind.value}.jsonl", kind)
    made.indexing.build(Kind.PATENTS, publish=True)
    return made


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient]:
    """A client of a running service that watches."""
    with TestClient(create_app(services=services), raise_server_exceptions=False) as client:
        end = time.monotonic() + PATIENCE_SECONDS
        while services.catalogue.alerts.cursor() is None:
            assert time.monotonic() < end
            time.sleep(0.02)
        yield client


def until_told(client: TestClient, need_id: str, *patents: str) -> list[dict[str, Any]]:
    """The alerts of a need, once these patents are among them."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        found: list[dict[str, Any]] = client.get(f"/v1/needs/{need_id}/alerts").json()["alerts"]
        if {one["id"] for one in found} >= set(patents):
            return found
        assert time.monotonic() < end, f"{need_id} is told of {[one['id'] for one in found]}"
        time.sleep(0.02)


def test_api_alerts_a_new_patent_shows_up_once(client: TestClient) -> None:
    """Put over HTTP, it is told with the score of a match and its record, and not again after it was graded."""
    client.put("/v1/needs/A1", json=NEED)
    client.put("/v1/patents/AP1", json=PATENT)
    (told,) = until_told(client, "A1", "AP1")
    match = client.post("/v1/match", json={"queries": [{"need_id": "A1"}], "k": 5}).json()["results"][0]["matches"][0]
    assert (told["id"], told["score"], told["level"]) == (match["id"], match["score"], match["level"])
    assert told["record"] == client.get("/v1/patents/AP1").json()
    assert told["need_id"] == "A1"
    assert "电池电解液添加剂" in " ".join(told["reason"])
    assert datetime.now(UTC) - datetime.fromisoformat(told["at"]) < timedelta(minutes=1)
    client.post("/v1/patents/AP1/grades", json={"grade": "A"})
    client.put("/v1/patents/AP2", json={**PATENT, "title": "高镍三元锂电池电解液添加剂及其制备"})
    assert [one["id"] for one in until_told(client, "A1", "AP2")] == ["AP1", "AP2"]


def test_api_alerts_are_polled_by_a_cursor(client: TestClient) -> None:
    """Parts add up; at the end the cursor stays and later brings what is new; a moment leaves out what was before."""
    client.put("/v1/needs/B1", json=NEED)
    for n in range(3):
        client.put(f"/v1/patents/BP{n}", json=PATENT)
    told = until_told(client, "B1", "BP0", "BP1", "BP2")
    first = client.get("/v1/needs/B1/alerts", params={"limit": 2}).json()
    rest = client.get("/v1/needs/B1/alerts", params={"cursor": first["cursor"]}).json()
    assert (first["more"], rest["more"], first["alerts"] + rest["alerts"]) == (True, False, told)
    none = client.get("/v1/needs/B1/alerts", params={"cursor": rest["cursor"]}).json()
    assert none == {"alerts": [], "cursor": rest["cursor"], "more": False, "empty": None}
    client.put("/v1/patents/BP3", json=PATENT)
    until_told(client, "B1", "BP3")
    later = client.get("/v1/needs/B1/alerts", params={"cursor": none["cursor"]}).json()
    assert [one["id"] for one in later["alerts"]] == ["BP3"]
    since = client.get("/v1/needs/B1/alerts", params={"since": later["alerts"][0]["at"]}).json()
    assert [one["id"] for one in since["alerts"]][-1] == "BP3"
    assert client.get("/v1/needs/B1/alerts", params={"since": "2100-01-01T00:00:00Z"}).json()["alerts"] == []
    everyone = client.get("/v1/alerts", params={"cursor": first["cursor"], "limit": 200}).json()["alerts"]
    assert [one for one in everyone if one["need_id"] == "B1"] == rest["alerts"] + later["alerts"]


def test_api_alerts_of_withdrawn_patents_are_gone(client: TestClient, services: Services) -> None:
    """Inactive or deleted, at once, in either list; a firm that opted out has none, and the answer says why."""
    services.catalogue.upsert([Need(id="C1", title=NEED["title"], text=NEED["text"], firm_id="91620402YY9900487U")])
    for n in range(2):
        client.put(f"/v1/patents/CP{n}", json=PATENT)
    until_told(client, "C1", "CP0", "CP1")
    client.put("/v1/patents/CP0", json={**PATENT, "status": "inactive"})
    assert [one["id"] for one in client.get("/v1/needs/C1/alerts").json()["alerts"]] == ["CP1"]
    client.delete("/v1/patents/CP1")
    everyone = client.get("/v1/alerts", params={"limit": 200}).json()["alerts"]
    assert {one["id"] for one in everyone}.isdisjoint({"CP0", "CP1"})
    client.put("/v1/firms/91620402YY9900487U/opt-out")
    answer = client.get("/v1/needs/C1/alerts").json()
    assert (answer["alerts"], answer["empty"]) == ([], "opted_out")
    client.delete("/v1/firms/91620402YY9900487U/opt-out")


def test_api_watch_sets_a_needs_level(client: TestClient) -> None:
    """The service's level until one is said, that one then, and the service's again; `off` tells nothing."""
    client.put("/v1/needs/D1", json=NEED)
    path = "/v1/needs/D1/watch"
    default = {"need_id": "D1", "level": "fairly_strong", "own": False, "at": None, "watched": True}
    assert client.get(path).json() == default
    said = client.put(path, json={"level": "off"})
    assert said.status_code == 200
    assert (said.json()["level"], said.json()["own"], said.json()["watched"]) == ("off", True, False)
    assert client.get(path).json() == said.json()
    client.put("/v1/needs/D2", json=NEED)
    client.put("/v1/patents/DP1", json=PATENT)
    until_told(client, "D2", "DP1")
    assert client.get("/v1/needs/D1/alerts").json()["alerts"] == []
    assert client.delete(path).status_code == 204
    assert client.get(path).json() == default
    assert client.delete(path).status_code == 404
    client.put("/v1/needs/D1", json={**NEED, "status": "closed"})
    assert client.get(path).json()["watched"] is False


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/needs/nobody/alerts", None, 404),
        ("GET", "/v1/needs/nobody/watch", None, 404),
        ("PUT", "/v1/needs/nobody/watch", {"level": "weak"}, 404),
        ("PUT", "/v1/needs/A1/watch", {"level": "none"}, 422),
        ("PUT", "/v1/needs/A1/watch", {"level": "weak", "until": 1}, 422),
        ("GET", "/v1/needs/A1/alerts?cursor=x", None, 422),
        ("GET", "/v1/needs/A1/alerts?limit=0", None, 422),
        ("GET", "/v1/alerts?cursor=-1", None, 422),
        ("GET", "/v1/alerts?since=2026-11-01", None, 422),
    ],
)
def test_api_alerts_name_what_is_wrong(
    client: TestClient, method: str, path: str, body: dict[str, object] | None, status: int
) -> None:
    """Problems, never an empty 200."""
    client.put("/v1/needs/A1", json=NEED)
    answer = client.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_api_watch_needs_the_admin_token(tmp_path: Path) -> None:
    """Where one is set, reading goes without and changing does not."""
    services = Services(Settings.model_validate({"home": tmp_path, "admin_token": "t"}), encoder=HashingEncoder)
    services.catalogue.upsert([Need(id="N", title="需求")])
    with TestClient(create_app(services=services)) as client:
        assert client.get("/v1/needs/N/watch").status_code == 200
        assert client.put("/v1/needs/N/watch", json={"level": "weak"}).status_code == 401
        assert client.delete("/v1/needs/N/watch").status_code == 401
        token = {"Authorization": "Bearer t"}
        assert client.put("/v1/needs/N/watch", json={"level": "weak"}, headers=token).status_code == 200


def test_api_alerts_have_metrics(client: TestClient, services: Services) -> None:
    """How far behind the watcher is, and how many alerts there are, once readiness was looked at."""
    assert client.get("/readyz").json()["status"] in ("ready", "not_ready")
    lines = client.get("/metrics").text.splitlines()
    values = {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("patmatch_alerts")}
    assert values == {"patmatch_alerts_behind_patents": 0.0, "patmatch_alerts": float(services.catalogue.alerts.last())}


def test_commands_need(client: TestClient, services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    """Levels are set and shown, alerts listed in parts; an unknown need is an error in one line."""
    home = ["--home", str(services.settings.home), "--json"]

    def said(*arguments: str) -> dict[str, Any]:
        assert run(["need", *arguments, *home]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
        return found

    client.put("/v1/needs/E1", json=NEED)
    assert (said("watch", "E1")["level"], said("watch", "E1")["own"]) == ("fairly_strong", False)
    assert said("watch", "E1", "--level", "weak")["own"] is True
    assert client.get("/v1/needs/E1/watch").json()["level"] == "weak"
    assert said("watch", "E1", "--default")["own"] is False
    for n in range(2):
        client.put(f"/v1/patents/EP{n}", json=PATENT)
    until_told(client, "E1", "EP0", "EP1")
    first = said("alerts", "E1", "--limit", "1")
    assert ([one["id"] for one in first["alerts"]], first["more"]) == (["EP0"], True)
    assert [one["id"] for one in said("alerts", "E1", "--cursor", first["cursor"])["alerts"]] == ["EP1"]
    assert run(["need", "alerts", "E1", *home[:2]]) == 0
    assert "EP0" in capsys.readouterr().out
    assert run(["need", "watch", "nobody", *home]) == 1
    assert "no need with the id 'nobody'" in capsys.readouterr().err
    assert run(["need", "watch", "E1", "--level", "weak", "--default", *home]) == 2
    assert services.catalogue.get(Kind.NEEDS, "E1") is not None
