"""Records written, deleted and written in batches over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain import Kind
from app.errors import OverloadedError
from app.ingest.fields.words import is_missing
from app.main import create_app
from app.settings import Settings
from app.text.normalising import fold_line
from app.wiring import Services

SAMPLE = Path(__file__).parents[2] / "sample"
PATENT = {"title": "一种电解液", "abstract": "含二氟磷酸锂。", "ipc": ["H01M10/0567"], "filed_on": "2024-05-31"}
TEXT = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="<&"), min_size=4, max_size=30)
TEXT = TEXT.filter(lambda text: not is_missing(fold_line(text)))  # "None" stands for no value


class Embedded:
    """Remembers what it was asked to embed; refuses everything while it is full."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.full = False

    def __call__(self, _kind: Kind, records: Any) -> int:
        """Note the records; those beyond ninety are left for later."""
        if self.full:
            raise OverloadedError("full", "已满")
        self.seen += [record.id for record in records]
        return max(0, len(records) - 90)


@pytest.fixture(scope="module")
def embedded() -> Embedded:
    """What the service embeds with."""
    return Embedded()


@pytest.fixture(scope="module")
def writable(tmp_path_factory: pytest.TempPathFactory, embedded: Embedded) -> Iterator[TestClient]:
    """A client of a service with an empty catalogue and small limits."""
    home = tmp_path_factory.mktemp("home")
    chosen = Settings(home=home, max_batch_records=100, max_body_bytes=200_000)
    services = Services(chosen, encoder=HashingEncoder, embed=embedded)
    with TestClient(create_app(services=services), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a service that asks for a token."""
    chosen = Settings(home=tmp_path_factory.mktemp("home"), admin_token="钥匙-1")
    with TestClient(create_app(services=Services(chosen, encoder=HashingEncoder))) as client:
        yield client


def revision(client: TestClient) -> int:
    """Of the last change, by a batch of nothing."""
    return int(client.post("/v1/patents:batch", json={}).json()["revision"])


def test_api_put_creates_updates_and_repeats(writable: TestClient, embedded: Embedded) -> None:
    """201 for a new record, 200 from then on; the outcome and the revision say what happened, and it is embedded."""
    first = writable.put("/v1/patents/CN1A", json=PATENT)
    assert (first.status_code, first.json()["outcome"]) == (201, "created")
    assert first.json() == {"id": "CN1A", "outcome": "created", "revision": revision(writable)}
    again = writable.put("/v1/patents/CN1A", json={"id": "CN 1A", **PATENT})
    assert again.json()["outcome"] == "updated", "the id as its source writes it is kept"
    again = writable.put("/v1/patents/CN1A", json={"id": "CN 1A", **PATENT})
    assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")
    changed = writable.put("/v1/patents/CN1A", json={"专利名称": "<b>另一种电解液</b>", "申请日": "2024/5/31"})
    assert (changed.status_code, changed.json()["outcome"]) == (200, "updated")
    assert changed.json()["revision"] == again.json()["revision"] + 1
    assert writable.get("/v1/patents/CN1A").json() == {
        "kind": "patents",
        "id": "CN1A",
        "title": "另一种电解液",
        "lang": "zh",
        "filed_on": "2024-05-31",
        "original": {"title": "<b>另一种电解液</b>"},
    }
    assert embedded.seen.count("CN1A") == 4


def test_api_put_that_cannot_be_embedded_writes_nothing(writable: TestClient, embedded: Embedded) -> None:
    """A full encoder answers 429, and no search misses what was never written."""
    embedded.full = True
    try:
        response = writable.put("/v1/patents/LATER", json=PATENT)
        batch = writable.post("/v1/patents:batch", json={"upsert": [{"id": "LATER", **PATENT}], "delete": []})
    finally:
        embedded.full = False
    assert (response.status_code, response.json()["code"]) == (429, "overloaded")
    assert batch.status_code == 429
    assert writable.get("/v1/patents/LATER").status_code == 404


@pytest.mark.parametrize("kind", list(Kind))
def test_api_put_takes_back_what_get_gives(writable: TestClient, kind: Kind) -> None:
    """Every record of the sample: written as its source has it, read, and put back without a change."""
    lines = (SAMPLE / f"{kind.value}.jsonl").read_text(encoding="utf8").splitlines()
    rows = [json.loads(line) for line in lines]
    for start in range(0, len(rows), 100):
        batch = writable.post(f"/v1/{kind}:batch", json={"upsert": rows[start : start + 100]}).json()
        sent = len(rows[start : start + 100])
        assert (batch["created"], batch["rejected"], batch["pending"]) == (sent, [], max(0, sent - 90))
    for row in rows:
        path = f"/v1/{kind}/{row.get('id') or row['credit_code']}"
        record = writable.get(path).json()
        put = writable.put(path, json=record)
        assert (put.status_code, put.json()["outcome"]) == (200, "unchanged"), record
    again = writable.post(f"/v1/{kind}:batch", json={"upsert": rows[:100]}).json()
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, len(rows[:100]))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=TEXT, abstract=TEXT, holders=st.lists(TEXT, max_size=3, unique=True), agreed=st.booleans())
def test_api_put_then_get_is_what_was_put(
    writable: TestClient, title: str, abstract: str, holders: list[str], agreed: bool
) -> None:
    """What needs no normalisation comes back as it was sent, a needless repetition is no change."""
    body = {
        "title": title,
        "abstract": abstract,
        "holders": holders,
        "agreed": agreed,
        "ipc": ["H01M4/62"],
        "lang": "zh",
    }
    assert writable.put("/v1/patents/ANY", json=body).status_code in (200, 201)
    got = writable.get("/v1/patents/ANY").json()
    folded = got.get("original", {})
    for name, value in body.items():
        if name not in folded and name != "holders":
            assert got[name] == value
    assert [folded.get("title", got["title"]), folded.get("abstract", got["abstract"])] == [title, abstract]
    assert writable.put("/v1/patents/ANY", json=got).json()["outcome"] == "unchanged"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("patents/X", {"abstract": "only"}, "title"),
        ("patents/X", {"title": {"a": 1}}, "title"),
        ("patents/X", {"title": "x" * 2001}, "title"),
        ("patents/X", {"id": "Y", "title": "t"}, "id"),
        ("patents/X", {"编号": "Y", "title": "t"}, "id"),
        ("patents/CN 1", {"id": "CN 2", "title": "t"}, "id"),
        ("patents/X", {"kind": "firms", "title": "t"}, "kind"),
        ("patents/X", ["title"], "body"),
        ("needs/X", {}, "text"),
        ("firms/X", {"business_scope": "研发"}, "name"),
        ("firms/9.1310E+17", {"name": "甲公司"}, "id"),
    ],
)
def test_api_put_names_the_bad_field(writable: TestClient, path: str, body: object, field: str) -> None:
    """A record that cannot be used is a 422 problem in both languages, and nothing is written."""
    before = revision(writable)
    response = writable.put(f"/v1/{path}", json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    (error,) = response.json()["errors"]
    assert error["field"] == field
    assert error["message"]
    assert error["message_zh"]
    assert revision(writable) == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"title": "\xff"}', b"[" * 100_000, b'{"maturity": ' + b"9" * 5000 + b"}"]
)
@pytest.mark.parametrize(("method", "path"), [("PUT", "/v1/patents/X"), ("POST", "/v1/patents:batch")])
def test_api_write_of_no_json_is_400(writable: TestClient, method: str, path: str, body: bytes) -> None:
    """What is not JSON is said to be none."""
    response = writable.request(method, path, content=body)
    assert (response.status_code, response.json()["code"]) == (400, "bad_json")


def test_api_put_warns_of_what_it_could_not_read(writable: TestClient) -> None:
    """The record goes in, the value is kept beside it, and the answer says so."""
    response = writable.put("/v1/patents/W", json={"title": "t", "filed_on": "soon", "ipc": "nonsense"})
    assert response.status_code == 201
    assert {warning["code"]: warning["field"] for warning in response.json()["warnings"]} == {
        "bad_ipc": "ipc",
        "bad_date": "filed_on",
    }
    assert writable.get("/v1/patents/W").json()["extra"] == {"filed_on": "soon", "ipc": "nonsense"}


def test_api_delete_once_and_write_again(writable: TestClient) -> None:
    """A deleted record is gone, deleting it again is a 404, and it can be created again."""
    writable.put("/v1/needs/D", json={"title": "需求"})
    response = writable.delete("/v1/needs/D")
    assert (response.status_code, response.json()["outcome"]) == (200, "deleted")
    assert response.json()["revision"] == revision(writable)
    assert writable.get("/v1/needs/D").status_code == 404
    again = writable.delete("/v1/needs/D")
    assert (again.status_code, again.json()["code"]) == (404, "unknown_id")
    assert writable.put("/v1/needs/D", json={"title": "需求"}).json()["outcome"] == "created"


def test_api_batch_takes_the_good_rows_and_says_what_is_wrong_with_the_others(writable: TestClient) -> None:
    """One transaction of what can be used; each row is accounted for; repeated, it changes nothing."""
    writable.put("/v1/firms/OLD", json={"name": "旧公司"})
    writable.put("/v1/firms/BOTH", json={"name": "两难公司"})
    batch = {
        "upsert": [
            {"id": "NEW", "name": "新公司"},
            {"id": "BAD"},
            {"id": "NEW", "name": "新公司", "成立日期": "soon"},
            "nothing",
            {"id": "BOTH", "name": "写入"},
            {"name": "没有编号"},
        ],
        "delete": ["OLD", "GONE", "BOTH", 7, ""],
    }
    response = writable.post("/v1/firms:batch", json=batch)
    assert response.status_code == 200
    answer = response.json()
    rejected = [(row["part"], row["position"], row["id"], row["errors"][0]["field"]) for row in answer.pop("rejected")]
    assert rejected == [
        ("upsert", 1, "BAD", "name"),
        ("upsert", 3, None, "body"),
        ("upsert", 4, "BOTH", "id"),
        ("upsert", 5, None, "id"),
        ("delete", 2, "BOTH", "id"),
        ("delete", 3, None, "id"),
        ("delete", 4, None, "id"),
    ]
    (warned,) = answer.pop("warned")
    assert (warned["position"], warned["warnings"][0]["code"]) == (2, "bad_date")
    assert answer == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "repeated": 1,
        "deleted": 1,
        "not_found": ["GONE"],
        "revision": revision(writable),
        "pending": 0,
    }
    assert writable.get("/v1/firms/BOTH").json()["name"] == "两难公司"
    again = writable.post("/v1/firms:batch", json=batch).json()
    assert (again["unchanged"], again["deleted"], again["not_found"]) == (1, 0, ["OLD", "GONE"])
    assert again["revision"] == answer["revision"]


def test_api_batch_without_a_good_row_is_422(writable: TestClient) -> None:
    """The problem names each row's place and field."""
    response = writable.post("/v1/patents:batch", json={"upsert": [{"id": "A"}, 5], "delete": [None]})
    assert (response.status_code, response.json()["code"]) == (422, "all_rows_rejected")
    assert [error["field"] for error in response.json()["errors"]] == ["upsert.0.title", "upsert.1.body", "delete.0.id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"upserts": []}, "upserts"),
        ({"upsert": {}}, "upsert"),
        ({"delete": "X"}, "delete"),
        ([], "body"),
    ],
)
def test_api_batch_of_another_shape_is_422(writable: TestClient, body: object, field: str) -> None:
    """A misspelt key is named, not passed over."""
    response = writable.post("/v1/patents:batch", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field


def test_api_batch_limits(writable: TestClient) -> None:
    """Too many rows and too many bytes are 413."""
    many = writable.post("/v1/patents:batch", json={"upsert": [{}] * 60, "delete": ["x"] * 41})
    assert (many.status_code, many.json()["code"]) == (413, "batch_too_large")
    large = writable.put("/v1/patents/X", json={"title": "t", "abstract": "x" * 200_000})
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/patents/T", {"title": "t"}),
        ("DELETE", "/v1/patents/T", None),
        ("POST", "/v1/patents:batch", {"upsert": [{"id": "T", "title": "t"}]}),
    ],
)
def test_api_write_needs_the_token(guarded: TestClient, method: str, path: str, body: object) -> None:
    """Without it, or with another one, nothing is done, whatever the body; reading needs none."""
    token = "钥匙-1".encode().decode("latin-1")
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {token}".encode("latin-1")}):
        response = guarded.request(method, path, json=body, headers=headers)
        assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.headers["content-type"] == "application/problem+json"
    assert guarded.get("/v1/patents/T").status_code in (200, 404)
    good = {"Authorization": f"Bearer {token}".encode("latin-1")}
    assert guarded.put("/v1/patents/T", json={"title": "t"}, headers=good).status_code in (200, 201)
    assert guarded.request(method, path, json=body, headers=good).status_code in (200, 201)


