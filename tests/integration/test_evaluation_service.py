"""The evaluation measures what the service answers, over an index of its own."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from evaluation_samples import BUNDLED, arguments, services_with, small
from hashing_encoder import HashingEncoder

from app.domain import Kind, MatchRequest, Need, Query
from app.errors import InputError, UsageError
from app.evaluation.comparison import all_differences
from app.evaluation.result import MEANS, ReportContents
from app.quality.material import EvaluationFiles, EvaluationMaterial
from app.quality.systems import Bench
from app.serving.encoders import EncoderSpec
from app.settings import Settings
from app.wiring import Services
from scripts.cli import run


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Services, HashingEncoder, ReportContents]:
    """The bundled sample evaluated once."""
    encoder = HashingEncoder()
    services = services_with(tmp_path_factory.mktemp("home"), encoder)
    return services, encoder, services.evaluating.evaluate(BUNDLED)


def test_evaluation_measures_the_bundled_sample(
    evaluated: tuple[Services, HashingEncoder, ReportContents],
) -> None:
    """Every measure has a value, every judged pair a score, and shared words beat chance."""
    result = evaluated[2].result
    assert all(isinstance(result.measures[name], float) for name in (*MEANS, "level_score", "hub_share@10", "reach@10"))
    assert result.counts["unserved_pairs"] == result.counts["failed_queries"] == result.counts["unknown_pairs"] == 0
    assert result.counts["judged_pairs"] > 100
    assert result.measures["judged_spearman"] > 0.1
    assert result.encoder["name"] == "hashing"


def test_evaluation_answers_what_the_service_answers(
    evaluated: tuple[Services, HashingEncoder, ReportContents], tmp_path: Path
) -> None:
    """The ranked lists equal those of a service with the same records, ids, scores and order."""
    encoder = HashingEncoder()
    services = services_with(tmp_path, encoder)
    services.importing.load(BUNDLED.corpus, Kind.PATENTS)
    services.importing.load(BUNDLED.queries, Kind.NEEDS)
    services.indexing.build(Kind.PATENTS, publish=True)
    services.serving.open()
    asked = [Query(id=run.query_id, record_kind=Kind.NEEDS, record_id=run.query_id) for run in evaluated[2].runs]
    answer = services.match.match(MatchRequest(queries=tuple(asked), k=100))
    for run_, result in zip(evaluated[2].runs, answer.results, strict=True):
        assert [match.doc_id for match in run_.ranked] == [match.id for match in result.matches]
        assert [match.score for match in run_.ranked] == pytest.approx([match.score for match in result.matches])
        levels = {match.id: match.level.grade for match in result.matches}
        for doc_id, served in run_.served.items():
            assert served.level == levels.get(doc_id, served.level)
    services.close()


def test_evaluation_asks_in_every_way_what_the_service_would_be_asked(tmp_path: Path) -> None:
    """Text alone and title alone give what a client gets who sends that; the usual measures are the same as without."""
    services = services_with(tmp_path, HashingEncoder())
    plain = services.evaluating.evaluate(BUNDLED)
    [system] = services.evaluating.systems(Bench(EvaluationMaterial.read(BUNDLED)), all_ways=True)
    assert system.contents.result.measures == plain.result.measures
    assert plain.result.slices.asked == {}
    asked = system.contents.result.slices.asked
    assert list(asked) == ["title_and_text", "text", "title"]
    assert all(values["queries"] == asked["text"]["queries"] > 10 for values in asked.values())
    assert asked["title_and_text"]["score_shift"] == 0
    assert asked["text"]["score_shift"] > 0
    services.importing.load(BUNDLED.corpus, Kind.PATENTS)
    services.importing.load(BUNDLED.queries, Kind.NEEDS)
    services.indexing.build(Kind.PATENTS, publish=True)
    services.serving.open()
    run_ = system.contents.asked["text"][0]
    need = services.catalogue.get_many(Kind.NEEDS, [run_.query_id])[run_.query_id]
    assert isinstance(need, Need)
    answer = services.match.match(MatchRequest(queries=(Query(id="q", text=need.text),), k=100)).results[0]
    assert [(match.id, match.score) for match in answer.matches] == [tuple(match) for match in run_.ranked]
    services.close()


def test_evaluation_embeds_each_text_once(evaluated: tuple[Services, HashingEncoder, ReportContents]) -> None:
    """A second evaluation of the same files embeds nothing and gives the same measures."""
    services, encoder, first = evaluated
    before = encoder.texts
    second = services.evaluating.evaluate(BUNDLED)
    assert encoder.texts == before
    assert second.result.settings["texts_embedded"] == 0
    assert second.result.measures == first.result.measures
    assert second.result.intervals == first.result.intervals


def test_evaluation_leaves_catalogue_index_and_temporary_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is published, nothing is stored as a record, and the index built for it is removed."""
    temporary, home = tmp_path / "temporary", tmp_path / "home"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    services = services_with(home, HashingEncoder())
    services.evaluating.evaluate(small(tmp_path))
    assert list(temporary.iterdir()) == []
    assert services.catalogue.count(Kind.PATENTS) == services.catalogue.count(Kind.NEEDS) == 0
    assert services.indexing.snapshots(Kind.PATENTS) == []
    services.close()


