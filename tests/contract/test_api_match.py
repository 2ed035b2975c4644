"""`POST /v1/match` keeps its contract."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.domain import NOTHING_FITS_FROM
from app.ranking.relevance import FUSED_SCALE, score_from_logit


def ask(client: TestClient, **body: Any) -> Any:
    """The answer to a request that must succeed."""
    response = client.post("/v1/match", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_api_match_answers_in_order_with_the_contracts_fields(client: TestClient) -> None:
    """Results keep the queries' order, name their snapshot and carry rank, score, level, title and record."""
    answer = ask(
        client, queries=[{"id": "b", "text": "锂离子电池电解液"}, {"id": "a", "text": "water treatment membrane"}], k=3
    )
    assert set(answer["snapshot"]) == {"id", "encoder", "built_at", "revision", "calibration"}
    assert answer["snapshot"]["calibration"] == "built-in"
    assert [result["id"] for result in answer["results"]] == ["b", "a"]
    result = answer["results"][0]
    assert result["requested"] == result["returned"] == 3
    assert result["shortfall"] is None
    assert result["truncated"] is False
    assert result["tokens"] > 0
    assert [match["rank"] for match in result["matches"]] == [1, 2, 3]
    scores = [match["score"] for match in result["matches"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert {"id", "rank", "score", "level", "title", "record"} == set(result["matches"][0])
    assert result["matches"][0]["record"]["title"] == result["matches"][0]["title"]


@pytest.mark.parametrize("target", ["patents", "needs", "firms"])
def test_api_match_searches_each_target(client: TestClient, target: str) -> None:
    """Needs, firms and patents have indexes of their own."""
    answer = ask(client, queries=[{"text": "污水处理"}], target=target, k=2)
    assert answer["snapshot"]["id"].startswith(target)
    assert answer["results"][0]["matches"][0]["record"]["kind"] == target


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("need_id", "patents"),
        ("patent_id", "firms"),
        ("patent_id", "patents"),
        ("firm_id", "patents"),
        ("need_id", "needs"),
    ],
)
def test_api_match_takes_a_records_id(client: TestClient, source: str, target: str) -> None:
    """A stored record is a query; it is never among its own matches."""
    kind = {"need_id": "needs", "patent_id": "patents", "firm_id": "firms"}[source]
    record_id = ask(client, queries=[{"text": "电池"}], target=kind, k=1)["results"][0]["matches"][0]["id"]
    result = ask(client, queries=[{source: record_id}], target=target, k=5)["results"][0]
    assert result["returned"] == 5
    assert record_id not in [match["id"] for match in result["matches"]]


def test_api_match_filters_exactly(client: TestClient) -> None:
    """Every match passes the filter, and a short list says that the filter is why."""
    result = ask(client, queries=[{"text": "电池"}], k=50, filter={"ipc": ["H01M"], "lang": ["zh"]})["results"][0]
    assert result["matches"]
    assert all(any(code.startswith("H01M") for code in match["record"]["ipc"]) for match in result["matches"])
    assert {match["record"]["lang"] for match in result["matches"]} == {"zh"}
    assert result["shortfall"] == "filter"


def test_api_match_filters_by_ids(client: TestClient) -> None:
    """`ids` and `not_ids` name records."""
    ids = [match["id"] for match in ask(client, queries=[{"text": "催化剂"}], k=4)["results"][0]["matches"]]
    only = ask(client, queries=[{"text": "催化剂"}], k=10, filter={"ids": ids[:2]})["results"][0]
    assert [match["id"] for match in only["matches"]] == ids[:2]
    without = ask(client, queries=[{"text": "催化剂"}], k=2, filter={"not_ids": ids[:2]})["results"][0]
    assert [match["id"] for match in without["matches"]] == ids[2:4]


def test_api_match_says_why_a_list_is_short(client: TestClient) -> None:
    """`min_level` that nothing reaches gives an empty list and its name."""
    result = ask(client, queries=[{"text": "qqqq zzzz"}], k=5, min_level="strong")["results"][0]
    assert result["matches"] == []
    assert result["shortfall"] == "min_level"


def test_api_match_explains_and_debugs_on_request(client: TestClient) -> None:
    """`explain` adds what both sides share, the passage and the signals; `debug` the cosine."""
    answer = ask(client, queries=[{"text": "锂离子电池电解液"}], k=3, explain=True, debug=True)
    matches = answer["results"][0]["matches"]
    whys = [match["why"] for match in matches]
    assert whys[0]["terms"]
    assert any(term in why["passage"].casefold() for why in whys for term in why["terms"])
    match = matches[0]
    assert -1 <= match["debug"]["cosine"] <= 1
    signals = match["why"]["signals"]
    assert signals == {name: match["debug"][name] for name in ("meaning", "coverage", "alone")}
    assert signals["meaning"] <= 1
    assert 0 < signals["coverage"] <= 1
    assert signals["alone"] is False


