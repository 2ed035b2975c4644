"""Over REST: what a query names by number, holder or class is looked up, and listed first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hashing_encoder import HashingEncoder

from app.domain import Firm, Kind, Patent
from app.main import create_app
from app.settings import Settings
from app.wiring import Services
from index import Columns

HOLDERS = ("深圳市晶能电池有限公司", "泉州华工智能制造研究院", "华工大学", "锂离子电池有限公司", "Acme Pumps Co., Ltd.")
CODES = ("H01M10/0567", "H01M10/05", "G06F17/30", "G06F17/3061", "B65B21/12")
TITLES = ("锂离子电池散热结构", "分布式缓存方法", "自动装箱机器人", "陶瓷釉料", "水泵叶轮")


def patents() -> list[Patent]:
    """Sixty, with every holder and class twelve times; one is published twice, one has an id of the bank's own."""
    made = [
        Patent(
            id=f"CN1029{n:05}",
            title=f"{TITLES[n % 5]}{n}",
            abstract=f"本发明公开了{TITLES[(n + 1) % 5]},编号{n * 7919}。",
            ipc=(CODES[n // 12],),
            holders=(HOLDERS[n % 5],),
            application_number=f"20121{n:07}",
            published_on=date(2013 + n % 5, 3, 1),
            document_kind=("invention", "utility")[n % 2],
            lang="zh",
        )
        for n in range(60)
    ]
    first = made[0]
    again = Patent(
        id="CN102900000B", title="锂离子电池散热结构0", application_number=first.application_number, lang="zh"
    )
    padded = Patent(id="CN205886744", title="搅拌机", application_number="202016000607615", lang="zh")
    own = Patent(id="BANK-7", title="冷却塔", lang="zh")
    return [*made, again, padded, own]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The patents, published; some of them changed since."""
    made = Services(Settings(home=tmp_path_factory.mktemp("home")), encoder=HashingEncoder)
    made.catalogue.upsert(patents())
    made.catalogue.upsert([Firm(id="F1", name="晶能电池", business_scope="电池制造")])
    for kind in (Kind.PATENTS, Kind.FIRMS):
        made.indexing.build(kind, publish=True)
    made.serving.open()
    late = Patent(id="CN103000001A", title="电池散热", ipc=("H01M10/05",), holders=(HOLDERS[0],), lang="zh")
    made.serving.embed(Kind.PATENTS, [late])
    made.catalogue.upsert([late])
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient]:
    """A client of the service."""
    with TestClient(create_app(services=services)) as client:
        yield client


def ask(client: TestClient, text: str, **more: Any) -> dict[str, Any]:
    """The result of one query."""
    answer = client.post("/v1/match", json={"queries": [{"text": text}], **more})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()["results"][0]
    return result


@pytest.mark.parametrize(
    ("text", "wanted", "kind"),
    [
        ("CN102900007", "CN102900007", "publication_number"),
        ("CN102900007A", "CN102900007", "publication_number"),
        ("ｃｎ １０２９００００７ ａ", "CN102900007", "publication_number"),
        ("公开号：CN 102900007.A", "CN102900007", "publication_number"),
        ("CN102900000B", "CN102900000B", "publication_number"),
        ("CN103000001", "CN103000001A", "publication_number"),
        ("201210000007", "CN102900007", "application_number"),
        ("ZL 2012 1 0000007", "CN102900007", "application_number"),
        ("201620607615.5", "CN205886744", "application_number"),
        ("202016000607615", "CN205886744", "application_number"),
        ("bank-7", "BANK-7", "publication_number"),
    ],
)
def test_match_named_by_number_is_the_record_itself(client: TestClient, text: str, wanted: str, kind: str) -> None:
    """At rank 1, sure of it, and said why, without `explain` too; behind it what is similar."""
    result = ask(client, text, k=3)
    first, second = result["matches"][:2]
    assert (first["id"], first["rank"], first["score"], first["level"]) == (wanted, 1, 1.0, "strong")
    (recognised,) = result["recognised"]
    assert (recognised["kind"], recognised["found"]) == (kind, True)
    assert (recognised["value"], recognised["filter"]) == (wanted, {"ids": [wanted]})
    assert first["why"]["exact"] == recognised["text"]
    assert second["id"] != wanted
    assert "exact" not in second.get("why", {})


def test_match_named_by_the_number_of_an_application_is_each_of_its_publications(client: TestClient) -> None:
    """Both come before everything else."""
    result = ask(client, "201210000000", k=4)
    assert {match["id"] for match in result["matches"] if match["score"] == 1.0} == {"CN102900000", "CN102900000B"}
    assert [match["score"] == 1.0 for match in result["matches"]] == [True, True, False, False]


def test_match_named_by_an_unknown_number_lists_nothing(client: TestClient) -> None:
    """It is said, and no record is passed off for it."""
    result = ask(client, "CN199999999A")
    assert (result["matches"], result["shortfall"]) == ([], "unknown_identifier")
    assert result["recognised"] == [
        {"kind": "publication_number", "text": "CN199999999A", "value": "CN199999999A", "found": False}
    ]


def test_match_named_by_an_unknown_number_is_answered_by_the_rest(client: TestClient) -> None:
    """The number is no part of what is compared: the list is that of the other words, in order and scores."""
    with_number, without = ask(client, "自动装箱机器人 CN199999999A"), ask(client, "自动装箱机器人")
    assert [one["found"] for one in with_number["recognised"]] == [False]
    assert with_number["matches"] == without["matches"]


@pytest.mark.parametrize("holder", HOLDERS[:3] + HOLDERS[4:])
def test_match_named_by_holder_is_held_by_it(client: TestClient, holder: str) -> None:
    """All that are listed, and no more than there are."""
    result = ask(client, holder, k=10)
    assert [match["record"]["holders"] for match in result["matches"]] == [[holder]] * 10
    assert [(one["kind"], one["filter"]) for one in result["recognised"]] == [("holder", {"holder": [holder]})]
    assert len(ask(client, holder, k=50)["matches"]) == 12 + (holder == HOLDERS[0])


def test_match_named_by_holder_in_a_text_lists_its_patents_first(client: TestClient) -> None:
    """By the meaning of the rest; behind them the others; scores are those of the rest alone."""
    result, rest = ask(client, "深圳市晶能电池有限公司 自动装箱机器人", k=40), ask(client, "自动装箱机器人", k=50)
    held = [match["record"]["holders"] == [HOLDERS[0]] for match in result["matches"]]
    assert held == [True] * 13 + [False] * 27
    scores = {match["id"]: match["score"] for match in rest["matches"]}
    for group in (result["matches"][:13], result["matches"][13:]):
        assert [match["score"] for match in group] == sorted((match["score"] for match in group), reverse=True)
        assert all(scores.get(match["id"], match["score"]) == match["score"] for match in group)
    assert [match["rank"] for match in result["matches"]] == list(range(1, 41))


def test_match_names_a_holder_without_its_legal_form_beside_its_meaning(client: TestClient) -> None:
    """锂离子电池 is a thing, whatever firm is called so: the name is offered, and the others are listed too."""
    result = ask(client, "锂离子电池", k=30)
    assert [one["kind"] for one in result["recognised"]] == ["holder"]
    assert len(result["matches"]) == 30


def test_match_of_a_long_need_is_not_taken_over_by_the_firm_that_it_names(client: TestClient) -> None:
    """The name is offered as a filter; the list is by meaning."""
    need = "我公司需要自动装箱机器人,要求每分钟装箱三十次以上," * 6
    named, plain = ask(client, f"华工大学,{need}"), ask(client, need)
    assert [one["value"] for one in named["recognised"]] == ["华工大学"]
    assert {match["record"]["holders"][0] for match in named["matches"]} != {"华工大学"}
    assert plain["recognised"] == []


@pytest.mark.parametrize("text", ["G06F17/30", "g06f 17/30", "IPC：G06F17/30"])
def test_match_named_by_class_lists_those_that_have_it(client: TestClient, text: str) -> None:
    """Those with the very code before those whose code begins so."""
    matches = ask(client, text, k=20)["matches"]
    assert [match["record"]["ipc"] for match in matches] == [["G06F17/30"]] * 12 + [["G06F17/3061"]] * 8


def test_match_named_by_a_subclass_in_a_text(client: TestClient) -> None:
    """What has it comes first, also what was changed since the snapshot; a code that nobody has is a word."""
    result = ask(client, "散热 H01M", k=30)
    assert {match["record"]["ipc"][0][:4] for match in result["matches"][:25]} == {"H01M"}
    assert "H01M" not in {match["record"].get("ipc", [""])[0][:4] for match in result["matches"][25:]}
    assert ask(client, "散热 B99Z")["recognised"] == []


def test_match_named_obeys_the_filter_and_the_level(client: TestClient) -> None:
    """A filter holds for what is named; a level does not hide the record that was asked for by number."""
    assert ask(client, "华工大学", filter={"ipc": ["B65B"]}, k=12)["returned"] == 2
    assert ask(client, "CN102900007", filter={"not_ids": ["CN102900007"]})["matches"][0]["id"] != "CN102900007"
    named = ask(client, "陶瓷釉料 CN102900002", min_level="strong")
    assert named["matches"][0]["id"] == "CN102900002"


def test_match_pages_count_on(client: TestClient) -> None:
    """Two pages are the list of both, with what is named first as in one list."""
    for text in ("自动装箱机器人", "华工大学", "CN102900007", "华工大学 陶瓷"):
        whole = ask(client, text, k=12)["matches"]
        pages = ask(client, text, k=6)["matches"] + ask(client, text, k=6, offset=6)["matches"]
        assert pages == whole
    assert ask(client, "陶瓷", k=5, offset=900)["matches"] == []
    refused = client.post("/v1/match", json={"queries": [{"text": "陶瓷"}], "k": 10, "offset": 995})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "offset")


def test_match_named_first_stays_first_in_a_diverse_list(client: TestClient) -> None:
    """Repeats are avoided within what is named, then among the others."""
    matches = ask(client, "华工大学 自动装箱机器人", k=20, diversity=0.5)["matches"]
    assert [match["record"].get("holders") == ["华工大学"] for match in matches] == [True] * 12 + [False] * 8


def test_match_names_nothing_where_firms_or_needs_are_searched(client: TestClient) -> None:
    """Only patents have numbers and holders."""
    assert ask(client, "CN102900007", target="firms")["recognised"] == []


@pytest.mark.parametrize("field", ["holder", "holders"])
def test_match_filters_by_holder(client: TestClient, field: str) -> None:
    """By the whole name, in any spelling of brackets and legal form."""
    found = ask(client, "电池", filter={field: ["深圳市晶能电池股份有限公司"]}, k=20)
    assert {match["record"]["holders"][0] for match in found["matches"]} == {HOLDERS[0]}
    assert ask(client, "电池", filter={field: ["深圳市晶能"]})["matches"] == []


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("CN102900007A", "CN102900007"),
        ("ZL201210000007", "CN102900007"),
        ("bank-7", "BANK-7"),
    ],
)
def test_records_are_read_by_any_number(client: TestClient, written: str, wanted: str) -> None:
    """GET is lenient; deleting takes a spelling of the id, and no number that stands for it."""
    assert client.get(f"/v1/patents/{written}").json()["id"] == wanted
    assert client.delete(f"/v1/patents/{written}").status_code == 404


@pytest.mark.parametrize("written", ["cn 102900007", "CN-102900007", "ＣＮ１０２９００００７"])
def test_records_are_asked_with_by_any_spelling(client: TestClient, written: str) -> None:
    """A query by id, a filter by ids, and what a filter leaves out."""
    assert client.get(f"/v1/patents/{written}").json()["id"] == "CN102900007"
    query = {"queries": [{"patent_id": written}], "target": "patents", "k": 1}
    assert client.post("/v1/match", json=query).status_code == 200
    only = ask(client, "电池", filter={"ids": [written]})["matches"]
    assert [match["record"]["id"] for match in only] == ["CN102900007"]
    left = ask(client, "电池", filter={"not_ids": [written]}, k=20)["matches"]
    assert "CN102900007" not in [match["record"]["id"] for match in left]


def test_records_named_by_a_number_of_several_are_listed(client: TestClient) -> None:
    """404, with the ids that the number may stand for."""
    answer = client.get("/v1/patents/201210000000")
    assert (answer.status_code, answer.json()["code"]) == (404, "ambiguous_id")
    assert "CN102900000, CN102900000B" in answer.json()["detail"]
    assert client.get("/v1/patents/CN199999999").json()["code"] == "unknown_id"


def test_match_by_a_column_that_an_older_snapshot_lacks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a snapshot is served; the filter is refused with what to do, and a name is a word like others."""
    made, write = Services(Settings(home=tmp_path), encoder=HashingEncoder), Columns.write

    def of_an_older_release(columns: Columns, directory: Path) -> tuple[str, ...]:
        kept = {name: column for name, column in columns._columns.items() if name not in ("holders", "published_on")}
        return write(Columns(len(columns), kept), directory)

    with monkeypatch.context() as older:
        older.setattr(Columns, "write", of_an_older_release)
        made.catalogue.upsert(patents())
        made.indexing.build(Kind.PATENTS, publish=True)
    made.serving.open()
    with TestClient(create_app(services=made)) as client:
        refused = client.post("/v1/match", json={"queries": [{"text": "电池"}], "filter": {"holder": ["华工大学"]}})
        assert (refused.status_code, refused.json()["code"]) == (503, "index_outdated")
        assert "patmatch index build patents --publish" in refused.json()["detail"]
        assert [error["field"] for error in refused.json()["errors"]] == ["filter.holder"]
        assert ask(client, "华工大学")["recognised"] == []
        assert ask(client, "CN102900007")["matches"][0]["id"] == "CN102900007"
        assert ask(client, "电池", filter={"kind": ["utility"]})["returned"] == 10
    made.close()
