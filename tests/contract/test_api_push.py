"""`/v1/push-runs` and `/v1/firms/{id}/push-list`, as clients see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder

from app.domain import Kind
from app.main import create_app
from app.push.rules import PushRequest, PushRules
from app.settings import Settings
from app.wiring import Services

SAMPLE = Path(__file__).parents[2] / "sample"


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a service with one run."""
    home: Path = tmp_path_factory.mktemp("push-home")
    services = Services(Settings(home=home, index_poll_seconds=0.05), encoder=HashingEncoder)
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
