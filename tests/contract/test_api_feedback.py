"""Feedback and opt-outs over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder

from app.catalogue import PushList, PushRun
from app.domain import Kind
from app.errors import OverloadedError
from app.main import create_app
from app.settings import Settings
from app.wiring import Services

AT = "2026-11-20T09:30:00+08:00"
PUSHED = PushList(
    firm_id="F1", arm="a", patent_ids=["P1"], scores=[0.7], levels=["strong"], reasons=[""], need_ids=[None],
    firm_ranks=[1], placed=["choice"], patent_revisions=[1],
)  # fmt: skip
"""What the only push run has."""


class Embedded:
    """Remembers what it was asked to embed; refuses everything while it is full."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.full = False

    def __call__(self, _kind: Kind, records: Any) -> int:
        """Note the records."""
        if self.full:
            raise OverloadedError("full", "已满")
        self.seen += [record.id for record in records]
        return 0


@pytest.fixture(scope="module")
def embedded() -> Embedded:
    """What the service embeds with."""
    return Embedded()


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, embedded: Embedded) -> Services:
    """Services over a catalogue with a firm, two patents and a need."""
    chosen = Settings(home=tmp_path_factory.mktemp("home"), max_batch_records=10)
    return Services(chosen, encoder=HashingEncoder, embed=embedded)


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient]:
    """A client of them."""
    with TestClient(create_app(services=services), raise_server_exceptions=False) as client:
        client.put("/v1/firms/F1", json={"name": "兰州新材料有限公司"})
        client.put("/v1/firms/F2", json={"name": "天水轴承有限公司"})
        client.put("/v1/patents/P1", json={"title": "一种电解液"})
        client.put("/v1/patents/P2", json={"title": "一种隔膜"})
        client.put("/v1/needs/N1", json={"title": "电解液的开发", "firm_id": "F1"})
        services.catalogue.pushes.begin(
            PushRun(name="2026-11", status="running", inputs="", manifest="{}", started_at=datetime.now(UTC))
        )
        services.catalogue.pushes.write("2026-11", ["F1"], [PUSHED])
        yield client


def viewed(**fields: Any) -> dict[str, Any]:
    """A view of the first patent by the first firm."""
    return {"event": "viewed", "firm_id": "F1", "patent_id": "P1", **fields}


def logged(client: TestClient, **query: Any) -> list[dict[str, Any]]:
    """What GET gives."""
    items: list[dict[str, Any]] = client.get("/v1/feedback", params=query).json()["items"]
    return items