def test_api_match_reasons_have_a_passage_of_the_record(client: TestClient) -> None:
    """Every match has the sentence of its text that carries it, in whatever language, also where nothing is shared."""
    answer = ask(client, queries=[{"text": "electrolyte additive"}, {"need_id": "N003"}], k=20, explain=True)
    matches = [match for result in answer["results"] for match in result["matches"]]
    assert all(match["why"]["passage"] in match["record"].get("abstract", match["title"]) for match in matches)
    assert any(not match["why"]["terms"] for match in matches)


def test_api_match_reasons_by_meaning_are_no_shared_letters(client: TestClient) -> None:
    """A pair of terms is alike in meaning, above the threshold, and not said already as shared."""
    texts = ["锂离子电池电解液添加剂", "rolling bearings with hardened raceways", "废水处理方法与装置"]
    answer = ask(client, queries=[{"text": text} for text in texts], k=50, explain=True)
    whys = [match["why"] for result in answer["results"] for match in result["matches"]]
    pairs = [(pair, why["terms"]) for why in whys for pair in why["meanings"]]
    assert pairs
    assert all(0.4 < pair["similarity"] <= 1 for pair, _ in pairs)
    assert all(pair["query"] != pair["record"] and pair["query"] not in terms for pair, terms in pairs)


def test_api_match_reasons_are_documented_with_an_example(client: TestClient) -> None:
    """The documentation shows what reasons look like."""
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    example = schemas["WhyOut"]["examples"][0]
    parts = {"terms", "meanings", "passage", "signals", "figures", "excluded", "exact"}
    assert set(example) == set(schemas["WhyOut"]["properties"]) == parts
    assert set(example["meanings"][0]) == set(schemas["MeaningOut"]["properties"])


def test_api_match_diversity_changes_the_list_but_not_its_head(client: TestClient) -> None:
    """The best match stays; the rest gives way to difference."""
    plain = ask(client, queries=[{"text": "锂离子电池"}], k=10)["results"][0]["matches"]
    diverse = ask(client, queries=[{"text": "锂离子电池"}], k=10, diversity=0.9)["results"][0]["matches"]
    assert plain[0]["id"] == diverse[0]["id"]
    assert {match["id"] for match in plain} != {match["id"] for match in diverse}


def test_api_match_folds_where_it_is_asked_to(client: TestClient) -> None:
    """So many of one holder; the others stand in `folded` with their count, and keep their scores."""
    plain = ask(client, queries=[{"text": "锂离子电池"}], k=50)["results"][0]["matches"]
    assert not {"folded", "folded_count"} & set(plain[0])
    folding = ask(client, queries=[{"text": "锂离子电池"}], k=20, collapse=True, per_holder=1)["results"][0]
    matches = folding["matches"]
    holders = [match["record"]["holders"][0] for match in matches]
    assert len(set(holders)) == len(holders) == 20
    assert [match["rank"] for match in matches] == list(range(1, 21))
    assert all(match["folded_count"] == len(match["folded"]) for match in matches if match["folded_count"] <= 20)
    behind = [one for match in matches for one in match["folded"]]
    assert {one["by"] for one in behind} >= {"holder"}
    assert all(set(one) == {"id", "title", "score", "by"} for one in behind)
    scores = {match["id"]: match["score"] for match in plain}
    assert all(one["score"] == scores[one["id"]] for one in behind if one["id"] in scores)


@pytest.mark.parametrize(
    ("field", "value"), [("per_holder", -1), ("per_holder", "2"), ("per_holder", True), ("collapse", "yes")]
)
def test_api_match_refuses_folding_that_says_nothing(client: TestClient, field: str, value: object) -> None:
    """The answer names the field."""
    response = client.post("/v1/match", json={"queries": [{"text": "电池"}], field: value})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_api_match_folding_is_documented_with_examples(client: TestClient) -> None:
    """The documentation shows a request that folds, and what stands behind a match."""
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert any(example.get("collapse") for example in schemas["MatchIn"]["examples"])
    assert set(schemas["FoldedOut"]["examples"][0]) == set(schemas["FoldedOut"]["properties"])


def test_api_match_says_whether_anything_fits(client: TestClient) -> None:
    """A need is not told that nothing fits; letters of no meaning are, and still get the nearest."""
    need, letters = ask(client, queries=[{"text": "锂离子电池"}, {"text": "qqqq zzzz"}], k=3)["results"]
    assert need["no_match_probability"] < letters["no_match_probability"] <= 1
    assert letters["nothing_fits"] is True
    assert letters["no_match_probability"] >= NOTHING_FITS_FROM
    assert letters["returned"] == len(letters["matches"]) == 3


