"""`/v1/index`: what is served, publications, rollbacks, and builds in processes of their own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder
from pydantic import SecretStr

from app.builds.launcher import ProcessLauncher
from app.domain import Kind, Patent
from app.main import create_app
from app.serving.encoders import EncoderSpec
from app.settings import Settings
from app.wiring import Services

BUILDER = Path(__file__).parents[1] / "integration" / "build_main.py"
TOKEN = "a token of the tests"


def patents(count: int) -> list[Patent]:
    """So many different patents."""
    return [Patent(id=f"CN{n:04}", title=f"一种电池 {n}") for n in range(count)]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Services with forty patents published; builds wait for the file ``gate``."""
    settings = Settings(home=tmp_path, index_poll_seconds=0.05)
    variables = settings.environment() | {"BUILD_GATE": str(tmp_path / "gate")}
    launcher = ProcessLauncher((sys.executable, str(BUILDER)), variables)
    made = Services(settings, encoder=HashingEncoder, launcher=launcher)
    made.catalogue.upsert(patents(40))
    made.indexing.build(Kind.PATENTS, publish=True)
    yield made
    made.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    """A client of a service over them."""
    with TestClient(create_app(services=services), raise_server_exceptions=False) as made:
        yield made


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def target(client: TestClient, kind: str = "patents") -> dict[str, Any]:
    """What the index says of one target."""
    found: list[dict[str, Any]] = client.get("/v1/index").json()["targets"]
    return next(one for one in found if one["target"] == kind)


def test_api_index_says_what_is_served_and_what_has_changed(client: TestClient, services: Services) -> None:
    """Snapshot, age, encoder, recall; the delta counts changed and deleted records; a target without any says so."""
    services.catalogue.upsert(patents(43))
    services.catalogue.delete(Kind.PATENTS, ["CN0001"])
    found = target(client)
    published = found["published"]
    assert (published["records"], published["recall_at_20"], published["index"]) == (40, 1.0, "flat")
    assert (published["encoder"], published["encoder_source"]) == ("hashing", "package")
    assert published["fingerprint"] == HashingEncoder().fingerprint
    assert 0 <= published["age_seconds"] < 600
    assert published["damage"] is None
    assert found["delta"] == {"changed": 4, "revision": 44}
    assert found["calibration"] == {"id": "built-in", "why": None, "why_zh": None}
    assert found["records"] == 42
    assert [entry["id"] for entry in found["snapshots"]] == [published["id"]]
    (line,) = found["history"]
    assert (line["action"], line["id"], line["records"], line["recall"]) == ("publish", published["id"], 40, 1.0)
    assert line["by"]
    assert found["running"] is None
    assert found["last_build"]["state"] == "done"
    needs = target(client, "needs")
    assert (needs["published"], needs["snapshots"], needs["history"]) == (None, [], [])
    assert needs["delta"]["changed"] is None
    assert needs["calibration"] is None


def test_api_index_shows_hubs_before_and_after(client: TestClient, services: Services) -> None:
    """Where a build moved vectors, it says what that did to hubs; where it did not, there is nothing to say."""
    services.catalogue.upsert(patents(120))
    snapshot = services.indexing.build(Kind.PATENTS, publish=False).snapshot
    hubs = {entry["id"]: entry["hubness"] for entry in target(client)["snapshots"]}
    found = hubs.pop(snapshot)
    assert list(hubs.values()) == [None]
    assert set(found) == {"queries", "before", "after"}
    assert set(found["before"]) == set(found["after"]) == {"hub_share@10", "reach@10"}
    assert all(0 < value <= 1 for side in ("before", "after") for value in found[side].values())


def test_api_index_names_the_damage_of_a_snapshot(client: TestClient, services: Services) -> None:
    """A snapshot that cannot be read is listed with the reason."""
    snapshot = services.indexing.build(Kind.PATENTS, publish=False).snapshot
    (services.settings.index_dir / "patents" / snapshot / "index.faiss").unlink()
    entry = next(entry for entry in target(client)["snapshots"] if entry["id"] == snapshot)
    assert "index.faiss: missing" in entry["damage"]
    assert entry["current"] is False


