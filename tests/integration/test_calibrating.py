"""`patmatch calibrate` end to end: judgements to scores that a running service gives, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from hashing_encoder import HashingEncoder
from live_samples import one

from app.builds.doctor import Diagnosis
from app.domain import Kind, MatchAnswer
from app.errors import InputError, JobError, NotReadyError
from app.quality.material import EvaluationFiles
from app.serving.calibrations import BUILT_IN, RankingId
from app.serving.encoders import EncoderSpec
from app.settings import Settings
from app.wiring import Services
from models import Encoder
from scripts.cli import run

SAMPLE = Path(__file__).parents[2] / "sample"
BUNDLED = EvaluationFiles(corpus=SAMPLE / "patents.jsonl", queries=SAMPLE / "needs.jsonl", qrels=SAMPLE / "qrels.tsv")
OTHER = EncoderSpec(source="hub:other")
WORDS = "电池电解液"


def encoder_of(spec: EncoderSpec) -> Encoder:
    """Another encoder has another fingerprint."""
    return HashingEncoder(48 if spec == OTHER else 64)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """The sample's patents and needs, published, with a service that follows them."""
    made = Services(Settings(home=tmp_path / "home", index_poll_seconds=0.05), encoders=encoder_of)
    made.importing.load(BUNDLED.corpus, Kind.PATENTS)
    made.importing.load(BUNDLED.queries, Kind.NEEDS)
    made.indexing.build(Kind.PATENTS, publish=True)
    made.serving.open()
    made.serving.start()
    yield made
    made.close()


def ask(services: Services) -> MatchAnswer:
    """The answer to one text."""
    return services.match.match(one(WORDS, Kind.PATENTS))


def answered_by(services: Services, calibration: str) -> MatchAnswer:
    """The first answer whose scores come from a calibration; ten polls at most."""
    until = monotonic() + 5
    while (answer := ask(services)).snapshot.calibration != calibration:
        assert monotonic() < until, f"still {answer.snapshot.calibration}, not {calibration}"
        sleep(0.02)
    return answer


def publish(services: Services) -> str:
    """Calibrate on the bundled judgements; the id."""
    calibration, check = services.calibrating.fit(services.calibrating.from_files(BUNDLED, Kind.PATENTS))
    services.calibrating.publish(calibration, check, allow_worse=True)
    return calibration.id


def test_calibrating_changes_the_scores_of_a_running_service_and_its_order_by_them(services: Services) -> None:
    """Without a restart; answers, readiness and overview name the calibration; a roll-back brings the old scores."""
    before = ask(services)
    assert before.snapshot.calibration == BUILT_IN
    name = publish(services)
    after = answered_by(services, name)
    first, second = ([(match.id, match.score) for match in each.results[0].matches] for each in (before, after))
    assert [score for _, score in second] == sorted((score for _, score in second), reverse=True)
    both = dict(first).keys() & dict(second).keys()
    assert len(both) >= len(first) // 2
    assert all(abs(dict(first)[key] - dict(second)[key]) > 1e-4 for key in both)
    assert name in services.health.readiness().parts["index.patents"].detail
    assert services.overview.target(Kind.PATENTS).as_json()["calibration"]["id"] == name
    assert services.calibrating.rollback(Kind.PATENTS) is None
    assert ask_scores(answered_by(services, BUILT_IN)) == first


def ask_scores(answer: MatchAnswer) -> list[tuple[str, float]]:
    """Ids with scores."""
    return [(match.id, match.score) for match in answer.results[0].matches]


def test_calibrating_levels_and_scores_agree(services: Services) -> None:
    """Fairly strong begins at 0.5, and each level at the score that the calibration says."""
    calibration, check = services.calibrating.fit(services.calibrating.from_files(BUNDLED, Kind.PATENTS))
    services.calibrating.publish(calibration, check, allow_worse=True)
    scale = calibration.scale
    answer = answered_by(services, calibration.id)
    bounds = {
        4: (scale.strong_from, 1.1),
        3: (0.5, scale.strong_from),
        2: (scale.weak_from, 0.5),
        1: (0, scale.weak_from),
    }
    for match in answer.results[0].matches:
        low, high = bounds[match.level.grade]
        assert low <= match.score < high


