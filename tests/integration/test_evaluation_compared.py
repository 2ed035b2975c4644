"""`patmatch evaluate` against earlier reports and other systems' runs, on the bundled sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest
from evaluation_samples import BUNDLED, arguments, services_with, small
from hashing_encoder import HashingEncoder

from app.domain import Filter, Kind, MatchRequest, Query
from scripts.cli import run

pytestmark = pytest.mark.usefixtures("hashing_model")


@pytest.fixture
def hashing_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with the test encoder instead of the configured model."""
    monkeypatch.setattr("app.wiring.load_encoder", lambda _settings, _spec: HashingEncoder())


@pytest.fixture
def no_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever builds the services, and with them could load a model, fails the test."""

    def refuse(_settings: object) -> NoReturn:
        raise AssertionError("services were built")

    monkeypatch.setattr("scripts.console.Services", refuse)


def reported(home: Path, folder: Path, *extra: str) -> Path:
    """The sample's report in ``folder``."""
    assert run([*arguments(BUNDLED, home), "--report", str(folder), *extra]) == 0
    return folder


def result(capsys: pytest.CaptureFixture[str], command: list[str]) -> dict[str, Any]:
    """What the command prints with `--json`."""
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    return dict(json.loads(line))


def test_the_same_again_differs_in_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Against its own earlier report: every difference is zero, p is 1, all queries tie, and settings are the same."""
    home, base = tmp_path / "home", reported(tmp_path / "home", tmp_path / "base")
    plain = result(capsys, [*arguments(BUNDLED, home), "--baseline", str(base)])
    first, second = plain["comparison"]
    assert (first["source"], second["source"]) == ("baseline:base", "configured")
    assert first["measures"] == second["measures"] == plain["measures"]
    assert first["slices"] == second["slices"] == plain["slices"]
    for name, difference in second["differences"].items():
        assert difference["value"] == 0.0
        if name not in {"hub_share@10", "reach@10"}:
            assert (difference["p_value"], difference["wins"], difference["losses"]) == (1.0, 0, 0)
            assert difference["verdict"] == "unclear"
    assert [note["en"] for note in plain["notes"]] == [
        "configured and baseline:base have the same encoder and settings."
    ]


def test_another_setting_is_told_beside_what_it_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table tells what was set otherwise, and the report has page, table and a folder each."""
    base, new = reported(tmp_path / "home", tmp_path / "base"), tmp_path / "new"
    monkeypatch.setenv("PATMATCH_SHARED_TERMS", "false")
    capsys.readouterr()
    reported(tmp_path / "home", new, "--baseline", str(base))
    out, err = capsys.readouterr()
    assert err == ""
    assert "configured differs from baseline:base in: shared_terms True → False." in out
    assert "verdict 结论" in out
    assert {"report.html", "comparison.json", "per_query_comparison.tsv"} <= {file.name for file in new.iterdir()}
    again = result(capsys, [*arguments(BUNDLED, tmp_path / "home"), "--baseline", str(new)])
    assert again["comparison"][1]["differences"]["judged_ndcg@10"]["value"] == 0.0


def test_changed_judgements_leave_their_queries_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both sides are measured over the queries that are the same, and the others are named."""
    home, files = tmp_path / "home", small(tmp_path)
    assert run([*arguments(files, home), "--report", str(tmp_path / "base")]) == 0
    small(tmp_path, "q1\td1\t4\nq1\td2\t1\nq2\td2\t3\n")
    run_out = tmp_path / "out.trec"
    plain = result(capsys, [*arguments(files, home), "--baseline", str(tmp_path / "base"), "--run-out", str(run_out)])
    assert {line.split()[0] for line in run_out.read_text("utf-8").splitlines()} == {"q1", "q2"}
    assert [entry["measures"]["mrr"] for entry in plain["comparison"]] == [1.0, 1.0]
    assert plain["counts"]["queries"] == 1
    assert "1 queries had other judgements then and are left out: q2." in plain["notes"][0]["en"]
    small(tmp_path, "q1\td1\t3\nq2\td2\t3\n")
    assert run([*arguments(files, home), "--baseline", str(tmp_path / "base")]) == 1
    assert "no query with the same text and judgements" in capsys.readouterr().err


def test_runs_are_compared_without_any_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--no-served` builds no services and makes no home; what ranks is as when it was served."""
    base = reported(tmp_path / "home", tmp_path / "base", "--qrels-out", str(tmp_path / "q.trec"))
    served = json.loads((base / "measures.json").read_text("utf-8"))["measures"]
    monkeypatch.setattr("scripts.console.Services", lambda _settings: pytest.fail("services were built"))
    command = [*arguments(BUNDLED, tmp_path / "nowhere"), "--no-served"]
    command[command.index("--qrels") + 1] = str(tmp_path / "q.trec")
    alone = result(capsys, [*command, "--run", str(base / "run.trec")])
    for name in ("ndcg@10", "mrr", "recall@100", "hub_share@10", "reach@10"):
        assert alone["measures"][name] == pytest.approx(served[name])
    assert alone["measures"]["level_score"] is None
    assert alone["encoder"] == {"name": "run.trec"}
    report = tmp_path / "two"
    both = [*command, "--baseline", str(base), "--run", str(base / "run.trec"), "--report", str(report)]
    plain = result(capsys, both)
    assert [entry["source"] for entry in plain["comparison"]] == ["baseline:base", "run:run.trec"]
    assert plain["comparison"][0]["measures"] == served
    assert "level_score" not in plain["comparison"][1]["differences"]
    assert (report / "2-run-run.trec" / "report.html").is_file()
    assert not (tmp_path / "nowhere").exists()