def test_api_match_of_what_an_answer_says_everything_is_documented(client: TestClient) -> None:
    """Each field of a request and of a result has its description, and the lists that it holds an example."""
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    bare = {
        (name, field)
        for name in ("MatchIn", "ResultOut", "RecognisedOut", "FigureOut")
        for field, said in schemas[name]["properties"].items()
        if "description" not in said and field not in {"id", "requested", "returned", "matches", "error"}
    }
    assert bare == set()
    for name, field in (("MatchIn", "must"), ("MatchIn", "must_not"), ("ResultOut", "excluded")):
        assert schemas[name]["properties"][field]["examples"]
    example = schemas["RecognisedOut"]["examples"][0]
    assert set(example) == set(schemas["RecognisedOut"]["properties"])


def test_api_match_a_failing_query_does_not_fail_its_batch(client: TestClient) -> None:
    """The bad ones have `error`, the good one has matches."""
    answer = ask(
        client, queries=[{"need_id": "no such"}, {"text": "  "}, {"text": "锂电池"}, {"text": "长" * 2001}], k=2
    )
    unknown, empty, good, long = answer["results"]
    assert (unknown["error"]["status"], unknown["error"]["code"]) == (404, "unknown_id")
    assert (empty["error"]["status"], empty["error"]["code"]) == (422, "empty_text")
    assert (long["error"]["status"], long["error"]["code"]) == (413, "text_too_long")
    assert good["returned"] == 2
    assert "matches" not in unknown


BAD = {
    "wrong type of queries": ({"queries": "电池"}, 422, "queries"),
    "wrong type of text": ({"queries": [{"text": 5}]}, 422, "queries.0.text"),
    "k of 0": ({"queries": [{"text": "电池"}], "k": 0}, 422, "k"),
    "k as text": ({"queries": [{"text": "电池"}], "k": "5"}, 422, "k"),
    "k of 10^9": ({"queries": [{"text": "电池"}], "k": 10**9}, 422, "k"),
    "too many queries": ({"queries": [{"text": "电池"}] * 6}, 413, "queries"),
    "no queries": ({"queries": []}, 422, "queries"),
    "unknown id": ({"queries": [{"patent_id": "CN0"}]}, 404, "queries.0"),
    "empty text": ({"queries": [{"text": " \u200b\n"}]}, 422, "queries.0"),
    "text and id": ({"queries": [{"text": "电池", "need_id": "N001"}]}, 422, "queries.0"),
    "neither text nor id": ({"queries": [{}]}, 422, "queries.0"),
    "unknown filter field": ({"queries": [{"text": "电池"}], "filter": {"colour": ["red"]}}, 422, "filter.colour"),
    "wrong filter type": ({"queries": [{"text": "电池"}], "filter": {"ipc": "H01M"}}, 422, "filter.ipc"),
    "wrong date": ({"queries": [{"text": "电池"}], "filter": {"filed_from": "soon"}}, 422, "filter.filed_from"),
    "wrong holder type": (
        {"queries": [{"text": "电池"}], "filter": {"holder_type": ["king"]}},
        422,
        "filter.holder_type.0",
    ),
    "unknown target": ({"queries": [{"text": "电池"}], "target": "cars"}, 422, "target"),
    "unknown field": ({"queries": [{"text": "电池"}], "limit": 3}, 422, "limit"),
    "two queries of one id": ({"queries": [{"id": "a", "text": "电池"}, {"id": "a", "text": "水"}]}, 422, None),
}