def test_calibrating_is_never_applied_to_another_encoder(services: Services) -> None:
    """A snapshot of another encoder is read by the built-in scale, and its return brings the calibration back."""
    name = publish(services)
    answered_by(services, name)
    services.indexing.build(Kind.PATENTS, publish=True, encoder=OTHER)
    answered_by(services, BUILT_IN)
    assert "another encoder or ranking" in services.health.readiness().parts["index.patents"].detail
    found = [finding for finding in findings(services) if finding.part == "calibration.patents"]
    assert [(finding.severity, finding.advice != "") for finding in found] == [("warning", True)]
    services.indexing.rollback(Kind.PATENTS)
    answered_by(services, name)


def test_calibrating_for_a_model_that_is_published_later_waits_for_it(tmp_path: Path) -> None:
    """Made with another model before its index is published, it gives the first scores of that index."""
    settings = Settings(home=tmp_path / "home", model="hub:other")
    made = Services(settings, encoders=lambda _spec: HashingEncoder(48))
    made.importing.load(BUNDLED.corpus, Kind.PATENTS)
    calibration, check = made.calibrating.fit(made.calibrating.from_files(BUNDLED, Kind.PATENTS))
    made.calibrating.publish(calibration, check, allow_worse=True)
    unused = made.calibrating.unused(calibration)
    assert unused is not None
    assert "no index" in unused.en
    made.indexing.build(Kind.PATENTS, publish=True)
    made.serving.open()
    assert made.calibrating.unused(calibration) is None
    assert ask(made).snapshot.calibration == calibration.id
    made.close()


def findings(services: Services) -> list[object]:
    """What doctor finds."""
    return list(
        Diagnosis(
            home=services.settings.home,
            encoder=services.encoder.get,
            catalogue=services.catalogue,
            indexing=services.indexing,
            overview=services.overview,
            verification=services.verification,
            delta_limit=services.settings.delta_limit,
        ).findings()
    )


def test_calibrating_damage_is_named_and_the_built_in_scale_served(services: Services) -> None:
    """A service that starts on a damaged file answers, and says what is wrong and what to do."""
    name = publish(services)
    answered_by(services, name)
    path = services.settings.index_dir / "patents" / "calibrations" / f"{name}.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"cut": ', '"cut": 1'), encoding="utf-8")
    again = Services(services.settings, encoders=encoder_of)
    again.serving.open()
    assert ask(again).snapshot.calibration == BUILT_IN
    part = again.health.readiness().parts["index.patents"]
    assert part.ready
    assert name in part.detail
    assert "已损坏" in part.detail_zh
    assert any(name in finding.advice for finding in findings(again) if finding.severity == "warning")
    again.close()


def test_calibrating_in_force_is_kept_with_the_next_snapshot(services: Services) -> None:
    """A snapshot that is carried to another home brings its calibration; a reset there still has the last word."""
    name = publish(services)
    services.indexing.build(Kind.PATENTS, publish=True)
    folder = services.settings.index_dir / "patents" / "calibrations"
    folder.rename(folder.with_name("calibrations.gone"))
    answered_by(services, name)
    services.calibrating.reset(Kind.PATENTS)
    answered_by(services, BUILT_IN)


def test_calibrating_from_the_catalogue_is_calibrating_from_files(services: Services) -> None:
    """The same judgements about the same records give the same pairs, asked on the published index."""
    files = services.calibrating.from_files(BUNDLED, Kind.PATENTS)
    catalogue = services.calibrating.from_catalogue(BUNDLED.qrels, Kind.PATENTS)
    assert catalogue.ranking == files.ranking == RankingId(HashingEncoder(64).fingerprint, "fused")
    assert catalogue.digest == files.digest
    assert catalogue.pairs.groups == files.pairs.groups
    assert catalogue.pairs.meaning.tolist() == pytest.approx(files.pairs.meaning.tolist(), abs=1e-6)
    assert catalogue.pairs.coverage.tolist() == pytest.approx(files.pairs.coverage.tolist(), abs=1e-6)
    assert catalogue.pairs.alone.tolist() == files.pairs.alone.tolist()


