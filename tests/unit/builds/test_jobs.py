"""Records of builds, skipping, catching up, and healing: everything that needs one process only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hashing_encoder import HashingEncoder

from app.builds import jobs as builds
from app.builds import walk as walks
from app.builds.jobs import BuildRecord, BuildState, requester
from app.builds.reports import BuildReport, BuildRequest, BuildSkipped
from app.domain import Kind, Patent
from app.errors import IndexProblem, ModelProblem, NotFoundError
from app.progress import Progress
from app.serving.encoders import MANIFEST_KEY, EncoderSpec
from app.settings import Settings
from app.wiring import Services

PATENTS = Kind.PATENTS


def patents(first: int, last: int, word: str = "电池") -> list[Patent]:
    """Different patents by number."""
    return [Patent(id=f"CN{n:04}", title=f"一种{word} {n}") for n in range(first, last)]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Services with thirty patents; an encoder's name is that of its source."""
    made = Services(Settings(home=tmp_path), encoders=lambda spec: HashingEncoder(name=spec.source))
    made.catalogue.upsert(patents(0, 30))
    yield made
    made.close()


def test_builds_record_what_happened(services: Services) -> None:
    """A build that is done says who asked, with which encoder, what came out, and that nobody works on it."""
    report = services.indexing.build(PATENTS, publish=True)
    (record,) = services.indexing.jobs.history(PATENTS)
    assert record.id == "build-patents-1"
    assert (record.state, record.done, record.total, record.error) == (BuildState.DONE, 30, 30, None)
    assert (record.snapshot, record.published, record.requested_by) == (report.snapshot, True, requester())
    assert record.report == report.as_json()
    assert record.encoder == {"source": "package", "query_prefix": None, "passage_prefix": None, "precision": "float32"}
    assert services.indexing.jobs.running(PATENTS) is None
    assert BuildRecord.from_json(json.dumps({**record.as_json(), "a_later_field": 1})) == record