def test_what_a_run_file_lacks_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Queries, judged documents and documents of the corpus that do not fit are counted and told."""
    run_file = tmp_path / "other.trec"
    run_file.write_text("q1 Q0 d1 1 0.9 t\nq1 Q0 stranger 2 0.8 t\nunasked Q0 d1 1 1 t\n")
    command = [*arguments(small(tmp_path), tmp_path / "home"), "--no-served", "--run", str(run_file)]
    plain = result(capsys, command)
    expected = {
        "unknown_run_queries": 1,
        "unknown_run_documents": 1,
        "queries_without_answer": 1,
        "unserved_pairs": 2,
    }
    assert expected.items() <= plain["counts"].items()
    assert plain["measures"]["mrr"] == 0.5
    told = "\n".join(note["en"] for note in plain["notes"])
    for part in (
        "1 queries are not in the file",
        "2 of 3 judged pairs are not in the file",
        "1 documents are not in the",
    ):
        assert part in told
    run_file.write_text("nobody Q0 d1 1 0.9 t\n")
    assert run(command) == 1
    assert "other.trec has no query of the queries file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("extra", "part"),
    [
        (["--no-served"], "leaves nothing to measure"),
        (["--no-served", "--run", "RUN", "--encoder", "package"], "loads no encoder"),
        (["--no-served", "--run", "RUN", "--run-out", "out.trec"], "--run-out takes the answers of one encoder"),
        (["--baseline", "HERE", "--report", "HERE"], "would write over the --baseline"),
    ],
)
@pytest.mark.usefixtures("no_services")
def test_options_that_contradict_each_other_are_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], part: str
) -> None:
    """Status 2 and one line, before anything is read or made."""
    (tmp_path / "r.trec").write_text("q1 Q0 d1 1 0.9 t\n")
    given = [{"RUN": str(tmp_path / "r.trec"), "HERE": str(tmp_path)}.get(word, word) for word in extra]
    assert run([*arguments(small(tmp_path), tmp_path / "home"), *given]) == 2
    err = capsys.readouterr().err
    assert part in err
    assert len(err.splitlines()) == 1


def test_slices_ask_each_language_alone_as_the_service_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`recall@10_alone` is what a filter on the language finds, and the table shows it beside the whole corpus'."""
    plain = result(capsys, arguments(BUNDLED, tmp_path / "home"))
    found = plain["slices"]["languages"]
    assert len({name.partition("->")[2] for name in found}) > 1
    assert sum(values["pairs"] for values in found.values()) == plain["counts"]["relevant_pairs"]
    services = services_with(tmp_path / "service", HashingEncoder())
    services.importing.load(BUNDLED.corpus, Kind.PATENTS)
    services.importing.load(BUNDLED.queries, Kind.NEEDS)
    services.indexing.build(Kind.PATENTS, publish=True)
    services.serving.open()
    relevant = [row.split("\t") for row in BUNDLED.qrels.read_text("utf-8").splitlines()[1:]]
    pairs = [(query, doc) for query, doc, level in relevant if int(level) >= 3]
    records = services.catalogue.get_many(Kind.PATENTS, [doc for _, doc in pairs])
    hits = []
    for query, doc in pairs:
        if records[doc].lang == "en":
            asked = Query(id=query, record_kind=Kind.NEEDS, record_id=query)
            answer = services.match.match(MatchRequest(queries=(asked,), k=10, filter=Filter(lang=("en",))))
            hits.append(doc in {match.id for match in answer.results[0].matches})
    services.close()
    english = [values for name, values in found.items() if name.endswith("->en")]
    assert sum(values["recall@10_alone"] * values["pairs"] for values in english) == pytest.approx(sum(hits))
    assert hits
    assert run(arguments(BUNDLED, tmp_path / "home")) == 0
    out = capsys.readouterr().out
    assert "recall@10_alone" in out
    assert all(name in out for name in found)
