"""Pools over HTTP and at the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder

from app.domain import Filter, Patent
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
    """Services over four patents."""
    made = Services(Settings(home=home, max_filter_values=3), encoder=HashingEncoder)
    made.catalogue.upsert(
        [
            Patent(id="P1", title="a", ipc=("H01M10/05",), dormant=True, maturity=7, filed_on=date(2015, 3, 1)),
            Patent(id="P2", title="b", ipc=("H01M4/02",), dormant=True, filed_on=date(2021, 3, 1)),
            Patent(id="P3", title="c", agreed=True, licence=("open_licence", "pay_after_use")),
            Patent(id="P4", title="d", licence=("open_licence",)),
        ]
    )
    yield made
    made.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    """A client of them."""
    with TestClient(create_app(services=services), raise_server_exceptions=False) as client:
        yield client


def test_api_pools_built_in_are_counted(client: TestClient) -> None:
    """Dormant, agreed, the licence modes and new arrivals, with how many patents are in each now."""
    pools = {pool["name"]: pool for pool in client.get("/v1/pools").json()["pools"]}
    assert {name: pool["patents"] for name, pool in pools.items()} == {
        "dormant": 2, "agreed": 1, "open_licence": 2, "pay_after_use": 1, "new": 4,
    }  # fmt: skip
    assert all(pool["built_in"] for pool in pools.values())
    assert pools["new"]["changed_from"] == (datetime.now(UTC).date() - timedelta(days=30)).isoformat()
    dormant = client.get("/v1/pools/dormant").json()
    assert dormant["bands"] == [
        {"filed_year": 2021, "maturity": None, "patents": 1}, {"filed_year": 2015, "maturity": 7, "patents": 1},
    ]  # fmt: skip
    tomorrow = (datetime.now(UTC).date() + timedelta(days=2)).isoformat()
    assert client.get("/v1/pools/new", params={"since": tomorrow}).json()["patents"] == 0


def test_api_pools_are_saved_replaced_and_forgotten(client: TestClient) -> None:
    """201, then 200; the filter comes back as it was sent; 204, then 404."""
    body = {"filter": {"ipc": ["H01M"], "filed_from": "2020-01-01"}, "note": "电池"}
    first = client.put("/v1/pools/电池", json=body)
    assert (first.status_code, first.json()["patents"]) == (201, 1)
    assert (first.json()["filter"], first.json()["note"]) == (body["filter"], "电池")
    again = client.put("/v1/pools/电池", json={"filter": {"ipc": ["H01M"]}})
    assert (again.status_code, again.json()["patents"]) == (200, 2)
    assert client.get("/v1/pools").json()["pools"][-1]["name"] == "电池"
    assert client.delete("/v1/pools/电池").status_code == 204
    gone = client.delete("/v1/pools/电池")
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_pool")


@pytest.mark.parametrize(
    ("name", "body", "status", "field"),
    [
        ("p", {"filter": {"colour": ["red"]}}, 422, "filter.colour"),
        ("p", {"filter": {"maturity_min": 10}}, 422, "filter.maturity_min"),
        ("p", {"filters": {}}, 422, "filters"),
        ("p", {"filter": {"ipc": ["A", "B", "C", "D"]}}, 413, None),
        ("dormant", {}, 409, None),
        ("%20p", {}, 422, "name"),
        ("a%0Ab", {}, 422, "name"),
    ],
)
def test_api_pools_that_cannot_be_saved_are_refused(
    client: TestClient, name: str, body: dict[str, object], status: int, field: str | None
) -> None:
    """The bad field is named; a built-in pool stays as it is."""
    response = client.put(f"/v1/pools/{name}", json=body)
    assert response.status_code == status
    if field is not None:
        assert [error["field"] for error in response.json()["errors"]] == [field]
    assert len(client.get("/v1/pools").json()["pools"]) == 5
    assert client.delete("/v1/pools/dormant").json()["code"] == "built_in_pool"


def test_api_pools_are_changed_with_the_token_alone(tmp_path: Path) -> None:
    """Reading is free; saving and forgetting need the token where one is set."""
    services = Services(Settings(home=tmp_path, admin_token="钥匙"), encoder=HashingEncoder)
    with TestClient(create_app(services=services)) as client:
        assert client.get("/v1/pools").status_code == 200
        assert client.put("/v1/pools/p", json={}).status_code == 401
        assert client.delete("/v1/pools/p").status_code == 401


def test_commands_pool(services: Services, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Set, list, show and delete; a bad filter is wrong usage, an unknown pool a failure."""

    def ran(*words: str) -> dict[str, object]:
        assert run(["pool", *words, "--home", str(home), "--json"]) == 0
        value = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
        assert isinstance(value, dict)
        return value

    assert ran("set", "old", "--filter", '{"dormant": true, "filed_to": "2019-12-31"}', "--note", "n")["patents"] == 1
    assert ran("show", "old")["bands"] == [{"filed_year": 2015, "maturity": 7, "patents": 1}]
    pools = ran("list")["pools"]
    assert isinstance(pools, list)
    assert [pool["name"] for pool in pools][-2:] == ["new", "old"]
    assert ran("show", "new", "--since", "2999-01-01")["patents"] == 0
    assert services.pools.filter("old") == Filter(dormant=True, filed_to=date(2019, 12, 31))
    assert services.pools.filter("new") == Filter(ids=("P1", "P2", "P3", "P4"))
    assert services.pools.filter("new", since=date(2999, 1, 1)) == Filter(ids=())
    assert ran("delete", "old") == {"name": "old", "deleted": True}
    assert run(["pool", "show", "old", "--home", str(home)]) == 1
    assert run(["pool", "set", "p", "--filter", "{", "--home", str(home)]) == 2


def test_api_pools_by_holder_are_refused(client: TestClient) -> None:
    """SQL cannot fold names as the index does: what would be counted otherwise than it is pushed is not saved."""
    answer = client.put("/v1/pools/ours", json={"filter": {"holder": ["华中科技大学"]}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "filter.holder")
    saved = client.put("/v1/pools/fresh", json={"filter": {"published_from": "2020-01-01", "kind": ["invention"]}})
    assert saved.json()["filter"] == {"kind": ["invention"], "published_from": "2020-01-01"}
