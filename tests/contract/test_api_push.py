"""`/v1/push-runs` and `/v1/firms/{id}/push-list`, as clients see them."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder

from app.domain import Kind
from app.main import create_app
from app.push.rules import PushRequest, PushRules
from app.settings import Settings
from app.wiring import Services

SAMPLE = Path(__file__).parents[2] / "sample"
ADMIN = {"Authorization": "Bearer let me in"}


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a service with one run."""
    home: Path = tmp_path_factory.mktemp("push-home")
    services = Services(Settings(home=home, index_poll_seconds=0.05, admin_token="let me in"), encoder=HashingEncoder)
    for kind in Kind:
        services.importing.load(SAMPLE / f"{kind.value}.jsonl", kind)
    services.indexing.build(Kind.PATENTS, publish=True)
    services.serving.open()
    rules = PushRules.model_validate({"k": 4, "candidates": 20, "min_level": "none", "min_score": 0})
    services.pushing.run(PushRequest(name="2026-11", rules=rules))
    with TestClient(create_app(services=services), raise_server_exceptions=False) as client:
        yield client


def test_api_push_lists_runs_and_their_manifests(pushed: TestClient) -> None:
    """A run is named, counted, and says what it was made from."""
    (run,) = pushed.get("/v1/push-runs").json()["runs"]
    assert (run["run"], run["status"]) == ("2026-11", "done")
    detail = pushed.get("/v1/push-runs/2026-11").json()
    assert detail["entries"] == run["entries"] > 0
    assert {"snapshot", "fingerprint", "revision", "parameters"} <= set(detail["manifest"]["state"])


def test_api_push_list_has_records_and_reasons(pushed: TestClient) -> None:
    """Ranks rise from 1, each place has its record, and parts add up."""
    firm = "91620402YY9900487U"
    found = pushed.get(f"/v1/firms/{firm}/push-list").json()
    assert [one["rank"] for one in found["patents"]] == [1, 2, 3, 4]
    assert all(one["record"]["id"] == one["id"] for one in found["patents"])
    assert (found["arm"], found["cursor"], found["empty"]) == ("a", None, None)
    first = pushed.get(f"/v1/firms/{firm}/push-list", params={"limit": 3}).json()
    rest = pushed.get(f"/v1/firms/{firm}/push-list", params={"cursor": first["cursor"], "run": "2026-11"}).json()
    assert first["patents"] + rest["patents"] == found["patents"]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_api_push_gives_lists_as_a_workbook(pushed: TestClient, temporary: Path) -> None:
    """The whole run, or one firm's list, in the language that is asked for; nothing of it stays on the server."""
    lists = "/v1/push-runs/2026-11/lists"
    answer = pushed.get(lists, headers=ADMIN)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="2026-11.xlsx"'
    assert answer.headers["content-type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    _, *rows = openpyxl.load_workbook(BytesIO(answer.content))["推送清单"].values
    assert len(rows) == pushed.get("/v1/push-runs/2026-11").json()["entries"]
    firm = "91620402YY9900487U"
    answer = pushed.get(lists, headers=ADMIN, params={"firm": firm, "lang": "en", "sheet_per_firm": "true"})
    assert answer.headers["content-disposition"] == f'attachment; filename="2026-11-{firm}.xlsx"'
    book = openpyxl.load_workbook(BytesIO(answer.content))
    header, *rows = book.worksheets[0].values
    assert {row[header.index("Firm id")] for row in rows} == {firm}
    assert len(book.sheetnames) == 2
    assert not list(temporary.iterdir())


def test_api_push_gives_lists_as_csv(pushed: TestClient, temporary: Path) -> None:
    """With a byte order mark for Excel, and the keys of the command's file."""
    answer = pushed.get("/v1/push-runs/2026-11/lists", headers=ADMIN, params={"format": "csv"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(answer.content.decode("utf-8-sig").splitlines()))
    assert len(rows) == pushed.get("/v1/push-runs/2026-11").json()["entries"]
    assert {row["run"] for row in rows} == {"2026-11"}
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("2026-11/lists", 401),
        ("none/lists", 404),
        ("2026-11/lists?firm=nobody", 404),
        ("2026-11/lists?format=pdf", 422),
        ("2026-11/lists?lang=fr", 422),
    ],
)
def test_api_push_gives_no_lists_to_others(pushed: TestClient, temporary: Path, path: str, status: int) -> None:
    """Without the token, of no run, of no firm, in no format; nothing is left behind."""
    answer = pushed.get(f"/v1/push-runs/{path}", headers={} if status == 401 else ADMIN)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/push-runs/none", 404),
        ("/v1/firms/nobody/push-list", 404),
        ("/v1/firms/91620402YY9900487U/push-list?run=none", 404),
        ("/v1/firms/91620402YY9900487U/push-list?cursor=x", 422),
        ("/v1/firms/91620402YY9900487U/push-list?limit=0", 422),
    ],
)
def test_api_push_says_what_is_not_there(pushed: TestClient, path: str, status: int) -> None:
    """Problems, never an empty 200."""
    answer = pushed.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