def test_api_feedback_is_recorded_once(client: TestClient) -> None:
    """201 and its number the first time, 200 and the same number from then on, with a key or with a time."""
    body = viewed(key="crm-1", run="2026-11", rank=3, score=0.71, snapshot="patents-1", note="已看")
    first = client.post("/v1/feedback", json=body)
    again = client.post("/v1/feedback", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == {"key": "crm-1", "outcome": "recorded", "number": first.json()["number"]}
    assert again.json() == {**first.json(), "outcome": "known"}
    timed = [client.post("/v1/feedback", json=viewed(at=AT)).json() for _ in range(2)]
    assert [answer["outcome"] for answer in timed] == ["recorded", "known"]
    assert timed[0]["key"] == timed[1]["key"]
    (item,) = [item for item in logged(client) if item["key"] == "crm-1"]
    assert (item["ranking"], item["run"], item["rank"], item["score"], item["note"]) == (
        "patents-1", "2026-11", 3, 0.71, "已看",
    )  # fmt: skip
    (item,) = [item for item in logged(client) if item["key"] == timed[0]["key"]]
    assert item["at"] == "2026-11-20T01:30:00Z"


def test_api_feedback_names_a_run_that_is_there(client: TestClient) -> None:
    """An unknown run is refused in both languages; a pair that its run did not push is taken, with a warning."""
    unknown = client.post("/v1/feedback", json=viewed(run="2025-01"))
    (error,) = unknown.json()["errors"]
    assert (unknown.status_code, error["field"]) == (422, "run")
    assert "no push run" in error["message"]
    assert "没有该名称的推送批次" in error["message_zh"]
    asked = [viewed(key="in", run="2026-11"), viewed(key="beside", run="2026-11", patent_id="P2"), viewed(run="?")]
    asked.append({"key": "of-need", "event": "contacted", "need_id": "N1", "patent_id": "P1", "run": "2026-11"})
    answer = client.post("/v1/feedback", json={"items": asked}).json()
    assert [(row["position"], row["errors"][0]["field"]) for row in answer["rejected"]] == [(2, "run")]
    warned = {row["key"]: [found["code"] for found in row.get("warnings", ())] for row in answer["taken"]}
    assert warned == {"in": [], "beside": ["not_in_run"], "of-need": []}
    again = client.post("/v1/feedback", json=asked[1])
    assert (again.status_code, again.json()["warnings"][0]["field"]) == (200, "run")


def test_api_feedback_without_key_and_time_is_now_and_new(client: TestClient) -> None:
    """Two views are two, each at its moment."""
    before = datetime.now(UTC)
    numbers = {client.post("/v1/feedback", json=viewed()).json()["number"] for _ in range(2)}
    assert len(numbers) == 2
    times = [datetime.fromisoformat(item["at"]) for item in logged(client) if item["number"] in numbers]
    assert all(before <= moment <= datetime.now(UTC) for moment in times)


def test_api_feedback_key_of_other_content_is_an_error(client: TestClient) -> None:
    """Nothing is overwritten and nothing is lost in silence."""
    client.post("/v1/feedback", json=viewed(key="one"))
    response = client.post("/v1/feedback", json=viewed(key="one", patent_id="P2"))
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["field"] == "key"
    assert "key" in error["message_zh"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["event"]),
        ({"event": "bought", "firm_id": "F1", "patent_id": "P1"}, ["event"]),
        ({"event": 7, "firm_id": "F1", "patent_id": "P1"}, ["event"]),
        ({"event": "viewed", "patent_id": "P1"}, ["firm_id"]),
        ({"event": "viewed", "firm_id": "F1"}, ["patent_id"]),
        (viewed(firm_id="nobody"), ["firm_id"]),
        (viewed(patent_id="nothing"), ["patent_id"]),
        (viewed(need_id="nothing"), ["need_id"]),
        (viewed(event="rejected"), ["reason"]),
        (viewed(event="level"), ["level"]),
        (viewed(event="level", level="5"), ["level"]),
        ({"level": "weak", "patent_id": "P1"}, ["firm_id"]),
        ({"level": "weak", "patent_id": "P1", "query_id": "q"}, ["firm_id", "query_text"]),
        (viewed(at="soon"), ["at"]),
        (viewed(at="2999-01-01T00:00:00Z"), ["at"]),
        (viewed(at={"year": 2026}), ["at"]),
        (viewed(rank=0), ["rank"]),
        (viewed(rank=1.5), ["rank"]),
        (viewed(rank=True), ["rank"]),
        (viewed(score="high"), ["score"]),
        (viewed(score=10**400), ["score"]),
        (viewed(note="x" * 2001), ["note"]),
        (viewed(key="x" * 201), ["key"]),
        (viewed(firm_id={"id": "F1"}), ["firm_id"]),
        (viewed(paten="P1"), ["paten"]),
        ({"event": "need_returned", "firm_id": "F1"}, ["need"]),
        ({"event": "need_returned", "need": {"title": "t"}}, ["firm_id"]),
        ({"event": "need_returned", "firm_id": "F1", "need": {"status": "open"}}, ["need.text"]),
        ({"event": "need_returned", "firm_id": "F1", "need": {"title": "t", "firm_id": "F2"}}, ["need.firm_id"]),
        ({"event": "need_returned", "firm_id": "F1", "new_need_id": "nothing"}, ["new_need_id"]),
    ],
)
def test_api_feedback_names_the_bad_field(client: TestClient, body: dict[str, Any], fields: list[str]) -> None:
    """What cannot be used is a 422 in both languages that names the field, and nothing is recorded."""
    before = len(logged(client, limit=1000))
    response = client.post("/v1/feedback", json=body)
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    errors = response.json()["errors"]
    assert [error["field"] for error in errors] == fields
    assert all(error["message"] and error["message_zh"] for error in errors)
    assert len(logged(client, limit=1000)) == before


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [(b"{", 400, "bad_json"), (b"[]", 422, "invalid_input"), (b'{"items": {}}', 422, "invalid_input"),
     (b'{"items": [], "x": 1}', 422, "invalid_input"), (b'{"items": [1,1,1,1,1,1,1,1,1,1,1]}', 413, "batch_too_large")],
)  # fmt: skip
def test_api_feedback_of_another_shape_is_refused(client: TestClient, body: bytes, status: int, code: str) -> None:
    """No JSON, no object, no list, more than is allowed."""
    response = client.post("/v1/feedback", content=body)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_api_feedback_in_bulk_takes_the_good_and_says_what_is_wrong_with_the_others(client: TestClient) -> None:
    """Each item is accounted for by its position; sent again, all is known."""
    items = [
        viewed(key="b-0"),
        viewed(key="b-1", firm_id="nobody"),
        viewed(key="b-0"),
        "nothing",
        viewed(key="b-4", event="contacted"),
    ]
    response = client.post("/v1/feedback", json={"items": items})
    assert response.status_code == 200
    answer = response.json()
    assert (answer["recorded"], answer["known"]) == (2, 1)
    assert [(row["position"], row["key"], row["outcome"]) for row in answer["taken"]] == [
        (0, "b-0", "recorded"), (2, "b-0", "known"), (4, "b-4", "recorded"),
    ]  # fmt: skip
    assert [(row["position"], row["key"], row["errors"][0]["field"]) for row in answer["rejected"]] == [
        (1, "b-1", "firm_id"), (3, None, "body"),
    ]  # fmt: skip
    again = client.post("/v1/feedback", json={"items": items}).json()
    assert (again["recorded"], again["known"], len(again["rejected"])) == (0, 3, 2)
    assert client.post("/v1/feedback", json={"items": []}).json() == {
        "recorded": 0, "known": 0, "taken": [], "rejected": [],
    }  # fmt: skip


