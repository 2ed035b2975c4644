"""`index verify`, `index log`, `index list` and `doctor`: what is wrong is found, all of it, with what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hashing_encoder import HashingEncoder

import index
import scripts.console
from app.builds.doctor import Diagnosis, Finding
from app.builds.reports import BuildRequest, BuildSkipped
from app.builds.service import READING_KEY
from app.domain import Kind, MatchRequest, Patent, Query
from app.errors import NotFoundError
from app.serving.encoders import EncoderSpec
from app.settings import Settings
from app.text.reading import READING
from app.wiring import Services
from index import ArrayVectors, SnapshotSpec, write_snapshot
from models.encoder import Encoded, Role
from scripts.cli import run

PATENTS = Kind.PATENTS


def patents(first: int, last: int, word: str = "电池") -> list[Patent]:
    """Different patents by number."""
    return [Patent(id=f"CN{n:04}", title=f"一种{word} {n}") for n in range(first, last)]


class Other(HashingEncoder):
    """An encoder whose files were changed behind its fingerprint: the same name, other vectors."""

    def encode(self, texts, role: Role) -> Encoded:  # type: ignore[no-untyped-def]
        """The texts backwards."""
        return super().encode([text[::-1] + "变" for text in texts], role)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Services with fifty patents, published."""
    made = Services(Settings(home=tmp_path), encoders=lambda spec: HashingEncoder(name=spec.source))
    made.catalogue.upsert(patents(0, 50))
    made.indexing.build(PATENTS, publish=True)
    yield made
    made.close()


def codes(services: Services, *, encode: bool = True) -> list[str]:
    """What is wrong with the served snapshot of patents."""
    return [trouble.code for trouble in services.verification.verify(encode=encode)[0].troubles]


def made_by_hand(services: Services, ids: list[str], revision: int, reading: str = READING) -> str:
    """A snapshot of these ids with right vectors, published."""
    encoder = HashingEncoder(name="package")
    texts = [record.passage for record in patents(0, 100) if record.id in ids]
    vectors = encoder.encode(texts, Role.PASSAGE).vectors
    spec = SnapshotSpec(
        target="patents",
        ids=ids,
        vectors=ArrayVectors(vectors),
        fingerprint=encoder.fingerprint,
        encoder=encoder.name,
        source_revision=str(revision),
        extra={READING_KEY: reading},
    )
    made = write_snapshot(services.settings.index_dir, spec)
    index.publish(services.settings.index_dir, made.id)
    return made.id


def test_verify_says_that_texts_are_read_in_another_way_now(services: Services) -> None:
    """A snapshot of another reading is served, but said to need a build, which changes alone do not decide."""
    ids, request = [f"CN{n:04}" for n in range(50)], BuildRequest(target=PATENTS, publish=True, if_delta_over=1_000)
    assert isinstance(services.indexing.run(request), BuildSkipped)
    made_by_hand(services, ids, services.catalogue.revision(), reading="0")
    (found,) = services.verification.verify()
    assert [trouble.code for trouble in found.troubles] == ["reading"]
    assert (found.compared, found.least_cosine) == (0, None)
    services.serving.open()
    assert services.match.match(MatchRequest(queries=(Query(id="1", text="电池"),))).results[0].matches
    assert not isinstance(services.indexing.run(request), BuildSkipped)
    assert services.verification.verify()[0].sound


def test_verify_finds_nothing_wrong_whatever_has_changed_since(services: Services) -> None:
    """New, changed, deleted, brought back: changes since the snapshot are no problem; unchanged ones are compared."""
    services.catalogue.upsert(patents(50, 60))
    services.catalogue.upsert(patents(0, 5, "电容"))
    services.catalogue.delete(PATENTS, ["CN0010", "CN0011"])
    services.catalogue.upsert(patents(11, 12))
    (found,) = services.verification.verify()
    assert found.troubles == ()
    assert found.sound
    assert found.compared == 32
    assert found.least_cosine is not None
    assert found.least_cosine > 0.9999
    assert services.verification.verify(encode=False)[0].compared == 0


def test_verify_accepts_records_that_the_model_cannot_read(services: Services) -> None:
    """They were left out: known by asking the model, or by their number where it is not asked."""
    services.catalogue.upsert([Patent(id="CN9999", title="\u200b")])
    services.indexing.build(PATENTS, publish=True)
    assert codes(services) == []
    assert codes(services, encode=False) == []