def test_calibrating_from_the_catalogue_counts_unknown_ids(services: Services, tmp_path: Path) -> None:
    """Judgements of records that are not there are left out and counted; none left at all is an error."""
    mixed = tmp_path / "mixed.tsv"
    mixed.write_text(BUNDLED.qrels.read_text(encoding="utf-8") + "N001\tnowhere\t1\nnobody\tnowhere\t4\n", "utf-8")
    judged = services.calibrating.from_catalogue(mixed, Kind.PATENTS)
    assert judged.counts["unknown_pairs"] == 2
    nothing = tmp_path / "nothing.tsv"
    nothing.write_text("q\td\tlevel\nnobody\tnowhere\t4\n", encoding="utf-8")
    with pytest.raises(InputError, match="not those of the records"):
        services.calibrating.from_catalogue(nothing, Kind.PATENTS)
    with pytest.raises(NotReadyError, match="no index of firms"):
        services.calibrating.from_catalogue(BUNDLED.qrels, Kind.FIRMS)


def rewritten(tmp_path: Path, level_of: object) -> EvaluationFiles:
    """The bundled judgements with other levels."""
    header, *rows = BUNDLED.qrels.read_text(encoding="utf-8").splitlines()
    lines = [header]
    for n, row in enumerate(rows):
        query, document, level = row.split("\t")
        lines.append(f"{query}\t{document}\t{level_of(n, int(level))}")
    path = tmp_path / "qrels.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return EvaluationFiles(corpus=BUNDLED.corpus, queries=BUNDLED.queries, qrels=path)


def test_calibrating_refuses_levels_that_are_all_the_same(services: Services, tmp_path: Path) -> None:
    """There is nothing to tell apart."""
    judged = services.calibrating.from_files(rewritten(tmp_path, lambda _n, _level: 3), Kind.PATENTS)
    with pytest.raises(InputError, match="same level") as caught:
        services.calibrating.fit(judged)
    assert caught.value.error_code == "cannot_calibrate"


def test_calibrating_refuses_what_is_worse_than_served(services: Services, tmp_path: Path) -> None:
    """Levels that fall with relevance are objected to; what was in force stays, unless it is allowed."""
    name = publish(services)
    judged = services.calibrating.from_files(rewritten(tmp_path, lambda _n, level: 5 - level), Kind.PATENTS)
    calibration, check = services.calibrating.fit(judged)
    assert check.served_by == name
    with pytest.raises(JobError, match="base rate") as caught:
        services.calibrating.publish(calibration, check)
    assert "--allow-worse" in caught.value.message
    assert "未发布" in caught.value.message_zh
    assert ask(services).snapshot.calibration in {BUILT_IN, name}
    services.calibrating.publish(calibration, check, allow_worse=True)
    answered_by(services, calibration.id)


def test_calibrating_again_on_the_same_judgements_is_no_worse(services: Services) -> None:
    """What is served has seen them: it is not a fair comparison, and does not stand in the way."""
    publish(services)
    _, check = services.calibrating.fit(services.calibrating.from_files(BUNDLED, Kind.PATENTS))
    assert check.seen
    assert not [one for one in check.objections() if "what is served" in one.en]


def test_calibrating_warns_of_few_needs(services: Services) -> None:
    """The sample has 20 judged needs."""
    _, check = services.calibrating.fit(services.calibrating.from_files(BUNDLED, Kind.PATENTS))
    assert any("20 needs" in one.en for one in check.warnings())
    json.dumps(check.as_json(), allow_nan=False)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--qrels", str(BUNDLED.qrels), "--corpus", str(BUNDLED.corpus)],
        ["--rollback", "--reset"],
        ["--rollback", "--qrels", str(BUNDLED.qrels)],
        ["--target", "cars", "--reset"],
    ],
)
def test_calibrating_wrong_usage_exits_with_2(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And says what is right."""
    assert run(["calibrate", "--home", str(tmp_path), *arguments]) == 2
    assert capsys.readouterr().err


def test_calibrating_back_works_by_command_without_a_model(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--reset` and `--rollback` name what gives the scores now; what has no calibration before exits with 1."""
    name, home = publish(services), str(services.settings.home)
    for arguments, expected in ((["--reset"], BUILT_IN), (["--rollback"], name), (["--rollback"], BUILT_IN)):
        assert run(["calibrate", "--home", home, "--json", *arguments]) == 0
        assert json.loads(capsys.readouterr().out)["calibration"] == expected
        answered_by(services, expected)
    assert run(["calibrate", "--home", home, "--rollback"]) == 1
    assert "无法回滚" in capsys.readouterr().err