def test_api_index_publish_and_rollback(client: TestClient, services: Services) -> None:
    """Both say what is served now and what was; the log says that it was over HTTP."""
    first = target(client)["published"]["id"]
    second = services.indexing.build(Kind.PATENTS, publish=False).snapshot
    published = client.post("/v1/index/publish", json={"snapshot": second})
    assert (published.status_code, published.json()) == (200, {"published": second, "previous": first})
    back = client.post("/v1/index/rollback", json={"target": "patents"})
    assert (back.status_code, back.json()) == (200, {"published": first, "previous": second})
    history = target(client)["history"]
    assert [(line["action"], line["by"]) for line in history[:2]] == [("rollback", "api"), ("publish", "api")]
    again = client.post("/v1/index/rollback", json={"target": "patents"})
    assert (again.status_code, again.json()["code"]) == (404, "no_snapshot")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("publish", {"snapshot": "patents-20260101T000000Z-00000000"}, 404, "no_snapshot"),
        ("publish", {"snapshot": "../../etc/passwd"}, 404, "no_snapshot"),
        ("publish", {}, 422, "invalid_input"),
        ("publish", {"snapshot": "x", "force": True}, 422, "invalid_input"),
        ("rollback", {"target": "needs"}, 404, "no_snapshot"),
        ("rollback", {"target": "cars"}, 422, "invalid_input"),
        ("builds", {"target": "patents", "encoder": "nonsense"}, 422, "bad_encoder"),
        ("builds", {"target": "patents", "publish": "yes"}, 422, "invalid_input"),
    ],
)
def test_api_index_refuses_what_makes_no_sense(
    client: TestClient, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    """As a problem in both languages; nothing is changed."""
    before = target(client)
    response = client.post(f"/v1/index/{path}", json=body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.json()["detail_zh"]
    assert target(client)["published"]["id"] == before["published"]["id"]
    assert target(client)["running"] is None


def test_api_index_build_runs_beside_the_service(client: TestClient, services: Services) -> None:
    """202 with its place; progress; 409 for a second one, naming the first; then done, published and served."""
    services.catalogue.upsert(patents(45))
    begun = client.post("/v1/index/builds", json={"target": "patents", "publish": True})
    assert begun.status_code == 202
    place = begun.headers["location"]
    assert place == f"/v1/index/builds/{begun.json()['id']}"
    assert client.get(place).json()["state"] == "running"
    until(lambda: client.get(place).json()["stage"] == "embed")
    assert client.get(place).json()["total"] == 45
    second = client.post("/v1/index/builds", json={"target": "patents"})
    assert (second.status_code, second.json()["code"]) == (409, "build_running")
    assert begun.json()["id"] in second.json()["detail"]
    assert target(client)["running"]["id"] == begun.json()["id"]
    (services.settings.home / "gate").touch()
    until(lambda: client.get(place).json()["state"] != "running")
    done = client.get(place).json()
    assert (done["state"], done["published"], done["requested_by"], done["error"]) == ("done", True, "api", None)
    assert done["report"]["records"] == 45
    assert target(client)["published"]["id"] == done["snapshot"]
    assert target(client)["running"] is None


def test_api_index_build_that_fails_says_why(client: TestClient) -> None:
    """Nothing to index: the record has the reason of the process, in both languages."""
    place = client.post("/v1/index/builds", json={"target": "needs"}).headers["location"]
    until(lambda: client.get(place).json()["state"] != "running")
    failed = client.get(place).json()
    assert failed["state"] == "failed"
    assert failed["error"]["code"] == "nothing_to_index"
    assert "请先加载" in failed["error"]["message_zh"]


@pytest.mark.parametrize("name", ["build-patents-99", "build-cars-1", "nonsense", "..%2F..%2Fcatalogue"])
def test_api_index_unknown_build(client: TestClient, name: str) -> None:
    """A 404 problem, whatever the name."""
    response = client.get(f"/v1/index/builds/{name}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_api_index_shows_an_interrupted_build(client: TestClient, services: Services) -> None:
    """A record that nobody works on reads interrupted, whatever it says."""
    jobs = services.indexing.jobs
    with jobs.begin(Kind.PATENTS, encoder=EncoderSpec(source="package")) as job:
        pass  # as a process that died: it let the lease go and wrote nothing
    assert client.get(f"/v1/index/builds/{job.record.id}").json()["state"] == "interrupted"
    assert target(client)["last_build"]["state"] == "interrupted"
    assert target(client)["running"] is None


def test_api_index_changes_need_the_admin_token(services: Services) -> None:
    """Where one is set: reading is free, changing is not."""
    guarded = Services(
        services.settings.model_copy(update={"admin_token": SecretStr(TOKEN)}), encoder=HashingEncoder, launcher=None
    )
    with TestClient(create_app(services=guarded), raise_server_exceptions=False) as client:
        assert client.get("/v1/index").status_code == 200
        for path, body in (
            ("publish", {"snapshot": "patents-20260101T000000Z-00000000"}),
            ("rollback", {"target": "needs"}),
            ("builds", {"target": "patents", "encoder": "nonsense"}),
        ):
            assert client.post(f"/v1/index/{path}", json=body).status_code == 401
            allowed = client.post(f"/v1/index/{path}", json=body, headers={"Authorization": f"Bearer {TOKEN}"})
            assert allowed.status_code in {404, 422}


def test_api_index_is_documented(client: TestClient) -> None:
    """Paths, states and problems are in the OpenAPI document."""
    spec = client.get("/openapi.json").json()
    builds = spec["paths"]["/v1/index/builds"]["post"]
    assert {"202", "401", "409", "422"} <= set(builds["responses"])
    assert "/v1/index/builds/{build_id}" in spec["paths"]
    assert set(spec["components"]["schemas"]["BuildState"]["enum"]) == {
        "running",
        "done",
        "failed",
        "interrupted",
        "skipped",
    }