def test_api_feedback_in_bulk_without_a_good_item_is_422(client: TestClient) -> None:
    """The errors begin with the item's place."""
    response = client.post("/v1/feedback", json={"items": [viewed(patent_id="?"), {"event": "rejected"}]})
    assert (response.status_code, response.json()["code"]) == (422, "all_rows_rejected")
    assert [error["field"] for error in response.json()["errors"]] == [
        "items.0.patent_id", "items.1.patent_id", "items.1.reason", "items.1.firm_id",
    ]  # fmt: skip


def test_api_feedback_returned_need_joins_the_catalogue(client: TestClient, embedded: Embedded) -> None:
    """It has the firm, is embedded before it is committed, and is one need however often it is sent."""
    body = {"event": "need_returned", "firm_id": "F1", "at": AT, "need": {"title": "耐高温隔膜", "text": "150°C不收缩"}}
    first = client.post("/v1/feedback", json=body).json()
    again = client.post("/v1/feedback", json=body).json()
    need_id = first["new_need_id"]
    assert again == {**first, "outcome": "known"}
    need = client.get(f"/v1/needs/{need_id}").json()
    assert (need["title"], need["text"], need["firm_id"], need["status"]) == ("耐高温隔膜", "150°C不收缩", "F1", "open")
    assert need_id in embedded.seen
    named = {"event": "need_returned", "firm_id": "F1", "need": {"id": "N-7", "title": "另一条"}}
    assert client.post("/v1/feedback", json=named).json()["new_need_id"] == "N-7"
    other = {**named, "need": {"id": "N-7", "title": "不同的内容"}}
    response = client.post("/v1/feedback", json=other)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "need.id")
    assert client.get("/v1/needs/N-7").json()["title"] == "另一条"


def test_api_feedback_whose_need_cannot_be_embedded_is_not_recorded(client: TestClient, embedded: Embedded) -> None:
    """A full encoder answers 429; sent again later, it goes in."""
    body = {"key": "later", "event": "need_returned", "firm_id": "F2", "need": {"id": "LATER", "title": "轴承"}}
    embedded.full = True
    try:
        assert client.post("/v1/feedback", json=body).status_code == 429
    finally:
        embedded.full = False
    assert client.get("/v1/needs/LATER").status_code == 404
    assert client.post("/v1/feedback", json=body).json()["outcome"] == "recorded"


