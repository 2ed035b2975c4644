"""Records, health, metrics, documentation and errors outside of `/v1/match`."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient


def test_api_record_by_id(client: TestClient) -> None:
    """A record has its fields and leaves out those without a value."""
    record_id = client.post("/v1/match", json={"queries": [{"text": "电池"}], "k": 1}).json()["results"][0]["matches"][
        0
    ]["id"]
    record = client.get(f"/v1/patents/{record_id}").json()
    assert record["id"] == record_id
    assert record["kind"] == "patents"
    assert record["title"]
    assert None not in record.values()


@pytest.mark.parametrize("kind", ["patents", "needs", "firms"])
def test_api_record_unknown(client: TestClient, kind: str) -> None:
    """An unknown id is a 404 problem that repeats it."""
    response = client.get(f"/v1/{kind}/nothing-here")
    assert response.status_code == 404
    assert response.json()["code"] == "unknown_id"
    assert "nothing-here" in response.json()["detail"]


def test_api_unknown_path_and_method(client: TestClient) -> None:
    """What does not exist is a problem too."""
    assert client.get("/v1/nothing/at/all").json()["status"] == 404
    response = client.delete("/v1/match")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def test_api_health_and_metrics(client: TestClient) -> None:
    """Alive, ready with each part named, and measured by route template."""
    assert client.get("/livez").json() == {"status": "alive"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert set(ready.json()["parts"]) == {"model", "catalogue", "index.patents", "index.needs", "index.firms"}
    client.get("/v1/patents/nothing-here")
    text = client.get("/metrics").text
    assert 'patmatch_requests_total{method="GET",route="/v1/patents/{record_id:path}",status="404"}' in text
    assert "nothing-here" not in text
    assert 'patmatch_ready{part="model"} 1.0' in text


def test_api_request_id_comes_back(client: TestClient) -> None:
    """A well-formed id is kept, another one is replaced."""
    assert client.get("/livez", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert client.get("/livez", headers={"X-Request-Id": "a b"}).headers["x-request-id"] != "a b"
    assert client.get("/livez").headers["x-request-id"]


def test_api_openapi_has_examples_and_problems(client: TestClient) -> None:
    """An integrator finds every path, an example request and the shape of errors."""
    spec = client.get("/openapi.json").json()
    assert {"/v1/match", "/v1/patents/{record_id}", "/readyz"} <= set(spec["paths"])
    assert spec["components"]["schemas"]["MatchIn"]["examples"]
    assert "application/problem+json" in spec["paths"]["/v1/match"]["post"]["responses"]["422"]["content"]


def test_api_docs_need_no_internet(client: TestClient) -> None:
    """The documentation page names no other host."""
    page = client.get("/docs")
    assert page.status_code == 200
    assert "//cdn" not in page.text
    assert "https://" not in page.text
