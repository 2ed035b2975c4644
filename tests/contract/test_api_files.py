"""`/v1/files`: files taken over HTTP, loaded by a process of their own, and taken back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder

from app.catalogue import Asked
from app.errors import CatalogueProblem
from app.main import create_app
from app.records.files import Wanted
from app.settings import Settings
from app.wiring import Services

CASES = Path(__file__).parents[1] / "unit/ingest/cases"
FULL, STATUS = (CASES / name for name in ("05_partial_1_full.csv", "05_partial_2_status.csv"))
TOKEN = {"Authorization": "Bearer secret"}
PATIENCE_SECONDS = 60


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """Services over a new home."""
    settings = Settings(home=tmp_path / "home", admin_token="secret", max_body_bytes=1000, max_file_bytes=100_000)
    settings.home.mkdir()
    return Services(settings, encoder=HashingEncoder)


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    """A client with the admin token."""
    with TestClient(create_app(services=services), raise_server_exceptions=False, headers=TOKEN) as client:
        yield client


def ended(client: TestClient, file_id: str) -> dict[str, Any]:
    """A load once it has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found: dict[str, Any] = client.get(f"/v1/files/{file_id}").json()
        if found["state"] not in ("running", "undoing"):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def send(client: TestClient, path: Path, **asked: str) -> dict[str, Any]:
    """Send a file and wait for its load."""
    response = client.post(
        "/v1/files", params={"kind": "patents", "name": path.name, **asked}, content=path.read_bytes()
    )
    assert response.status_code == 202, response.text
    begun = response.json()
    assert response.headers["location"] == f"/v1/files/{begun['id']}"
    assert (begun["state"], begun["by"], begun["report"]) == ("running", "api", None)
    return ended(client, begun["id"])


def test_api_files_are_loaded_reported_and_taken_back(client: TestClient, services: Services) -> None:
    """One file adds, another changes a field alone, a trial writes nothing, and undoing gives back what was there."""
    first = send(client, FULL)
    assert (first["state"], first["kind"], first["file"], first["rows"]) == ("done", "patents", FULL.name, 2)
    report = first["report"]
    assert (report["added"], report["format"], report["load"]) == (2, "csv", "load-1")
    assert report["fields"]["ipc"] == 2
    assert "rejects_file" not in report
    assert first["rejects"] is None
    tried = send(client, STATUS, dry_run="true", replace="true")
    assert (tried["dry_run"], tried["report"]["emptied"]["ipc"]) == (True, 2)
    assert client.get("/v1/patents/CN600000001A").json()["status"] == "active"
    assert send(client, STATUS)["report"]["changed"] == 1
    record = client.get("/v1/patents/CN600000001A").json()
    assert (record["status"], record["ipc"]) == ("inactive", ["B01D61/00"])
    response = client.post("/v1/files/load-3/undo")
    assert (response.status_code, response.json()["state"]) == (202, "undoing")
    undone = ended(client, "load-3")
    assert (undone["state"], undone["undone"]["restored"]) == ("undone", 1)
    assert client.get("/v1/patents/CN600000001A").json()["status"] == "active"
    listed = client.get("/v1/files", params={"limit": 2}).json()
    assert [(one["id"], one["state"]) for one in listed["files"]] == [("load-3", "undone"), ("load-2", "done")]
    assert "fields" not in listed["files"][0]["report"]
    rest = client.get("/v1/files", params={"before": listed["next"]}).json()
    assert [one["id"] for one in rest["files"]] == ["load-1"]
    assert rest["next"] is None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while list(services.settings.files_dir.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(services.settings.files_dir.iterdir()) == []


def test_api_files_rejects_come_as_csv(client: TestClient, tmp_path: Path) -> None:
    """With the byte order mark that Excel wants, under the load's own path."""
    path = tmp_path / "退回.csv"
    path.write_text("公开号,名称\n,无号\nCN1A,膜\n", encoding="utf-8")
    found = send(client, path)
    assert (found["state"], found["report"]["reasons"]) == ("done", {"missing_id": 1})
    assert found["rejects"] == f"/v1/files/{found['id']}/rejects"
    response = client.get(found["rejects"])
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.content.startswith(b"\xef\xbb\xbfseverity,")
    assert "missing_id" in response.text


def test_api_files_that_cannot_be_read_fail_in_words(client: TestClient, tmp_path: Path) -> None:
    """The state says why, in both languages; there is nothing to list."""
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    found = send(client, path)
    assert (found["state"], found["error"]["code"]) == ("failed", "no_header")
    assert "未找到表头行" in found["error"]["message_zh"]
    missing = client.get(f"/v1/files/{found['id']}/rejects")
    assert (missing.status_code, missing.json()["code"]) == (404, "no_rejects")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"kind": "cars", "name": "x.csv"}, "kind"),
        ({"kind": "grades", "name": "x.csv", "dry_run": "true"}, "kind"),
        ({"kind": "patents", "name": "../x.csv"}, "name"),
        ({"kind": "patents", "name": "-x.csv"}, "name"),
        ({"kind": "patents", "name": ".hidden"}, "name"),
        ({"kind": "patents", "name": "a\nb.csv"}, "name"),
        ({"kind": "patents", "name": "长" * 70 + ".csv"}, "name"),
        ({"kind": "patents", "name": ""}, "name"),
    ],
)
def test_api_files_with_a_wrong_kind_or_name_are_refused(client: TestClient, asked: dict[str, str], field: str) -> None:
    """Before anything is stored, and no name leads out of the folder."""
    response = client.post("/v1/files", params=asked, content=b"id,title\n1,2\n")
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field
    assert client.get("/v1/files").json()["files"] == []