def test_verify_lists_everything_that_is_wrong_with_the_records(services: Services) -> None:
    """Records that are missing, and records that nobody knows, with some of their ids and how many."""
    ids = [f"CN{n:04}" for n in range(3, 55)]
    made_by_hand(services, ids, services.catalogue.revision())
    (found,) = services.verification.verify()
    assert [trouble.code for trouble in found.troubles] == ["missing", "gone"]
    missing, gone = found.troubles
    assert missing.text.endswith("CN0000, CN0001, CN0002")
    assert gone.text.endswith("CN0050, CN0051, CN0052, CN0053, CN0054")
    assert "3 条未变更的记录" in missing.text_zh
    assert codes(services, encode=False) == ["missing", "gone"]


def test_verify_knows_another_catalogue(services: Services) -> None:
    """A snapshot that is ahead of the catalogue was read from another one; counting would say nothing."""
    made_by_hand(services, [f"CN{n:04}" for n in range(50)], 10**6)
    assert codes(services) == ["catalogue"]


def test_verify_lists_every_damaged_file(services: Services) -> None:
    """All of them, not the first."""
    (entry,) = services.indexing.snapshots(PATENTS)
    for name in ("ids.text.npy", "sample.npy"):
        path = entry.path / name
        path.write_bytes(path.read_bytes()[:-1])
    (entry.path / "columns.json").unlink()
    (found,) = services.verification.verify()
    assert [trouble.code for trouble in found.troubles] == ["damaged"] * 3
    assert found.report is None
    with pytest.raises(NotFoundError):
        services.verification.verify("patents-20260101T000000Z-00000000")


def test_verify_compares_with_the_encoder_of_the_snapshot(services: Services) -> None:
    """Vectors that the encoder of that fingerprint does not make any more are found; so is one that is not there."""
    changed = Services(services.settings, encoder=lambda: Other(name="package"))
    (found,) = changed.verification.verify()
    assert [trouble.code for trouble in found.troubles] == ["vectors"]
    assert "32 of 32" in found.troubles[0].text
    assert codes(changed, encode=False) == []
    changed.close()
    gone = Services(services.settings, encoder=lambda: HashingEncoder(name="another"))
    assert codes(gone) == ["encoder"]
    gone.close()
    other = EncoderSpec(source="dir:/models/other")
    services.indexing.build(PATENTS, publish=True, encoder=other)
    (found,) = services.verification.verify()
    assert (found.troubles, found.compared) == ((), 32)