def test_evaluation_counts_what_it_left_out(tmp_path: Path) -> None:
    """Unknown ids, texts without a character, repeated ids and judgements are counted; a query without text is zero."""
    files = small(
        tmp_path, "q1\td1\t4\nq1\td1\t2\nq1\tblank\t3\nq1\tgone\t3\nempty\td1\t4\nempty\td2\t1\nnobody\td1\t1\n"
    )
    with files.corpus.open("a", encoding="utf-8") as file:
        file.write('{"id": "blank", "title": " \u200b"}\n{"id": "d2", "title": "again", "lang": "EN-us"}\n')
    with files.queries.open("a", encoding="utf-8") as file:
        file.write('{"id": "empty", "title": "", "text": null}\n')
    services = services_with(tmp_path / "home", HashingEncoder())
    found = services.evaluating.evaluate(files)
    expected = {
        "queries": 3,
        "corpus": 3,
        "failed_queries": 1,
        "judged_pairs": 4,
        "unknown_queries": 1,
        "unknown_documents": 1,
        "unknown_pairs": 2,
        "duplicate_judgements": 1,
        "repeated_documents": 1,
        "documents_without_text": 1,
        "unserved_pairs": 3,
    }
    assert expected.items() <= found.result.counts.items()
    rows = {row.query_id: row for row in found.result.per_query}
    assert (rows["empty"].judged_ndcg, rows["empty"].reciprocal_rank, rows["empty"].recall) == (0, 0, 0)
    assert "empty" in str(rows["empty"].error)
    assert found.result.measures["language_mix@10"]["zh"] == {"en": 0.5, "zh": 0.5}
    assert found.result.measures["mrr"] == pytest.approx(0.5)
    services.close()


def test_evaluation_fails_a_query_that_the_service_would_refuse(tmp_path: Path) -> None:
    """A query over the limit of the service in force is refused here as well."""
    services = Services(Settings(home=tmp_path / "home", max_text_chars=12), encoder=HashingEncoder)
    rows = {row.query_id: row for row in services.evaluating.evaluate(small(tmp_path)).result.per_query}
    assert rows["q1"].error is None
    assert "at most 12" in str(rows["q2"].error)
    services.close()


def test_evaluation_refuses_judgements_of_other_files(tmp_path: Path) -> None:
    """When no id fits, the files do not belong together; nothing is embedded."""
    encoder = HashingEncoder()
    services = services_with(tmp_path / "home", encoder)
    with pytest.raises(InputError, match=r"no judgement in qrels\.tsv is about a query of queries\.jsonl"):
        services.evaluating.evaluate(small(tmp_path, "x\td1\t1\n"))
    (tmp_path / "queries.jsonl").write_text("\n")
    with pytest.raises(InputError, match=r"queries\.jsonl is empty"):
        services.evaluating.evaluate(small_after_change(tmp_path))
    assert encoder.texts == 0
    services.close()


def small_after_change(folder: Path) -> EvaluationFiles:
    """The files of `small` as they lie there."""
    return EvaluationFiles(corpus=folder / "corpus.jsonl", queries=folder / "queries.jsonl", qrels=folder / "qrels.tsv")