@pytest.mark.parametrize("case", BAD)
def test_api_match_refuses_bad_input_by_name(client: TestClient, case: str) -> None:
    """A clear 4xx as problem+json in both languages, naming the field where one is to blame."""
    body, status, field = BAD[case]
    response = client.post("/v1/match", json=body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert {"type", "title", "status", "detail", "detail_zh", "code", "request_id"} <= set(problem)
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert any("\u4e00" <= char <= "\u9fff" for char in problem["detail_zh"])
    if field is not None:
        assert field in [error["field"] for error in problem["errors"]]
        assert all(error["message"] and error["message_zh"] for error in problem["errors"])


def test_api_match_refuses_broken_json(client: TestClient) -> None:
    """The place is named."""
    response = client.post("/v1/match", content=b'{"queries": [', headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (400, "bad_json")


@pytest.mark.parametrize("chunked", [False, True])
def test_api_match_refuses_an_enormous_body(client: TestClient, chunked: bool) -> None:
    """Over the limit is 413, whether the length is declared or only seen as it comes."""
    body = b'{"queries": [{"text": "' + b"x" * 200_000 + b'"}]}'
    content = (body[n : n + 10_000] for n in range(0, len(body), 10_000)) if chunked else body
    response = client.post("/v1/match", content=content, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_api_match_normalises_what_is_asked(client: TestClient) -> None:
    """Full-width characters, line breaks and HTML remnants do not change the answer."""
    plain = ask(client, queries=[{"text": "LiPF6 电解液 5% 添加剂"}], k=5)["results"][0]["matches"]
    messy = ask(client, queries=[{"text": "ＬｉＰＦ<sub>6</sub>&nbsp;电解液 ５％  添加剂\u200b"}], k=5)["results"][0][
        "matches"
    ]
    assert [match["id"] for match in plain] == [match["id"] for match in messy]


def test_api_match_survives_odd_unicode(client: TestClient) -> None:
    """Lone surrogates and NUL characters get an answer or a 4xx, never a 500."""
    for text in (b'"\\ud800 abc"', b'"\\u0000 abc"', '"👩‍🔬 电池"'.encode()):
        body = b'{"queries": [{"text": ' + text + b"}]}"
        response = client.post("/v1/match", content=body, headers={"content-type": "application/json"})
        assert response.status_code < 500, response.text
    response = client.post(
        "/v1/match", content=b'{"queries": [{"need_id": "\\ud800"}]}', headers={"content-type": "application/json"}
    )
    assert response.status_code in {404, 422}


def test_api_match_evidence_is_what_ranks(client: TestClient) -> None:
    """The score is what the built-in scale makes of the evidence that is shown, and never rises along the list."""
    result = ask(client, queries=[{"text": "锂离子电池电解液"}], k=10, debug=True)["results"][0]
    matches = result["matches"]
    shown = [match["debug"] for match in matches]
    logits = FUSED_SCALE.logits(*([one[name] for one in shown] for name in ("meaning", "coverage", "alone")))
    assert [match["score"] for match in matches] == pytest.approx(score_from_logit(logits).tolist(), abs=1e-4)
    assert [match["score"] for match in matches] == sorted((match["score"] for match in matches), reverse=True)
    assert any(one["coverage"] > 0 for one in shown)
    assert (result["lang"], result["centred"]) == ("zh", "language")


def test_api_match_takes_terms_that_records_must_and_must_not_hold(client: TestClient) -> None:
    """Every record listed holds each `must` term and no `must_not` term; too few say `filter`."""
    body = {"queries": [{"text": "锂离子电池电解液"}], "k": 50}
    held = ask(client, **body, must=["电解液"], must_not=["NCM811"])["results"][0]
    texts = [match["record"]["title"] + match["record"].get("abstract", "") for match in held["matches"]]
    assert texts
    assert all("电解液" in text or "電解液" in text for text in texts)
    assert not any("NCM811" in text for text in texts)
    assert held["shortfall"] == "filter"
    assert ask(client, **body, must=["没有这个词的记录"])["results"][0]["matches"] == []


@pytest.mark.parametrize(
    ("field", "value"), [("must", ["x" * 65]), ("must_not", ["、"]), ("must", ["词"] * 33), ("must_not", [""])]
)
def test_api_match_refuses_bad_terms_by_their_field(client: TestClient, field: str, value: list[str]) -> None:
    """Too long, nothing to look for, too many, empty."""
    response = client.post("/v1/match", json={"queries": [{"text": "电池"}], field: value})
    assert response.status_code == 422
    assert any(error["field"].startswith(field) for error in response.json()["errors"])


def test_api_match_says_what_a_text_excludes(client: TestClient) -> None:
    """Read from the text; left out where nothing is excluded."""
    answer = ask(client, queries=[{"text": "不含氟的锂电池电解液"}, {"text": "锂电池电解液"}], k=3, explain=True)
    excluding, plain = answer["results"]
    assert excluding["excluded"] == ["氟"]
    assert plain["excluded"] is None
    assert all(isinstance(match["why"]["excluded"], list) for match in excluding["matches"])


def test_api_match_says_which_figures_are_met(client: TestClient) -> None:
    """Each figure with a unit of the query, with the record's own beside it."""
    match = ask(client, queries=[{"text": "充电电压高于4.3 V的NCM811电解液"}], k=1, explain=True)["results"][0][
        "matches"
    ][0]
    (figure,) = match["why"]["figures"]
    assert figure["query"] == "高于4.3 V"
    assert figure["state"] in ("met", "not_met", "silent")
    assert (figure["record"] is None) == (figure["state"] == "silent")