def test_builds_that_fail_say_why_in_both_languages(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A known reason is kept as it is; an unknown one by its class, since its text may hold anything."""
    with pytest.raises(IndexProblem):
        services.indexing.build(Kind.NEEDS, publish=False)
    (failed,) = services.indexing.jobs.history(Kind.NEEDS)
    assert failed.state is BuildState.FAILED
    assert failed.error is not None
    assert failed.error["code"] == "nothing_to_index"
    assert "没有可建索引的记录" in failed.error["message_zh"]

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr("app.builds.service.Embedder", broken)
    with pytest.raises(RuntimeError):
        services.indexing.build(PATENTS, publish=False)
    error = services.indexing.jobs.get("build-patents-1").error
    assert error is not None
    assert error["message"] == "unforeseen: RuntimeError"


def test_builds_write_progress_at_most_every_half_second(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that cannot be set; a new stage is written at once."""
    now, written = [1000.0], []
    monkeypatch.setattr(builds, "monotonic", lambda: now[0])
    jobs = services.indexing.jobs
    with jobs.begin(PATENTS, encoder=EncoderSpec(source="package")) as job:
        real = jobs.write
        monkeypatch.setattr(jobs, "write", lambda record: (written.append(record), real(record)))
        for done in range(100):
            job.report(Progress("embed", done, 100))
            now[0] += 0.1
        job.report(Progress("index", 0, 100))
        assert [record.stage for record in written].count("index") == 1
        assert 18 <= len(written) <= 22
        assert written[-2].rate == pytest.approx(10, abs=0.5)
        job.end(BuildState.DONE)


def test_builds_go_on_when_the_disk_takes_no_record(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is for people: a build does not fail for it."""
    jobs = services.indexing.jobs
    with jobs.begin(PATENTS, encoder=EncoderSpec(source="package")) as job:

        def full(_record: BuildRecord) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(jobs, "write", full)
        job.report(Progress("embed", 1, 2))
        monkeypatch.undo()
        job.end(BuildState.DONE)
    assert jobs.get("build-patents-1").state is BuildState.DONE


def test_builds_keep_the_latest_records_and_one_skipped(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers go on; a timer that skips every minute does not push out what was built."""
    monkeypatch.setattr(builds, "KEPT_RECORDS", 5)
    jobs = services.indexing.jobs
    for number in range(20):
        state = BuildState.DONE if number % 4 == 0 else BuildState.SKIPPED
        with jobs.begin(PATENTS, encoder=EncoderSpec(source="package")) as job:
            jobs.log_file(job.record.id).write_text("output")
            job.end(state)
    jobs.forget_old(PATENTS)
    kept = jobs.history(PATENTS)
    assert [record.id for record in kept] == [f"build-patents-{n}" for n in (20, 17, 13, 9, 5)]
    assert sum(record.state is BuildState.SKIPPED for record in kept) == 1
    with pytest.raises(NotFoundError):
        jobs.get("build-patents-1")
    assert len(list((services.settings.index_dir / "patents" / "builds").iterdir())) == 10


def test_builds_pass_over_a_record_that_cannot_be_read(services: Services) -> None:
    """It is not in the list, its number is not used again, and building works."""
    services.indexing.build(PATENTS, publish=False)
    (services.settings.index_dir / "patents/builds/build-patents-1.json").write_text('{"id": 1')
    services.indexing.build(PATENTS, publish=False)
    assert [record.id for record in services.indexing.jobs.history(PATENTS)] == ["build-patents-2"]


def run(services: Services, over: int, encoder: str | None = None) -> BuildReport | BuildSkipped:
    """Build if more than so many records have changed."""
    spec = None if encoder is None else EncoderSpec(source=encoder)
    return services.indexing.run(BuildRequest(target=PATENTS, publish=True, if_delta_over=over, encoder=spec))


def test_builds_only_when_enough_has_changed(services: Services) -> None:
    """Nothing published, or more changes than said, or another encoder: built. Else skipped, with the number."""
    assert isinstance(run(services, 1000), BuildReport)
    assert run(services, 0) == BuildSkipped(target=PATENTS, delta=0)
    services.catalogue.upsert(patents(30, 33))
    services.catalogue.delete(PATENTS, ["CN0000"])
    skipped = run(services, 4)
    assert isinstance(skipped, BuildSkipped)
    assert skipped.as_json() == {"target": "patents", "built": False, "reason": "delta", "delta": 4}
    assert services.indexing.jobs.history(PATENTS)[0].state is BuildState.SKIPPED
    built = run(services, 3)
    assert isinstance(built, BuildReport)
    assert built.records == 32
    assert isinstance(run(services, 1000), BuildSkipped)
    assert isinstance(run(services, 1000, "dir:/another"), BuildReport)


def test_builds_when_the_catalogue_is_an_older_one(services: Services, tmp_path: Path) -> None:
    """A catalogue that was put back from a copy has fewer revisions than the snapshot knew: nothing can be counted."""
    services.indexing.build(PATENTS, publish=True)
    other = Services(
        services.settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'older.sqlite3'}"}),
        encoder=lambda: HashingEncoder(name="package"),
    )
    other.catalogue.upsert(patents(0, 5))
    manifest = other.indexing.published(PATENTS)
    assert manifest is not None
    assert other.indexing.changed_since(manifest) is None
    assert isinstance(run(other, 1000), BuildReport)
    other.close()


def test_builds_record_their_encoder_in_the_snapshot(services: Services) -> None:
    """So that whoever serves it can load the same one again."""
    spec = EncoderSpec(source="dir:/models/mine", query_prefix="q: ", precision="bfloat16")
    services.indexing.build(PATENTS, publish=True, encoder=spec)
    manifest = services.indexing.published(PATENTS)
    assert manifest is not None
    assert manifest.extra[MANIFEST_KEY] == spec.as_json()
    assert EncoderSpec.of_manifest(manifest) == spec
    assert manifest.fingerprint == HashingEncoder(name="dir:/models/mine").fingerprint


def test_builds_with_a_model_that_is_not_prepared_name_the_command(tmp_path: Path) -> None:
    """The command names the source that was asked for."""
    services = Services(Settings(home=tmp_path))
    services.catalogue.upsert(patents(0, 3))
    with pytest.raises(ModelProblem, match="patmatch model prepare --source hub:some/model"):
        services.indexing.build(PATENTS, publish=False, encoder=EncoderSpec(source="hub:some/model"))
    services.close()


class Meddler(HashingEncoder):
    """An encoder while which records are changed: as many each time as it is told."""

    def __init__(self, services: Services, changes: list[int]) -> None:
        super().__init__(name="meddler")
        self._services, self._changes = services, changes

    def encode(self, texts, role):  # type: ignore[no-untyped-def]
        """Change records, then embed."""
        if self._changes:
            self._services.catalogue.upsert(patents(0, self._changes.pop(0), f"变更 {len(self._changes)}"))
        return super().encode(texts, role)


@pytest.mark.parametrize(("changes", "most"), [([5], 1), ([25], 2), ([25, 25], 3), ([25] * 9, 3)])
def test_builds_catch_up_with_what_changes_meanwhile(
    services: Services, monkeypatch: pytest.MonkeyPatch, changes: list[int], most: int
) -> None:
    """While many records change the catalogue is walked again; the revision never hides a change from the snapshot."""
    monkeypatch.setattr(walks, "_CATCH_UP", 20)
    meddled = Services(services.settings, encoder=lambda: Meddler(services, changes))
    walked: list[str] = []
    monkeypatch.setattr(walks, "failpoint", walked.append)
    meddled.indexing.build(PATENTS, publish=True)
    assert walked.count("build.walked") == most
    (checked,) = meddled.verification.verify()
    assert checked.troubles == ()
    meddled.close()


def test_builds_make_damaged_vectors_again(services: Services) -> None:
    """A flipped bit in the kept vectors costs one text, not the build."""
    services.indexing.build(PATENTS, publish=False)
    (path,) = services.settings.vectors_dir.glob("*/vectors.bin")
    data = bytearray(path.read_bytes())
    data[256 + 288 * 7 + 100] ^= 1
    path.write_bytes(data)
    assert [store.damaged for store in services.indexing.stores()] == [1]
    report = services.indexing.build(PATENTS, publish=True)
    assert (report.records, report.embedded) == (30, 1)
    assert [store.damaged for store in services.indexing.stores()] == [0]
    assert services.verification.verify()[0].troubles == ()


def test_builds_steps_are_named(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    """In the order in which they are done."""
    caplog.set_level("DEBUG", logger="patmatch.failpoints")
    services.indexing.build(PATENTS, publish=True)
    services.verification.verify()
    ours = [name for name in caplog.messages if name.startswith(("build.", "verify.", "publish."))]
    assert ours == [
        "build.leased",
        "build.page",
        "build.embedded",
        "build.walked",
        "build.written",
        "publish.verified",
        "publish.current",
        "publish.logged",
        "build.published",
        "verify.files",
        "verify.ids",
        "verify.vectors",
    ]


def test_builds_of_a_catalogue_without_readable_texts_fail(services: Services) -> None:
    """A snapshot of nothing is never written."""
    services.catalogue.delete(PATENTS, [f"CN{n:04}" for n in range(30)])
    services.catalogue.upsert([replace(patents(0, 1)[0], title="\u200b")])
    with pytest.raises(IndexProblem, match="no patents to index"):
        services.indexing.build(PATENTS, publish=True)
    assert services.indexing.snapshots(PATENTS) == []