def test_api_files_have_a_limit_of_their_own(client: TestClient, services: Services) -> None:
    """Larger than other bodies may be, but not endless, whether the size is declared or not; an empty one is none."""
    asked = {"kind": "patents", "name": "x.csv"}

    def endless() -> Iterator[bytes]:
        for _ in range(30):
            yield b"x" * 10_000

    for content in (b"x" * 100_001, endless()):
        response = client.post("/v1/files", params=asked, content=content)
        assert (response.status_code, response.json()["code"]) == (413, "file_too_large")
    response = client.post("/v1/files", params=asked, content=b"")
    assert (response.status_code, response.json()["code"]) == (422, "empty_file")
    assert list(services.settings.files_dir.iterdir()) == []
    assert client.get("/v1/files").json()["files"] == []


def test_api_files_need_the_admin_token(client: TestClient) -> None:
    """Sending, reading and taking back."""
    asked = {"kind": "patents", "name": "x.csv"}
    none = {"Authorization": "Bearer guess"}
    answers = [
        client.post("/v1/files", params=asked, content=b"x", headers=none),
        client.post("/v1/files/load-1/undo", headers=none),
        *(client.get(f"/v1/files{rest}", headers=none) for rest in ("", "/load-1", "/load-1/rejects")),
    ]
    assert [answer.status_code for answer in answers] == [401] * 5


def test_api_files_that_cannot_be_taken_back(client: TestClient, services: Services) -> None:
    """One that nobody knows, a mapping of industries, one that runs."""
    assert client.post("/v1/files/load-9/undo").status_code == 404
    services.catalogue.loads.begin(Asked("industries", "m.csv", "me", "elsewhere", 1, {}))
    response = client.post("/v1/files/load-1/undo")
    assert (response.status_code, response.json()["code"]) == (400, "no_undo")
    assert "请重新加载原来的文件" in response.json()["detail_zh"]
    services.catalogue.loads.begin(Asked("firms", "f.csv", "me", "elsewhere", 1, {}))
    response = client.post("/v1/files/load-2/undo")
    assert (response.status_code, response.json()["code"]) == (409, "load_running")


def test_api_files_wait_for_each_other(client: TestClient, services: Services) -> None:
    """Two at once; the third is told to come again, and what never came in whole holds no place."""
    asked = {"kind": "patents", "name": "x.csv"}
    held = [services.files.receive(Wanted("patents", "a.csv"), None) for _ in range(2)]
    response = client.post("/v1/files", params=asked, content=b"id,title\n")
    assert response.status_code == 429
    assert "Retry-After" in response.headers
    for receiving in held:
        receiving.close()
    assert send(client, FULL)["state"] == "done"


def test_api_files_hold_no_place_after_an_error(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the catalogue fails while room is made, the next file is taken all the same, and nothing is left."""
    (services.settings.files_dir / "load-1").mkdir(parents=True)

    def failing(_number: int) -> None:
        raise CatalogueProblem("gone", "不可用")

    with monkeypatch.context() as broken:
        broken.setattr(services.catalogue.loads, "get", failing)
        for _ in range(2):
            with pytest.raises(CatalogueProblem):
                services.files.receive(Wanted("patents", "a.csv"), None)
    services.files.receive(Wanted("patents", "a.csv"), None).close()
    assert list(services.settings.files_dir.iterdir()) == []