@pytest.fixture
def hashing_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with the test encoder instead of the configured model."""
    monkeypatch.setattr("app.wiring.load_encoder", lambda _settings, _spec: HashingEncoder())


@pytest.mark.usefixtures("hashing_model")
def test_evaluation_command_prints_a_table_and_writes_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Measures with intervals on stdout, no progress when piped, the run and the report where asked."""
    run_out, report = tmp_path / "runs" / "run.trec", tmp_path / "report"
    extra = ["--run-out", str(run_out), "--report", str(report)]
    assert run([*arguments(small(tmp_path), tmp_path / "home"), *extra]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name in (*MEANS, "level_score", "hub_share@10", "reach@10", "language_mix@10 zh", "judged_pairs 3"):
        assert name in out
    *place, score, tag = run_out.read_text("utf-8").splitlines()[0].split()
    assert (place, tag) == (["q1", "Q0", "d1", "1"], "patmatch")
    assert 0 <= float(score) <= 1
    assert run_out.read_bytes() == (report / "run.trec").read_bytes()
    assert (report / "report.html").exists()


@pytest.mark.usefixtures("hashing_model")
def test_evaluation_command_prints_one_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` the last line, and the only one, is the result."""
    assert run([*arguments(small(tmp_path), tmp_path / "home"), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    plain = json.loads(line)
    assert plain["measures"]["mrr"] == 1.0
    assert plain["counts"]["judged_pairs"] == 3
    assert {"encoder", "snapshot", "settings", "intervals"} <= set(plain)


@pytest.mark.usefixtures("hashing_model")
def test_evaluation_command_asks_in_every_way_unless_told_not_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By default the table and the object have how it was asked; `--asked as-given` asks each query once."""
    command = arguments(small(tmp_path), tmp_path / "home")
    assert run(command) == 0
    shown = [line.split()[:3] for line in capsys.readouterr().out.splitlines() if line.startswith("asked ")]
    assert shown == [["asked", "title_and_text", "1"], ["asked", "text", "1"], ["asked", "title", "1"]]
    assert run([*command, "--asked", "as-given", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["slices"]["asked"] == {}


@pytest.mark.usefixtures("hashing_model")
def test_evaluation_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file is wrong usage (2); a wrong level or a report folder in the way fails the job (1), in one line."""
    files = small(tmp_path, "q1\td1\t9\n")
    command = arguments(files, tmp_path / "home")
    assert run(command) == 1
    err = capsys.readouterr().err
    assert "qrels.tsv, line 2: '9' is not a level" in err
    assert len(err.splitlines()) == 1
    assert run([*command, "--report", str(files.corpus / "below")]) == 1
    assert "cannot make the folder" in capsys.readouterr().err
    shutil.move(files.corpus, tmp_path / "elsewhere")
    assert run(command) == 2


DIMENSIONS = {"package": 1024, "hub:tiny": 2}


def by_source(spec: EncoderSpec) -> HashingEncoder:
    """The test encoder, good for the configured source and poor for the other."""
    return HashingEncoder(DIMENSIONS[spec.source])


def compared(services: Services, files: EvaluationFiles, *sources: str) -> list[ReportContents]:
    """The evaluations of these sources, the services closed."""
    try:
        bench = Bench(EvaluationMaterial.read(files))
        return [system.contents for system in services.evaluating.systems(bench, sources)]
    finally:
        services.close()


def test_evaluation_compares_encoders_on_the_same_judgements(tmp_path: Path) -> None:
    """Each is measured as it would be alone, and the difference of a better one is told from chance."""
    # By vectors alone: shared terms would rank for the poor encoder too.
    services = Services(Settings(home=tmp_path, shared_terms=False), encoders=by_source)
    alone = services.evaluating.evaluate(BUNDLED).result
    poor, good = (each.result for each in compared(services, BUNDLED, "hub:tiny", "package"))
    assert (poor.encoder["dimension"], good.encoder["dimension"]) == (2, 1024)
    assert (good.measures, good.intervals) == (alone.measures, alone.intervals)
    found = all_differences([poor, good])[1]
    assert set(found) == {*MEANS, "level_score", "hub_share@10", "reach@10"}
    for name, difference in found.items():
        assert difference.value == pytest.approx(good.measures[name] - poor.measures[name])
        assert (difference.interval is not None) == (name not in {"hub_share@10", "reach@10"})
    assert found["recall@100"].excludes_zero is True
    assert found["recall@100"].value > 0
    assert [each.value for each in all_differences([good, alone])[1].values()] == [0.0] * len(found)
    assert not any(each.excludes_zero for each in all_differences([good, alone])[1].values())


def test_evaluation_compares_with_the_encoder_that_is_served(tmp_path: Path) -> None:
    """`served` is the published snapshot's encoder, also after another one was configured."""
    files = small(tmp_path)
    first = Services(Settings(home=tmp_path, model="hub:tiny"), encoders=by_source)
    with pytest.raises(UsageError, match="no index of patents is published"):
        first.evaluating.systems(Bench(EvaluationMaterial.read(files)), ["served"])
    first.importing.load(BUNDLED.corpus, Kind.PATENTS)
    first.indexing.build(Kind.PATENTS, publish=True)
    first.close()
    found = compared(Services(Settings(home=tmp_path), encoders=by_source), files, "served", "package")
    assert [each.result.encoder["dimension"] for each in found] == [2, 1024]


@pytest.mark.parametrize("source", ["nonsense", "hub:", "dir:/nowhere/at/all", "served:x"])
def test_evaluation_says_which_source_is_no_model(tmp_path: Path, source: str) -> None:
    """One line in each language that names the source, before anything is embedded: wrong usage."""
    services = Services(Settings(home=tmp_path / "home"))
    with pytest.raises(UsageError) as caught:
        compared(services, small(tmp_path), source)
    assert source in caught.value.message
    assert f"无法使用编码器 {source}" in caught.value.message_zh


@pytest.fixture
def two_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with the test encoder of each source, by vectors alone."""
    monkeypatch.setenv("PATMATCH_SHARED_TERMS", "false")
    monkeypatch.setattr("app.wiring.load_encoder", lambda _settings, spec: by_source(spec))


@pytest.mark.usefixtures("two_models")
def test_evaluation_command_compares_two_encoders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One table with the differences; the JSON of the first with a comparison; a report each."""
    command = [*arguments(BUNDLED, tmp_path / "home"), "--encoder", "hub:tiny", "--encoder", "package"]
    report = tmp_path / "report"
    assert run([*command, "--report", str(report)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines_of = {line.split()[0]: line for line in out.splitlines()}
    assert [word for word in ("1 hub:tiny", "2 package", "2 - 1", "excludes 0") if word not in out] == []
    assert lines_of["recall@100"].split()[-1] == "yes"
    assert run([*command, "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    plain = json.loads(line)
    first, second = plain["comparison"]
    assert first["measures"] == plain["measures"]
    assert (first["source"], first["differences"], second["source"]) == ("hub:tiny", {}, "package")
    assert second["fingerprint"] == HashingEncoder(1024).fingerprint
    told = second["differences"]["judged_ndcg@10"]
    assert told["interval"][0] <= told["value"] <= told["interval"][1]
    written = json.loads((report / "comparison.json").read_text("utf-8"))["comparison"]
    assert [{**entry, "report": None} for entry in written] == [{**entry, "report": None} for entry in (first, second)]
    for entry in written:
        measures = json.loads((report / entry["report"] / "measures.json").read_text("utf-8"))
        assert measures["measures"] == entry["measures"]
        assert (report / entry["report"] / "report.html").exists()


@pytest.mark.usefixtures("two_models")
def test_evaluation_command_takes_one_encoder_as_it_takes_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same object as without the option; a run file of several encoders is wrong usage, and so is no model."""
    command = [*arguments(small(tmp_path), tmp_path / "home"), "--json"]
    told = []
    for options in ([], ["--encoder", "package"]):
        assert run([*command, *options]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert set(told[0]) == set(told[1])
    assert told[0]["measures"] == told[1]["measures"]
    both = ["--encoder", "package", "--encoder", "hub:tiny"]
    assert run([*command, *both, "--run-out", str(tmp_path / "run.trec")]) == 2
    assert "--report" in capsys.readouterr().err
    assert run([*command, "--encoder", "nonsense"]) == 2
    err = capsys.readouterr().err
    assert "nonsense" in err
    assert len(err.splitlines()) == 1