def test_verify_notices_vectors_that_find_something_else(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recall under that of the manifest is one problem beside the others."""
    monkeypatch.setattr("index.snapshot.overlap_recall", lambda *_: 0.5)
    assert codes(services) == ["search"]


def findings(services: Services, limit: int = 50_000) -> list[Finding]:
    """What the doctor says, without what is well."""
    diagnosis = Diagnosis(
        home=services.settings.home,
        encoder=services.encoder.get,
        catalogue=services.catalogue,
        indexing=services.indexing,
        overview=services.overview,
        verification=services.verification,
        delta_limit=limit,
    )
    return [finding for finding in diagnosis.findings() if finding.severity != "ok"]


def test_doctor_is_content_with_what_is_well(services: Services) -> None:
    """Nothing to do right after a build."""
    assert findings(services) == []


def test_doctor_advises_on_each_finding_in_both_languages(services: Services) -> None:
    """A large delta, an interrupted build, a failed one, leftovers, damage not served, damaged vectors."""
    services.catalogue.upsert(patents(50, 130))
    with services.indexing.jobs.begin(PATENTS, encoder=EncoderSpec(source="package")):
        pass  # as if it had been killed
    with pytest.raises(Exception, match="no needs"):
        services.indexing.build(Kind.NEEDS, publish=True)
    folder = services.settings.index_dir / "patents"
    (folder / ".building-x").mkdir()
    (folder / "patents-20260101T000000Z-00000000").mkdir()
    (store,) = services.settings.vectors_dir.glob("*/vectors.bin")
    data = bytearray(store.read_bytes())
    data[256 + 288 * 3 + 50] ^= 1
    store.write_bytes(data)
    found = {(finding.part, finding.severity): finding for finding in findings(services, limit=100)}
    assert set(found) == {
        ("vectors", "warning"),
        ("index.patents", "warning"),
        ("builds.patents", "warning"),
        ("builds.needs", "warning"),
        ("snapshots.patents", "warning"),
    }
    assert "80 changed since" in found["index.patents", "warning"].text
    assert "interrupted" in found["builds.patents", "warning"].text
    assert "no needs to index" in found["builds.needs", "warning"].text
    advice = [words for finding in found.values() for words in (finding.advice, finding.advice_zh)]
    assert all("patmatch index" in words for words in advice)
    store.write_bytes(b"nonsense")
    broken = next(finding for finding in findings(services) if finding.part == "vectors")
    assert broken.severity == "error"
    assert f"vectors/{store.parent.name}" in broken.advice


def test_doctor_on_a_damaged_and_on_a_foreign_snapshot(services: Services) -> None:
    """Damage is an error; another model than the configured one is served with its own encoder, so only a warning."""
    services.indexing.build(PATENTS, publish=True, encoder=EncoderSpec(source="dir:/models/other"))
    (foreign,) = findings(services)
    assert (foreign.part, foreign.severity) == ("index.patents", "warning")
    assert "dir:/models/other" in foreign.text
    (entry,) = [entry for entry in services.indexing.snapshots(PATENTS) if entry.current]
    path = entry.path / "ids.text.npy"
    path.write_bytes(path.read_bytes()[::-1])
    (damaged,) = findings(services)
    assert damaged.severity == "error"
    assert "patmatch index rollback patents" in damaged.advice
    assert "ids.text.npy: sha256 differs" in damaged.text
    services.indexing.rollback(PATENTS)
    assert findings(services) == [], "files that are not served are not hashed, only looked for"
    path.unlink()
    (unserved,) = findings(services)
    assert "prune" in unserved.advice
    assert unserved.severity == "warning"


def test_doctor_on_a_snapshot_that_does_not_say_its_encoder(services: Services) -> None:
    """One of an earlier release can only be served by the configured encoder: another one is an error."""
    made_by_hand(services, [f"CN{n:04}" for n in range(50)], 50)
    assert findings(services) == []
    other = Services(services.settings, encoder=lambda: HashingEncoder(name="another"))
    (error,) = findings(other)
    assert error.severity == "error"
    assert "PATMATCH_MODEL" in error.advice
    other.close()


@pytest.fixture
def command(services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs `patmatch` with the test encoder: exit status and the last line's JSON."""
    monkeypatch.setattr(
        scripts.console,
        "Services",
        lambda settings: Services(settings, encoders=lambda spec: HashingEncoder(name=spec.source)),
    )

    def call(*words: str) -> tuple[int, dict[str, object]]:
        status = run([*words, "--home", str(services.settings.home), "--json"])
        return status, json.loads(capsys.readouterr().out.strip().splitlines()[-1])

    return call


def test_commands_index_build_if_delta_over(services: Services, command) -> None:  # type: ignore[no-untyped-def]
    """Exit status 0 and the reason when nothing was to be done; built when it was."""
    status, said = command("index", "build", "patents", "--publish", "--if-delta-over", "10")
    assert (status, said["built"], said["reason"], said["delta"]) == (0, False, "delta", 0)
    services.catalogue.upsert(patents(50, 61))
    status, said = command("index", "build", "all", "--publish", "--if-delta-over", "10")
    assert (status, said["built"]) == (0, True)
    assert said["builds"][0]["records"] == 61


def test_commands_index_list_log_and_verify(services: Services, command) -> None:  # type: ignore[no-untyped-def]
    """Age, delta and encoder in the list; who did what in the log; exit status 1 with every problem in verify."""
    services.catalogue.upsert(patents(50, 53))
    _, built = command("index", "build", "patents", "--encoder", "dir:/models/other")
    made = built["builds"][0]["snapshot"]
    _, listed = command("index", "list", "patents")
    read = {"id": "built-in", "why": None, "why_zh": None}
    assert listed["targets"] == [{"target": "patents", "records": 53, "delta": 3, "running": None, "calibration": read}]
    assert [entry["current"] for entry in listed["snapshots"]] == [False, True]
    assert listed["snapshots"][0]["encoder_source"] == "dir:/models/other"
    assert listed["snapshots"][0]["age_seconds"] >= 0
    command("index", "publish", made)
    command("index", "rollback", "patents")
    _, log = command("index", "log")
    assert [(line["action"], line["previous"] == made) for line in log["log"]] == [
        ("rollback", True),
        ("publish", False),
        ("publish", False),
    ]
    assert all(line["by"] and line["recall"] == 1.0 for line in log["log"])
    status, verified = command("index", "verify")
    assert (status, verified["verified"][0]["problems"]) == (0, [])
    made_by_hand(services, [f"CN{n:04}" for n in range(3, 55)], services.catalogue.revision())
    status, verified = command("index", "verify", "--no-encoder")
    assert status == 1
    assert [problem["code"] for problem in verified["verified"][0]["problems"]] == ["missing", "gone"]
    status, doctor = command("doctor")
    assert status == 1
    assert any("not in the snapshot" in finding["text"] for finding in doctor["findings"])