def test_api_writes_are_documented(writable: TestClient) -> None:
    """An integrator finds the fields, an example, the answers and the token of every write."""
    spec = writable.get("/openapi.json").json()
    assert spec["components"]["securitySchemes"]["admin"] == {
        "type": "http",
        "scheme": "bearer",
        "description": spec["components"]["securitySchemes"]["admin"]["description"],
    }
    for kind in Kind:
        put = spec["paths"][f"/v1/{kind}/{{record_id}}"]["put"]
        body = put["requestBody"]["content"]["application/json"]
        assert set(body["example"]) <= set(body["schema"]["properties"])
        assert {"200", "201", "401", "413", "422", "429"} <= set(put["responses"])
        assert put["security"] == [{"admin": []}]
        assert put["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("WrittenOut")
        batch = spec["paths"][f"/v1/{kind}:batch"]["post"]
        assert batch["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("BatchOut")
        example = batch["requestBody"]["content"]["application/json"]["example"]
        assert writable.post(f"/v1/{kind}:batch", json=example).json()["rejected"] == []
        assert "security" not in spec["paths"][f"/v1/{kind}/{{record_id}}"]["get"]


def test_api_writes_are_of_every_kind(writable: TestClient) -> None:
    """The three kinds do not see one another's ids."""
    bodies = {"patents": {"title": "t"}, "needs": {"title": "t"}, "firms": {"name": "n"}}
    for kind, body in bodies.items():
        assert writable.put(f"/v1/{kind}/SAME", json=body).status_code == 201
    assert writable.delete("/v1/needs/SAME").status_code == 200
    assert [writable.get(f"/v1/{kind}/SAME").status_code for kind in bodies] == [200, 404, 200]