def test_api_feedback_of_judges(client: TestClient) -> None:
    """A level by a word in either language or a number, for a firm, a need or a free text, which is kept."""
    text = "高镍三元动力电解液的开发"
    for number, body in enumerate(
        [
            {"level": "strong", "need_id": "N1", "by": "王"},
            {"level": "较强相关", "firm_id": "F2", "by": "王"},
            {"level": 2, "query_text": text, "by": "王"},
            {"level": "none", "query_text": text, "query_id": "q9", "by": "李"},
        ]
    ):
        assert client.post("/v1/feedback", json={"key": f"j-{number}", "patent_id": "P2", **body}).status_code == 201
    judged = [item for item in logged(client, event="level") if item["key"].startswith("j-")]
    assert [item["level"] for item in judged] == ["strong", "fairly_strong", "weak", "none"]
    assert [item.get("query_text") for item in judged] == [None, None, text, text]
    assert judged[0]["firm_id"] == "F1"
    assert judged[2]["query_id"].startswith("text-")
    assert judged[3]["query_id"] == "q9"


def test_api_feedback_pages(client: TestClient) -> None:
    """Pages join without a gap and end with a null cursor; filters hold; a bad cursor is named."""
    everything = logged(client, limit=1000)
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 7}
    while True:
        page = client.get("/v1/feedback", params=query).json()
        seen += page["items"]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]
    assert seen == everything
    assert {item["event"] for item in logged(client, event="contacted", firm_id="F1")} == {"contacted"}
    assert [item["key"] for item in logged(client, run="2026-11")] == ["crm-1", "in", "beside", "of-need"]
    assert logged(client, patent_id="unknown") == []
    for cursor in ("x", "-1", "9" * 30, "²"):
        response = client.get("/v1/feedback", params={"cursor": cursor})
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "cursor")
    assert client.get("/v1/feedback", params={"event": "bought"}).status_code == 422


def test_api_opt_out_and_back(client: TestClient, services: Services) -> None:
    """201 the first time, 200 after, 404 once it is taken back; the push run is told."""
    assert client.get("/v1/firms/F2/opt-out").status_code == 404
    first = client.put("/v1/firms/F2/opt-out", json={"reason": "不再需要", "by": "王"})
    again = client.put("/v1/firms/F2/opt-out")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == client.get("/v1/firms/F2/opt-out").json()
    assert (first.json()["reason"], first.json()["firm_id"]) == ("不再需要", "F2")
    assert datetime.now(UTC) - datetime.fromisoformat(first.json()["at"]) < timedelta(minutes=1)
    client.post("/v1/feedback", json=viewed(event="rejected", reason="价格", patent_id="P2"))
    excluded = services.outreach.excluded_pairs(["F1", "F2"])
    assert excluded.opted_out == {"F2"}
    assert (excluded.allows("F2", "P1"), excluded.allows("F1", "P1"), excluded.allows("F1", "P2")) == (
        False,
        True,
        False,
    )
    assert list(services.outreach.rejected_pairs()) == [("F1", "P2")]
    assert (services.outreach.is_opted_out("F2"), services.outreach.is_opted_out("F1")) == (True, False)
    assert client.delete("/v1/firms/F2/opt-out").status_code == 204
    gone = client.delete("/v1/firms/F2/opt-out")
    assert (gone.status_code, gone.json()["code"]) == (404, "not_opted_out")
    assert services.outreach.opted_out() == frozenset()
    assert client.put("/v1/firms/nobody/opt-out").json()["code"] == "unknown_id"


def test_api_feedback_needs_the_token_where_one_is_set(tmp_path: Path) -> None:
    """What firms said is nobody else's business: reading it needs the token as well."""
    services = Services(Settings(home=tmp_path, admin_token="钥匙"), encoder=HashingEncoder)
    with TestClient(create_app(services=services)) as client:
        asked = [
            client.post("/v1/feedback", json={}),
            client.get("/v1/feedback"),
            client.put("/v1/firms/F1/opt-out"),
            client.delete("/v1/firms/F1/opt-out"),
        ]
        assert [response.status_code for response in asked] == [401] * 4
        token = {"Authorization": "Bearer 钥匙".encode()}
        assert client.get("/v1/feedback", headers=token).json() == {"items": [], "cursor": None}
